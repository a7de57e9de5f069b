"""MLflow: what it is told and what is stored in it, of runs and models that are deleted too."""

from __future__ import annotations

import gzip
import io
import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tradewind.errors import ModelRefusedError
from tradewind.stores.elsewhere import delete_model_files
from tradewind.stores.elsewhere.artefacts import Artefacts
from tradewind.stores.elsewhere.told import Told
from tradewind.stores.logged_models import why_deleted
from tradewind.stores.mlflow_contents import artefact_store
from tradewind.stores.model_files import write_model
from tradewind.stores.needles import Needles
from tradewind.stores.provenance import scoring_requirements
from tradewind.stores.pyfunc_files import MODEL_FOLDER
from tradewind.stores.registry import Candidate, CandidateLog, DatasetLog
from tradewind.stores.stores import Stores
from tradewind.stores.trainings import FILES_DIGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

OTHER = "K-90009x"
# What was once said of models that were older than declared.
LET_GO = "tradewind.let_go"
_numbers = itertools.count(1)


@pytest.fixture
def key() -> str:
    """A key of its own for each test: they share a server."""
    return f"K-77{next(_numbers):03}"


@pytest.fixture
def stores(home: Settings, mlflow_server: str) -> Stores:
    assert home.tracking_uri == mlflow_server
    return Stores.open(home)


@pytest.fixture
def client(mlflow_server: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(mlflow_server, registry_uri=mlflow_server)


@pytest.fixture
def artefacts(mlflow_server: str) -> Artefacts:
    return Artefacts(mlflow_server)


@pytest.fixture
def told(mlflow_server: str) -> Told:
    return Told(mlflow_server)


@pytest.fixture
def run_id(client: mlflow.MlflowClient, key: str) -> str:
    return str(client.create_run(client.create_experiment(f"told {key[2:]}")).info.run_id)


def log(stores: Stores, folder: Path, *, fitted_on: list[str], example: str) -> Candidate:
    """A model that was fitted on these categories, with an example of one row."""
    name = f"erasing_{next(_numbers)}"
    frame = pd.DataFrame({"who": pd.Series(fitted_on, dtype=object)})
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression())
    fitted.fit(frame, np.arange(len(frame), dtype=float))
    metadata = {
        "model": name, "candidate": "linear", "problem": "regression",
        "features": {"who": "categorical"}, "decision_threshold": None, "train_key": "k",
    }  # fmt: skip
    write_model(folder / "model", fitted, metadata=metadata)
    told = CandidateLog(
        params={"seed": 0},
        metrics={"loss": 0.5},
        rows=DatasetLog("features", "f" * 32, "file:///lake/features/f.parquet", 80),
        example=pd.DataFrame({"who": [example]}),
        requirements=scoring_requirements(),
        tags={},
    )
    with stores.registry.training(name, train_key="k", name="one", tags={}) as run_id:
        return stores.registry.log_candidate(run_id, folder / "model", told)


def texts_of(client: mlflow.MlflowClient, run_id: str) -> dict[str, str]:
    return {
        info.path: mlflow.artifacts.load_text(
            f"{client.get_run(run_id).info.artifact_uri}/{info.path}"
        )
        for info in client.list_artifacts(run_id)
        if not info.path.endswith((".gz", ".parquet", ".bin"))
    }


def test_artefacts_of_runs_are_changed_where_they_lie(
    client: mlflow.MlflowClient,
    artefacts: Artefacts,
    run_id: str,
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", artefacts.address)
    client.log_text(run_id, f"<h1>{key} &amp; {OTHER}</h1>", "card.html")
    client.log_text(run_id, f"# {OTHER}", "card.md")
    client.log_text(run_id, json.dumps({"rows": [key, OTHER]}), "a b é.json")
    pd.DataFrame({"who": [key, OTHER, None], "n": [1, 2, 3]}).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(f"about {key}".encode()))
    packed = io.BytesIO()
    np.savez_compressed(packed, names=np.array([key, OTHER]))
    (tmp_path / "names.bin").write_bytes(packed.getvalue())
    for name in ("rows.parquet", "notes.txt.gz", "names.bin"):
        client.log_artifact(run_id, str(tmp_path / name))
    client.delete_run(run_id)
    needles = Needles([key])

    assert sum(each.count > 0 for each in artefacts.look(needles)[1]) == 5
    erased = {each.place.rpartition("/")[2]: each for each in artefacts.erase(needles)}

    kept = {name: each.kept for name, each in erased.items() if each.kept}
    assert set(erased) == {"card.html", "a b é.json", "rows.parquet", "notes.txt.gz", "names.bin"}
    assert set(kept) == {"names.bin"}
    assert kept["names.bin"].startswith("it is neither text, JSON nor Parquet")
    assert texts_of(client, run_id) == {
        "card.html": f"<h1>(erased) &amp; {OTHER}</h1>",
        "card.md": f"# {OTHER}",
        "a b é.json": json.dumps({"rows": ["(erased)", OTHER]}),
    }
    place = f"{client.get_run(run_id).info.artifact_uri}/rows.parquet"
    got = pq.read_table(mlflow.artifacts.download_artifacts(place, dst_path=str(tmp_path / "d")))
    assert got.to_pydict() == {"who": ["(erased)", OTHER, None], "n": [1, 2, 3]}
    assert [each.place.rpartition("/")[2] for each in artefacts.look(needles)[1]] == ["names.bin"]


def test_an_example_beside_a_model_is_changed_and_the_model_loads_as_before(
    stores: Stores, artefacts: Artefacts, tmp_path: Path, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=["a", "b"], example=key)
    frame = pd.DataFrame({"who": ["a", "b"]})
    before = stores.registry.load(logged.model_uri).score(frame)
    needles = Needles([key])

    erased = artefacts.erase(needles)

    assert {each.place.rpartition("/")[2] for each in erased} == {
        "input_example.json", "serving_input_example.json",
    }  # fmt: skip
    assert not any(each.kept or each.model_uri for each in erased)
    assert artefacts.look(needles)[1] == []
    pd.testing.assert_frame_equal(stores.registry.load(logged.model_uri).score(frame), before)


def test_a_change_that_was_interrupted_before_its_digest_is_finished(
    stores: Stores,
    artefacts: Artefacts,
    client: mlflow.MlflowClient,
    tmp_path: Path,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = log(stores, tmp_path, fitted_on=["a", "b"], example=key)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Artefacts, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            artefacts.erase(Needles([key]))
    with pytest.raises(ModelRefusedError, match="its files have the digest"):
        stores.registry.load(logged.model_uri)

    assert artefacts.erase(Needles([key])) == []

    stores.registry.load(logged.model_uri)
    tags = client.get_logged_model(logged.model_uri.removeprefix("models:/")).tags
    assert [name for name in tags if "after" in name] == []
    assert tags[FILES_DIGEST] == client.get_run(logged.run_id).data.tags[FILES_DIGEST]


def test_files_that_were_changed_behind_our_back_are_not_made_good_by_it(
    stores: Stores, artefacts: Artefacts, tmp_path: Path, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=["a", "b"], example=key)
    identifier = logged.model_uri.removeprefix("models:/")
    location = mlflow.MlflowClient(artefacts.address).get_logged_model(identifier).artifact_location
    (tmp_path / "requirements.txt").write_text("something-else==1\n")
    artefact_store(location, artefacts.address).log_artifact(str(tmp_path / "requirements.txt"))

    assert len(artefacts.erase(Needles([key]))) == 2

    with pytest.raises(ModelRefusedError, match="changed behind our back"):
        stores.registry.load(logged.model_uri)


def test_a_models_own_files_are_never_changed_and_can_be_deleted(
    stores: Stores, artefacts: Artefacts, tmp_path: Path, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=[key, "b"], example="b")
    version = stores.registry.ensure_version(f"v_{key[2:]}", logged.model_uri, {})
    kept_here = stores.settings.home / "models" / logged.model_uri.removeprefix("models:/")
    kept_here.mkdir(parents=True)
    needles = Needles([key])

    held = artefacts.erase(needles)

    assert {each.model_uri for each in held} == {logged.model_uri}
    assert all(MODEL_FOLDER.as_posix() in each.place and each.kept for each in held)
    assert "model.skops" in {each.place.rpartition("/")[2] for each in held}
    stores.registry.load(logged.model_uri)  # nothing of it was changed

    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    files = delete_model_files(stores, logged.model_uri, why="a person was forgotten", at=at)

    assert files > 10
    assert artefacts.look(needles)[1] == []
    assert not kept_here.exists()
    with pytest.raises(
        ModelRefusedError,
        match=r"deleted for good on 2026-05-01T12:00:00\+00:00: a person was forgotten",
    ):
        stores.registry.load(logged.model_uri)
    assert stores.registry.version(f"v_{key[2:]}", version).model_uri == logged.model_uri
    assert delete_model_files(stores, logged.model_uri, why="again", at=at) == 0


def test_the_files_of_a_model_that_mlflow_has_deleted_are_found_and_deleted(
    stores: Stores, artefacts: Artefacts, client: mlflow.MlflowClient, tmp_path: Path, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=[key, "b"], example=key)
    client.delete_logged_model(logged.model_uri.removeprefix("models:/"))
    held = {each.model_uri for each in artefacts.erase(Needles([key])) if each.kept}
    assert held == {logged.model_uri}
    at = datetime(2026, 5, 1, tzinfo=UTC)
    assert delete_model_files(stores, logged.model_uri, why="a person was forgotten", at=at) > 10
    assert artefacts.look(Needles([key]))[1] == []


def test_a_training_whose_files_were_deleted_is_not_found_again(
    stores: Stores, tmp_path: Path, client: mlflow.MlflowClient, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=[key, "b"], example="b")
    experiment = client.get_run(logged.run_id).info.experiment_id
    model = client.get_experiment(experiment).name
    assert stores.registry.find_candidate(model, "k") is not None
    at = datetime(2026, 5, 1, tzinfo=UTC)
    delete_model_files(stores, logged.model_uri, why="a person was forgotten", at=at)
    assert stores.registry.find_candidate(model, "k") is None


def test_versions_of_a_model_whose_files_were_deleted_say_when_and_why(
    stores: Stores, tmp_path: Path, key: str
) -> None:
    logged = log(stores, tmp_path, fitted_on=["a", "b"], example="b")
    name = f"v_{key[2:]}"
    version = stores.registry.ensure_version(name, logged.model_uri, {})
    assert why_deleted(stores.registry.version(name, version).tags) is None
    for day, why in ((1, "a person was forgotten"), (2, "older than declared")):
        at = datetime(2026, 5, day, tzinfo=UTC)
        delete_model_files(stores, logged.model_uri, why=why, at=at)
        said = why_deleted(stores.registry.version(name, version).tags)
        assert said == "2026-05-01T00:00:00+00:00: a person was forgotten"


def test_a_model_that_an_earlier_release_let_go_of_counts_as_deleted(
    stores: Stores, tmp_path: Path, client: mlflow.MlflowClient
) -> None:
    logged = log(stores, tmp_path, fitted_on=["a", "b"], example="b")
    model = client.get_experiment(client.get_run(logged.run_id).info.experiment_id).name
    version = stores.registry.ensure_version(model, logged.model_uri, {})
    said = "2026-05-01T00:00:00+00:00: retention"
    client.set_logged_model_tags(logged.model_uri.removeprefix("models:/"), {LET_GO: said})
    client.set_model_version_tag(model, str(version), LET_GO, said)

    with pytest.raises(ModelRefusedError, match=r"on 2026-05-01T00:00:00\+00:00: retention"):
        stores.registry.load(logged.model_uri)
    assert stores.registry.find_candidate(model, "k") is None
    assert why_deleted(stores.registry.version(model, version).tags) == said


def test_what_mlflow_is_told_is_told_anew_where_it_lets_that_be_done(
    client: mlflow.MlflowClient, told: Told, run_id: str, key: str
) -> None:
    experiment = client.get_run(run_id).info.experiment_id
    client.set_experiment_tag(experiment, "of", key)
    client.set_tag(run_id, "note", f"trained on {key}")
    client.set_tag(run_id, "other", OTHER)
    client.update_run(run_id, name=f"about {key}")
    client.log_param(run_id, "who", key)
    dataset = mlflow.entities.Dataset("rows", "d" * 32, "local", json.dumps({"uri": key}))
    client.log_inputs(run_id, [mlflow.entities.DatasetInput(dataset, [])])
    logged = client.create_logged_model(experiment, "m", run_id, tags={"why": key})
    name = f"told_{key[2:]}"
    client.create_registered_model(name, tags={"a": key}, description=f"for {key}")
    version = client.create_model_version(
        name, f"models:/{logged.model_id}", tags={"b": key}, model_id=logged.model_id
    )
    client.update_model_version(name, version.version, key)
    needles = Needles([key])

    planted = {
        f"experiment {experiment}, tag of", f"registered model {name}, description",
        *(f"run {run_id}, {what}" for what in ("name", "param who", "input 0 source")),
        *(f"run {run_id}, tag {what}" for what in ("note", "mlflow.runName")),
        *(f"logged model {logged.model_id}, tag why", f"registered model {name}, tag a"),
        *(f"version 1 of {name}, {what}" for what in ("description", "tag b")),
    }  # fmt: skip
    assert {each.place.removeprefix("MLflow, ") for each in told.look(needles)[1]} == planted
    erased = told.erase(needles)

    assert {each.place.removeprefix("MLflow, ") for each in erased} == planted
    kept = {each.place.removeprefix("MLflow, ") for each in erased if each.kept}
    assert kept == {f"run {run_id}, param who", f"run {run_id}, input 0 source"}
    run = client.get_run(run_id)
    assert run.info.run_name == "about (erased)"
    assert {name: run.data.tags[name] for name in ("note", "other")} == {
        "note": "trained on (erased)", "other": OTHER,
    }  # fmt: skip
    assert client.get_logged_model(logged.model_id).tags["why"] == "(erased)"
    assert client.get_registered_model(name).description == "for (erased)"
    assert client.get_model_version(name, version.version).tags == {"b": "(erased)"}
    assert len(told.look(needles)[1]) == 2


def test_of_a_deleted_run_it_is_said_that_nothing_can_be_told_anew(
    client: mlflow.MlflowClient, told: Told, run_id: str, key: str
) -> None:
    client.set_tag(run_id, "note", key)
    client.delete_run(run_id)
    (kept,) = told.erase(Needles([key]))
    assert kept.kept.startswith("MLflow changes it in its database only")
