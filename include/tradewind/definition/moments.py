"""Moments that a definition means: days begin at midnight in the model's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition


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
