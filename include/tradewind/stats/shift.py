"""How far one player's scores lie from another's on the same rows: level and spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.inference import estimate, standard_error

if TYPE_CHECKING:
    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows


@dataclass(frozen=True)
class Shift:
    """Where the scores went.

    Attributes:
        level: The new mean less the old one, in the score's unit.
        spread: The new standard deviation over the old one.
        mean: The old one, as `deviation` is the old standard deviation.
    """

    level: Estimate
    spread: Estimate
    mean: Estimate
    deviation: float


def shift_of(new: Rows, old: Rows, *, draws: Draws, confidence: float) -> Shift:
    """Measure how far the scores moved, in draws of whole units that are the same for both.

    Args:
        new: One player's rows.
        old: The other's, the same rows in their order.
        draws: Of their units.
        confidence: Of the intervals, both sides together.

    Raises:
        EvidenceError: The old scores are all the same: no spread is a multiple of nothing.
    """
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    (new_mean, new_deviation), (mean, deviation) = (_moments(one, weights) for one in (new, old))
    if not deviation.min() > 0:
        raise EvidenceError(
            "the champion says the same of every row: a spread cannot be held against none"
        )
    gaps, ratios = new_mean - mean, new_deviation / deviation
    level_error = standard_error(gaps[1:], draws, name="the shift of level")
    mean_error = standard_error(mean[1:], draws, name="the old mean")
    spread_error = standard_error(ratios[1:], draws, name="the ratio of spreads")
    return Shift(
        level=estimate(float(gaps[0]), level_error, draws, confidence=confidence),
        spread=estimate(float(ratios[0]), spread_error, draws, confidence=confidence, lowest=0.0),
        mean=estimate(float(mean[0]), mean_error, draws, confidence=confidence),
        deviation=float(deviation[0]),
    )


def _moments(rows: Rows, weights: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation in each draw; centred first, so that no digits are lost."""
    centre = float(np.average(rows.score, weights=rows.weight))
    centred = rows.score - centre
    totals = weights @ rows.sums(centred, centred**2, np.ones_like(centred))
    mean = totals[:, 0] / totals[:, 2]
    variance = totals[:, 1] / totals[:, 2] - mean**2
    return mean + centre, np.sqrt(np.maximum(variance, 0.0))
