"""How far the share of rows that were looked at stands for all of them."""

from __future__ import annotations

import math

from scipy.stats import norm


def wilson(count: int, rows: int, *, confidence: float) -> tuple[float, float]:
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
