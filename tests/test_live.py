from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.definition.folders import TEN_LINES
from tradewind.definition.loader import parse_definition
from tradewind.live import (
    accepted_at,
    live_state,
    newest_moment,
    order_moment,
    state_of,
    taken_back,
)
from tradewind.stores.events import Event
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from tradewind.nights import LiveState

JUNE = datetime(2013, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def happened(*steps: tuple[str, dict[str, Any]]) -> list[Event]:
    """Events of one a night, from 1 June on."""
    return [
        Event(
            id=number + 1,
            recorded_at=JUNE,
            as_of=JUNE + number * DAY,
            model="m",
            kind=kind,
            actor="ann",
            reason=f"reason {number + 1}",
            payload=payload,
        )
        for number, (kind, payload) in enumerate(steps)
    ]


def promoted(version: int, evidence: str = "e", **more: Any) -> tuple[str, dict[str, Any]]:
    return "intended", {"version": version, "evidence_digest": evidence, **more}


def rolled_back(to: int) -> tuple[str, dict[str, Any]]:
    return "intended", {"version": to, "evidence_digest": "e", "action": "roll_back", "from": 0}


def arm(version: int, kind: str = "shadow", share: float = 0.0) -> tuple[str, dict[str, Any]]:
    name = f"{kind}:{version}"
    return "arm_started", {"name": name, "version": version, "kind": kind, "share": share}


def ruled(value: str, until: datetime, by: int | str = "fallback") -> tuple[str, dict[str, Any]]:
    said = {"feature": "origin", "value": value, "served_by": by, "until": until.isoformat()}
    return "segment_ruled", said


def read(
    *steps: tuple[str, dict[str, Any]], at: int = 100, probation: timedelta | None = None
) -> LiveState:
    return state_of("m", happened(*steps), as_of=JUNE + at * DAY, probation=probation)


def test_a_model_without_a_past_has_no_champion() -> None:
    state = read()
    assert (state.champion, state.previous, state.arms) == (None, None, [])


def test_the_predecessor_is_the_version_that_was_live_before() -> None:
    state = read(promoted(1), promoted(3))
    assert (state.champion, state.champion_since, state.previous) == (3, JUNE + DAY, 1)


def test_what_was_rolled_back_is_nobodys_predecessor() -> None:
    assert read(promoted(1), promoted(2), rolled_back(1)).previous is None
    state = read(promoted(1), promoted(2), rolled_back(1), promoted(3))
    assert (state.champion, state.previous) == (3, 1)


def test_a_rollback_over_two_takes_both_back() -> None:
    steps = promoted(1, "a"), promoted(2, "b"), promoted(3, "c"), rolled_back(1)
    assert read(*steps).previous is None
    assert taken_back(happened(*steps)) == {(2, "b"), (3, "c")}


def test_what_returned_by_a_new_verdict_may_be_a_predecessor_again() -> None:
    steps = promoted(1), promoted(2, "a"), rolled_back(1), promoted(2, "b"), promoted(3)
    assert read(*steps).previous == 2
    assert taken_back(happened(*steps)) == {(2, "a")}


def test_a_version_that_was_promoted_twice_is_in_the_line_once() -> None:
    state = read(promoted(1), promoted(2), promoted(1, "f"))
    assert (state.champion, state.previous) == (1, 2)


def test_a_promotion_does_not_switch_the_model_on() -> None:
    off = ("switched_off", {})
    assert read(promoted(1), off, promoted(2)).switched_off == "reason 2"
    assert read(promoted(1), off, promoted(2), ("resumed", {})).switched_off is None


def test_a_hold_ends_with_its_date_a_newer_one_or_a_resumption() -> None:
    until = JUNE + 10 * DAY
    hold = ("held", {"until": until.isoformat()})
    assert read(hold, at=9).hold_until == until
    assert read(hold, at=9).hold_reason == "reason 1"
    assert read(hold, at=10).hold_until is None
    assert read(hold, ("resumed", {}), at=9).hold_until is None
    newer = ("held", {"until": (JUNE + 5 * DAY).isoformat()})
    assert read(hold, newer, at=6).hold_until is None


def test_a_retired_model_is_brought_back_by_a_person_only() -> None:
    retired = ("retired", {})
    assert read(promoted(1), retired, promoted(2)).retired == "reason 2"
    assert read(promoted(1), retired, promoted(2, by_hand=True)).retired is None
    assert read(promoted(1), retired, ("resumed", {})).retired is None


def test_arms_run_until_they_are_stopped_or_become_champion() -> None:
    both = promoted(1), arm(2), arm(3, "canary", 0.05)
    names = [found.name for found in read(*both).arms]
    assert names == ["shadow:2", "canary:3"]
    stopped = ("arm_stopped", {"name": "shadow:2"})
    assert [found.name for found in read(*both, stopped).arms] == ["canary:3"]
    assert [found.name for found in read(*both, promoted(3)).arms] == ["shadow:2"]


def test_the_predecessor_scores_in_shadow_while_the_probation_lasts() -> None:
    steps = promoted(1), promoted(2)
    (shadow,) = read(*steps, at=28, probation=28 * DAY).arms
    assert (shadow.name, shadow.kind, shadow.since) == ("previous:1", "shadow", JUNE + DAY)
    assert read(*steps, at=29, probation=28 * DAY).arms == []
    assert (
        read(promoted(1), promoted(2), promoted(3), rolled_back(2), probation=99 * DAY).arms == []
    )


def test_a_segments_rule_ends_by_its_date_or_by_a_resumption() -> None:
    until = JUNE + 10 * DAY
    (rule,) = read(ruled("JFK", until, by=2), at=9).segments
    assert (rule.feature, rule.value, rule.served_by, rule.reason) == (
        "origin",
        "JFK",
        2,
        "reason 1",
    )
    assert read(ruled("JFK", until), at=10).segments == []
    lifted = ("resumed", {"feature": "origin", "value": "JFK"})
    state = read(ruled("JFK", until), ruled("EWR", until), ("switched_off", {}), lifted, at=9)
    assert [rule.value for rule in state.segments] == ["EWR"]
    assert state.switched_off == "reason 3"


def accepted(breach: str = "null_rate:temp", **more: Any) -> tuple[str, dict[str, Any]]:
    return "contract_accepted", {"breach": breach, **more}


def test_an_accepted_breach_holds_until_a_champion_was_trained_later() -> None:
    first = [promoted(1), accepted()]
    assert read(*first).accepted == ["null_rate:temp"]
    assert read(*first, promoted(2)).accepted == []
    assert read(*first, promoted(2), accepted("volume:rows")).accepted == ["volume:rows"]
    # Whoever returns has not learned it either, and an arm was trained before it scored.
    assert read(*first, promoted(2), rolled_back(1)).accepted == ["null_rate:temp"]
    assert read(promoted(1), arm(2), accepted(), promoted(2)).accepted == ["null_rate:temp"]


def test_an_accepted_breach_ends_by_its_date_or_is_withdrawn() -> None:
    ten_days = accepted(until=(JUNE + 10 * DAY).isoformat())
    assert read(promoted(1), ten_days, at=9).accepted == ["null_rate:temp"]
    assert read(promoted(1), ten_days, at=10).accepted == []
    withdrawn = "resumed", {"breach": "null_rate:temp"}
    state = read(promoted(1), ("switched_off", {}), accepted(), withdrawn)
    assert state.accepted == []
    assert state.switched_off is not None


def test_a_night_is_sound_by_what_was_accepted_then_or_since() -> None:
    steps = [promoted(1), promoted(2), accepted(), ("held", {"until": JUNE.isoformat()})]
    events = happened(*steps, ("resumed", {"breach": "null_rate:temp"}))
    # Before it was accepted, by either champion; while it held; and once it was withdrawn.
    nights = [bool(accepted_at(events, JUNE + number * DAY)) for number in range(6)]
    assert nights == [True, True, True, True, False, False]


def test_segments_are_ready_for_the_champion_that_was_tested() -> None:
    ready = ("segment_ready", {"feature": "carrier", "value": "VX"})
    assert [found.value for found in read(promoted(1), ready, ready).ready] == ["VX"]
    assert read(promoted(1), ready, promoted(2)).ready == []


VERSIONS = st.integers(1, 5)
MOVES = st.lists(st.tuples(st.booleans(), VERSIONS), max_size=25)


def moves(choices: list[tuple[bool, int]]) -> list[tuple[str, dict[str, Any]]]:
    """Promotions, each on evidence of its own, and rollbacks to whatever stands before."""
    steps: list[tuple[str, dict[str, Any]]] = []
    for back, version in choices:
        state = read(*steps)
        if back and state.previous is not None:
            steps.append(rolled_back(state.previous))
        elif version != state.champion:
            steps.append(promoted(version, f"e{len(steps)}"))
    return steps


@given(MOVES)
def test_the_predecessor_was_live_and_stands_not_rolled_back(
    choices: list[tuple[bool, int]],
) -> None:
    steps = moves(choices)
    gone: set[int] = set()
    live: list[int | None] = []
    for number in range(1, len(steps) + 1):
        before, state = read(*steps[: number - 1]), read(*steps[:number])
        if steps[number - 1][1].get("action") == "roll_back":
            assert before.champion is not None
            gone.add(before.champion)
        else:
            gone.discard(int(steps[number - 1][1]["version"]))
        assert state.previous is None or state.previous in live
        assert state.previous not in gone
        assert state.previous != state.champion
        live.append(state.champion)


@given(MOVES)
def test_a_moment_of_the_past_keeps_its_answer(choices: list[tuple[bool, int]]) -> None:
    events = happened(*moves(choices))
    for event in events:
        known = [other for other in events if other.as_of <= event.as_of]
        assert known == events[: event.id]
        assert state_of("m", known, as_of=event.as_of).champion == event.payload["version"]


# ------------------------------------------------------------------------------ from a real ledger


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def write(ledger: Ledger, kind: str, as_of: datetime, **payload: Any) -> None:
    ledger.append(model="m", kind=kind, as_of=as_of, actor="ann", reason="because", payload=payload)


def test_what_stands_for_a_later_moment_does_not_count_before_it(ledger: Ledger) -> None:
    write(ledger, "intended", JUNE, version=1, evidence_digest="e")
    write(ledger, "switched_off", JUNE + 2 * DAY)

    found = [live_state(ledger, "m", as_of=JUNE + days * DAY) for days in (-1, 0, 2)]

    assert [state.champion for state in found] == [None, 1, 1]
    assert [state.switched_off for state in found] == [None, None, "because"]
    assert live_state(ledger, "other").champion is None


def test_with_no_moment_named_it_is_that_of_the_models_last_night(ledger: Ledger) -> None:
    write(ledger, "held", JUNE, until=(JUNE + 3 * DAY).isoformat())
    assert live_state(ledger, "m").hold_until == JUNE + 3 * DAY
    write(ledger, "night_scored", JUNE + 4 * DAY)
    assert newest_moment(ledger, "m") == JUNE + 4 * DAY
    assert live_state(ledger, "m").hold_until is None


def test_an_order_stands_for_now_or_for_the_next_night_if_that_is_earlier(ledger: Ledger) -> None:
    text = TEN_LINES.replace("tips", "m", 1)
    model = parse_definition({"model.yaml": text, "features.sql": "SELECT 1"}, where="here").model
    assert order_moment(ledger, model) <= ledger.now()
    write(ledger, "night_scored", JUNE)
    for _ in range(2):
        assert order_moment(ledger, model) == JUNE + DAY
        write(ledger, "switched_off", JUNE + DAY)
    write(ledger, "intended", JUNE + 3 * DAY, version=1, evidence_digest="e", previous=None)
    assert order_moment(ledger, model) == JUNE + 3 * DAY
