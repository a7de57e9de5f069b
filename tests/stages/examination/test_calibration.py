"""Whether scores mean what they say, found of real models of real flights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.gate_calibration import FAULTS, verdict

from tests.fixtures.real_flights import definition, midnight
from tests.stages.cases import case_of
from tradewind.errors import EvidenceError
from tradewind.gates import calibration as gate
from tradewind.gates import run_gates
from tradewind.learning.fit import fit_model
from tradewind.stages.examination import calibration as examiner
from tradewind.stages.examination.calibration import gather
from tradewind.stages.examine import look

if TYPE_CHECKING:
    from tradewind.stages._case import Case

JULY = midnight(2013, 7)
MODEL = definition(gates={"slices": {"by": ["origin"], "important": 0}})


@pytest.fixture(scope="module")
def sound(spring, fitted) -> Case:
    return case_of(MODEL, spring, as_of=JULY, fitted=fitted)


@pytest.fixture(scope="module")
def spoilt(spring, fitted):
    """Makes the good model with its scores changed."""
    return lambda spoil: case_of(MODEL, spring, as_of=JULY, fitted=fitted, spoil=spoil)


def asking(case: Case, **asked) -> Case:
    return replace(case, model=definition(gates=asked))


def test_a_good_model_passes_and_its_parts_add_up(sound):
    assert verdict(sound).outcome == "passed"
    found = gather(sound)
    tenths = [part for part in found.parts if part.kind == "tenth"]
    slices = [part for part in found.parts if part.kind == "slice"]
    assert (len(tenths), len(slices)) == (10, 3)
    assert sum(part.rows for part in tenths) == sum(part.rows for part in slices) == found.rows
    shares = [part.rows / found.rows * (part.truth - part.score) for part in tenths]
    assert sum(shares) == pytest.approx(found.truth - found.score)
    assert found.level.value == pytest.approx((found.truth - found.score) / found.deviation)
    assert found.deviation == pytest.approx(float(np.std(sound.rows["label"])))
    for one in (found, *tenths, *slices):
        assert one.score_between[0] < one.score < one.score_between[1]
        assert one.truth_between[0] < one.truth < one.truth_between[1]


def test_the_slope_is_that_of_a_line_through_truth_over_score(sound):
    found, rows = gather(sound), sound.players["candidate"]
    line = np.polyfit(rows.score, rows.label, 1)
    assert found.slope.value == pytest.approx(float(line[0]))
    assert found.slope.value < found.slope_high < found.slope.high


def test_bounds_of_parts_reach_farther_than_that_of_the_level(sound):
    found = gather(sound)
    own = (found.level.high - found.level.value) / found.level.standard_error
    for part in found.parts:
        if part.gap is not None:
            reach = (part.gap.high - part.gap.value) / part.gap.standard_error
            assert reach > own


@pytest.mark.parametrize("fault", ["scores doubled", "odds times 4.5"])
def test_a_model_made_to_say_too_much_is_blocked(fault, spoilt):
    result = verdict(spoilt(FAULTS[fault]))
    assert result.outcome == "blocked"
    assert "too much by" in result.sentence


def test_one_airport_whose_scores_say_too_much_is_blocked_by_name(spoilt):
    def far_too_much(frame, score):
        return np.where(frame["origin"] == "JFK", 0.9, score)

    result = verdict(spoilt(far_too_much))
    assert result.outcome == "blocked"
    assert "origin is JFK" in [
        line["part"] for line in result.table if line["says"] == "passes its limit"
    ]


def test_scores_that_are_all_the_same_have_no_slope_and_block(spoilt):
    flat = spoilt(lambda _frame, score: np.full(len(score), 0.25))
    with pytest.raises(EvidenceError, match="all scores are the same"):
        gather(flat)
    unfound = look(flat, {"calibration": examiner})["unfound"]
    evidence = flat.evidence.model_copy(update={"unfound": unfound})
    result = run_gates(evidence, flat.model, gates={"calibration": gate})[0]
    assert (result.outcome, "all scores are the same" in result.sentence) == ("blocked", True)


def test_parts_too_small_are_unknown_with_the_reason(sound):
    case = asking(sound, slices={"by": ["carrier"], "important": 0})
    parts = {part.name: part for part in gather(case).parts}
    assert parts["carrier is HA"].unknown == "30 rows, and 300 are needed"
    assert parts["carrier is HA"].gap is None
    few = gather(asking(sound, slices={"important": 0, "least_rows": 9_000}))
    assert [part.rows > 8_000 for part in few.parts] == [True, True]


def test_of_a_regression_the_gaps_are_in_standard_deviations(spring):
    model = definition(problem="regression", gates={"slices": {"important": 0}},
                       train={"candidates": {"r": {"estimator": "sklearn.linear_model.Ridge"}},
                              "search": {"trials": 1}})  # fmt: skip
    frame = spring.assign(label=spring["arr_delay"].astype(float))
    fitted = fit_model(model, frame, as_of=JULY)
    case = case_of(model, frame, as_of=JULY, fitted=fitted)
    found = gather(case)
    assert found.deviation == pytest.approx(float(np.std(case.rows["label"])))
    assert found.level.value == pytest.approx((found.truth - found.score) / found.deviation)
    assert verdict(case).outcome == "passed"
    late = case_of(model, frame, as_of=JULY, fitted=fitted, spoil=lambda _frame, score: score + 60)
    assert verdict(late).outcome == "blocked"
