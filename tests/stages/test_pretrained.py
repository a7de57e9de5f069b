"""Models that were trained elsewhere go through the training as candidates, and are not fitted."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from tests.learning import frames
from tests.learning.frames import AS_OF
from tests.stages.judging import Scene
from tradewind.errors import DefinitionError, ModelRefusedError
from tradewind.learning.fit import Ready, fit_model
from tradewind.records import Admission, Pretrained, RunRequest
from tradewind.settings import load_settings
from tradewind.stages._pretrained import pretrained
from tradewind.stages.train import train
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

FRAME = frames.feature_set(rows_a_day=20)
LINEAR = {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}}
_numbers = itertools.count(1)


def one_candidate(**candidates: Any) -> dict[str, Any]:
    search = {"trials": len(candidates)}
    return {"search": search, "candidates": candidates, "calibration": "none"}


@pytest.fixture(scope="module")
def given() -> Any:
    """A linear model that somebody fitted long ago."""
    model = frames.definition(train=one_candidate(**LINEAR))
    return fit_model(model, FRAME, as_of=AS_OF).estimator


@pytest.fixture
def scene(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mlflow_server: str
) -> Scene:
    assert mlflow_server == home.tracking_uri
    # Files are laid into a folder of definitions of their own, and not beside the real ones.
    monkeypatch.setenv("TRADEWIND_CONFIG", str(tmp_path / "config"))
    return Scene(Stores(load_settings()), f"given_{next(_numbers)}")


def admission(scene: Scene) -> Admission:
    request = RunRequest(model=scene.model, run_id="r1", as_of=AS_OF, actor="ada", reason="a test")
    return Admission(request=request, definition_digest="d" * 32, fencing_token=1)


def lay(scene: Scene, estimator: Any, name: str = "given.skops") -> dict[str, Any]:
    """Put a file beside a definition, and say of it what must be said."""
    place = scene.stores.settings.config_dir / "models" / scene.model / name
    place.parent.mkdir(parents=True, exist_ok=True)
    content = skops.io.dumps(estimator)
    place.write_bytes(content)
    return {
        "from": name,
        "digest": hashlib.sha256(content).hexdigest(),
        "provenance": "the desk in Boston",
        "licence": "MIT",
        "trained_until": date(2013, 5, 1),
    }


def load(scene: Scene, declared: dict[str, Any]) -> Any:
    frozen = scene.definition(train=one_candidate(given=declared))
    return pretrained(frozen.model, stores=scene.stores)


def test_a_file_may_be_the_only_candidate_and_is_logged_as_it_is(scene: Scene, given: Any) -> None:
    frozen = scene.definition(train=one_candidate(given=lay(scene, given)))
    features = scene.features(FRAME)
    trained = train(admission(scene), frozen, features, stores=scene.stores)
    assert trained.candidate == "given"
    assert trained.pretrained is not None
    assert trained.pretrained.source == "given.skops"
    assert trained.pretrained.trained_until == datetime(2013, 5, 2, 4, tzinfo=UTC)
    judge = FRAME[FRAME["prediction_time"] >= trained.judge.start]
    loaded = scene.stores.registry.load(trained.model_uri)
    expected = given.predict_proba(judge[list(frames.TYPES)])[:, 1]
    assert loaded.score(judge)["score"].to_numpy() == pytest.approx(expected)

    # And a model of the registry may be the candidate of another definition.
    again = Scene(scene.stores, f"{scene.model}_again")
    other = again.definition(train=one_candidate(known={"from": trained.model_uri}))
    second = train(admission(again), other, features, stores=scene.stores)
    assert second.prediction_digest == trained.prediction_digest
    assert second.pretrained is not None
    assert second.pretrained.trained_until == trained.select.end
    assert scene.model in second.pretrained.provenance


def test_a_model_of_other_features_is_refused(scene: Scene, given: Any) -> None:
    frozen = scene.definition(train=one_candidate(given=lay(scene, given)))
    trained = train(admission(scene), frozen, scene.features(FRAME), stores=scene.stores)
    types = {name: kind for name, kind in frames.TYPES.items() if name != "weekend"}
    body = one_candidate(known={"from": trained.model_uri})
    model = frames.definition(train=body, features={"types": types})
    with pytest.raises(DefinitionError, match="this definition is of other features"):
        pretrained(model, stores=scene.stores)


def test_the_best_on_the_select_stretch_wins_whoever_fitted_it(given: Any) -> None:
    told = Pretrained(source="x.skops", provenance="p", licence="l", trained_until=None)
    body = {"from": "x.skops", "digest": "a" * 64, "provenance": "p", "licence": "l"}
    declared = {**body, "trained_until": "unknown"}
    weak = {"estimator": "sklearn.dummy.DummyClassifier", "params": {"strategy": "prior"}}
    model = frames.definition(train=one_candidate(weak=weak, given=declared))
    fitted = fit_model(model, FRAME, as_of=AS_OF, ready={"given": Ready(given, told)})
    assert fitted.found.winner.candidate == "given"
    assert fitted.found.winner.rows == [0]
    assert fitted.pretrained == told
    assert fitted.estimator is given


def test_a_file_that_was_changed_is_refused_before_it_is_opened(scene: Scene, given: Any) -> None:
    declared = {**lay(scene, given), "digest": "a" * 64}
    with pytest.raises(ModelRefusedError, match="it is not the model that was meant"):
        load(scene, declared)


def test_a_file_of_types_that_may_run_something_is_refused(scene: Scene, given: Any) -> None:
    given_with_code = FunctionTransformer(func=print)
    with pytest.raises(ModelRefusedError, match="which may not be loaded"):
        load(scene, lay(scene, [given, given_with_code, Path()]))


def test_a_file_that_is_no_model_is_refused(scene: Scene) -> None:
    declared = lay(scene, {"not": "a model"})
    place = scene.stores.settings.config_dir / "models" / scene.model / "given.skops"
    place.write_bytes(b"cut short")
    declared["digest"] = hashlib.sha256(b"cut short").hexdigest()
    with pytest.raises(ModelRefusedError, match="the file cannot be read"):
        load(scene, declared)


def test_a_missing_file_is_named(scene: Scene, given: Any) -> None:
    declared = {**lay(scene, given), "from": "other.skops"}
    with pytest.raises(ModelRefusedError, match=r"other\.skops cannot be read"):
        load(scene, declared)


def test_a_path_out_of_the_definitions_is_refused(scene: Scene, given: Any) -> None:
    declared = {**lay(scene, given), "from": "../../../elsewhere.skops"}
    with pytest.raises(DefinitionError, match="not within the folder of definitions"):
        load(scene, declared)


def test_a_model_of_another_problem_is_refused(scene: Scene) -> None:
    from sklearn.linear_model import Ridge

    with pytest.raises(DefinitionError, match="is no classifier with probabilities"):
        load(scene, lay(scene, Ridge()))
