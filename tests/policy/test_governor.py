from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.policy.grounds import NIGHT, nights_ago, retrain
from tradewind.definition.nightly import Retrain
from tradewind.policy.governor import cooldown_after, may_launch

if TYPE_CHECKING:
    from tradewind.nights import GovernorWord, PastRetrain

DECLARED = Retrain()


def word(*retrains: PastRetrain, **changes: object) -> GovernorWord:
    said = {"as_of": NIGHT, "retrains": list(retrains), **changes}
    return may_launch(DECLARED, **said)  # type: ignore[arg-type]


def test_a_first_launch_may_go() -> None:
    assert word().allowed


def test_a_launch_waits_for_the_cooldown_and_is_told_how_long() -> None:
    refused = word(retrain(13))
    assert (refused.allowed, refused.rule) == (False, "cooldown")
    assert refused.until == nights_ago(13) + DECLARED.cooldown
    assert word(retrain(14)).allowed


def test_launches_of_later_nights_count_for_a_night_that_is_made_up_for() -> None:
    later = retrain(-5)
    assert word(later).rule == "cooldown"
    assert word(retrain(-20)).allowed
    six = [retrain(-ago) for ago in (89, 75, 60, 45, 30, 15)]
    assert word(*six).rule == "window"


def test_missed_nights_are_caught_up_with_one_launch_also_where_weeks_lie_between_them() -> None:
    refused = word(retrain(40), launched_lately=nights_ago(-3))
    assert (refused.allowed, refused.rule) == (False, "cooldown")
    assert refused.until == nights_ago(-3) + DECLARED.cooldown


def test_a_person_overrides_the_cooldown_with_a_reason_and_never_the_single_flight() -> None:
    assert word(retrain(1), override="the new timetable is in").allowed
    flying = word(retrain(1), override="the new timetable is in", in_flight="train/x")
    assert (flying.allowed, flying.rule) == (False, "in_flight")


def test_each_fruitless_launch_makes_the_wait_longer() -> None:
    waits = [cooldown_after(DECLARED, attempts) for attempts in range(4)]
    assert waits == [timedelta(days=days) for days in (14, 14, 28, 56)]
    refused = word(retrain(20), failed_attempts=2)
    assert refused.rule == "back_off"


def test_after_the_declared_attempts_it_takes_a_human() -> None:
    assert word(retrain(80), failed_attempts=3).rule == "attempts"


def test_a_window_holds_so_many_launches() -> None:
    six = [retrain(ago) for ago in (89, 75, 60, 45, 30, 15)]
    refused = word(*six)
    assert refused.rule == "window"
    assert refused.until == nights_ago(89) + DECLARED.window
    assert word(*six[1:]).allowed


def test_a_window_holds_so_much_computing() -> None:
    long = retrain(30).model_copy(update={"seconds": 13 * 3600.0})
    assert word(long).rule == "budget"


def test_trainings_by_hand_take_places_in_the_window() -> None:
    three = [retrain(ago) for ago in (60, 45, 30)]
    by_hand = [retrain(ago, cause="hand") for ago in (52, 3, 1)]
    refused = word(*three, others=by_hand)
    assert refused.rule == "window"
    assert refused.until == nights_ago(60) + DECLARED.window
    assert word(*three, others=by_hand, override="the new timetable is in").rule == "window"
    assert word(*three, others=by_hand[1:]).allowed


def test_a_training_by_hand_that_came_to_nothing_takes_no_place() -> None:
    five = [retrain(ago) for ago in (75, 60, 45, 30, 15)]
    for outcome in ("failed", "refused", "unchanged"):
        assert word(*five, others=[retrain(1, cause="hand", outcome=outcome)]).allowed
    assert word(*five, others=[retrain(1, cause="hand", outcome="would_have")]).rule == "window"


def test_the_schedules_trainings_take_no_place_but_their_computing_counts() -> None:
    weekly = [retrain(ago, cause="schedule") for ago in range(1, 90, 7)]
    assert word(others=weekly).allowed
    long = [one.model_copy(update={"seconds": 3600.0}) for one in weekly]
    assert word(others=long).rule == "budget"


def test_after_a_training_by_hand_a_launch_need_not_wait() -> None:
    assert word(others=[retrain(1, cause="hand")]).allowed
