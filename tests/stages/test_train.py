from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pytest

from tests.fixtures.sandbox import CLONE
from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import stored
from tradewind.errors import (
    DefinitionError,
    EvidenceError,
    LabelError,
    ModelRefusedError,
    SearchTimeoutError,
)
from tradewind.learning import fit
from tradewind.learning.splits import split_frame
from tradewind.records import Admission, RunRequest
from tradewind.stages.train import train
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings


def own_weights(distances: np.ndarray) -> np.ndarray:
    return 1 / (1 + distances)


def admission(model: str, **changes: Any) -> Admission:
    request = RunRequest(
        model=model, run_id="manual__1", as_of=AS_OF, actor="ada", reason="a test", **changes
    )
    return Admission(request=request, definition_digest="d" * 32, fencing_token=1)


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
    trained = train(admission("logged_whole"), frozen, features, stores=stores)

    run = client.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    told = {
        "definition_digest": frozen.digest,
        "snapshot_digest": "s" * 32,
        "snapshot_uri": f"{stores.lake.uri}/snapshots/s.json",
        "validated_digest": "w" * 32,
        "validated_uri": f"{stores.lake.uri}/validated/w/manifest.json",
        "feature_set_digest": features.digest,
        "feature_set_uri": f"{stores.lake.uri}/{features.uri}",
        "feature_set_version": features.version,
    }
    assert {f"tradewind.{name}": value for name, value in told.items()}.items() <= dict(
        run.data.tags
    ).items()
    logged = client.get_logged_model(trained.model_uri.removeprefix("models:/"))
    assert logged.tags["tradewind.snapshot_digest"] == "s" * 32
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
    assert train(admission("trains_once"), frozen, features, stores=stores) == first
    assert len(_runs(client, "trains_once")) == runs


def test_what_decides_no_prediction_trains_nothing_anew(stores: Stores) -> None:
    features = stored(frames.feature_set(), stores)
    plain = frames.frozen(name="renamed")
    others = [
        frames.frozen(name="renamed", owner="somebody else"),
        frames.frozen(name="renamed", gates={"confidence": 0.9}),
        frames.frozen(
            name="renamed",
            features={**frames.body()["features"], "meaning": {"distance": "how far it flies"}},
        ),
        dataclasses.replace(plain, files={**plain.files, "tests.yaml": "tests: []"}),
    ]
    keys = {
        train(admission("renamed"), frozen, features, stores=stores).train_key
        for frozen in (plain, *others)
    }
    assert len(keys) == 1


@pytest.mark.parametrize("change", [{"window_days": 85}, {"candidate": "linear"}])
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
        assert other.fit.units == 34 < plain.fit.units


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
    digest = hashlib.blake2b(scored["score"].to_numpy().tobytes(), digest_size=16).hexdigest()
    assert digest == trained.prediction_digest
    assert loaded.metadata["trained_until"] == trained.judge.start.isoformat()
    assert loaded.metadata["last_training_label"] < loaded.metadata["trained_until"]


def test_a_failed_training_says_why_and_leaves_no_candidate(
    stores: Stores, client: mlflow.MlflowClient
) -> None:
    frozen = frames.frozen(name="one_class")
    features = stored(frames.feature_set().assign(label=True), stores)
    with pytest.raises(LabelError, match=r"one_class: in the fit stretch .* has one class only"):
        train(admission("one_class"), frozen, features, stores=stores)
    (run,) = _runs(client, "one_class")
    assert run.info.status == "FAILED"
    assert "one class only" in run.data.tags["tradewind.error"]


def _nested(client: mlflow.MlflowClient, model: str) -> dict[str, Any]:
    """The trials of a model's only training, which failed, by their names."""
    (parent,) = [r for r in _runs(client, model) if r.data.tags["tradewind.kind"] == "training"]
    assert parent.info.status == "FAILED"
    trials = [r for r in _runs(client, model) if r.info.run_id != parent.info.run_id]
    assert {r.data.tags["mlflow.parentRunId"] for r in trials} == {parent.info.run_id}
    return {r.info.run_name: r for r in trials}


def test_a_search_that_takes_too_long_leaves_the_trials_that_it_finished(
    stores: Stores, client: mlflow.MlflowClient
) -> None:
    section = {**frames.body()["train"], "search": {"trials": 4, "timeout": "0 minutes"}}
    features = stored(frames.feature_set(rows_a_day=20), stores)
    with pytest.raises(SearchTimeoutError):
        train(
            admission("timed_out"),
            frames.frozen(name="timed_out", train=section),
            features,
            stores=stores,
        )
    (trial,) = _nested(client, "timed_out").values()
    assert trial.info.status == "FINISHED"
    assert trial.data.tags["tradewind.outcome"] == "the search ended after rung 1"
    assert trial.data.metrics["select.log_loss"] > 0


def test_a_candidate_that_is_refused_leaves_itself_and_those_before_it(
    stores: Stores, client: mlflow.MlflowClient
) -> None:
    section = frames.body()["train"]
    section["candidates"]["linear"]["params"] = {"C": -1.0}
    section["candidates"]["linear"]["search"] = {}
    features = stored(frames.feature_set(rows_a_day=20), stores)
    with pytest.raises(DefinitionError, match="'C'"):
        train(
            admission("refused"),
            frames.frozen(name="refused", train=section),
            features,
            stores=stores,
        )
    trials = _nested(client, "refused")
    assert [trials[name].info.status for name in sorted(trials)] == [
        *["FINISHED"] * 3,
        "FAILED",
    ]
    assert "'C'" in trials["04 linear"].data.tags["tradewind.error"]
    assert trials["04 linear"].data.tags["tradewind.outcome"] == "failed on rung 1"


def test_what_fails_after_the_search_loses_no_trial(
    stores: Stores, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_named: Any) -> None:
        raise EvidenceError("no calibration today")

    monkeypatch.setattr(fit, "calibrate", fail)
    features = stored(frames.feature_set(rows_a_day=20), stores)
    with pytest.raises(EvidenceError, match="no calibration today"):
        train(
            admission("uncalibrated"),
            frames.frozen(name="uncalibrated"),
            features,
            stores=stores,
        )
    outcomes = [r.data.tags["tradewind.outcome"] for r in _nested(client, "uncalibrated").values()]
    assert sorted(outcomes) == ["lost on rung 1", "lost on rung 1", "lost on rung 1", "won"]


def test_a_model_with_a_function_of_its_own_is_refused(
    stores: Stores, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No YAML can name a function, and so no key is made of one.
    monkeypatch.setattr("tradewind.stages.train._train_key", lambda *_, **__: "own_function")
    train_section = frames.body()["train"]
    # An estimator that holds whatever function it is given, and which YAML can name.
    train_section["candidates"] = {
        "neighbours": {
            "estimator": "sklearn.neighbors.KNeighborsClassifier",
            "params": {"weights": own_weights},
        }
    }
    plain = frames.frozen(name="own_function")
    frozen = dataclasses.replace(
        plain, model=frames.definition(name="own_function", train=train_section)
    )
    features = stored(frames.feature_set(rows_a_day=15), stores)
    with pytest.raises(
        ModelRefusedError, match=r"own_function, candidate neighbours.*test_train\.own_weights"
    ):
        train(admission("own_function"), frozen, features, stores=stores)
    assert {r.info.status for r in _runs(client, "own_function")} == {"FAILED", "FINISHED"}
    parent = [r for r in _runs(client, "own_function") if r.info.status == "FAILED"]
    assert len(parent) == 1
    nested = [r for r in _runs(client, "own_function") if r.info.status == "FINISHED"]
    assert all(r.data.tags["tradewind.kind"] == "trial" for r in nested)


def test_a_candidate_that_is_not_declared_is_refused(stores: Stores) -> None:
    features = stored(frames.feature_set(rows_a_day=20), stores)
    with pytest.raises(DefinitionError, match="'forest' is not declared"):
        train(
            admission("undeclared", candidate="forest"),
            frames.frozen(name="undeclared"),
            features,
            stores=stores,
        )


_KILLED = """
import sys
from tests.learning import frames
from tests.stages.test_train import admission, stored
from tradewind.settings import load_settings
from tradewind.stages.train import train
from tradewind.stores.stores import Stores
from tradewind.stores.trainings import Trainings

half_way = sys.argv[1]
def wait(*arguments, **named):
    print("half way", flush=True)
    sys.stdin.read()

setattr(Trainings, half_way, wait)
stores = Stores(load_settings())
train(
    admission("killed_" + half_way.strip("_")),
    frames.frozen(name="killed_" + half_way.strip("_")),
    stored(frames.feature_set(), stores),
    stores=stores,
)
"""


@pytest.mark.parametrize("half_way", ["log_trials", "_upload"])
def test_a_killed_training_is_done_again_and_comes_to_the_same(
    stores: Stores, client: mlflow.MlflowClient, half_way: str
) -> None:
    model = "killed_" + half_way.strip("_")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, half_way],
        env={**os.environ, "PYTHONPATH": str(CLONE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half way\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = [r for r in _runs(client, model) if r.info.status == "RUNNING"]

    frozen = frames.frozen(name=model)
    features = stored(frames.feature_set(), stores)
    trained = train(admission(model), frozen, features, stores=stores)
    assert trained.run_id != left.info.run_id
    again = client.get_run(left.info.run_id)
    assert again.info.status == "KILLED"
    assert again.data.tags["tradewind.superseded_by"] == trained.run_id
    assert not [r for r in _runs(client, model) if r.info.status == "RUNNING"]
    experiment = client.get_experiment_by_name(model).experiment_id
    kept = client.search_logged_models([experiment])
    assert [m.model_id for m in kept] == [trained.model_uri.removeprefix("models:/")]

    undisturbed = train(
        admission(f"{model}_not"), frames.frozen(name=f"{model}_not"), features, stores=stores
    )
    assert undisturbed.prediction_digest == trained.prediction_digest
    assert undisturbed.decision_threshold == trained.decision_threshold
