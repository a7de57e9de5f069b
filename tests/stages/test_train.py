from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pyarrow as pa
import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.errors import DefinitionError, LabelError, ModelRefusedError
from tradewind.learning.splits import split_frame
from tradewind.records import Admission, FeatureSet, PointInTimeProof, RunRequest
from tradewind.stages.train import train
from tradewind.stores.digests import table_digest
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.settings import Settings


def admission(model: str, **changes: Any) -> Admission:
    request = RunRequest(
        model=model, run_id="manual__1", as_of=AS_OF, actor="ada", reason="a test", **changes
    )
    return Admission(request=request, definition_digest="d" * 32, fencing_token=1)


def stored(frame: pd.DataFrame, stores: Stores) -> FeatureSet:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    digest = table_digest(table)
    uri = f"features/{digest}.parquet"
    stores.lake.write_parquet(uri, table)
    return FeatureSet(
        digest=digest,
        version="v" * 32,
        uri=uri,
        rows=len(frame),
        labelled=len(frame),
        pending=0,
        expired=0,
        proof=PointInTimeProof(moments=1, rows=1),
    )


@pytest.fixture
def stores(home: Settings, mlflow_server: str) -> Stores:
    assert home.tracking_uri == mlflow_server
    return Stores(home)


@pytest.fixture
def client(mlflow_server: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(mlflow_server)


def _runs(client: mlflow.MlflowClient, model: str) -> list[Any]:
    experiment = client.get_experiment_by_name(model)
    return list(client.search_runs([experiment.experiment_id]))


def test_a_training_is_logged_whole(stores: Stores, client: mlflow.MlflowClient) -> None:
    frozen = frames.frozen(name="logged_whole")
    features = stored(frames.feature_set(), stores)
    began = time.perf_counter()
    trained = train(admission("logged_whole"), frozen, features, stores=stores)
    print("train", time.perf_counter() - began)

    run = client.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["tradewind.definition_digest"] == frozen.digest
    assert run.data.tags["mlflow.source.git.commit"]
    assert json.loads(run.data.tags["tradewind.made_with"])["python"]
    assert [d.dataset.digest for d in run.inputs.dataset_inputs] == [features.digest]
    assert run.data.params["judge.start"] == trained.judge.start.isoformat()
    model_id = trained.model_uri.removeprefix("models:/")
    assert [out.model_id for out in run.outputs.model_outputs] == [model_id]


def test_every_trial_is_a_nested_run_the_losers_too(
    stores: Stores, client: mlflow.MlflowClient
) -> None:
    frozen = frames.frozen(name="nested_trials")
    features = stored(frames.feature_set(), stores)
    trained = train(admission("nested_trials"), frozen, features, stores=stores)

    runs = _runs(client, "nested_trials")
    nested = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == trained.run_id]
    assert len(nested) == trained.trials == 4
    assert {r.data.params["candidate"] for r in nested} == {"boosting", "linear"}
    assert sum(r.data.tags["tradewind.outcome"] == "won" for r in nested) == 1
    assert all("select.log_loss" in r.data.metrics for r in nested)
    assert all(r.data.metrics["fit.rows"] > 0 for r in nested)


def test_the_same_inputs_train_once(stores: Stores, client: mlflow.MlflowClient) -> None:
    frozen = frames.frozen(name="trains_once")
    features = stored(frames.feature_set(), stores)
    first = train(admission("trains_once"), frozen, features, stores=stores)
    runs = len(_runs(client, "trains_once"))
    began = time.perf_counter()
    assert train(admission("trains_once"), frozen, features, stores=stores) == first
    print("again", time.perf_counter() - began)
    assert len(_runs(client, "trains_once")) == runs


@pytest.mark.parametrize("change", [{"window_days": 40}, {"candidate": "linear"}])
def test_what_the_form_overrides_is_another_training(
    stores: Stores, change: dict[str, Any]
) -> None:
    frozen = frames.frozen(name="overridden")
    features = stored(frames.feature_set(), stores)
    plain = train(admission("overridden"), frozen, features, stores=stores)
    other = train(admission("overridden", **change), frozen, features, stores=stores)
    assert other.train_key != plain.train_key
    assert other.run_id != plain.run_id
    if "candidate" in change:
        assert other.candidate == "linear"
    else:
        assert other.fit.units <= 40 < plain.fit.units


def test_the_stored_model_gives_the_scores_that_were_digested(stores: Stores) -> None:
    frozen = frames.frozen(name="same_scores")
    frame = frames.feature_set()
    trained = train(admission("same_scores"), frozen, stored(frame, stores), stores=stores)
    loaded = stores.registry.load(trained.model_uri)
    split = split_frame(frame, frozen.model, as_of=AS_OF)
    scored = loaded.score(split.judge)
    assert list(scored.columns) == ["score", "decision", "source"]
    assert trained.judge.rows == len(scored)
    assert np.array_equal(scored["decision"] == 1, scored["score"] >= trained.decision_threshold)
    import hashlib

    digest = hashlib.blake2b(scored["score"].to_numpy().tobytes(), digest_size=16).hexdigest()
    assert digest == trained.prediction_digest
    assert loaded.metadata["trained_until"] == trained.judge.start.isoformat()
    assert loaded.metadata["last_training_label"] < loaded.metadata["trained_until"]
