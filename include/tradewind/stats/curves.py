"""What a page draws of scores: reliability, gains, loss by unit, decisions. Plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats.metrics import CALIBRATION_BINS, log_loss, mae

if TYPE_CHECKING:
    from tradewind.stats.rows import Floats, Rows

_GAIN_POINTS = 41


def reliability(rows: Rows, *, binary: bool) -> list[dict[str, float]]:
    """Put what was predicted beside what happened, bin by bin.

    Args:
        rows: Scores beside the truth.
        binary: Bins of equal width over the probability, those of the calibration error; for a
            regression bins of equally many rows.

    Returns:
        For each bin that has rows: mean `score`, mean `truth`, number of `rows`.
    """
    if binary:
        edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    else:
        edges = np.unique(np.quantile(rows.score, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]))
    place = np.searchsorted(edges, rows.score, side="right")
    bins = [place == number for number in range(len(edges) + 1)]
    return [
        {
            "score": float(rows.score[inside].mean()),
            "truth": float(rows.label[inside].mean()),
            "rows": int(inside.sum()),
        }
        for inside in bins
        if inside.any()
    ]


def gains(rows: Rows) -> list[dict[str, float]]:
    """Share of the positives found in the best-scored share of the rows, for a range of shares."""
    order = np.argsort(-rows.score, kind="stable")
    ranked = rows.score[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], [True]))
    reached = np.concatenate([[0.0], np.cumsum(rows.weight[order])[ends]])
    caught = np.concatenate([[0.0], np.cumsum((rows.weight * rows.label)[order])[ends]])
    shares = np.linspace(0, 1, _GAIN_POINTS)
    found = np.interp(shares, reached / reached[-1], caught / caught[-1])
    return [
        {"rows": float(share), "positives": float(part)}
        for share, part in zip(shares, found, strict=True)
    ]


def loss_by_unit(rows: Rows, *, binary: bool) -> list[float]:
    """Mean loss of each unit: log loss for a binary problem, absolute error for a regression."""
    statistic = (log_loss if binary else mae)(rows)
    losses: Floats = statistic(np.eye(rows.units))
    return [float(loss) for loss in losses]


def decisions(rows: Rows) -> dict[str, float]:
    """Count the four outcomes of the decisions at the rows' own threshold."""
    decided, late = rows.decision == 1, rows.label == 1
    return {
        "threshold": float(rows.threshold or 0.0),
        "true_positive": int((decided & late).sum()),
        "false_positive": int((decided & ~late).sum()),
        "false_negative": int((~decided & late).sum()),
        "true_negative": int((~decided & ~late).sum()),
    }
