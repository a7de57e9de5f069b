"""A year of comparisons: each at its part of the error, and no more of them than planned."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from tests.gates.evidence import difference, evidence, model
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates
from tradewind.gates.promotion_budget import Found, affords, check
from tradewind.records import Difference, GateResult

PART = 0.2 / 26


def against(value: float = 0.0, low: float = -0.01, detectable: float = 0.02) -> Difference:
    return Difference(value=value, low=low, standard_error=0.005, smallest_detectable=detectable)


def found(**changes: Any) -> Found:
    sound = {"level": PART, "planned": 26, "earlier": 4, "spent": 4 * PART, "against": against()}
    return Found(**{**sound, **changes})


def asked(one: Found, *, policy: dict[str, Any] | None = None, **changes: Any) -> GateResult:
    shown = evidence(findings={"promotion_budget": one.model_dump(mode="json")}, **changes)
    return check(shown, model(waivers=[], beats_champion=policy or {}))


def test_an_equal_candidate_passes_at_the_margin_of_its_own_level():
    result = asked(found())
    assert result.outcome == "passed"
    assert (result.figure, result.threshold, result.interval) == (-0.01, -0.02, (-0.01, 0.01))
    assert (result.rows, result.units) == (27_075, 30)
    assert result.sentence == (
        "Comparison 5 of the 26 that 365 days may hold, at an error of 0.0077 each, so that all of "
        "them together let a wrong one in with a chance of at most 0.2. With 99.23% confidence the "
        "difference in log_loss is above -0.01. It is surely not worse by more than the margin of "
        "0.02 (from the noise of these rows). Judged on 27,075 rows of 30 days. The smallest "
        "advantage that these rows would show four times out of five is 0.02."
    )


@pytest.mark.parametrize(("low", "outcome"), [(-0.02, "passed"), (-0.02001, "blocked")])
def test_the_bound_may_touch_minus_the_margin_and_not_pass_it(low, outcome):
    assert asked(found(against=against(low=low))).outcome == outcome


@pytest.mark.parametrize(("low", "outcome"), [(-0.012, "passed"), (-0.01201, "blocked")])
def test_a_cap_on_the_margin_holds_here_too(low, outcome):
    result = asked(found(against=against(low=low)), policy={"at_most": 0.012})
    assert (result.outcome, result.threshold) == (outcome, -0.012)


def test_it_says_that_a_candidate_may_be_worse():
    result = asked(found(against=against(low=-0.03)))
    assert result.outcome == "blocked"
    assert "It may be worse by more than the margin of 0.02" in result.sentence


@pytest.mark.parametrize(("low", "outcome"), [(0.0001, "passed"), (0.0, "blocked")])
def test_a_superior_candidate_must_be_surely_better_at_this_level(low, outcome):
    result = asked(found(against=against(low=low)), policy={"policy": "superior"})
    assert (result.outcome, result.threshold) == (outcome, 0.0)
    words = {
        "passed": "It is surely better at that confidence.",
        "blocked": "That it is better is not sure at that confidence.",
    }
    assert words[outcome] in result.sentence


def test_the_last_comparison_of_the_year_is_still_made():
    assert asked(found(earlier=25, spent=25 * PART)).outcome == "passed"


def test_one_more_than_the_year_affords_blocks_and_says_when_the_next_is_free():
    spent = found(earlier=26, spent=26 * PART, frees=date(2024, 7, 3), against=None)
    result = asked(spent)
    assert result.outcome == "blocked"
    assert result.figure == pytest.approx(0.2 + PART)
    assert result.threshold == 0.2
    assert "held 26 comparisons" in result.sentence
    assert "The next is free on 2024-07-03" in result.sentence


def test_a_comparison_that_was_not_paid_for_counts_for_nothing():
    assert asked(found(spent=0.2)).outcome == "blocked"


@pytest.mark.parametrize(("spent", "fits"), [(0.15, True), (0.1501, False), (0.3, False)])
def test_the_years_error_may_be_used_up_and_not_overdrawn(spent, fits):
    assert affords(0.05, spent=spent, error=0.2) is fits


def test_what_adding_up_rounds_is_not_overdrawn():
    most = 0.2 + 1e-9
    assert affords(most, spent=0.0, error=0.2)
    assert not affords(math.nextafter(most, 1), spent=0.0, error=0.2)


@pytest.mark.parametrize("state", ["never", "is_candidate"])
def test_without_a_champion_there_is_nothing_to_spend(state):
    shown = evidence(champion_state=state, champion=None, against_champion=None)
    assert check(shown, model(waivers=[])).outcome == "not_applicable"


def test_a_champion_that_cannot_be_judged_blocks():
    with pytest.raises(EvidenceError, match="cannot be judged on these rows"):
        asked(found(), champion_state="unusable")


def test_a_comparison_that_was_afforded_and_is_missing_blocks():
    with pytest.raises(EvidenceError, match="was not compared"):
        asked(found(against=None))


def test_without_its_finding_it_blocks():
    results = run_gates(evidence(against_champion=difference(0.003)), model(waivers=[]))
    (result,) = (one for one in results if one.gate == "promotion_budget")
    assert result.outcome == "blocked"
    assert "nobody looked" in result.sentence
