"""One night before the contract: its rows and figures, and all that is known of other days."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stats.contracts.figures import Figures
    from tradewind.stats.contracts.rows import Floats, Rows

LEAST_ROWS = 30
"""Fewer rows, or fewer values of a column, bear no word on a distribution."""
_RECENT = 14
_LEAST_WEEKS = 3


@dataclass(frozen=True)
class Found:
    """A fault, with the columns that it explains.

    Attributes:
        columns: None where it is about whole rows; the first one names it.
    """

    detector: str
    cause: str
    columns: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Night:
    """What detectors look at.

    Attributes:
        reference: As `contract_reference` gave it.
        rows: Tonight's, in the order of the clock.
        matrix: Tonight's associations of all columns, shape (columns, columns).
        figures: Tonight's.
        days: Of the reference and of recent sound nights, oldest first.
        known: Values by column that were seen on sound days, for columns that have few.
        sensitivity: Robust standard deviations that a figure may be off.
        explained: Columns whose fault has a name already.
    """

    reference: Mapping[str, Any]
    rows: Rows
    matrix: Floats
    figures: Figures
    days: Figures
    known: Mapping[str, Any]
    sensitivity: float
    explained: frozenset[str] = frozenset()

    def without(self, columns: frozenset[str]) -> Night:
        """The same night with more columns explained."""
        return replace(self, explained=self.explained | columns)

    @property
    def numeric(self) -> list[str]:
        """Numeric columns that are not explained yet."""
        return [name for name in self.rows.numeric if name not in self.explained]

    @property
    def open(self) -> list[str]:
        """All columns that are not explained yet."""
        return [name for name in self.rows.columns if name not in self.explained]

    def place(self, name: str) -> int:
        """Where a column stands in the figures of all columns."""
        return self.rows.columns.index(name)

    def values(self, name: str) -> Floats:
        """What is there of a numeric column tonight."""
        column = self.rows.number(name)
        return column[~np.isnan(column)]

    @cached_property
    def expected(self) -> float:
        """Rows expected tonight: the level of the last days, times this weekday's usual share."""
        rows, weekday = self.days.rows, self.days.weekday
        usual = float(np.median(rows))
        factors = np.ones(7)
        for each in range(7):
            same = rows[weekday == each]
            if len(same) >= _LEAST_WEEKS:
                factors[each] = np.median(same) / usual
        level = np.median((rows / factors[weekday])[-_RECENT:])
        return float(level * factors[int(self.figures.weekday)])

    @cached_property
    def profile(self) -> Floats:
        """The usual share of rows in each hour of the day, shape (24,)."""
        shares = self.days.hours / self.days.rows[:, None]
        usual = np.median(shares, axis=0)
        profile: Floats = usual / usual.sum() if usual.sum() else shares.mean(axis=0)
        return profile

    @cached_property
    def levels(self) -> tuple[Floats, Floats]:
        """Median and logarithm of the spread by day and numeric column, shapes (days, columns)."""
        return self.days.median, log_spread(self.days.spread)

    def oddness(self, name: str, *, level: float, spread: float) -> tuple[float, float]:
        """Robust standard deviations of a median, and of a logarithm of a spread, from a column's.

        Args:
            name: The numeric column whose days say what is usual.
            level: The median that is held against them.
            spread: The logarithm of the spread; NaN where there is none.
        """
        place = self.rows.numeric.index(name)
        medians, spreads = (each[:, place] for each in self.levels)
        # A level is nothing to wonder at where even the day's own spread would cover it.
        within = 0.02 * math.exp(nan_median(spreads)) if np.isfinite(spreads).any() else 0.0
        return (
            robust(level, medians, least=within),
            robust(spread, spreads, least=0.02),
        )


def log_spread(spread: Any) -> Any:
    """The logarithm, NaN where there is no spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(spread) > 0, np.log(spread), np.nan)


def nan_median(values: Floats) -> float:
    """The median of what is there; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmedian(values))


def robust(value: float, days: Floats, *, least: float) -> float:
    """Standard deviations from the days' median, on the side where the value is; 0 where unknown.

    A side's standard deviation is the distance from the median to the 5 % or the 95 % quantile,
    over 1.645: figures of days are lopsided, and a few wild days must not set the measure.
    """
    known = days[np.isfinite(days)]
    if not len(known) or not math.isfinite(value):
        return 0.0
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
    side = high - middle if value > middle else middle - low
    return float((value - middle) / max(side / 1.645, least, 1e-12))
