"""How far two models agree: on the rows that they decide for, or on the figures that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats.inference import estimate, standard_error
from tradewind.stats.proportions import share_of_rows
from tradewind.stats.statistics import from_sums, ratio

if TYPE_CHECKING:
    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows

_MOST = 2.0


def disagreement(one: Rows, other: Rows, *, draws: Draws, confidence: float) -> Estimate:
    """Measure by how much two models differ, as a share of what chance alone would make of it.

    The mean squared difference over what it would be if each answered as often, or as widely, as
    it does, and had drawn by lot which row gets which answer: 0 is agreement on every row, 1 that
    neither tells anything of the other. On decisions it is 1 less Cohen's kappa (Cohen 1960, "A
    coefficient of agreement for nominal scales"), on figures 1 less Lin's concordance (Lin 1989,
    "A concordance correlation coefficient to evaluate reproducibility"): so that it means the same
    where one row in two is decided for and where one in a thousand is.

    Args:
        one: Its decisions are compared where it has a threshold, else its scores.
        other: The same rows, as another answers them.
        draws: Resamples of the rows' units.
        confidence: Of the interval.

    Raises:
        EvidenceError: `one` decides and the other has no threshold.
    """
    figures_only = one.threshold is None
    first, second = (one.score, other.score) if figures_only else (one.decision, other.decision)
    middle = float(np.mean(first))
    first, second = first - middle, second - middle
    columns = (np.ones_like(first), first, second, first**2 + second**2, (first - second) ** 2)
    share = from_sums(one.sums(*columns), _of_chance)
    drawn = share(np.vstack([np.ones((1, draws.units)), draws.weights]))
    error = standard_error(drawn[1:], draws, name="how far two models agree")
    return estimate(float(drawn[0]), error, draws, confidence=confidence, lowest=0.0, highest=_MOST)


def moved_by(one: Rows, other: Rows, *, draws: Draws, confidence: float) -> Estimate:
    """Measure plainly how far two models differ on the same rows.

    The share of decisions that are otherwise; of figures the root of the mean squared move, in
    standard deviations of the label.

    Args:
        one: Its decisions are compared where it has a threshold, else its scores.
        other: The same rows, as another answers them.
        draws: Resamples of the rows' units.
        confidence: Of the interval, both sides together.

    Raises:
        EvidenceError: `one` decides and the other has no threshold.
    """
    name = "how far answers move"
    if one.threshold is not None:
        those = one.decision != other.decision
        return share_of_rows(one, those, draws=draws, confidence=confidence, name=name)
    moves = (one.score - other.score) / np.std(one.label)
    mean = from_sums(
        one.sums(moves**2, np.ones_like(moves)), lambda totals: ratio(totals[:, 0], totals[:, 1])
    )
    drawn = np.sqrt(mean(np.vstack([np.ones((1, draws.units)), draws.weights])))
    error = standard_error(drawn[1:], draws, name=name)
    return estimate(float(drawn[0]), error, draws, confidence=confidence, lowest=0.0)


def _of_chance(totals: Floats) -> Floats:
    count, first, second, squares, gap = totals.T
    by_lot = squares / count - 2 * (first / count) * (second / count)
    # Two that give every row the same one answer differ by nothing, and so they would by lot.
    return ratio(gap / count, by_lot, empty=0.0)
