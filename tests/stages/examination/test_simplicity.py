"""Models beside simpler ones: those that are worth it, and those that are not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.real_flights import definition, flights, midnight
from tests.learning import frames
from tests.stages.cases import case_of
from tradewind.gates.simplicity import check
from tradewind.stages.examination import simplicity
from tradewind.stages.examination.simplicity import gather
from tradewind.stages.examine import look

if TYPE_CHECKING:
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

BOOSTING = {"boosting": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier"}}
FOREST = {
    "forest": {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 5},
    }
}
LINEAR = {"linear": {"estimator": "sklearn.linear_model.LogisticRegression"}}
STUMP = {
    "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 3}},
}


def case(candidates: dict[str, Any], frame: pd.DataFrame | None = None, **changes: Any) -> Case:
    train = {"search": {"trials": len(candidates)}, "candidates": candidates, "calibration": "none"}
    given = frames.feature_set() if frame is None else frame
    return case_of(frames.definition(train=train, **changes), given, as_of=frames.AS_OF)


def asked(one: Case) -> GateResult:
    told = {"simplicity": gather(one).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), one.model)


def winding() -> pd.DataFrame:
    """Rows whose label goes up and down with the distance, as no sum and no three questions do."""
    frame = frames.feature_set()
    turns = np.sin(frame["distance"].fillna(0) / 100) * 3
    drive = turns * np.sign(frame["delay"])
    late = np.random.default_rng(1).random(len(frame)) < 1 / (1 + np.exp(-drive))
    return frame.assign(label=pd.Series(late).astype(object))


def test_a_model_that_follows_what_no_simple_one_can_passes() -> None:
    result = asked(case(BOOSTING, winding()))
    assert result.outcome == "passed"
    names = [line["simpler model"] for line in result.table]
    assert names == ["the naive rule", "a tree of depth 3", "a linear model"]


def test_boosting_where_the_truth_is_a_sum_blocks_and_names_the_simplest() -> None:
    result = asked(case({**BOOSTING}))
    assert result.outcome == "blocked"
    assert "A simpler model will do: a tree of depth 3" in result.sentence
    assert [line["says"] for line in result.table] == ["not enough", "will do", "will do"]


def test_a_model_that_learned_noise_by_heart_is_outdone_by_the_naive_rule() -> None:
    frame = frames.feature_set()
    noise = np.random.default_rng(2).random(len(frame)) < 0.3
    result = asked(case(BOOSTING, frame.assign(label=pd.Series(noise).astype(object))))
    assert result.outcome == "blocked"
    assert "A simpler model will do: the naive rule" in result.sentence


def test_only_what_is_simpler_is_held_against_a_model() -> None:
    linear = gather(case(LINEAR))
    assert [one.name for one in linear.simpler] == ["the naive rule", "a tree of depth 3"]
    assert all(one.interval[0] < one.value < one.interval[1] for one in linear.simpler)
    assert [one.name for one in gather(case(STUMP)).simpler] == ["the naive rule"]
    rule = {"rule": {"estimator": "sklearn.dummy.DummyClassifier", "params": {"strategy": "prior"}}}
    assert gather(case(rule)).simpler == []


def test_a_declared_linear_candidate_is_the_one_that_is_fitted() -> None:
    weak = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}}
    simpler = gather(case({**BOOSTING, "weak": weak})).simpler[-1]
    assert simpler.name == "the linear 'weak'"
    usual = gather(case(BOOSTING)).simpler[-1]
    assert simpler.value > usual.value + 0.01


@pytest.mark.parametrize("month", [8, 9, 10])
def test_a_forest_that_learned_real_flights_by_heart_blocks(month: int) -> None:
    train = {"search": {"trials": 1, "rows": 10_000}, "candidates": FOREST}
    one = case_of(definition(train=train), flights().iloc[::3], as_of=midnight(2013, month))
    assert asked(one).outcome == "blocked"


def test_a_model_of_unknown_parameters_blocks() -> None:
    one = case(STUMP)
    unknown = replace(one, trained=one.trained.model_copy(update={"params": None}))
    found = look(unknown, {"simplicity": simplicity})
    assert "neither is how complex it is: train again" in found["unfound"]["simplicity"]


def test_a_deciding_metric_without_a_direction_blocks() -> None:
    one = regression()
    decides = one.model.metrics.model_copy(update={"decides": "bias"})
    other = replace(one, model=one.model.model_copy(update={"metrics": decides}))
    found = look(other, {"simplicity": simplicity})
    assert "'bias' cannot decide" in found["unfound"]["simplicity"]


def test_a_regression_is_compared_by_its_own_metric() -> None:
    assert asked(regression()).outcome == "blocked"


def regression() -> Case:
    """Boosted trees of a value that is a sum."""
    frame = frames.feature_set()
    value = frame["delay"] + np.random.default_rng(3).normal(size=len(frame))
    boosting = {"boosting": {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor"}}
    train = {"search": {"trials": 1}, "candidates": boosting}
    model = frames.definition(problem="regression", train=train)
    return case_of(model, frame.assign(label=value), as_of=frames.AS_OF)
