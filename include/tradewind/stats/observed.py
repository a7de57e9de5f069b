"""The values that a number was seen to take: whatever is made up stays among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stats.rows import Floats


@dataclass(frozen=True)
class Observed:
    """What one number was seen to be.

    Attributes:
        values: Its distinct values in order, shape (values,).
        deviation: Its standard deviation over the rows; 0 where it has one value or none.
    """

    values: Floats
    deviation: float

    @classmethod
    def of(cls, column: npt.ArrayLike) -> Observed:
        """Take the values of a column, shape (rows,); missing ones are none."""
        seen = np.asarray(column, dtype=np.float64)
        seen = seen[np.isfinite(seen)]
        return cls(np.unique(seen), float(seen.std()) if seen.size else 0.0)

    def spans(self, wanted: Floats) -> npt.NDArray[np.bool_]:
        """Say which values lie between the smallest and the greatest seen; a missing one does not.

        Args:
            wanted: Shape (rows,).
        """
        if not self.values.size:
            return np.zeros(len(wanted), dtype=np.bool_)
        inside: npt.NDArray[np.bool_] = (wanted >= self.values[0]) & (wanted <= self.values[-1])
        return inside

    def nearest(self, wanted: Floats) -> Floats:
        """Take wishes to the nearest value that was seen, the lower one of two that are as near.

        So a count stays whole, and no rain falls less than none.

        Args:
            wanted: Shape (rows,); one that is missing stays so.
        """
        if not self.values.size:
            return np.full_like(wanted, np.nan)
        above = np.clip(np.searchsorted(self.values, wanted), 0, len(self.values) - 1)
        below = np.maximum(above - 1, 0)
        low, high = self.values[below], self.values[above]
        near = np.where(np.abs(wanted - low) <= np.abs(high - wanted), low, high)
        return np.where(np.isnan(wanted), np.nan, near)

    def towards(self, own: Floats, step: float) -> Floats:
        """Go from values that were seen to the furthest ones that are no further than a step.

        Args:
            own: Where each row begins, shape (rows,); one that is missing stays so.
            step: How far at most; below zero to go down.
        """
        if not self.values.size:
            return own
        if step < 0:
            place = np.searchsorted(self.values, own + step, side="left")
        else:
            place = np.searchsorted(self.values, own + step, side="right") - 1
        there = self.values[np.clip(place, 0, len(self.values) - 1)]
        return np.where(np.isnan(own), np.nan, there)
