"""What the gate `benchmark` asks for."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from tradewind.definition.base import Section

_FEWEST_DAYS = 7


class Benchmark(Section):
    """The pinned rows on which versions of different times compare.

    `tradewind pin MODEL --start DATE --end DATE` writes them down and prints what to put here. No
    version learns from those days.
    """

    pinned: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """The digest of the pinned rows; nothing is pinned where nothing is said."""
    start: date | None = None
    """The first of their days, in the model's time zone."""
    end: date | None = None
    """The day after the last one."""
    worse_by: float = Field(default=0.02, ge=0)
    """How much worse than the champion's figure on these rows, as a share of it, a candidate may
    surely be."""

    @model_validator(mode="after")
    def _whole(self) -> Benchmark:
        said = [value is not None for value in (self.pinned, self.start, self.end)]
        if any(said) and not all(said):
            msg = "`pinned`, `start` and `end` come together, as `tradewind pin` prints them"
            raise ValueError(msg)
        if self.start and self.end and (self.end - self.start).days < _FEWEST_DAYS:
            msg = (
                f"`end` comes {_FEWEST_DAYS} days or more after `start`: a week at least is pinned"
            )
            raise ValueError(msg)
        return self

    @property
    def days(self) -> tuple[date, date] | None:
        """The first pinned day and the one after the last; None where nothing is pinned."""
        return (self.start, self.end) if self.start and self.end else None
