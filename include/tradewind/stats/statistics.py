"""How a metric is prepared once for its rows, to answer for many weightings of their units.

A statistic takes unit weights of shape (draws, units) and returns one figure a draw, of shape
(draws,); a figure that a draw does not allow (no positive row in it) is NaN, and `inference`
refuses it.
Weights of one everywhere give the metric itself. Three ways, by what the metric needs:

* sums by unit (log loss, Brier, rates): a product of two small matrices;
* pairs of units (ROC AUC): a quadratic form in the unit weights;
* the ranking (average precision, capture): cumulated weights along the sorted rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.rows import Floats, Rows

Statistic = Callable[[Floats], Floats]
_CELLS_AT_ONCE = 200_000
"""How many (place, draw) cells are worked on at once: 1.6 MB a matrix, what a cache holds."""


def from_sums(sums: Floats, combine: Callable[[Floats], Floats]) -> Statistic:
    """Make a statistic of totals.

    Args:
        sums: Sums by unit, shape (units, k).
        combine: Takes totals of shape (draws, k) to figures of shape (draws,).
    """
    return lambda weights: combine(weights @ sums)


def ratio(numerator: Floats, denominator: Floats, *, empty: float = np.nan) -> Floats:
    """Divide, with a word for nothing by nothing (`empty`) in place of a warning."""
    out = np.full(np.shape(numerator), empty, dtype=np.float64)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def unit_pairs(positive: Rows, negative: Rows) -> Floats:
    """Count how often a positive row of one unit outranks a negative row of another.

    A tie counts half. The two may carry different scores of the same rows (two models'), which lets
    a comparison exchange them unit by unit.

    Returns:
        Weighted counts, shape (units, units): positives' unit by negatives' unit.
    """
    is_positive = positive.label == 1
    scores, units = positive.score[is_positive], positive.unit[is_positive]
    weights = positive.weight[is_positive]
    counts = np.zeros((positive.units, negative.units))
    for unit in range(negative.units):
        below = _weight_below(negative, unit, scores)
        counts[:, unit] = np.bincount(units, weights * below, minlength=positive.units)
    return counts


def _weight_below(rows: Rows, unit: int, scores: Floats) -> Floats:
    chosen = (rows.label == 0) & (rows.unit == unit)
    order = np.argsort(rows.score[chosen], kind="stable")
    ranked = rows.score[chosen][order]
    cumulated = np.concatenate([[0.0], np.cumsum(rows.weight[chosen][order])])
    left: Floats = cumulated[np.searchsorted(ranked, scores, side="left")]
    right: Floats = cumulated[np.searchsorted(ranked, scores, side="right")]
    return (left + right) / 2


def area_under_roc(rows: Rows) -> Statistic:
    """Prepare the share of (positive, negative) pairs that the score puts in the right order.

    The Mann-Whitney form of the area (Hanley and McNeil, 1982), ties counting half. As a draw
    weighs whole units, the area is a quadratic form in the unit weights over counts by pair of
    units, exact and independent of the number of rows.
    """
    pairs = unit_pairs(rows, rows)
    classes = rows.sums(rows.label, 1 - rows.label)

    def area(weights: Floats) -> Floats:
        totals = weights @ classes
        right = np.einsum("du,du->d", weights @ pairs, weights)
        return ratio(right, totals[:, 0] * totals[:, 1])

    return area


@dataclass(frozen=True)
class Places:
    """A stretch of the ranking, from the highest score down, in every draw.

    Only scores that some positive row has are places; all shapes are (places, draws), or (draws,).

    Attributes:
        reached: Weight of all rows down to and including each place.
        here: Weight of all rows at each place.
        positives_reached: Weight of the positive rows down to and including each place.
        positives_here: Weight of the positive rows at each place.
        total: Weight of all rows, by draw.
    """

    reached: Floats
    here: Floats
    positives_reached: Floats
    positives_here: Floats
    total: Floats


def from_ranking(rows: Rows, gain: Callable[[Places], Floats]) -> Statistic:
    """Make a statistic that each positive row adds to by its place, as a share of the positives.

    Args:
        rows: What is ranked; rows of equal score share one place.
        gain: Takes places to what they add, summed over the places: shape (draws,).
    """
    ranking = _Ranking(rows)
    totals = rows.sums(np.ones_like(rows.label), rows.label)

    def share(weights: Floats) -> Floats:
        everybody, positives = (weights @ totals).T
        gained = np.zeros(len(weights))
        for places in ranking.places(weights, everybody):
            gained += gain(places)
        return ratio(gained, positives)

    return share


class _Ranking:
    """Rows in falling order of their score, ready to be cumulated in pieces that fit in memory."""

    def __init__(self, rows: Rows) -> None:
        rising = np.unique(rows.score[(rows.label == 1) & (rows.weight > 0)])
        nearest = np.searchsorted(rising, rows.score, side="right") - 1
        place = len(rising) - 1 - nearest
        order = np.argsort(place, kind="stable")
        at_place = (rising[nearest] == rows.score).astype(np.float64)
        self._place, self._unit = place[order], rows.unit[order]
        self._weights = [
            column[order]
            for column in (rows.weight, rows.weight * at_place, rows.weight * rows.label)
        ]
        self._count, self._units = len(rising), rows.units

    def places(self, weights: Floats, total: Floats) -> Iterator[Places]:
        """Walk down the ranking, in every draw at once."""
        step = max(1, _CELLS_AT_ONCE // max(weights.shape))
        drawn = weights.T
        above, positives_above = np.zeros(self._units), np.zeros(self._units)
        for first in range(0, self._count, step):
            everybody, here, positives = self._cells(first, min(first + step, self._count))
            reached = above + np.cumsum(everybody, axis=0)
            positives_reached = positives_above + np.cumsum(positives, axis=0)
            yield Places(
                reached=reached @ drawn,
                here=here @ drawn,
                positives_reached=positives_reached @ drawn,
                positives_here=positives @ drawn,
                total=total,
            )
            above, positives_above = reached[-1], positives_reached[-1]

    def _cells(self, first: int, last: int) -> list[Floats]:
        """Sum the rows of some places by place and unit: everybody, those at it, positives."""
        start, stop = np.searchsorted(self._place, [first, last])
        cell = (self._place[start:stop] - first) * self._units + self._unit[start:stop]
        shape = (last - first, self._units)
        sums = [
            np.bincount(cell, column[start:stop], minlength=shape[0] * shape[1])
            for column in self._weights
        ]
        return [cells.reshape(shape).astype(np.float64) for cells in sums]


def average_precision(rows: Rows) -> Statistic:
    """Prepare the mean of the precision at each positive row (scikit-learn's definition).

    The area under the precision-recall curve as a step function, without interpolation.
    """

    def gain(places: Places) -> Floats:
        precision = ratio(places.positives_reached, places.reached, empty=0.0)
        return np.asarray(np.einsum("pd,pd->d", places.positives_here, precision))

    return from_ranking(rows, gain)


def capture(rows: Rows, *, top: float) -> Statistic:
    """Prepare the share of the positives among the `top` share of rows with the highest scores.

    A point of the cumulative gain curve. Rows of equal score at the edge count in proportion, so
    that their order in the file changes nothing.
    """

    def gain(places: Places) -> Floats:
        left = top * places.total - (places.reached - places.here)
        inside = np.clip(ratio(left, places.here, empty=0.0), 0, 1)
        return np.asarray(np.einsum("pd,pd->d", places.positives_here, inside))

    return from_ranking(rows, gain)


def by_repetition(rows: Rows, function: Callable[[Floats, Floats], float]) -> Statistic:
    """Make a statistic of any function of (label, score), by repeating the rows of a draw.

    As slow as the function is, once a draw: the price of a metric that is a black box.

    Raises:
        EvidenceError: The function fails, whatever it raises: it is the owner's and not ours.
    """
    order = np.argsort(rows.unit, kind="stable")
    label, score, unit = rows.label[order], rows.score[order], rows.unit[order]

    def one_draw(weights: Floats) -> float:
        times = weights[unit].astype(np.int64)
        try:
            return float(function(np.repeat(label, times), np.repeat(score, times)))
        except Exception as error:
            raise EvidenceError(f"its function failed: {error!r}") from error

    return lambda weights: np.array([one_draw(draw) for draw in weights], dtype=np.float64)
