"""From which score a row is decided positive.

Found on the select stretch: where the owner says what the outcomes are worth, the threshold of the
greatest value; elsewhere that of the greatest F1 (van Rijsbergen, 1979). Every distinct score is
tried, and one above them all, at which nothing is decided positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tradewind.definition.learning import Value


def find_threshold(label: np.ndarray, score: np.ndarray, *, value: Value | None) -> float:
    """The threshold that does best on these rows; of equal ones the highest.

    Args:
        label: 0 or 1, shape (n,).
        score: Probabilities, shape (n,); a row is positive where `score >= threshold`.
        value: What each outcome is worth; None asks for the greatest F1.
    """
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], np.cumsum(label[order] == 1)
    # Only the last of equal scores is a place where the rows can be parted.
    last = np.flatnonzero(np.diff(ranked, append=-np.inf))
    decided = np.concatenate(([0], last + 1))
    true_positive = np.concatenate(([0], hits[last]))
    merit = _merit(
        true_positive.astype(np.float64),
        decided.astype(np.float64),
        positives=float(hits[-1]),
        rows=float(len(label)),
        value=value,
    )
    best = int(np.argmax(merit))
    return float(ranked[last[best - 1]] if best else np.nextafter(ranked[0], np.inf))


def _merit(
    true_positive: np.ndarray,
    decided: np.ndarray,
    *,
    positives: float,
    rows: float,
    value: Value | None,
) -> np.ndarray:
    if value is None:
        return 2 * true_positive / (decided + positives)
    false_positive = decided - true_positive
    false_negative = positives - true_positive
    true_negative = rows - decided - false_negative
    return np.asarray(
        value.true_positive * true_positive
        + value.false_positive * false_positive
        + value.false_negative * false_negative
        + value.true_negative * true_negative
    )
