"""Who is champion: a version is promoted, or gives the place back to one that had it before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.desk import DAY, JUNE
from tradewind.errors import LeaseLostError, PromotionRefusedError

if TYPE_CHECKING:
    from tests.promotion.past import Past
    from tradewind.promotion import Promotion


def back(
    past: Past,
    to: int | None = None,
    *,
    day: int = 1,
    expected: int | None = None,
    run_id: str | None = None,
) -> Promotion:
    return past.roll_back(to, as_of=JUNE + day * DAY, expected=expected, run_id=run_id)


# ------------------------------------------------------------------------------------- promotion


def test_a_person_needs_no_lease_to_promote(past: Past) -> None:
    past.promote(1, None, fencing_token=None)
    assert past.champion() == past.alias() == 1


def test_a_training_promotes_while_the_lease_is_its_own(past: Past) -> None:
    token = past.lease()
    past.promote(1, None, fencing_token=token)
    past.ledger.renew_lease(past.model, holder="r1", fencing_token=token, ttl=timedelta(seconds=-1))
    past.lease("r2")
    with pytest.raises(LeaseLostError, match="the run r2 took it"):
        past.promote(2, 1, fencing_token=token)
    assert past.champion() == past.alias() == 1


def test_nothing_is_promoted_under_a_hold(past: Past) -> None:
    past.became(1)
    past.happened("held", until=(JUNE + 9 * DAY).isoformat())
    with pytest.raises(PromotionRefusedError, match="nothing is promoted before") as refused:
        past.promote(2, 1, fencing_token=None)
    assert refused.value.champion == 1
    assert past.kinds() == ["intended", "applied", "held"]


# -------------------------------------------------------------------------------------- rollback


@pytest.fixture
def three(past: Past) -> Past:
    """A model whose versions were champions one after the other."""
    for version in (1, 2, 3):
        past.became(version)
    return past


def test_a_rollback_gives_the_place_back_on_what_it_was_won_with(three: Past) -> None:
    three.happened("held", until=(JUNE + 9 * DAY).isoformat())
    done = back(three)
    assert (done.version, done.previous) == (2, 3)
    assert three.champion() == three.alias() == 2
    (said,) = [one.payload for one in three.ledger.events(after=done.intended_event - 1, limit=1)]
    assert (said["from"], said["evidence_digest"]) == (3, "for 2")


def test_the_same_run_rolls_back_once(three: Past) -> None:
    done = back(three, run_id="monitor/1")
    assert back(three, run_id="monitor/1") == done
    assert three.kinds() == ["intended", "applied"] * 4


def test_the_same_two_versions_as_of_the_same_moment_are_the_same_rollback(three: Past) -> None:
    done = back(three, 2)
    three.happened("held", until=(JUNE + 9 * DAY).isoformat())
    assert back(three, 2) == done
    assert back(three, 2, run_id="monitor/1") == done
    assert three.kinds() == [*["intended", "applied"] * 4, "held"]


def test_a_rollback_that_was_overtaken_is_not_done_again_to_whoever_came_since(three: Past) -> None:
    done = back(three, 2, expected=3, run_id="monitor/1")
    three.became(1, day=1)
    assert back(three, 2, expected=3, run_id="monitor/2") == done
    assert three.champion() == 1


def test_who_does_not_say_whom_it_takes_back_means_the_champion_of_now(three: Past) -> None:
    done = back(three, 2)
    three.became(3, day=1)
    again = back(three, 2)
    assert again.intended_event != done.intended_event
    assert three.champion() == three.alias() == 2


@pytest.mark.parametrize("runs", [(None, None), ("monitor/1", "monitor/2")])
def test_one_further_step_back_is_another_rollback(
    three: Past, runs: tuple[str | None, str | None]
) -> None:
    assert back(three, run_id=runs[0]).version == 2
    assert back(three, 1, run_id=runs[1]).version == 1
    assert three.champion() == three.alias() == 1


def test_a_rollback_of_another_champion_is_not_taken_for_the_one_that_was_done(
    three: Past,
) -> None:
    back(three, 2)
    with pytest.raises(PromotionRefusedError, match="version 9 was to be rolled back, but"):
        back(three, 2, expected=9)


def test_a_rollback_as_of_another_night_is_not_taken_for_the_one_that_was_done(
    three: Past,
) -> None:
    back(three, 2)
    with pytest.raises(PromotionRefusedError, match="which is itself"):
        back(three, 2, day=2)


def test_a_rollback_that_was_interrupted_is_finished_by_its_own_run(three: Past) -> None:
    begun = three.decided(2, day=1, action="roll_back", run_id="monitor/1", **{"from": 3})
    done = back(three, run_id="monitor/1")
    assert (done.intended_event, done.version, three.alias()) == (begun.id, 2, 2)
    assert three.kinds() == ["intended", "applied"] * 4
