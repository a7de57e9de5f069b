"""The rows that somebody is judged on, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_BINARY_CLASSES = {0.0, 1.0}


@dataclass(frozen=True)
class Rows:
    """One player's scores beside the truth.

    Attributes:
        label: Truth, shape (rows,): 0 or 1 for a binary problem, any figure for a regression.
        score: Probability of 1, or the predicted figure, shape (rows,).
        unit: Which unit each row belongs to, 0 to `units` - 1, shape (rows,).
        weight: Weight of each row, shape (rows,).
        units: How many units there are.
        threshold: The score from which a row is decided positive (binary problems).
    """

    label: Floats
    score: Floats
    unit: Integers
    weight: Floats
    units: int
    threshold: float | None = None

    @property
    def decision(self) -> Floats:
        """1 where the score reaches the threshold, else 0, shape (rows,).

        Raises:
            EvidenceError: No threshold was given.
        """
        if self.threshold is None:
            raise EvidenceError("no decision threshold is known for these scores: train says one")
        return (self.score >= self.threshold).astype(np.float64)

    def sums(self, *columns: Floats) -> Floats:
        """Add columns up within units, weighted by row.

        Args:
            columns: k columns, each of shape (rows,).

        Returns:
            Sums of shape (units, k).
        """
        return np.column_stack(
            [np.bincount(self.unit, self.weight * c, minlength=self.units) for c in columns]
        )


def binary_rows(
    label: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    unit: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    threshold: float | None = None,
) -> Rows:
    """Check the rows of a binary problem.

    Args:
        label: 0 or 1 (or booleans), shape (rows,).
        score: Probabilities of 1, shape (rows,).
        unit: Unit of each row, 0 and up without gaps; one unit for all where nothing is said.
        weight: Row weights, not negative; 1 where nothing is said.
        threshold: The score from which a row is decided positive.

    Raises:
        EvidenceError: No rows, NaN, one class only, or scores that are no probabilities.
    """
    rows = regression_rows(label, score, unit=unit, weight=weight, threshold=threshold)
    classes = set(np.unique(rows.label[rows.weight > 0]).tolist())
    if not classes <= _BINARY_CLASSES:
        raise EvidenceError(
            f"a binary label is 0 or 1; here are also {sorted(classes - _BINARY_CLASSES)}"
        )
    if len(classes) < len(_BINARY_CLASSES):
        raise EvidenceError(
            f"all {len(rows.label)} labels are {classes.pop():g}: with one class no ranking or "
            "rate can be judged; judge on a longer stretch (`train.judge_days`)"
        )
    if rows.score.min() < 0 or rows.score.max() > 1:
        raise EvidenceError(
            f"scores from {rows.score.min():.6g} to {rows.score.max():.6g} are no probabilities"
        )
    return rows


def regression_rows(
    label: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    unit: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    threshold: float | None = None,
) -> Rows:
    """Check the rows of a regression: as `binary_rows`, with any finite label and score.

    Raises:
        EvidenceError: No rows, columns of different length, or a figure that is not finite.
    """
    y = _finite("label", label)
    s = _finite("score", score)
    u = np.zeros(len(y), np.int64) if unit is None else np.asarray(unit).astype(np.int64)
    w = np.ones(len(y)) if weight is None else _finite("weight", weight)
    lengths = {len(y), len(s), len(u), len(w)}
    if len(lengths) > 1:
        raise EvidenceError(f"label, score, unit and weight differ in length: {sorted(lengths)}")
    if w.sum() <= 0 or w.min() < 0:
        raise EvidenceError("there are no rows to judge on: no label is known in this stretch")
    return Rows(y, s, u, w, int(u.max()) + 1, threshold)


def unit_numbers(units: Sequence[Any] | npt.NDArray[Any]) -> tuple[Integers, list[Any]]:
    """Number the units of rows in their order (days in time), without gaps.

    Args:
        units: Unit of each row, such as its local day, shape (rows,).

    Returns:
        The number of each row's unit, shape (rows,), and the units by number.
    """
    names, numbers = np.unique(np.asarray(units), return_inverse=True)
    return numbers.astype(np.int64), list(names.tolist())


def _finite(name: str, values: npt.ArrayLike) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    bad = int(np.count_nonzero(~np.isfinite(column)))
    if bad:
        raise EvidenceError(f"{bad} of {column.size} values of {name} are missing or not finite")
    return column
