"""The kill switch, as a night presses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.desk import DAY, JUNE
from tradewind.promotion import SERVING, SERVING_REASON, switch_off

if TYPE_CHECKING:
    from tests.promotion.past import Past


def press(past: Past, *, version: int = 1, day: int = 3, reason: str = "harm") -> bool:
    return switch_off(
        stores=past,  # type: ignore[arg-type]
        model=past.model,
        version=version,
        as_of=JUNE + day * DAY,
        actor="tradewind",
        reason=reason,
        run_id="monitor/3",
    )


def test_the_naive_rule_decides_from_that_night_on_and_mlflow_is_told(past: Past) -> None:
    past.became(1)
    assert press(past) is True
    assert past.live(JUNE + 2 * DAY).switched_off is None
    assert past.live(JUNE + 3 * DAY).switched_off == "harm"
    assert past.tags() == {SERVING: "fallback", SERVING_REASON: "harm"}


def test_the_same_switch_again_was_pressed_and_is_written_once(past: Past) -> None:
    past.became(1)
    assert [press(past), press(past)] == [True, True]
    assert past.kinds() == ["intended", "applied", "switched_off"]


def test_a_champion_that_came_since_is_not_switched_off_for_anothers_sake(past: Past) -> None:
    past.became(1)
    past.became(2)
    assert press(past, version=1) is False
    assert past.live().switched_off is None
    assert press(past, version=2) is True


def test_a_model_that_is_off_already_keeps_the_reason_that_it_has(past: Past) -> None:
    past.became(1)
    press(past)
    assert press(past, reason="another") is False
    assert press(past, day=4) is False
    assert past.live().switched_off == "harm"
    assert past.kinds().count("switched_off") == 1
