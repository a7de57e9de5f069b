"""Shares of rows, and how far those that were looked at stand for others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from tradewind.stats.inference import estimate, standard_error
from tradewind.stats.statistics import from_sums, ratio

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows


def share_of_rows(
    rows: Rows, those: npt.NDArray[np.bool_] | Floats, *, draws: Draws, confidence: float, name: str
) -> Estimate:
    """Measure which share of the rows some are, in draws of whole units.

    Args:
        rows: All of them.
        those: Whether each is one of the some, or how probably, shape (rows,).
        draws: Of the rows' units.
        confidence: Of the interval, both sides together.
        name: Which share it is, for the error.

    Raises:
        EvidenceError: Some draws have no row.
    """
    sums = rows.sums(those.astype(np.float64), np.ones_like(rows.label))
    statistic = from_sums(sums, lambda totals: ratio(totals[:, 0], totals[:, 1]))
    value = float(statistic(np.ones((1, rows.units)))[0])
    error = standard_error(statistic(draws.weights), draws, name=name)
    return estimate(value, error, draws, confidence=confidence, lowest=0, highest=1)


def wilson(count: float, rows: int, *, confidence: float) -> tuple[float, float]:
    """Put an interval around a share (Wilson, 1927), which never leaves 0 to 1.

    Args:
        count: How many of the rows are among those that count.
        rows: How many were looked at, one at least.
        confidence: Of each side alone.
    """
    z = float(norm.ppf(confidence))
    share, more = count / rows, z * z / rows
    centre = (share + more / 2) / (1 + more)
    reach = z / (1 + more) * math.sqrt(share * (1 - share) / rows + more / (4 * rows))
    return max(0.0, centre - reach), min(1.0, centre + reach)
