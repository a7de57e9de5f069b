"""How much each feature matters to a finished model: what it loses where the feature is shuffled.

Permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019), once a feature, on rows
that the model was not trained on. Features that say the same share what they would have alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.stats.inference import estimate, standard_error
from tradewind.stats.metrics import log_loss, rmse
from tradewind.stats.rows import Rows
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from tradewind.definition.learning import Problem
    from tradewind.learning.dependence import Sampled
    from tradewind.records import Estimate

MOST_ROWS = 2_000
"""Beyond so many rows the order of the features hardly changes any more."""


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
    step = max(1, -(-len(features) // most_rows))
    rows, truth = features.iloc[::step], np.asarray(label, dtype=np.float64)[::step]
    order = np.random.default_rng(seed).permutation(len(rows))
    whole = _loss(score(rows), truth, problem)
    lost = {}
    for name in rows.columns:
        shuffled = rows.assign(**{name: rows[name].to_numpy()[order]})
        lost[str(name)] = max(0.0, _loss(score(shuffled), truth, problem) - whole)
    total = sum(lost.values())
    return {name: one / total if total else 0.0 for name, one in lost.items()}


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
        score: Takes raw rows to scores, shape (rows,).
        sampled: The rows, with what is drawn again for the intervals.
        label: Their labels, shape (rows,).
        problem: Whose loss counts: log loss, or the root of the mean squared error.
        seed: Of the shuffling.
        shuffles: How often each feature is shuffled; what it loses is the mean over them.

    Returns:
        The loss with nothing shuffled, and by feature the growth, below zero where luck makes the
        shuffled one better. The intervals are of other units, not of other shuffles.

    Raises:
        EvidenceError: A draw does not allow a figure.
    """
    rows, truth, draws = sampled.rows, np.asarray(label, dtype=np.float64), sampled.draws
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    loss = log_loss if problem == "binary" else rmse

    def losses(frame: pd.DataFrame) -> np.ndarray:
        ones = np.ones(len(truth))
        return loss(Rows(truth, score(frame), sampled.unit, ones, draws.units))(weights)

    def told(name: str, figures: np.ndarray, *, lowest: float = -np.inf) -> Estimate:
        error = standard_error(figures[1:], draws, name=name)
        value, confidence = float(figures[0]), sampled.confidence
        return estimate(value, error, draws, confidence=confidence, lowest=lowest)

    whole, grown = losses(rows), {}
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(rows)) for _ in range(shuffles)]
    for name in map(str, rows.columns):
        values = rows[name].to_numpy()
        shuffled = [losses(rows.assign(**{name: values[order]})) for order in orders]
        grown[name] = told(name, np.mean(shuffled, axis=0) - whole)
    return told("the loss", whole, lowest=0.0), grown


def _loss(score: np.ndarray, label: np.ndarray, problem: Problem) -> float:
    rows = Rows(label, score, np.zeros(len(label), dtype=np.int64), np.ones(len(label)), units=1)
    statistic = (log_loss if problem == "binary" else rmse)(rows)
    return float(statistic(np.ones((1, 1)))[0])
