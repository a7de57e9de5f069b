"""What is counted of a column: enough to compare two samples, and little enough to keep.

A tally is additive: those of two chunks add up to that of both, so that memory stays bounded
whatever the number of rows; and a slice can be taken off the whole again. Numeric columns are
counted in fixed bins, with the *sum* of each bin beside its count: the area between two
distribution functions within a bin follows from the sums exactly, where counts alone are far off on
heavy tails.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from tradewind.errors import EvidenceError
from tradewind.stats.bins import finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.stats.bins import Bins, Floats, Integers

Kind = Literal["numeric", "categorical", "boolean"]

CATEGORIES = 5_000
"""Categories that are told apart at most; rarer ones of the reference are counted together."""


@dataclass(frozen=True)
class Coded:
    """A categorical column as codes into its categories, as Arrow's and pandas' dictionaries are.

    Attributes:
        codes: Shape (rows,), integers; -1 where the value is missing.
        categories: What the codes stand for.
    """

    codes: npt.NDArray[Any]
    categories: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Coded:
        return Coded(self.codes[rows], self.categories)


@dataclass(frozen=True)
class NumericTally:
    """A numeric column counted in bins.

    Attributes:
        bins: Where it is cut.
        counts: Rows by bin, shape (bins,).
        sums: Sum by bin of the values less the centre, shape (bins,).
        squares: Sum of the squares of the values less the centre, over all bins.
        nulls: Rows without a finite value.
        low: Smallest value; infinity where there is none.
        high: Greatest value; minus infinity where there is none.
    """

    bins: Bins
    counts: Integers
    sums: Floats
    squares: float
    nulls: int
    low: float
    high: float

    @classmethod
    def of(cls, values: Any, *, bins: Bins) -> Self:
        """Count a column.

        Args:
            values: Figures or truth values, shape (rows,); what is not finite counts as missing.
            bins: Where to cut.
        """
        present, nulls = finite(values)
        ordered = np.sort(present)
        ends = np.concatenate([np.searchsorted(ordered, bins.edges, "right"), [len(ordered)]])
        starts = np.concatenate([[0], ends[:-1]])
        centred = np.append(ordered - bins.centre, 0.0)
        sums = np.where(ends > starts, np.add.reduceat(centred, starts), 0.0)
        return cls(
            bins,
            counts=(ends - starts).astype(np.int64),
            sums=sums,
            squares=float(centred @ centred),
            nulls=nulls,
            low=float(ordered[0]) if len(ordered) else np.inf,
            high=float(ordered[-1]) if len(ordered) else -np.inf,
        )

    @property
    def present(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.present + self.nulls

    @property
    def mean(self) -> float:
        """Mean of the values.

        Raises:
            EvidenceError: There is none.
        """
        return self.bins.centre + float(self.sums.sum()) / self._at_least_one()

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the values, divided by their number (not one less).

        Raises:
            EvidenceError: There is none.
        """
        rows = self._at_least_one()
        return float(np.sqrt(max(self.squares / rows - (self.sums.sum() / rows) ** 2, 0.0)))

    def __add__(self, other: Self) -> Self:
        """Count both."""
        return self._combined(other, 1)

    def __sub__(self, part: Self) -> Self:
        """Leave a part of the rows out; smallest and greatest value stay the whole's."""
        return self._combined(part, -1)

    def _combined(self, other: Self, sign: int) -> Self:
        return type(self)(
            self.bins,
            counts=self.counts + sign * other.counts,
            sums=self.sums + sign * other.sums,
            squares=self.squares + sign * other.squares,
            nulls=self.nulls + sign * other.nulls,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )

    def _at_least_one(self) -> int:
        if not self.present:
            msg = f"no value in any of {self.rows} rows: there is nothing to take a mean of"
            raise EvidenceError(msg)
        return self.present


@dataclass(frozen=True)
class CategoryTally:
    """A categorical column counted.

    Attributes:
        counts: Rows by category, those without rows left out.
        nulls: Rows without a value.
        rest: Rows of categories too rare to be told apart (only beyond `CATEGORIES` of them).
    """

    counts: Mapping[str, int]
    nulls: int
    rest: int = 0

    @classmethod
    def of(cls, values: Any) -> Self:
        """Count a column.

        Args:
            values: Values or truth values, shape (rows,), or a `Coded` column. None and NaN are
                missing; a whole number reads the same whether it comes as an integer or a float.
        """
        if isinstance(values, Coded):
            times = np.bincount(values.codes.astype(np.int64) + 1, minlength=1)
            seen = np.flatnonzero(times[1:]).tolist()
            counted = {values.categories[place]: int(times[place + 1]) for place in seen}
            return cls._named(counted, int(times[0]))
        return cls._named(Counter(np.asarray(values).tolist()), 0)

    @classmethod
    def _named(cls, counted: Mapping[Any, int], nulls: int) -> Self:
        names: dict[str, int] = {}
        for value, times in counted.items():
            if _is_missing(value):
                nulls += times
            else:
                name = category_name(value)
                names[name] = names.get(name, 0) + times
        return cls(names, nulls)

    @property
    def present(self) -> int:
        """Rows with a value."""
        return sum(self.counts.values()) + self.rest

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.present + self.nulls

    def __add__(self, other: Self) -> Self:
        """Count both."""
        return self._combined(other, 1)

    def __sub__(self, part: Self) -> Self:
        """Leave a part of the rows out."""
        return self._combined(part, -1)

    def within(self, kept: Mapping[str, int]) -> Self:
        """Count what is not among some categories as the rest."""
        named = {name: times for name, times in self.counts.items() if name in kept}
        return type(self)(named, self.nulls, self.present - sum(named.values()))

    def _combined(self, other: Self, sign: int) -> Self:
        counts = dict(self.counts)
        for name, times in other.counts.items():
            counts[name] = counts.get(name, 0) + sign * times
        left = {name: times for name, times in counts.items() if times}
        return type(self)(left, self.nulls + sign * other.nulls, self.rest + sign * other.rest)


Tally = NumericTally | CategoryTally


def category_name(value: Any) -> str:
    """Write a category down, the same whatever type it came as."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_missing(value: Any) -> bool:
    # NaN, and pandas' NA and NaT, are what is not equal to itself, or refuses to say.
    if value is None:
        return True
    equal = value == value  # noqa: PLR0124
    return equal is not True and not (isinstance(equal, np.bool_) and bool(equal))
