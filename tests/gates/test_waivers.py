"""A gate is switched off by name, for a reason, until a day; and everybody can see it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.gates.evidence import difference, evidence, model
from tradewind.gates import passed, run_gates, waiver_of

LAST = date(2024, 6, 1)
WORSE = {"against_champion": difference(-0.05)}


def waived(gate: str = "beats_champion", until: date = LAST):
    one = {"gate": gate, "by": "Ann Lee", "because": "the champion is broken", "until": until}
    return model(waivers=[one])


def result_of(gate: str, found):
    return next(result for result in found if result.gate == gate)


def test_a_waived_gate_is_not_asked_and_says_who_switched_it_off_why_and_until_when():
    found = [r for r in run_gates(evidence(**WORSE), waived()) if r.gate in BASIC]
    result = result_of("beats_champion", found)
    assert result.outcome == "waived"
    assert result.sentence == "Switched off by Ann Lee until 2024-06-01: the champion is broken"
    assert passed(found)


BASIC = ("threshold", "beats_naive", "beats_champion")


@pytest.mark.parametrize(
    ("day", "outcome"),
    [(LAST - timedelta(days=1), "waived"), (LAST, "waived"), (LAST + timedelta(days=1), "blocked")],
)
def test_a_waiver_holds_on_its_last_day_and_not_on_the_next(day, outcome):
    found = run_gates(evidence(day=day, **WORSE), waived())
    assert result_of("beats_champion", found).outcome == outcome


def test_a_gate_whose_waiver_ended_says_so():
    found = run_gates(evidence(day=LAST + timedelta(days=9), **WORSE), waived())
    sentence = result_of("beats_champion", found).sentence
    assert sentence.endswith("A waiver by Ann Lee ended on 2024-06-01.")


def test_a_waiver_of_one_gate_leaves_the_others_on():
    assert waiver_of("beats_naive", waived(), day=LAST) is None
    found = run_gates(evidence(**WORSE), waived("beats_naive"))
    assert result_of("beats_champion", found).outcome == "blocked"


def test_a_gate_without_a_waiver_says_nothing_of_anybody_elses():
    found = run_gates(evidence(day=LAST + timedelta(days=9)), waived("beats_naive"))
    assert "ended on" not in result_of("beats_champion", found).sentence


def test_waiving_everything_passes_nothing():
    every = [result_of(gate, run_gates(evidence(), waived(gate))) for gate in BASIC]
    assert {result.outcome for result in every} == {"waived"}
    assert not passed(every)
