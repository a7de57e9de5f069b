"""Performance *estimated* from the calibrated scores alone, while labels are still to come.

A calibrated score of .3 says that 3 of 10 such rows will turn out positive. So every row is
judged twice, as a positive that weighs its score and as a negative that weighs the rest, and every
metric of `tradewind.stats.metrics` gives its expected value. That is confidence-based performance
estimation (CBPE, as NannyML documents it), here for any metric of the binary problem.

It is an estimate, and stands on one assumption: **calibration still holds**. It moves when the mix
of rows moves. A model whose relation to the truth broke is estimated as good as ever, and only
matured labels say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import BINARY
from tradewind.stats.panel import compare
from tradewind.stats.rows import Rows, regression_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tradewind.records import Estimate
    from tradewind.stats.metrics import Metric

ASSUMPTION = "the scores are as well calibrated as they were when the model was judged"
USUAL = {name: BINARY[name] for name in ("log_loss", "brier", "roc_auc")}
_PLAYER = "model"


@dataclass(frozen=True)
class Estimated:
    """One metric, estimated before the labels are known.

    Attributes:
        estimate: With the interval that other days with other rows would give. It holds neither
            the chance of the outcomes themselves nor a calibration that no longer holds.
        assumption: What the figure stands on.
        sentence: For a person; it says that this is an estimate.
    """

    metric: str
    estimate: Estimate
    rows: int
    units: int
    assumption: str
    sentence: str


def expected_rows(
    score: npt.ArrayLike, *, unit: npt.ArrayLike | None = None, threshold: float | None = None
) -> Rows:
    """Write every row twice: positive with its score as weight, negative with the rest.

    A row is also compared with itself by the ROC area, as a tie; over n rows that is 1 / n of it.

    Args:
        score: Calibrated probabilities of 1, shape (rows,).
        unit: Unit of each row, 0 and up without gaps, shape (rows,).
        threshold: The score from which a row is decided positive.

    Returns:
        Rows of twice the length; weights of a row add up to 1.

    Raises:
        EvidenceError: No rows, a score that is missing, or one that is no probability.
    """
    once = regression_rows(np.zeros(np.size(score)), score, unit=unit, threshold=threshold)
    chance = once.score
    if chance.min() < 0 or chance.max() > 1:
        raise EvidenceError(
            f"scores from {chance.min():.6g} to {chance.max():.6g} are no probabilities, so that "
            "no performance can be estimated from them"
        )
    label = np.repeat([1.0, 0.0], len(chance))
    weight = np.concatenate([chance, 1 - chance])
    twice = np.tile(chance, 2)
    return Rows(label, twice, np.tile(once.unit, 2), weight, once.units, threshold)


def estimate_performance(
    score: npt.ArrayLike,
    *,
    unit: npt.ArrayLike,
    metrics: Mapping[str, Metric] = USUAL,
    threshold: float | None = None,
    block: int = 1,
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimated]:
    """Estimate a binary model's performance from its calibrated scores.

    Args:
        score: Calibrated probabilities of 1, shape (rows,).
        unit: Unit (local day) of each row, 0 and up without gaps, shape (rows,).
        metrics: What to estimate, by name.
        threshold: The score from which a row is decided positive, where a metric asks for one.
        block: Units drawn together.
        draws: Resamples.
        confidence: Of the two-sided interval.
        seed: The same seed gives the same interval.

    Returns:
        By metric; one that these rows do not allow is not there.

    Raises:
        EvidenceError: No rows, scores that are no probabilities, or too few units for an interval.
    """
    rows = expected_rows(score, unit=unit, threshold=threshold)
    drawn = block_draws(rows.units, block=block, draws=draws, seed=seed)
    panel = compare({_PLAYER: rows}, metrics=metrics, draws=drawn, confidence=confidence)
    count = len(rows.label) // 2
    return {
        name: _estimated(name, found, count, rows.units)
        for name, found in panel.estimates(_PLAYER).items()
    }


def _estimated(metric: str, found: Estimate, rows: int, units: int) -> Estimated:
    words = (
        f"Estimated, not measured: {metric} {found.value:.3g} ({found.low:.3g} to "
        f"{found.high:.3g}) on {rows:,} rows of {units} days whose labels are not known yet, if "
        f"{ASSUMPTION}."
    )
    return Estimated(metric, found, rows, units, ASSUMPTION, words)
