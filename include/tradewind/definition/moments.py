"""Moments that a definition means: days begin at midnight in the model's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.schema import ModelDefinition

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


def parse_moment(text: str, model: ModelDefinition) -> datetime:
    """Read an as-of such as `2013-07-01` or `2013-07-01T06:00:00Z`.

    Args:
        text: A date, or a moment with its offset from UTC.
        model: Whose midnight a bare date means.

    Returns:
        The moment in UTC.

    Raises:
        DefinitionError: The text is neither, or a moment without an offset.
    """
    try:
        if len(text) == len("2013-07-01"):
            return midnight(date.fromisoformat(text), model)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise DefinitionError(
            f"as-of {text!r}: expected a date such as 2013-07-01 (midnight in {model.timezone}), "
            "or a moment with its offset such as 2013-07-01T06:00:00Z"
        )
    return moment.astimezone(UTC)


def midnight(day: date, model: ModelDefinition) -> datetime:
    """The first moment of a day in the model's time zone, in UTC."""
    return datetime.combine(day, time(), tzinfo=model.zone).astimezone(UTC)


def last_midnight(moment: datetime, model: ModelDefinition) -> datetime:
    """The newest midnight, in the model's time zone, that is not after a moment."""
    return midnight(moment.astimezone(model.zone).date(), model)


def window_start(
    model: ModelDefinition, *, as_of: datetime, window_days: int | None = None
) -> datetime | None:
    """Where the training window begins, a local midnight in UTC; None for the earliest row.

    Args:
        model: Declares the window.
        as_of: From whose local day a rolling window counts back, in days of the calendar.
        window_days: Days of a rolling window, over what is declared.
    """
    window = model.train.window
    days = window_days or window.days
    if days:
        return midnight(as_of.astimezone(model.zone).date() - timedelta(days=days), model)
    return midnight(window.start, model) if window.start else None


def days_before(moment: datetime, length: timedelta, model: ModelDefinition) -> datetime:
    """As the clocks of the model's zone show it, so much earlier; in UTC.

    Seven days before a midnight are a midnight, also where the clocks were changed between.
    """
    wall = moment.astimezone(model.zone).replace(tzinfo=None) - length
    return wall.replace(tzinfo=model.zone).astimezone(UTC)


# ------------------------------------------------------------------------------------- the nights


def night_of(moment: datetime, model: ModelDefinition) -> datetime:
    """The newest night that is not after a moment, in UTC.

    Nights are local midnights; where `score.every` is shorter than a day, also each `every` that
    the local clocks show after one; where it is several days, each so manieth midnight, counted
    from `schedule.first_night`, else so that weeks begin on a Monday.
    """
    day = moment.astimezone(model.zone).date()
    while True:
        found = [night for night in _nights_of(day, model) if night <= moment]
        if found:
            return found[-1]
        day -= _DAY


def night_start(night: datetime, model: ModelDefinition) -> datetime:
    """The night before a night: it serves the prediction times after that, up to its own moment.

    So each prediction time belongs to one night, whatever the clocks do.
    """
    return night_of(night - timedelta.resolution, model)


def next_night(moment: datetime, model: ModelDefinition) -> datetime:
    """The first night after a moment."""
    until = moment + model.score.every + 2 * _DAY
    return next(nights_between(moment + timedelta.resolution, until, model))


def nights_between(first: datetime, last: datetime, model: ModelDefinition) -> Iterator[datetime]:
    """Every night of a stretch, both ends included, oldest first."""
    day, until = first.astimezone(model.zone).date(), last.astimezone(model.zone).date()
    while day <= until:
        yield from (night for night in _nights_of(day, model) if first <= night <= last)
        day += _DAY


def _nights_of(day: date, model: ModelDefinition) -> list[datetime]:
    """The nights of a local day, in order."""
    every = model.score.every
    if every >= _DAY:
        # Day 1 of the calendar is a Monday.
        origin = model.schedule.first_night or date(1, 1, 1)
        return [] if (day - origin).days % every.days else [midnight(day, model)]
    walls = [datetime.combine(day, time()) + count * every for count in range(_DAY // every)]
    # An hour that the clocks show twice is two hours; longer nights are those of the clock's face,
    # because that is when their schedule ticks.
    folds = (0, 1) if every <= _HOUR else (0,)
    found = [wall.replace(tzinfo=model.zone, fold=fold) for wall in walls for fold in folds]
    return sorted({wall.astimezone(UTC) for wall in found})


def night_days(model: ModelDefinition) -> int:
    """How many days a night looks at: those it scores, and those whose labels it watches.

    Scoring and monitoring take in the same days, so that what one validated serves the other.
    """
    watched = max(watched_time(model), model.score.every)
    seen = watched + model.label.expires_after + model.horizon
    return -(-seen // _DAY) + 1


def watched_time(model: ModelDefinition) -> timedelta:
    """How far back a look goes: both windows, of predictions whose event can have been by now."""
    windows = max(model.monitor.performance.window, model.monitor.drift.window)
    return windows + model.horizon // _DAY * _DAY
