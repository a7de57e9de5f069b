"""Fairness examined on real models of real flights, whose airlines stand for groups of people."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fixtures.real_flights import TYPES, definition, flights, midnight
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates.fairness import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.fairness import TASK, gather

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.gates.fairness import Found
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)


def asking(*protected: str, **changes: Any):
    return definition(features={"types": TYPES, "protected": list(protected)}, **changes)


@cache
def people() -> pd.DataFrame:
    """The flights of five months, each of a group that has nothing to do with it."""
    frame = flights()
    frame = frame[
        (frame["prediction_time"] >= midnight(2013, 2)) & (frame["prediction_time"] < JULY)
    ]
    random = np.random.default_rng(7)
    return frame.assign(
        group=random.choice(["a", "b", "c"], size=len(frame), p=[0.6, 0.3, 0.1]),
        rare=random.choice(["many", "few"], size=len(frame), p=[0.999, 0.001]),
    )


@cache
def fitted():
    return fit_model(asking("group"), people(), as_of=JULY)


def case(*protected: str, spoil=None, **changes: Any) -> Case:
    model = asking(*protected, **changes)
    return case_of(model, people(), as_of=JULY, fitted=fitted(), spoil=spoil)


def asked(one: Case, found: Found | None = None) -> GateResult:
    told = {"fairness": (found or gather(one)).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), one.model)


def test_it_is_looked_for_by_the_probe():
    assert TASK == "probe"


def test_a_real_model_treats_made_up_groups_alike():
    result = asked(case("group"))
    assert result.outcome == "passed"
    assert [line["group"] for line in result.table] == ["a", "b", "c", "greatest gap"]


def test_a_model_that_is_made_to_be_harder_on_one_group_blocks():
    def harder(frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        return np.where(frame["group"] == "c", score * 0.7, score)

    result = asked(case("group", spoil=harder))
    assert result.outcome == "blocked"
    assert "of c" in result.sentence
    assert "names dealt out at random stay within" in result.sentence


def test_airlines_are_found_to_be_treated_unlike_though_nothing_was_planted():
    one = case("carrier")
    found = gather(one)
    gaps = {gap.measure: gap for gap in found.gaps}
    assert (gaps["demographic_parity"].high, gaps["demographic_parity"].low) == ("EV", "US")
    assert gaps["demographic_parity"].gap.value > 0.3
    small = {one.group for one in found.treated["carrier"] if one.unknown}
    assert small == {"AS", "F9", "HA", "OO", "YV"}
    assert asked(one, found).outcome == "blocked"


def test_one_known_group_is_nobody_to_compare_with():
    result = asked(case("rare"))
    assert result.outcome == "blocked"
    assert "known of 1 of 2 groups" in result.sentence


def test_a_protected_attribute_that_the_rows_lack_is_not_found():
    with pytest.raises(EvidenceError, match="the feature set has no column sex"):
        gather(case("sex"))


def test_without_a_protected_attribute_nothing_is_found_and_nothing_fails():
    one = case()
    assert gather(one).gaps == []
    assert asked(one).outcome == "not_applicable"


def test_a_regression_is_examined_by_its_scores_and_errors():
    minutes = people().assign(label=people()["arr_delay"])
    trees = {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
             "params": {"max_iter": 20}}  # fmt: skip
    model = asking("group", problem="regression",
                   train={"search": {"trials": 1}, "candidates": {"trees": trees}})  # fmt: skip
    fair = asked(case_of(model, minutes, as_of=JULY))
    assert fair.outcome == "passed"
    assert list(fair.table[0])[4:] == ["mean score", "truth less score"]
