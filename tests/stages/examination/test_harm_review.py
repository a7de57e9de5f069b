"""Harm looked for on the judged rows of a real model of real flights."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fixtures.real_flights import definition, flights, midnight
from tests.stages.cases import case_of
from tradewind.gates.harm_review import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.harm_review import TASK, gather

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.gates.harm_review import Looked
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)


@cache
def rows() -> pd.DataFrame:
    frame = flights()
    times = frame["prediction_time"]
    return frame[(times >= midnight(2013, 4)) & (times < JULY)]


@cache
def fitted():
    return fit_model(definition(), rows(), as_of=JULY)


def case(spoil=None, **indicators: Any) -> Case:
    review = {
        "by": "ada",
        "on": date(2013, 1, 1),
        "until": date(2099, 1, 1),
        "helps": ["those who are warned in time"],
        "harms": ["those who are warned for nothing"],
        "indicators": indicators,
    }
    model = definition(harm_review=review)
    return case_of(model, rows(), as_of=JULY, fitted=fitted(), spoil=spoil)


def found(**indicators: Any) -> dict[str, Looked]:
    return {one.name: one for one in gather(case(**indicators)).looked}


def test_it_is_looked_for_by_the_probe():
    assert TASK == "probe"


def test_the_figure_is_that_of_the_candidates_decisions_on_the_groups_judged_rows():
    where = {"origin": "JFK"}
    one = case(missed={"metric": "true_positive_rate", "where": where, "at_least": 0.0})
    (told,) = gather(one).looked
    inside = (one.rows["origin"] == "JFK").to_numpy()
    late = one.rows["label"].to_numpy(dtype=bool) & inside
    decided = one.decide(one.answers["candidate"][one.judged])
    assert told.rows == inside.sum()
    assert told.figure.value == pytest.approx(decided[late].mean(), abs=1e-12)
    assert told.figure.low < told.figure.value < told.figure.high


def test_a_group_of_too_few_rows_has_no_figure_and_one_of_none_says_so():
    said = found(
        nobody={"metric": "selection_rate", "where": {"origin": "ORD"}, "at_most": 0.9},
        few={"metric": "selection_rate", "where": {"origin": "JFK", "distance": 199}, "at_most": 0},
    )
    assert (said["nobody"].rows, said["nobody"].figure) == (0, None)
    assert said["nobody"].missing == "there is no row of it"
    assert said["few"].figure is None
    assert "100 are needed" in said["few"].missing


def test_nothing_is_looked_for_where_nothing_is_declared():
    assert gather(case()).looked == []


def test_a_candidate_that_warns_everybody_at_one_airport_is_harm_there_alone():
    def loud(frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        return np.where(frame["origin"] == "LGA", 0.99, score)

    limits = {
        name: {"metric": "false_positive_rate", "where": {"origin": name.upper()}, "at_most": 0.9}
        for name in ("jfk", "lga")
    }
    for spoil, outcome in ((None, "passed"), (loud, "blocked")):
        one = case(spoil, **limits)
        told = {"harm_review": gather(one).model_dump(mode="json")}
        result = check(one.evidence.model_copy(update={"findings": told}), one.model)
        assert result.outcome == outcome
    assert "lga, the false positive rate of origin = LGA, is 1 (1 to 1)" in result.sentence
    assert "jfk, the" not in result.sentence
