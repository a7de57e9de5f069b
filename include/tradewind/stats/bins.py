"""Where a numeric column is cut: knots enough to say the distances that its rows would say.

Between two samples, the area of a bin follows from counts and sums exactly, but for a bin within
which their distribution functions cross. There what is lost is at most half of the bin's width
times the share of rows in it, so bins are narrow where rows are many *and* where a stretch without
any is wide: whole numbers and times of day leave such gaps, and a window that is shifted by a
fraction falls right into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

QUANTILES = 999
"""Quantiles at which a numeric column is cut, or up to twice as many, so that no bin of several
values holds more than a thousandth of few rows either; a few edges more in its tails, and a second
one at each value that repeats."""
CUTS = 500
"""Edges beside them at least, which narrow the wide bins; where few different values leave
quantiles over, these are spent on them too."""
_STRETCHES = 100
"""Stretches of equally many rows among which the cuts are spent."""
_REPEATS = 10_000
"""A value that holds more than one row in so many has a bin of its own."""


@dataclass(frozen=True)
class Bins:
    """Where a numeric column is cut: (-inf, edges[0]], (edges[0], edges[1]], ..., (edges[-1], inf).

    A value that repeats (the zeros of rain, a full hour) is a bin of its own: its lower edge is the
    next smaller float.

    Attributes:
        edges: Rising, shape (bins - 1,).
        centre: Sums are taken about it, so that a large mean costs no digits.
    """

    edges: Floats
    centre: float

    @classmethod
    def of(cls, values: Any, *, quantiles: int = QUANTILES, cuts: int = CUTS) -> Self:
        """Cut a reference column at its quantiles, and between them where it is wide.

        Args:
            values: Figures, shape (rows,); what is not finite counts as missing.
            quantiles: How many edges, before repeated values get their second one.
            cuts: How many edges beside them at least, about.
        """
        ordered = np.sort(finite(values)[0])
        rows = len(ordered)
        if not rows:
            return cls(np.empty(0), 0.0)
        edges = np.unique(ordered[_places(rows, quantiles)])
        times = np.searchsorted(ordered, edges, "right") - np.searchsorted(ordered, edges, "left")
        apart = edges[(times * _REPEATS > rows) & ((times > 1) | (rows <= quantiles + 1))]
        below = np.nextafter(apart, -np.inf)
        between = _between(ordered, cuts + max(quantiles - len(edges), 0))
        return cls(np.unique(np.concatenate([edges, below, between])), float(ordered.mean()))


def finite(values: Any) -> tuple[Floats, int]:
    """Tell the finite figures of a column, and how many rows have none."""
    figures = np.asarray(values, dtype=np.float64)
    present = np.isfinite(figures)
    kept = figures if present.all() else figures[present]
    return kept, len(figures) - len(kept)


def _places(rows: int, quantiles: int) -> Integers:
    """Ranks of the quantiles, and of both tails beyond them at every doubling."""
    step = max(rows // (quantiles + 1), 1)
    inner = np.arange(step, rows, step) - 1
    tail = 2 ** np.arange(step.bit_length()) - 1
    return np.unique(np.clip(np.concatenate([inner, tail, rows - 1 - tail]), 0, rows - 1))


def _between(ordered: Floats, cuts: int) -> Floats:
    """Cut each stretch into equal parts, as many as lose least in all.

    The loss of a stretch is its width times its rows over the number of its parts; over all
    stretches it is least where each has parts as the root of width times rows.
    """
    ends = np.unique(ordered[np.arange(_STRETCHES + 1) * (len(ordered) - 1) // _STRETCHES])
    if len(ends) == 1:
        return np.empty(0)
    widths, rows = np.diff(ends), np.diff(np.searchsorted(ordered, ends, "left"))
    wanted = np.sqrt(widths) * np.sqrt(rows)
    parts = 1 + (cuts * (wanted / wanted.sum())).astype(np.int64)
    first = np.repeat(np.cumsum(parts) - parts, parts)
    step = np.arange(parts.sum()) - first
    found: Floats = np.repeat(ends[:-1], parts) + step * np.repeat(widths / parts, parts)
    return found
