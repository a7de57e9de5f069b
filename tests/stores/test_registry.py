from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from tests.fixtures.mlflow import free_port
from tradewind.errors import ModelRefusedError, RegistryError, RegistryUnavailableError
from tradewind.settings import load_settings
from tradewind.stores.model_files import write_model
from tradewind.stores.provenance import scoring_requirements
from tradewind.stores.pyfunc_files import TRAVELLING
from tradewind.stores.registry import Candidate, CandidateLog, DatasetLog, Registry, TrialLog

if TYPE_CHECKING:
    from tradewind.settings import Settings

FRAME = pd.DataFrame(
    {
        "a": [0.0, 1.0, np.nan, 3.0],
        "word": pd.Series(["x", None, "y", "x"], dtype="str"),
        "flag": pd.Series([True, None, False, True], dtype=object),
    }
)
TYPES = {"a": "numeric", "word": "categorical", "flag": "boolean"}
# In another process, where nothing of ours can be imported.
_ELSEWHERE = """
import sys, warnings
warnings.simplefilter("ignore")

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tradewind", "tests", "airflow"}:
            raise ImportError(name)

sys.meta_path.insert(0, Nothing())
import json
import mlflow
import pandas as pd
uri, model_uri, file = sys.argv[1:]
mlflow.set_tracking_uri(uri)
frame = pd.read_parquet(file)
scored = mlflow.pyfunc.load_model(model_uri).predict(frame)
print(json.dumps({"scores": [s.hex() for s in scored["score"]], "columns": list(scored.columns)}))
"""


@pytest.fixture
def registry(home: Settings, mlflow_server: str) -> Registry:
    assert home.tracking_uri == mlflow_server
    return Registry.open(home)


@pytest.fixture
def client(mlflow_server: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(mlflow_server)


def _estimator() -> Any:
    from tradewind.definition.learning import Candidate as Declared
    from tradewind.learning.estimators import build_pipeline
    from tradewind.stores.scorer import cast_features

    declared = Declared(
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        params={"max_iter": 5, "min_samples_leaf": 2},
    )
    pipeline = build_pipeline(
        declared,
        {},
        types=TYPES,  # type: ignore[arg-type]
        problem="binary",
        seed=0,
        where="toy",
    )
    many = pd.concat([FRAME] * 20, ignore_index=True)
    return pipeline.fit(cast_features(many, TYPES), [0, 1, 1, 0] * 20)


def _log(registry: Registry, folder: Path, *, model: str, key: str = "k1") -> Candidate:
    metadata = {
        "model": model,
        "candidate": "boosting",
        "problem": "binary",
        "features": TYPES,
        "decision_threshold": 0.5,
        "train_key": key,
    }
    beside = {"profile.json": b'{"rows": 80}'}
    write_model(folder / "model", _estimator(), metadata=metadata, beside=beside)
    told = CandidateLog(
        params={"candidate": "boosting", "seed": 0},
        metrics={"select.log_loss": 0.5},
        rows=DatasetLog("features", "f" * 32, "file:///lake/features/f.parquet", 80),
        example=FRAME.head(2).drop(columns="flag").assign(flag=[1.0, 0.0]),
        requirements=scoring_requirements(),
        tags={"tradewind.result": "{}"},
    )
    with registry.training(model, train_key=key, name="one", tags={"who": "ada"}) as run_id:
        trial = TrialLog("01", {"C": 1}, {"select.log_loss": [0.7, 0.6]}, {})
        registry.log_trials(run_id, [trial])
        return registry.log_candidate(run_id, folder / "model", told)


def test_a_candidate_is_found_by_its_key_and_only_by_it(registry: Registry, tmp_path: Path) -> None:
    assert registry.find_candidate("by_key", "k1") is None
    logged = _log(registry, tmp_path, model="by_key")
    found = registry.find_candidate("by_key", "k1")
    assert found is not None
    assert (found.run_id, found.model_uri) == (logged.run_id, logged.model_uri)
    assert found.tags["who"] == "ada"
    assert registry.find_candidate("by_key", "k2") is None
    assert registry.find_candidate("of_another_model", "k1") is None


def test_a_trials_figures_are_there_rung_by_rung(
    registry: Registry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    logged = _log(registry, tmp_path, model="rungs")
    experiment = client.get_experiment_by_name("rungs").experiment_id
    nested = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{logged.run_id}'")
    history = client.get_metric_history(nested[0].info.run_id, "select.log_loss")
    assert [(m.step, m.value) for m in history] == [(0, 0.7), (1, 0.6)]


def test_a_loaded_model_scores_as_the_fitted_one(registry: Registry, tmp_path: Path) -> None:
    logged = _log(registry, tmp_path, model="loads")
    loaded = registry.load(logged.model_uri)
    from tradewind.stores.scorer import cast_features

    expected = _estimator().predict_proba(cast_features(FRAME, TYPES))[:, 1]
    assert np.array_equal(loaded.score(FRAME)["score"], expected)
    assert loaded.metadata["train_key"] == "k1"


def test_a_file_beside_the_model_comes_back_with_it(registry: Registry, tmp_path: Path) -> None:
    logged = _log(registry, tmp_path, model="beside")
    loaded = registry.load(logged.model_uri)
    assert loaded.beside("profile.json") == b'{"rows": 80}'
    with pytest.raises(ModelRefusedError, match=r"no other\.json was stored.* lies profile\.json"):
        loaded.beside("other.json")


def test_the_pyfunc_gives_the_same_scores_where_nothing_of_ours_is(
    registry: Registry, tmp_path: Path
) -> None:
    logged = _log(registry, tmp_path, model="elsewhere")
    FRAME.to_parquet(tmp_path / "rows.parquet")
    done = subprocess.run(
        [
            sys.executable,
            *("-I", "-c", _ELSEWHERE),
            *(registry.address, logged.model_uri, str(tmp_path / "rows.parquet")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    here = registry.load(logged.model_uri).score(FRAME)
    assert answer == {
        "scores": [score.hex() for score in here["score"]],
        "columns": [
            *("score", "decision", "source", "fallback_reason", "model_score", "naive_score"),
            *("reasons", "version", "judged", "data_digest", "card", "logged", "note"),
        ],
    }


def test_what_scoring_needs_is_pinned_and_no_pickle_is_stored(
    registry: Registry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    logged = _log(registry, tmp_path, model="artefact")
    model = client.get_logged_model(logged.model_uri.removeprefix("models:/"))
    folder = Path(
        mlflow.artifacts.download_artifacts(
            model.artifact_location, tracking_uri=registry.address, dst_path=str(tmp_path / "got")
        )
    )
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert {"model.py", "artifacts/model/model.skops", "artifacts/model/model.json"} <= set(names)
    code = {Path(name).stem for name in names if name.startswith("code/tradewind_served_")}
    assert code == {"__init__", *TRAVELLING}
    wanted = (folder / "requirements.txt").read_text().split()
    assert {line.split("==")[0] for line in wanted} == {
        *("mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"),
    }
    assert all("==" in line for line in wanted)


@pytest.mark.parametrize("file", ["scorer.py", "artifacts/model/model.json", "extra.py"])
def test_a_file_changed_behind_our_back_is_refused(
    registry: Registry, client: mlflow.MlflowClient, tmp_path: Path, file: str
) -> None:
    logged = _log(registry, tmp_path, model="tampered")
    changed = tmp_path / "changed" / file
    changed.parent.mkdir(parents=True)
    changed.write_text("import os\n")
    model_id = logged.model_uri.removeprefix("models:/")
    client.log_model_artifacts(model_id, str(tmp_path / "changed"))
    with pytest.raises(ModelRefusedError, match=r"changed behind our back.*train it again"):
        registry.load(logged.model_uri)


def test_a_training_that_fails_says_so_and_is_not_found(
    registry: Registry, client: mlflow.MlflowClient
) -> None:
    with (
        pytest.raises(ValueError, match="no luck"),
        registry.training("failing", train_key="k1", name="one", tags={}) as run_id,
    ):
        raise ValueError("no luck")
    run = client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["tradewind.error"] == "no luck"
    assert registry.find_candidate("failing", "k1") is None


def test_what_a_killed_training_left_is_closed_by_the_next(
    registry: Registry, client: mlflow.MlflowClient
) -> None:
    killed = registry.training("left", train_key="k1", name="one", tags={})
    first = killed.__enter__()
    experiment = client.get_experiment_by_name("left").experiment_id
    half = client.create_logged_model(experiment, "model", first)
    with registry.training("left", train_key="k1", name="two", tags={}) as second:
        run = client.get_run(first)
        assert run.info.status == "KILLED"
        assert run.data.tags["tradewind.superseded_by"] == second
        left = client.search_logged_models([experiment])
        assert half.model_id not in {model.model_id for model in left}
    assert client.get_run(second).info.status == "RUNNING"


def test_a_run_of_somebody_else_in_the_same_experiment_is_left_alone(
    registry: Registry, client: mlflow.MlflowClient
) -> None:
    with registry.training("shared", train_key="k1", name="one", tags={}):
        experiment = client.get_experiment_by_name("shared").experiment_id
    explored = client.create_run(experiment).info.run_id
    with registry.training("shared", train_key="k2", name="two", tags={}):
        assert client.get_run(explored).info.status == "RUNNING"


def test_a_model_that_was_deleted_is_trained_again(
    registry: Registry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    logged = _log(registry, tmp_path, model="deleted")
    client.delete_logged_model(logged.model_uri.removeprefix("models:/"))
    assert registry.find_candidate("deleted", "k1") is None


def test_the_same_model_has_one_version(registry: Registry, tmp_path: Path) -> None:
    assert registry.versions("one_version") == []
    logged = _log(registry, tmp_path, model="one_version")
    assert registry.ensure_version("one_version", logged.model_uri, {"verdict": "passed"}) == 1
    assert registry.ensure_version("one_version", logged.model_uri, {"verdict": "again"}) == 1
    (found,) = registry.versions("one_version")
    assert found.model_uri == logged.model_uri
    assert found.run_id == logged.run_id
    assert found.tags["verdict"] == "again"
    other = _log(registry, tmp_path / "other", model="one_version", key="k2")
    assert registry.ensure_version("one_version", other.model_uri, {}) == 2
    assert [v.version for v in registry.versions("one_version")] == [2, 1]


def test_an_alias_points_at_one_version_until_it_is_taken_away(
    registry: Registry, tmp_path: Path
) -> None:
    assert registry.alias("aliased", "champion") is None
    logged = _log(registry, tmp_path, model="aliased")
    version = registry.ensure_version("aliased", logged.model_uri, {})
    assert registry.alias("aliased", "champion") is None
    registry.set_alias("aliased", "champion", version)
    assert registry.alias("aliased", "champion") == version
    assert registry.version("aliased", version).aliases == ("champion",)
    registry.remove_alias("aliased", "champion")
    registry.remove_alias("aliased", "champion")
    assert registry.alias("aliased", "champion") is None


def test_a_version_that_is_not_there_is_an_error_that_lists_those_that_are(
    registry: Registry,
) -> None:
    with pytest.raises(RegistryError, match="nobody has no version 3; it has none") as error:
        registry.version("nobody", 3)
    assert not isinstance(error.value, RegistryUnavailableError)


def test_a_verdict_is_written_beside_the_run_and_the_model(
    registry: Registry, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    logged = _log(registry, tmp_path, model="annotated")
    tags, figures = {"verdict": "blocked"}, {"judged.roc_auc": 0.7}
    registry.annotate(logged.run_id, logged.model_uri, tags=tags, metrics=figures)
    registry.annotate(logged.run_id, logged.model_uri, tags={}, metrics={})
    run = client.get_run(logged.run_id)
    model = client.get_logged_model(logged.model_uri.removeprefix("models:/"))
    assert run.data.tags["verdict"] == model.tags["verdict"] == "blocked"
    assert run.data.metrics["judged.roc_auc"] == 0.7
    assert {m.key: m.value for m in model.metrics}["judged.roc_auc"] == 0.7


def test_all_that_meet_a_new_model_share_its_experiment(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: Registry(registry.address)._experiment("new"), range(4)))
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_server_that_does_not_answer_is_named(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://127.0.0.1:{free_port()}"
    said = f"MLflow at {address}, asked for the alias champion"
    with pytest.raises(RegistryUnavailableError, match=said):
        Registry(address).alias("toy", "champion")


def test_no_server_known_is_an_error_that_says_what_to_set(home: Settings) -> None:
    with pytest.raises(RegistryError, match="set MLFLOW_TRACKING_URI"):
        Registry.open(home)


def test_one_settings_server_is_not_another_settings_server(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    named = load_settings()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    Registry.open(named)
    with pytest.raises(RegistryError, match="set MLFLOW_TRACKING_URI"):
        Registry.open(load_settings())


def test_addresses_of_pages_answer(registry: Registry, tmp_path: Path) -> None:
    logged = _log(registry, tmp_path, model="pages")
    assert registry.run_url(logged.run_id).endswith(f"/runs/{logged.run_id}")
    assert registry.version_url("pages", 1) == f"{registry.address}/#/models/pages/versions/1"


def test_what_is_no_logged_model_is_refused(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="'models:/toy/1' is no logged model"):
        registry.load("models:/toy/1")
