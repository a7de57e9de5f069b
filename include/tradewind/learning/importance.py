"""How much each feature matters to a finished model: what it loses where the feature is shuffled.

Permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019), once a feature, on rows
that the model was not trained on. Features that say the same share what they would have alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.records import Estimate
from tradewind.stats.bootstrap import Draws
from tradewind.stats.inference import estimate, share_of, standard_error
from tradewind.stats.metrics import log_loss, rmse
from tradewind.stats.rows import Rows
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from tradewind.definition.learning import Problem
    from tradewind.learning.dependence import Sampled
    from tradewind.stats.rows import Floats, Integers

MOST_ROWS = 2_000
"""Beyond so many rows the order of the features hardly changes any more."""
_MOST_ERROR = 0.5
"""No share varies more: half of its range (Popoviciu, 1935)."""


@dataclass(frozen=True)
class Losses:
    """What a model loses on some rows, with every feature and without each.

    Every figure is that of the rows themselves and of each draw of their units: shape (1 + draws,).

    Attributes:
        rows: How many they are.
        draws: Of their units; none where there are too few units to draw from.
        whole: The loss with nothing shuffled.
        grown: By feature, by how much it is greater where that is shuffled; below zero where luck
            makes the shuffled one better.
    """

    rows: int
    draws: Draws
    whole: Floats
    grown: dict[str, Floats]

    @property
    def shares(self) -> dict[str, float]:
        """Each feature's part of all that is lost; together 1, or all 0 where nothing is lost."""
        lost = {name: max(0.0, float(figures[0])) for name, figures in self.grown.items()}
        total = sum(lost.values())
        return {name: one / total if total else 0.0 for name, one in lost.items()}

    def share_of(self, names: Sequence[str], *, confidence: float) -> Estimate:
        """Measure which part of all that is lost some features have together, as in `shares`.

        What the rows themselves clip at zero is left out of every draw, and nothing else is clipped
        in it: the share is smooth in what is left, so that the delta method holds of it. A draw
        that clipped for itself would add the luck of every feature that does not matter to the
        whole: where a figure lies at its bound, the bootstrap goes wrong (Andrews, 2000).

        Args:
            names: Features of which each has a part.
            confidence: Of the interval, both sides together. Without draws it is 0 to 1.

        Raises:
            EvidenceError: A draw does not allow a figure.
        """
        if not len(self.draws.weights):
            value = sum(self.shares[name] for name in names)
            return Estimate(value=value, low=0.0, high=1.0, standard_error=_MOST_ERROR)
        lost = {name: figures for name, figures in self.grown.items() if figures[0] > 0}
        part = np.sum([lost[name] for name in names], axis=0)
        whole = np.sum(list(lost.values()), axis=0)
        limits = {"lowest": 0.0, "highest": 1.0}
        told = "the share of all importance"
        return share_of(part, whole, self.draws, confidence=confidence, name=told, **limits)


def importance(
    estimator: Any,
    features: pd.DataFrame,
    label: np.ndarray,
    *,
    problem: Problem,
    seed: int,
    most_rows: int = MOST_ROWS,
) -> dict[str, float]:
    """Measure each feature's share of what the model loses where features are shuffled.

    Args:
        estimator: The fitted model.
        features: As the model sees them, of rows that it was not trained on.
        label: Their labels, shape (rows,).
        problem: Whose loss counts: log loss, or the root of the mean squared error.
        seed: Of the shuffling.
        most_rows: Of more rows than these, so many are taken, evenly over all of them.

    Returns:
        By feature, from 0 to 1; together 1, or all 0 where the model loses nothing without any.
    """
    score = partial(predict, estimator, problem=problem)
    return importance_of(score, features, label, problem=problem, seed=seed, most_rows=most_rows)


def importance_of(
    score: Callable[[pd.DataFrame], np.ndarray],
    features: pd.DataFrame,
    label: np.ndarray,
    *,
    problem: Problem,
    seed: int,
    most_rows: int = MOST_ROWS,
) -> dict[str, float]:
    """Measure what `importance` does of whatever answers such rows with scores."""
    some = thinned(len(features), most=most_rows)
    rows = features.iloc[some]
    one, none = np.zeros(len(rows), dtype=np.int64), Draws.none(1)
    found = losses_of(
        score, rows, np.asarray(label)[some], unit=one, draws=none, problem=problem, seed=seed
    )
    return found.shares


def thinned(rows: int, *, most: int = MOST_ROWS) -> slice:
    """Choose so many of the rows at most, evenly over all of them."""
    return slice(None, None, max(1, -(-rows // most)))


def losses_of(
    score: Callable[[pd.DataFrame], np.ndarray],
    rows: pd.DataFrame,
    label: np.ndarray,
    *,
    unit: Integers,
    draws: Draws,
    problem: Problem,
    seed: int,
    shuffles: int = 1,
) -> Losses:
    """Measure a model's loss with every feature, and by how much it grows without each.

    Args:
        score: Takes raw rows to scores, shape (rows,).
        rows: Raw feature columns.
        label: Their labels, shape (rows,).
        unit: The number of each row's unit, shape (rows,).
        draws: Of these units.
        problem: Whose loss counts: log loss, or the root of the mean squared error.
        seed: Of the shuffling.
        shuffles: How often each feature is shuffled; what it loses is the mean over them.
    """
    truth, ones = np.asarray(label, dtype=np.float64), np.ones(len(rows))
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    loss = log_loss if problem == "binary" else rmse

    def losses(frame: pd.DataFrame) -> Floats:
        return loss(Rows(truth, score(frame), unit, ones, draws.units))(weights)

    whole, grown = losses(rows), {}
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(rows)) for _ in range(shuffles)]
    for name in rows.columns:
        values = rows[name].to_numpy()
        shuffled = [losses(rows.assign(**{name: values[order]})) for order in orders]
        grown[str(name)] = np.mean(shuffled, axis=0) - whole
    return Losses(len(rows), draws, whole, grown)


def losses_without(
    score: Callable[[pd.DataFrame], np.ndarray],
    sampled: Sampled,
    label: np.ndarray,
    *,
    problem: Problem,
    seed: int,
    shuffles: int,
) -> tuple[Estimate, dict[str, Estimate]]:
    """Measure by how much a model's loss grows where each feature is shuffled, with intervals.

    Args:
        score: As of `losses_of`.
        sampled: The rows, with what is drawn again for the intervals.
        label: As of `losses_of`, as what follows.
        problem: Whose loss counts.
        seed: Of the shuffling.
        shuffles: How often each feature is shuffled. The intervals are of other units, not of
            other shuffles.

    Returns:
        The loss with nothing shuffled, and the growth by feature.

    Raises:
        EvidenceError: A draw does not allow a figure.
    """
    draws = sampled.draws
    found = losses_of(
        score,
        sampled.rows,
        label,
        unit=sampled.unit,
        draws=draws,
        problem=problem,
        seed=seed,
        shuffles=shuffles,
    )

    def told(name: str, figures: Floats, *, lowest: float = -np.inf) -> Estimate:
        error = standard_error(figures[1:], draws, name=name)
        value, confidence = float(figures[0]), sampled.confidence
        return estimate(value, error, draws, confidence=confidence, lowest=lowest)

    grown = {name: told(name, figures) for name, figures in found.grown.items()}
    return told("the loss", found.whole, lowest=0.0), grown
