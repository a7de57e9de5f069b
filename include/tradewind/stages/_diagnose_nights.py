"""Which nights must be scored, and which looked at, so that a change of quality can be told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.definition.moments import midnight, next_night, watched_time
from tradewind.stats.attribution import LEAST_DAYS
from tradewind.stats.bootstrap import FEWEST_BLOCKS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from tradewind.definition.schema import ModelDefinition

_DAY = timedelta(days=1)


def days_needed(model: ModelDefinition) -> int:
    """Days with matured rows that either stretch must have."""
    return max(FEWEST_BLOCKS * model.metrics.resample.block, LEAST_DAYS)


def nights_wanted(
    model: ModelDefinition, *, look: datetime | None, since: datetime, days: Collection[date]
) -> str:
    """Say which nights to score and to look at, and how.

    Args:
        model: The champion's definition.
        look: The newest look; None before the first.
        since: From when on the champion decides.
        days: Local days of predictions that had matured at the look.
    """
    needed = days_needed(model)
    first = min(days, default=since.astimezone(model.zone).date())
    # How long labels take: as was seen, else no less than until the event.
    late = model.horizon // _DAY * _DAY
    if look is not None:
        looked = look.astimezone(model.zone).date()
        if days:
            late = max(looked - max(days) - _DAY, timedelta())
        # A look that was taken is taken no more, and the next one goes back no further.
        first = max(first, looked + _DAY - late - needed * _DAY)
    last = first + (needed - 1) * _DAY
    start = next_night(midnight(first, model), model)
    end = next_night(midnight(last + _DAY + late, model) - timedelta.resolution, model)
    run, nights = (
        f"tradewind run {model.name}",
        [f"{one.astimezone(model.zone):%Y-%m-%d}" for one in (start, end)],
    )
    goes_back = needed * _DAY + late
    declare = (
        f"declare `monitor.performance.window: {goes_back.days} days` or more, "
        if watched_time(model) < goes_back
        else ""
    )
    return (
        f"{declare}score the nights from {nights[0]} to {nights[1]} (`{run} score --as-of "
        f"{nights[0]}` and so on), look at the last (`{run} monitor --as-of {nights[1]}`), and ask "
        "again"
    )
