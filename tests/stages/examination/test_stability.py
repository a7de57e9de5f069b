"""Models fitted again: those that hold, and those that other rows or another seed undo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fixtures.real_flights import BOOSTING, definition, flights, midnight
from tests.learning import frames
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates.stability import Found, check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.stability import gather
from tradewind.stages.examine import look

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.stages._case import Case

FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5}}
SAMPLED = {
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "params": {"max_iter": 20, "max_features": 0.5, "min_samples_leaf": 100},
}
FEWER = {"rows": 4_000, "left_out": 1}


def some_flights() -> pd.DataFrame:
    """Every third flight: a third of the time, and as good for what is to be seen here."""
    return flights().iloc[::3]


def flight_case(month: int, candidate: dict[str, Any], **asked: Any) -> Case:
    """A model of the newest flights."""
    train = {"search": {"trials": 1, "rows": 10_000}, "candidates": {"one": candidate}}
    model = definition(train=train, gates={"stability": {**FEWER, **asked}})
    return case_of(model, some_flights(), as_of=midnight(2013, month))


def toy_case(**changes: Any) -> Case:
    train = {"search": {"trials": 1}, "candidates": {"one": SAMPLED}, "calibration": "none"}
    model = frames.definition(train=train, gates={"stability": changes})
    return case_of(model, frames.feature_set(), as_of=frames.AS_OF)


def outcome(case: Case, found: Found) -> str:
    told = {"stability": found.model_dump(mode="json")}
    return check(case.evidence.model_copy(update={"findings": told}), case.model).outcome


@pytest.fixture(scope="module")
def good() -> tuple[Case, Found]:
    case = flight_case(8, BOOSTING)
    return case, gather(case)


@pytest.fixture(scope="module")
def toy() -> Case:
    return toy_case(stretches=3, left_out=3)


def test_a_good_model_of_real_flights_is_made_again_to_the_bit_and_passes(
    good: tuple[Case, Found],
) -> None:
    case, found = good
    assert found.again == found.recorded == case.trained.prediction_digest
    assert found.differing == 0
    assert outcome(case, found) == "passed"


def test_the_share_of_changed_decisions_has_its_interval(good: tuple[Case, Found]) -> None:
    _, found = good
    stretch = next(one for one in found.attempts if one.kind == "stretch")
    low, high = stretch.moved_between
    assert 0 < low < stretch.moved < high < 1


def test_it_says_on_how_many_rows_it_was_fitted(good: tuple[Case, Found]) -> None:
    _, found = good
    assert (found.rows, found.of_rows) == (4_001, 10_000)


@pytest.mark.parametrize("month", [9, 11])
def test_a_forest_of_five_trees_that_learned_flights_by_heart_blocks(month: int) -> None:
    case = flight_case(month, FOREST)
    found = gather(case)
    assert found.again == found.recorded
    seed, stretch = found.attempts
    assert seed.changed.value > case.model.gates.stability.by_seed
    assert stretch.changed.value > case.model.gates.stability.by_stretch
    assert outcome(case, found) == "blocked"


def test_the_newest_stretch_is_left_out_first_and_all_of_them_where_that_is_asked(
    toy: Case,
) -> None:
    names = [one.name for one in gather(toy).attempts]
    days = toy.fit.days
    assert names[0] == "with another seed"
    assert len(names) == 4
    assert names[1].endswith(str(days.max())[:10])
    assert names[3].startswith(f"without {str(days.min())[:10]}")


def test_fewer_rows_than_are_asked_for_are_fitted_once_for_both(toy: Case) -> None:
    found = gather(toy)
    assert found.rows == found.of_rows == len(toy.fit.label)


def test_a_model_that_was_trained_otherwise_than_it_was_recorded_is_found_out(toy: Case) -> None:
    other = toy.model.train.model_copy(update={"seed": 7})
    fitted = fit_model(
        toy.model.model_copy(update={"train": other}), frames.feature_set(), as_of=frames.AS_OF
    )
    case = case_of(toy.model, frames.feature_set(), as_of=frames.AS_OF, fitted=fitted)
    found = gather(case)
    assert found.again != found.recorded
    assert found.differing > 0
    assert outcome(case, found) == "blocked"


def test_one_label_that_was_changed_afterwards_is_found_out(toy: Case) -> None:
    fit = toy.split.fit.copy()
    fit.loc[fit.index[0], "label"] = not fit["label"].iloc[0]
    case = replace(toy, split=replace(toy.split, fit=fit))
    found = gather(case)
    assert found.again != found.recorded


def test_fewer_days_than_stretches_are_an_error() -> None:
    case = toy_case(stretches=50)
    few = replace(case.split, fit=case.split.fit.tail(600))
    with pytest.raises(EvidenceError, match="50 stretches cannot be cut from them"):
        gather(replace(case, split=few))


def test_parameters_that_were_not_recorded_block(toy: Case) -> None:
    case = replace(toy, trained=toy.trained.model_copy(update={"params": None}))
    from tradewind.stages.examination import stability

    found = look(case, {"stability": stability})
    assert "was not recorded when it was trained" in found["unfound"]["stability"]


def test_a_regression_is_held_to_the_same_budgets() -> None:
    frame = some_flights()
    frame = frame.assign(label=frame["arr_delay"])
    unsteady = {"estimator": "sklearn.tree.ExtraTreeRegressor"}
    steady = {"estimator": "sklearn.linear_model.Ridge"}
    answers = {}
    for name, candidate in {"steady": steady, "unsteady": unsteady}.items():
        model = definition(
            problem="regression",
            train={"search": {"trials": 1, "rows": 5_000}, "candidates": {"one": candidate}},
            gates={"stability": FEWER},
        )
        case = case_of(model, frame, as_of=midnight(2013, 9))
        found = gather(case)
        assert found.again == found.recorded
        assert all(np.isfinite(one.moved) for one in found.attempts)
        assert all(one.moved_between[0] <= one.moved for one in found.attempts)
        assert all(one.moved <= one.moved_between[1] for one in found.attempts)
        answers[name] = outcome(case, found)
    assert answers == {"steady": "passed", "unsteady": "blocked"}
