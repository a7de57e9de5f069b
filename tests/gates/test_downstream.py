"""Who reads the scores takes how far they move, or signs, or it blocks."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from tests.gates.evidence import estimate, evidence, model
from tradewind.definition.gates.downstream import Downstream
from tradewind.errors import EvidenceError
from tradewind.gates import downstream as gate
from tradewind.gates import run_gates
from tradewind.gates.downstream import Found, Moved, check

DAY = date(2024, 6, 1)
DESK = {"owner": "the desk", "level": 0.5, "spread": 1.5}
SIGNED = {"by": "A. Person", "because": "the queue is longer now.", "until": DAY, "level": 0.8}


def moved(level: float = 0.02, spread: float = 1.1, **changes: Any) -> dict[str, Any]:
    one = Moved(
        **{"level": estimate(level), "spread": estimate(spread), "mean": 0.24,
           "mean_between": (0.2, 0.28), "deviation": 0.1, "changed": 0.031,
           "changed_between": (0.021, 0.041), **changes}
    )  # fmt: skip
    return {"downstream": Found(moved=one).model_dump(mode="json")}


def ask(findings: dict[str, Any], *, day: date = DAY, **consumers: Any):
    consumers = consumers or {"crew": DESK}
    shown = evidence(findings=findings, day=day)
    return check(shown, model(waivers=[], downstream={"consumers": consumers}))


def test_what_everybody_can_take_passes_and_is_told():
    result = ask(moved())
    assert result.outcome == "passed"
    assert (result.figure, result.threshold) == pytest.approx((0.2, 0.5))
    assert result.interval == pytest.approx((0.0, 0.4))
    assert (result.rows, result.units) == (27_075, 30)
    assert result.sentence == (
        "Against the champion (version 3) the mean score moves by 0.02 (0 to 0.04) from 0.24 (0.2 "
        "to 0.28), that is 0.2 (0 to 0.4) of its standard deviations, and the spread becomes 1.1 "
        "(1.08 to 1.12) times as wide; 3.1% (2.1% to 4.1%) of the decisions change. The one who "
        "read it can take that. Judged on 27,075 rows of 30 days."
    )
    assert result.table[0] == {
        "consumer": "crew", "owner": "the desk", "change": "level 0.2 (0 to 0.4) sd",
        "takes": "0.5 sd", "signed": "", "outcome": "taken",
    }  # fmt: skip


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("size", "outcome"), [(0.5, "passed"), (0.5001, "blocked")])
def test_the_level_may_move_to_its_limit_up_or_down(sign, size, outcome):
    result = ask(moved(sign * size, deviation=1.0), crew={"owner": "o", "level": 0.5})
    assert result.outcome == outcome
    assert (result.figure, result.threshold) == (sign * size, sign * 0.5)


@pytest.mark.parametrize(
    ("ratio", "outcome", "threshold"),
    [
        (1.5, "passed", 1.5),
        (1.5001, "blocked", 1.5),
        (1.0, "passed", 1.5),
        (1 / 1.5, "passed", 1 / 1.5),
        (0.6666, "blocked", 1 / 1.5),
        (0.0, "blocked", 1 / 1.5),
    ],
)
def test_the_spread_may_become_so_many_times_wider_or_narrower(ratio, outcome, threshold):
    result = ask(moved(spread=ratio), crew={"owner": "o", "spread": 1.5})
    assert (result.outcome, result.figure, result.threshold) == (outcome, ratio, threshold)


@pytest.mark.parametrize(
    ("level", "spread", "figure", "threshold"),
    [
        (-0.04, 1.1, -0.4, -0.5),
        (0.01, 0.75, 0.75, 1 / 1.5),
        (0.01, 1.3, 1.3, 1.5),
        (0.04, 0.0, 0.0, 1 / 1.5),
    ],
)
def test_the_figure_is_the_change_that_uses_up_most_of_what_is_taken(
    level, spread, figure, threshold
):
    result = ask(moved(level, spread))
    assert (result.figure, result.threshold) == pytest.approx((figure, threshold))


def test_a_level_is_counted_in_deviations_or_in_the_scores_own_unit():
    by_deviation = ask(moved(0.06), crew={"owner": "o", "level": 0.5})
    assert (by_deviation.outcome, by_deviation.figure) == ("blocked", pytest.approx(0.6))
    assert by_deviation.interval == pytest.approx((0.4, 0.8))
    assert "level 0.6 (0.4 to 0.8) sd for crew (o), who takes 0.5 sd" in by_deviation.sentence
    own = ask(moved(0.06), crew={"owner": "o", "level": 0.07, "unit": "score"})
    assert (own.outcome, own.figure, own.threshold) == ("passed", 0.06, 0.07)
    assert (
        ask(moved(0.08), crew={"owner": "o", "level": 0.07, "unit": "score"}).outcome == "blocked"
    )


def test_every_consumer_is_asked_and_the_one_who_can_take_least_decides_the_figure():
    result = ask(moved(0.04), crew=DESK, fuel={"owner": "fuel desk", "level": 0.3})
    assert result.outcome == "blocked"
    assert (result.figure, result.threshold) == pytest.approx((0.4, 0.3))
    said = (
        "It is more than was agreed: level 0.4 (0.2 to 0.6) sd for fuel (fuel desk), who takes "
        "0.3 sd."
    )
    assert said in result.sentence
    assert [line["outcome"] for line in result.table] == ["taken", "taken", "beyond it"]
    assert "All 2 who read it can take that" in ask(moved(), crew=DESK, fuel=DESK).sentence


@pytest.mark.parametrize(
    ("level", "day", "outcome"),
    [
        (0.08, DAY, "passed"),
        (0.0801, DAY, "blocked"),
        (0.08, date(2024, 6, 2), "blocked"),
        (0.05, date(2024, 6, 2), "passed"),
    ],
)
def test_a_signature_holds_to_its_size_and_to_its_day(level, day, outcome):
    assert ask(moved(level), day=day, crew={**DESK, "signed": SIGNED}).outcome == outcome


def test_a_change_that_passes_because_it_was_signed_says_by_whom_and_until_when():
    result = ask(moved(0.07), crew={**DESK, "signed": SIGNED})
    assert result.outcome == "passed"
    assert (
        "crew takes 0.5 sd of level by itself, and A. Person signed for 0.8 sd until 2024-06-01: "
        "the queue is longer now."
    ) in result.sentence
    assert "can take that" not in result.sentence
    assert result.table[0]["signed"] == "0.8 sd"
    for level in (0.05, 0.09):
        unused = ask(moved(level), crew={**DESK, "signed": SIGNED})
        assert "signed" not in unused.sentence


def test_a_signature_for_the_level_is_none_for_the_spread():
    assert ask(moved(0.07, 1.6), crew={**DESK, "signed": SIGNED}).outcome == "blocked"
    wider = {**SIGNED, "spread": 1.6}
    assert ask(moved(0.07, 1.6), crew={**DESK, "signed": wider}).outcome == "passed"


def test_a_regression_has_no_decisions_that_change():
    assert "decisions" not in ask(moved(changed=None)).sentence


def test_without_a_consumer_or_a_champion_there_is_nothing_to_compare():
    result = check(evidence(), model(waivers=[]))
    assert (result.outcome, "Nobody is registered" in result.sentence) == ("not_applicable", True)
    asked = model(waivers=[], downstream={"consumers": {"crew": DESK}})
    for state in ("never", "is_candidate"):
        assert check(evidence(champion_state=state), asked).outcome == "not_applicable"


def test_a_champion_that_cannot_be_judged_blocks():
    asked = model(waivers=[], downstream={"consumers": {"crew": DESK}})
    shown = evidence(champion_state="unusable", champion_problem="its file is damaged")
    result = run_gates(shown, asked, gates={"downstream": gate})[0]
    assert result.outcome == "blocked"
    assert "its file is damaged" in result.sentence


def test_a_finding_that_is_missing_or_no_number_blocks():
    with pytest.raises(EvidenceError, match="was not found: nobody looked"):
        ask({})
    with pytest.raises(EvidenceError, match="was not looked for"):
        ask({"downstream": {"moved": None}})
    broken = moved()
    broken["downstream"]["moved"]["level"]["value"] = math.nan
    with pytest.raises(EvidenceError, match="is not a number: nan"):
        ask(broken)


@pytest.mark.parametrize(
    ("consumer", "said"),
    [
        ({"owner": "o"}, "say `level`, `spread`, or both"),
        ({"owner": "o", "spread": 1.0}, "greater than 1"),
        ({"owner": "o", "level": 0.0}, "greater than 0"),
        ({"owner": "o", "spread": 1.5, "unit": "sd"}, "`unit` is of `level`"),
        ({**DESK, "signed": {**SIGNED, "level": 0.5}}, "`signed.level` must be more than"),
        ({"owner": "o", "spread": 1.5, "signed": SIGNED}, "`signed.level` must be more than"),
        ({**DESK, "signed": {**SIGNED, "level": None}}, "say `level`, `spread`, or both"),
    ],
)
def test_what_a_consumer_declares_must_say_something(consumer, said):
    with pytest.raises(ValidationError, match=said):
        Downstream.model_validate({"consumers": {"crew": consumer}})
