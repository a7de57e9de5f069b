"""The governor: stands before every launch of a training, so that no evidence can make a loop.

One at a time, a cool-down that grows while the cause is not cleared, so many in a window, so much
computing, and after so many fruitless ones a human. The window and the budget count what people
train by hand as well.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.nights import GovernorWord
from tradewind.policy.evidence import LASTING, UNTRIED, challenged_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tradewind.definition.nightly import Retrain
    from tradewind.nights import Grounds, PastRetrain

_NOTHING_NEW = (*UNTRIED, "unchanged")
"""Outcomes by which a training by hand takes no place in the window: nobody loops by hand, and one
that is repeated until it works is one."""


def fruitless(cause: str, grounds: Grounds) -> list[PastRetrain]:
    """The launches in a row that did not clear a cause which is there tonight again.

    Args:
        cause: What asks for a training tonight.
        grounds: With the launches and the looks before tonight, oldest first.

    Returns:
        Those for this cause since a night that could judge it last found it away. A champion's age
        is cleared by every challenge, won or lost: of it, those that came to no verdict since.
    """
    tonight = grounds.monitoring.as_of
    same = [one for one in grounds.retrains if one.cause == cause and one.decided < tonight]
    if cause in LASTING:
        away = [
            one.as_of for one in grounds.past if cause in one.judged and cause not in one.causes
        ]
        return [one for one in same if not away or one.decided > max(away)]
    cleared = challenged_last(grounds)
    return [one for one in same if cleared is None or one.decided > cleared]


def may_launch(
    declared: Retrain,
    *,
    as_of: datetime,
    retrains: Sequence[PastRetrain],
    others: Sequence[PastRetrain] = (),
    failed_attempts: int = 0,
    in_flight: str | None = None,
    override: str | None = None,
    launched_lately: datetime | None = None,
) -> GovernorWord:
    """Whether a training may be launched now.

    Args:
        declared: The limits.
        as_of: The moment of the launch.
        retrains: Other launches, at least those of the declared window to both sides.
        others: Trainings that no decision launched. Those by hand take places in the window; the
            schedule's are declared, and only their computing counts.
        failed_attempts: Launches in a row that did not clear the cause.
        in_flight: The run that holds the model's lease, if any; nothing overrides it.
        override: Why the cool-down does not hold this once; a person's word.
        launched_lately: When a launch was written within the cool-down by the clock, where missed
            nights are caught up.

    Returns:
        The first limit that forbids it, with when it ends; else that it may.
    """
    words = [_single_flight(in_flight)]
    if not override:
        words += _waits(declared, as_of, retrains, failed_attempts, launched_lately)
    words += _sums(declared, as_of, retrains, others)
    for word in words:
        if word is not None:
            return word
    return GovernorWord(allowed=True, rule="none", sentence="no limit stands against it")


def cooldown_after(declared: Retrain, failed_attempts: int) -> timedelta:
    """How long a launch must wait for the one before it: longer with each fruitless one."""
    return declared.cooldown * float(declared.back_off ** max(0, failed_attempts - 1))


def _waits(
    declared: Retrain,
    as_of: datetime,
    retrains: Sequence[PastRetrain],
    failed_attempts: int,
    launched_lately: datetime | None,
) -> Iterator[GovernorWord | None]:
    """What a person's reason overrides."""
    yield _attempts(declared, failed_attempts)
    yield _cooldown(declared, as_of, retrains, failed_attempts)
    yield _catching_up(declared, launched_lately)


def _sums(
    declared: Retrain,
    as_of: datetime,
    retrains: Sequence[PastRetrain],
    others: Sequence[PastRetrain],
) -> Iterator[GovernorWord | None]:
    """What only another declaration changes."""
    by_hand = [one for one in others if one.cause != "schedule" and one.outcome not in _NOTHING_NEW]
    yield _window(declared, _within(declared, as_of, [*retrains, *by_hand]))
    yield _budget(declared, _within(declared, as_of, [*retrains, *others]))


def _within(
    declared: Retrain, as_of: datetime, trainings: Iterable[PastRetrain]
) -> list[PastRetrain]:
    near = [one for one in trainings if abs(as_of - one.decided) < declared.window]
    return sorted(near, key=lambda one: one.decided)


def _single_flight(in_flight: str | None) -> GovernorWord | None:
    if in_flight is None:
        return None
    return _no("in_flight", f"the run {in_flight} holds the model's lease: one training at a time")


def _attempts(declared: Retrain, failed_attempts: int) -> GovernorWord | None:
    if failed_attempts < declared.attempts:
        return None
    return _no(
        "attempts",
        f"{failed_attempts} trainings in a row did not clear the cause: it takes a human now",
    )


def _cooldown(
    declared: Retrain, as_of: datetime, retrains: Sequence[PastRetrain], failed_attempts: int
) -> GovernorWord | None:
    if not retrains:
        return None
    # A night that is made up for may have launches after it as well.
    nearest = min((one.decided for one in retrains), key=lambda decided: abs(as_of - decided))
    wait = cooldown_after(declared, failed_attempts)
    if abs(as_of - nearest) >= wait:
        return None
    rule = "back_off" if wait > declared.cooldown else "cooldown"
    return _no(
        rule,
        f"a launch was as of {nearest:%Y-%m-%d}, and {wait.days} days must lie between two",
        until=nearest + wait,
    )


def _catching_up(declared: Retrain, launched_lately: datetime | None) -> GovernorWord | None:
    if launched_lately is None:
        return None
    return _no(
        "cooldown",
        f"a training was launched on {launched_lately:%Y-%m-%d %H:%M} UTC by the clock: nights "
        "that were missed are caught up with one launch at most",
        until=launched_lately + declared.cooldown,
    )


def _window(declared: Retrain, within: Sequence[PastRetrain]) -> GovernorWord | None:
    if len(within) < declared.at_most:
        return None
    return _no(
        "window",
        f"{len(within)} launches in {declared.window.days} days, where {declared.at_most} may be",
        until=within[-declared.at_most].decided + declared.window,
    )


def _budget(declared: Retrain, within: Sequence[PastRetrain]) -> GovernorWord | None:
    spent = timedelta(seconds=sum(one.seconds for one in within))
    if spent < declared.budget:
        return None
    return _no(
        "budget",
        f"trainings of the last {declared.window.days} days took {spent}, and the budget is "
        f"{declared.budget}",
        until=within[0].decided + declared.window,
    )


def _no(rule: str, sentence: str, *, until: datetime | None = None) -> GovernorWord:
    return GovernorWord(allowed=False, rule=rule, sentence=sentence, until=until)
