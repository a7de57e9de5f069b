"""Expectations tried on real models of real flights: what is so, and what is made not to be so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fixtures.real_flights import definition, flights, midnight
from tests.stages.cases import Spoilt, case_of
from tradewind.gates.behaviour import check
from tradewind.stages.examination.behaviour import TASK, gather
from tradewind.stats.proportions import wilson

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.gates.behaviour import Tried
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)
MILE = {"because": "A mile.", "feature": "distance", "by": 1, "within": 0.01}
LATER = {
    "because": "Delays pile up over the day.",
    "feature": "departure_minute",
    "by": 240,
    "must_not": "fall",
    "tolerance": 0.02,
    "share": 0.9,
    "where": {"departure_minute": {"at_most": 960}},
}
EARLY = {
    "because": "Early in the day a flight is unlikely to be late.",
    "given": {"departure_minute": 390, "precip": 0, "visib": 10},
    "at_most": 0.4,
}
ALL_THREE = {"invariance": [MILE], "direction": [LATER], "minimum": [EARLY]}


@cache
def spring() -> pd.DataFrame:
    frame, times = flights(), flights()["prediction_time"]
    return frame[(times >= midnight(2013, 3)) & (times < JULY)]


@cache
def real() -> Case:
    return case_of(definition(metrics={"resample": {"draws": 200}}), spring(), as_of=JULY)


def case(spoil: Any = None, **behaviour: Any) -> Case:
    """The real model, of which something is expected, or whoever spoils its answers."""
    expected = {"rows": 500, **(behaviour or ALL_THREE)}
    one = replace(real(), model=definition(gates={"behaviour": expected}))
    if spoil is None:
        return one
    said = spoil(one.split.judge, one.answers["candidate"])
    answers = {**one.answers, "candidate": said}
    return replace(one, scorer=Spoilt(one.scorer, spoil), answers=answers)


def asked(one: Case) -> GateResult:
    told = {"behaviour": gather(one).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), one.model)


def only(spoil: Any = None, **behaviour: Any) -> Tried:
    (tried,) = gather(case(spoil, **behaviour)).tried
    return tried


def test_it_is_looked_for_by_the_probe():
    assert TASK == "probe"


def test_a_real_model_behaves_as_flights_do():
    result = asked(case())
    assert result.outcome == "passed", result.sentence
    assert [line["kind"] for line in result.table] == ["invariance", "direction", "minimum"]


def _by_the_mile(frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
    return np.where(frame["distance"].to_numpy() % 2 == 0, score, np.minimum(score + 0.05, 1))


def _upside_down(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
    return 0.5 - frame["departure_minute"].to_numpy() / 4_000


def _high(_frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
    return 0.3 + 0.7 * score


@pytest.mark.parametrize(
    ("spoil", "kind", "because"),
    [
        (_by_the_mile, "invariance", MILE["because"]),
        (_upside_down, "direction", LATER["because"]),
        (_high, "minimum", EARLY["because"]),
    ],
)
def test_a_model_that_is_made_to_behave_otherwise_blocks(spoil, kind, because):
    result = asked(case(spoil))
    assert result.outcome == "blocked"
    assert because.rstrip(".") in result.sentence
    broken = [line for line in result.table if float(line["holds of"].partition("%")[0]) < 90]
    assert kind in [line["kind"] for line in broken]


def test_exactly_as_far_as_is_allowed_is_no_violation():
    def far(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return frame["distance"].to_numpy() / 10_000

    step = {"because": "x", "feature": "distance", "by": 100}
    assert only(far, invariance=[{**step, "within": 0.01}]).violations == 0
    beyond = only(far, invariance=[{**step, "within": 0.0099}])
    assert beyond.violations == beyond.rows > 0
    falls = {**step, "by": -100, "must_not": "fall"}
    assert only(far, direction=[{**falls, "tolerance": 0.01}]).violations == 0
    assert only(far, direction=[falls]).violations > 0
    assert only(far, direction=[{**falls, "must_not": "rise"}]).violations == 0
    assert only(far, direction=[{**falls, "by": 100}]).violations == 0


def test_of_several_values_each_row_is_told_by_the_one_that_moves_it_most():
    def by_name(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return frame["origin"].map({"EWR": 0.1, "JFK": 0.2, "LGA": 0.9}).to_numpy()

    change = {"because": "x", "feature": "origin", "within": 0.5}
    found = only(by_name, invariance=[{**change, "to": ["EWR", "JFK", "LGA"]}])
    assert found.violations == found.rows
    assert "takes the score from" in found.worst
    mild = only(by_name, invariance=[{**change, "to": ["EWR", "JFK"]}])
    assert 0 < mild.violations < mild.rows
    drawn = only(by_name, invariance=[{**change, "to": "observed"}])
    assert 0 < drawn.violations < drawn.rows
    assert drawn == only(by_name, invariance=[{**change, "to": "observed"}])


def test_it_is_tried_where_it_is_about_evenly_and_counted():
    found = only(direction=[LATER])
    minutes = case().rows["departure_minute"]
    about = ((minutes <= 960) & (minutes + 240 <= minutes.max())).sum()
    assert found.of_rows == about
    assert 250 < found.rows <= 500
    assert "where departure_minute is at most 960" in found.told


def test_the_interval_is_over_days_because_the_rows_of_a_day_are_alike():
    def odd_in_the_mist(frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        misty = frame["visib"].to_numpy() < 10
        return np.where(misty, frame["distance"].to_numpy() % 2, score)

    found = only(odd_in_the_mist, invariance=[{**MILE, "within": 0.5}])
    right = found.rows - found.violations
    assert 0 < found.violations < right
    low, high = found.between
    assert low < right / found.rows < high
    by_rows = wilson(right, found.rows, confidence=0.975)
    assert low < by_rows[0] < by_rows[1] < high
    assert found.interval is None


def test_where_all_rows_come_out_alike_a_day_counts_as_one_row():
    found = only(_by_the_mile, invariance=[{**MILE, "within": 0.04}])
    assert found.violations == found.rows
    assert found.between == wilson(0, 30, confidence=0.975)
    fine = only(invariance=[{**MILE, "within": 1.0}])
    assert fine.violations == 0
    assert fine.between == wilson(30, 30, confidence=0.975)


def test_rows_of_few_days_count_as_so_many_days():
    def odd(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return frame["distance"].to_numpy() % 2 * (frame["origin"] == "JFK").to_numpy()

    wet = {"precip": {"at_least": 0.3}}
    found = only(odd, invariance=[{**MILE, "where": wet}])
    rows = case().rows
    days = rows.loc[rows["precip"] >= 0.3, "prediction_time"].dt.tz_convert("America/New_York")
    right = (found.rows - found.violations) / found.rows
    count = days.dt.date.nunique()
    assert (0 < right < 1, count < 7) == (True, True)
    assert found.between == pytest.approx(wilson(right * count, count, confidence=0.975))


def test_an_expectation_that_is_about_no_row_is_unknown_and_blocks():
    nowhere = {**LATER, "where": {"origin": {"one_of": ["SFO"]}}}
    result = asked(case(direction=[nowhere]))
    assert result.outcome == "blocked"
    assert "no judged row is like that" in result.sentence
    everything = {**EARLY, "where": {"distance": {"at_least": 99_999}}}
    assert only(minimum=[everything]).rows == 0
    assert only(invariance=[{**MILE, "where": {"distance": {"at_most": 0}}}]).rows == 0


def test_with_every_feature_given_it_is_one_row():
    row = case().rows.iloc[0]
    given = {name: row[name] for name in definition().features.types}
    given = {name: value if isinstance(value, str) else float(value)
             for name, value in given.items()}  # fmt: skip
    found = only(minimum=[{"because": "x", "given": given, "at_least": 0.001}])
    assert (found.rows, found.of_rows, found.violations) == (1, 1, 0)
    assert found.between is None


def test_the_tolerance_is_in_the_unit_of_the_score():
    def hours(frame: pd.DataFrame, _score: np.ndarray) -> np.ndarray:
        return frame["departure_minute"].to_numpy() / 1_440

    rises = {**LATER, "must_not": "rise"}
    assert only(hours, direction=[{**rises, "tolerance": 240 / 1_440}]).violations == 0
    found = only(hours, direction=[{**rises, "tolerance": 239 / 1_440}])
    assert found.violations == found.rows
