"""How unlike groups of people are treated: the greatest gap between any two of them.

All groups are weighed out of the same rows under the same draws, so that a gap is a paired
difference: the days that are hard for everybody cancel.

The greatest of many gaps between small groups is wide by luck alone. How wide is measured on the
same rows: the groups' names are dealt out to them at random, time and again (a permutation test of
the range; Fisher, 1935). A gap beyond the limit that this makes too leaves the smallest group
unknown, then the next, until the rest can be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.inference import estimate, standard_error, undefined
from tradewind.stats.statistics import ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows
    from tradewind.stats.treatment import Rate

DEALS = 1_000
"""How often the groups' names are dealt out at random."""
_TWO = 2


@dataclass(frozen=True)
class Treated:
    """How one group is treated.

    Attributes:
        rows: How many rows it has, on how many `units`.
        behind: How many of them each figure stands on, by rate.
        figures: By rate, on the rows themselves and in each draw, shape (1 + draws,).
        unknown: Why a figure is not there, by rate.
    """

    rows: int
    units: int
    behind: Mapping[str, int]
    figures: Mapping[str, Floats]
    unknown: Mapping[str, str]


@dataclass(frozen=True)
class Widest:
    """The greatest gap between two groups by one rate.

    Attributes:
        high: The group with the greater figure, as `low` that with the smaller one.
        gap: Of the two, with the interval of their paired difference.
        groups: How many were compared.
        luck: The gap that names dealt out at random stay within, where the limit is exceeded.
        unsure: Groups left unknown, because luck makes gaps like theirs; the smallest first.
    """

    rate: str
    high: str
    low: str
    gap: Estimate
    groups: int
    luck: float | None
    unsure: tuple[str, ...]


@dataclass(frozen=True)
class Grouped:
    """Rows in groups, and how sure one is to be of their figures.

    Attributes:
        rows: All of them.
        names: The group of each row, shape (rows,).
        rates: What is measured of each group, by name.
        draws: Of the rows' units.
        confidence: Of every interval, both sides together.
        least_rows: A figure that stands on fewer rows of the group is unknown.
        least_units: So is every figure of a group that is met in fewer units.
        seed: The same seed deals the names out alike.
    """

    rows: Rows
    names: npt.NDArray[np.str_]
    rates: Mapping[str, Rate]
    draws: Draws
    confidence: float
    least_rows: int
    least_units: int
    seed: int

    @cached_property
    def treated(self) -> dict[str, Treated]:
        """How each group is treated, by group in their order."""
        return {name: self._treated(number) for number, name in enumerate(self._groups[0])}

    def own(self, figures: Floats, rate: Rate) -> Estimate:
        """Put an interval around a group's own figure."""
        return self._estimate(figures, rate.lowest, rate.highest)

    def widest(self, name: str, *, limit: float, level: float) -> Widest:
        """Find the greatest gap between two groups of which something can be said.

        Args:
            name: The rate's.
            limit: A gap up to it needs no luck to explain it.
            level: How often luck may make a gap that counts, at most.

        Raises:
            EvidenceError: There are not two such groups.
        """
        treated, rate = self.treated, self.rates[name]
        known = [group for group, one in treated.items() if name in one.figures]
        known.sort(key=lambda group: (-treated[group].behind[name], group))
        values = np.array([treated[group].figures[name][0] for group in known])
        kept, luck = self._told_from_luck(name, known, values, limit=limit, level=level)
        if kept < _TWO:
            raise EvidenceError(_too_little(name, len(known), len(treated)))
        ranked = sorted(known[:kept], key=lambda group: treated[group].figures[name][0])
        low, high = ranked[0], ranked[-1]
        gaps = treated[high].figures[name] - treated[low].figures[name]
        gap = self._estimate(gaps, 0.0, rate.highest - rate.lowest)
        return Widest(name, high, low, gap, kept, luck, tuple(reversed(known[kept:])))

    def _told_from_luck(
        self, rate: str, known: list[str], values: Floats, *, limit: float, level: float
    ) -> tuple[int, float | None]:
        """Say how many of the groups, the largest first, are kept, and what luck makes of them."""
        ranges = _ranges(values[None])[0]
        if len(known) < _TWO or ranges[-1] <= limit:
            return len(known), None
        dealt = _ranges(self._dealt[rate][:, self._numbers(known)])
        # Each group that is left out is another chance for luck.
        lucky = np.quantile(dealt, 1 - level / (len(known) - 1), axis=0)
        kept = int(np.flatnonzero((ranges <= limit) | (ranges > lucky))[-1]) + 1
        return kept, float(lucky[kept - 1]) if ranges[kept - 1] > limit else None

    @cached_property
    def _groups(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Name the groups in their order, and number each row's."""
        names, numbers = np.unique(self.names, return_inverse=True)
        return names.tolist(), numbers

    @cached_property
    def _columns(self) -> dict[str, tuple[Floats, Floats]]:
        return {name: rate.columns(self.rows) for name, rate in self.rates.items()}

    def _numbers(self, names: list[str]) -> list[int]:
        return [self._groups[0].index(name) for name in names]

    def _treated(self, number: int) -> Treated:
        inside = self._groups[1] == number
        units = len(np.unique(self.rows.unit[inside]))
        figures, unknown, behind = {}, {}, {}
        for rate, (part, whole) in self._columns.items():
            behind[rate] = int(np.count_nonzero(inside & (whole != 0)))
            drawn = self._drawn(part * inside, whole * inside)
            if reason := self._few(behind[rate], units) or undefined(drawn):
                unknown[rate] = reason
            else:
                figures[rate] = drawn
        return Treated(int(inside.sum()), units, behind, figures, unknown)

    def _drawn(self, part: Floats, whole: Floats) -> Floats:
        weights = np.vstack([np.ones((1, self.draws.units)), self.draws.weights])
        totals = weights @ self.rows.sums(part, whole)
        return ratio(totals[:, 0], totals[:, 1])

    def _few(self, rows: int, units: int) -> str | None:
        if rows < self.least_rows:
            return f"{rows} rows behind it, and {self.least_rows} are needed"
        if units < self.least_units:
            return f"met on {units} days, and {self.least_units} are needed"
        return None

    @cached_property
    def _dealt(self) -> dict[str, Floats]:
        """Every rate of every group in each random deal, shape (deals, groups), by rate."""
        columns = np.stack([column for pair in self._columns.values() for column in pair])
        sizes = np.bincount(self._groups[1])
        starts = np.cumsum(sizes) - sizes
        random = np.random.default_rng(self.seed)
        sums = np.empty((DEALS, len(columns), len(sizes)))
        for deal in sums:
            order = random.permutation(columns.shape[1])
            deal[:] = np.add.reduceat(columns[:, order], starts, axis=1)
        parts, wholes = sums[:, ::2], sums[:, 1::2]
        return {name: ratio(parts[:, n], wholes[:, n]) for n, name in enumerate(self._columns)}

    def _estimate(self, figures: Floats, lowest: float, highest: float) -> Estimate:
        error = standard_error(figures[1:], self.draws, name="a group's figure")
        return estimate(
            float(figures[0]),
            error,
            self.draws,
            confidence=self.confidence,
            lowest=lowest,
            highest=highest,
        )


def _ranges(figures: Floats) -> Floats:
    """The range over the first 1, 2, ... groups, shape (deals, groups); NaN is passed over."""
    ranges: Floats = np.fmax.accumulate(figures, axis=1) - np.fmin.accumulate(figures, axis=1)
    return ranges


def _too_little(name: str, known: int, groups: int) -> str:
    rate = name.replace("_", " ")
    if known < _TWO:
        said = f"the {rate} is known of {known} of {groups} groups, and a gap is between two"
    else:
        said = f"luck alone makes {rate}s of groups as small as these differ by as much"
    return f"{said}: judge on a longer stretch (`train.judge_days`)"
