"""Whether scores mean what they say: on the whole, along the score, and tenth by tenth.

Three of the levels of calibration that Van Calster et al. (2016) tell apart: mean (the level), weak
(the slope), moderate (bins). The slope is that of a line through truth over score, which is 1 where
a forecast neither exaggerates nor plays down (Mincer and Zarnowitz, 1969), for a probability as for
any figure.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.groups import calibration_gap
from tradewind.stats.inference import undefined
from tradewind.stats.statistics import from_sums, ratio

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows
    from tradewind.stats.statistics import Statistic

TENTHS = 10


def slope(rows: Rows) -> Statistic:
    """Prepare by how much the truth rises where the score rises by 1."""
    middle = float(np.average(rows.score, weights=rows.weight))
    score = rows.score - middle
    ones = np.ones_like(score)
    sums = rows.sums(ones, score, rows.label, score * rows.label, score**2)

    def rise(totals: Floats) -> Floats:
        count, first, second, product, square = totals.T
        spread = square - first**2 / count
        return ratio(product - first * second / count, np.maximum(spread, 0.0))

    return from_sums(sums, rise)


def figures_of(statistic: Statistic, draws: Draws) -> Floats:
    """Compute a figure on the rows themselves and in each draw, shape (1 + draws,).

    Raises:
        EvidenceError: The rows, or some draws, do not allow it.
    """
    figures = statistic(np.vstack([np.ones((1, draws.units)), draws.weights]))
    if reason := undefined(figures):
        raise EvidenceError(reason)
    return figures


def gaps_of(rows: Rows, draws: Draws) -> Floats:
    """Compute mean truth less mean score, as `figures_of`: above zero scores say too little.

    Raises:
        EvidenceError: Some draws have no such row.
    """
    return figures_of(calibration_gap(rows), draws)


def tenths(rows: Rows, *, least_rows: int) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Cut rows into tenths by their score, or into fewer parts, so that none is too small.

    Args:
        rows: Scores beside the truth.
        least_rows: Of a part.

    Returns:
        For each part its stretch of scores in words, and which rows are in it, shape (rows,).
    """
    count = min(TENTHS, max(1, len(rows.score) // least_rows))
    cuts = np.unique(np.quantile(rows.score, np.linspace(0, 1, count + 1)[1:-1]))
    place = np.searchsorted(cuts, rows.score, side="right")
    edges = [float(rows.score.min()), *cuts.tolist(), float(rows.score.max())]
    named = [f"score {low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    every = [(name, place == number) for number, name in enumerate(named)]
    return [(name, inside) for name, inside in every if inside.any()]


def in_deviations(rows: Rows) -> Rows:
    """Say labels and scores in standard deviations of the labels.

    Raises:
        EvidenceError: All labels are the same.
    """
    deviation = float(np.std(rows.label))
    if deviation == 0:
        raise EvidenceError("all judged labels are the same: there is nothing to be calibrated to")
    return replace(rows, label=rows.label / deviation, score=rows.score / deviation)
