"""What a decision stands on, in lines for a person: tonight's look, the nights before, launches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.looked import look_lines
from tradewind.reports.released import words_of

if TYPE_CHECKING:
    from tradewind.nights import Grounds, PastNight, PastRetrain


def grounds_lines(grounds: Grounds) -> list[str]:
    """Say what a decision stands on.

    Args:
        grounds: As they were kept with the decision.
    """
    lines = [f"who decides: {words_of(grounds.live)}", *look_lines(grounds.monitoring)]
    lines += _nights(grounds.past)
    lines += [_launch(one) for one in grounds.retrains]
    lines += [_training(one) for one in grounds.others]
    if grounds.in_flight:
        lines.append(f"the run {grounds.in_flight} holds the lease")
    if grounds.live.accepted:
        lines.append(f"accepted as the contract: {', '.join(grounds.live.accepted)}")
    return lines


def _nights(past: list[PastNight]) -> list[str]:
    if not past:
        return ["no night was looked at before"]
    broken = sum(bool(night.broken) for night in past)
    alarmed = sum(bool(night.alarmed) for night in past)
    lines = [f"nights before: {len(past)}, {broken} of them broken, {alarmed} with drift alarms"]
    last = [night for night in past[-5:] if night.alarmed or night.broken]
    return lines + [
        f"{night.as_of:%Y-%m-%d}: {', '.join([*night.broken, *night.alarmed])}" for night in last
    ]


def _launch(one: PastRetrain) -> str:
    return _trained(one, f"because of {one.cause}")


def _training(one: PastRetrain) -> str:
    return _trained(one, "on schedule" if one.cause == "schedule" else "by hand")


def _trained(one: PastRetrain, why: str) -> str:
    wider = ", with a wider search" if one.wider else ""
    outcome = one.outcome.replace("_", " ")
    return f"trained {one.decided:%Y-%m-%d} {why}{wider}: {outcome}"
