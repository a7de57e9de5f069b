from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.definition.learning import Candidate
from tradewind.errors import DefinitionError
from tradewind.learning import account
from tradewind.learning.blend import blended, outdone
from tradewind.learning.estimators import build_pipeline
from tradewind.learning.fit import fit_model
from tradewind.learning.search import Found, draw_trials
from tradewind.stores.reasons import margin
from tradewind.stores.scorer import cast_features, predict

FRAME = frames.feature_set(days=12)
FEATURES = cast_features(FRAME, frames.TYPES)
LABEL = FRAME["label"].astype("int8").to_numpy()
LINEAR = "sklearn.linear_model.LogisticRegression"


def _train(**changes: Any) -> dict[str, Any]:
    return {**frames.body()["train"], "blend": ["boosting", "linear"], **changes}


def _found(**changes: Any) -> Found:
    model = frames.definition(train=_train(**changes))
    return fit_model(model, frames.feature_set(), as_of=AS_OF).found


def _members(problem: Any, *kinds: str) -> dict[str, Any]:
    return {kind: _fitted(kind, problem) for kind in kinds}


def _fitted(kind: str, problem: Any) -> Any:
    made = build_pipeline(
        Candidate(estimator=kind), {}, types=frames.TYPES, problem=problem, seed=0, where="toy"
    )
    return made.fit(FEATURES, LABEL)


def test_a_blend_is_the_mean_of_its_members_log_odds() -> None:
    members = _members("binary", LINEAR, "sklearn.ensemble.HistGradientBoostingClassifier")
    both = blended(members, problem="binary", features=FEATURES, where="toy")
    mean = np.mean([margin(one, FEATURES) for one in members.values()], axis=0)
    np.testing.assert_allclose(margin(both, FEATURES), mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        predict(both, FEATURES, problem="binary"), 1 / (1 + np.exp(-mean)), rtol=1e-12
    )


def test_a_blend_of_a_regression_is_the_mean_of_its_members_values() -> None:
    members = _members(
        "regression", "sklearn.linear_model.Ridge", "sklearn.tree.ExtraTreeRegressor"
    )
    both = blended(members, problem="regression", features=FEATURES, where="toy")
    mean = np.mean([one.predict(FEATURES) for one in members.values()], axis=0)
    np.testing.assert_allclose(predict(both, FEATURES, problem="regression"), mean, atol=1e-12)


def test_a_member_without_log_odds_is_named() -> None:
    members = _members("binary", LINEAR, "sklearn.naive_bayes.GaussianNB")
    with pytest.raises(DefinitionError, match=r"toy: sklearn\.naive_bayes\.GaussianNB has no log-"):
        blended(members, problem="binary", features=FEATURES, where="toy")


def test_the_blend_is_tried_after_its_members_and_is_the_model_unless_one_is_surely_better() -> (
    None
):
    found = _found()
    assert [trial.candidate for trial in found.trials][-1] == "blend"
    assert [trial.won for trial in found.trials] == [
        trial is found.winner for trial in found.trials
    ]
    base = frames.body()["train"]["candidates"]
    blind = {**base["boosting"], "without": ["delay", "carrier", "weekend"]}
    assert _found(candidates={**base, "boosting": blind}).winner.candidate == "linear"


def test_only_what_is_better_on_most_days_outdoes_a_blend() -> None:
    rng = np.random.default_rng(0)
    label = (rng.random(4_000) < 0.3).astype(np.int8)
    days = np.repeat(np.arange(10), 400)
    good, bad = np.where(label, 0.6, 0.2), np.full(4_000, 0.3)
    # Much better on one day of ten, a little worse on another, and otherwise the same.
    lucky = np.where(days == 3, good, np.where(days == 4, 0.45, bad))
    for problem in ("binary", "regression"):
        assert outdone(bad, good, label, problem=problem, days=days)
        assert not outdone(good, bad, label, problem=problem, days=days)
        assert not outdone(bad, lucky, label, problem=problem, days=days)


def test_a_member_that_fell_out_of_the_search_is_fitted_on_every_row_all_the_same() -> None:
    base = frames.body()["train"]["candidates"]
    grid = {"learning_rate": [0.05, 0.1, 0.3], "max_leaf_nodes": [3, 5, 7]}
    train = _train(
        search={"trials": 9},
        candidates={"boosting": {**base["boosting"], "search": grid}, "linear": base["linear"]},
    )
    frame = frames.feature_set(rows_a_day=120, days=115)
    found = fit_model(frames.definition(train=train), frame, as_of=AS_OF).found
    rows = max(trial.rows[-1] for trial in found.trials)
    linear = [trial for trial in found.trials if trial.candidate == "linear"]
    assert max(trial.rows[-1] for trial in linear) == rows
    blend = found.trials[-1]
    assert blend.rows == [rows]
    searched = {"boosting.learning_rate", "boosting.max_leaf_nodes", "linear.C"}
    assert searched == set(blend.params)


def test_that_a_member_has_no_log_odds_is_said_before_anything_is_fitted() -> None:
    base = frames.body()["train"]["candidates"]
    forest = {"estimator": "sklearn.ensemble.RandomForestClassifier"}
    model = frames.definition(train=_train(candidates={**base, "linear": forest}))
    with pytest.raises(DefinitionError, match=r"toy: train\.blend: linear has no log-odds"):
        draw_trials(model)


def test_one_candidate_alone_is_not_blended() -> None:
    trials = draw_trials(frames.definition(train=_train()), candidate="linear")
    assert {trial.candidate for trial in trials} == {"linear"}


def test_a_blend_that_won_is_told_with_its_members_and_their_parameters() -> None:
    model = frames.definition(train=_train())
    fitted = fit_model(model, frames.feature_set(), as_of=AS_OF)
    blend = next(trial for trial in fitted.found.trials if trial.candidate == "blend")
    told = account.params_of(replace(fitted, found=replace(fitted.found, winner=blend)), model)
    assert told["candidate"] == "blend"
    assert told["estimator"].startswith("mean of sklearn.")
    assert told["boosting.max_iter"] == 15
    assert {"boosting.learning_rate", "linear.C"} <= told.keys()
