"""How a finished model's answer moves with one feature: partial dependence (Friedman, 2001).

Every row is given the same value of a feature and keeps its others, and the answers are averaged;
then the next value. Where features go together, some of these rows could not exist: beside each
point stands how many rows really lie there, so that nobody reads where there is no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.cards import Curve, Point
from tradewind.stats.inference import estimate, standard_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradewind.definition.learning import FeatureType
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Integers

    Score = Callable[[pd.DataFrame], Floats]

MOST_POINTS = 12
"""Values of a feature that are tried, evenly over its range; of categories the most frequent."""
_TAILS = (0.01, 0.99)


@dataclass(frozen=True)
class Sampled:
    """Rows that a finished model is asked about, and how their units are drawn again.

    Attributes:
        rows: Raw feature columns.
        unit: The number of each row's unit, shape (rows,).
        confidence: Of every interval.
    """

    rows: pd.DataFrame
    unit: Integers
    draws: Draws
    confidence: float


def partial_dependence(
    score: Score, sampled: Sampled, feature: str, *, kind: FeatureType, most: int = MOST_POINTS
) -> Curve:
    """Average a model's answers over rows, at each of some values of one feature.

    Args:
        score: Takes raw rows to scores, shape (rows,).
        sampled: The rows; it was not trained on them.
        feature: Whose values are tried.
        kind: How it is read.
        most: How many values.

    Returns:
        The points in the order of the values, categories from the most frequent on; none where no
        row has a value.
    """
    column = sampled.rows[feature]
    known = column[column.notna()]
    values = _places(known, most) if kind == "numeric" else _levels(known, most)
    near = _nearest(known, values) if kind == "numeric" else _equal(known, values)
    answers = _answers(score, sampled.rows, feature, values)
    points = [
        Point(
            at=_words(value),
            place=float(value) if kind == "numeric" else None,
            answer=_mean(answer, sampled, name=f"{feature} at {_words(value)}"),
            rows=int(np.count_nonzero(near == number)),
        )
        for number, (value, answer) in enumerate(zip(values, answers, strict=True))
    ]
    return Curve(
        feature=feature,
        kind=kind,
        points=points,
        left_out=len(known) - sum(point.rows for point in points),
        missing=len(column) - len(known),
    )


def _places(known: pd.Series, most: int) -> list[float]:
    """Numbers, evenly between the outer hundredths; all that there are, where they are few."""
    numbers = known.to_numpy(dtype=np.float64)
    distinct = np.unique(numbers)
    if len(distinct) <= most:
        return [float(one) for one in distinct]
    low, high = np.quantile(numbers, _TAILS).tolist()
    grid = np.linspace(low, high, most)
    whole = bool(np.all(distinct == np.round(distinct)))
    return [float(one) for one in np.unique(np.round(grid) if whole else grid)]


def _levels(known: pd.Series, most: int) -> list[Any]:
    """Categories, the most frequent first, equally frequent ones by name."""
    counts = known.value_counts()
    ordered = sorted(counts.items(), key=lambda level: (-level[1], str(level[0])))
    return [level for level, _ in ordered[:most]]


def _nearest(known: pd.Series, values: Sequence[float]) -> Integers:
    numbers = known.to_numpy(dtype=np.float64)
    middles = np.add(values[1:], values[:-1]) / 2
    return np.searchsorted(middles, numbers).astype(np.int64)


def _equal(known: pd.Series, values: Sequence[Any]) -> Integers:
    place = {value: number for number, value in enumerate(values)}
    return np.array([place.get(value, -1) for value in known], dtype=np.int64)


def _answers(
    score: Score, rows: pd.DataFrame, feature: str, values: Sequence[Any]
) -> Sequence[Floats]:
    """Scores of all rows at each value, in one question: shape (values, rows)."""
    if not values:
        return []
    asked = pd.concat([rows.assign(**{feature: value}) for value in values], ignore_index=True)
    answers: Floats = score(asked).reshape(len(values), len(rows))
    return list(answers)


def _mean(answer: Floats, sampled: Sampled, *, name: str) -> Any:
    draws = sampled.draws
    sums = np.bincount(sampled.unit, answer, minlength=draws.units)
    rows = np.bincount(sampled.unit, minlength=draws.units)
    means = (draws.weights @ sums) / (draws.weights @ rows)
    error = standard_error(means, draws, name=name)
    return estimate(float(np.mean(answer)), error, draws, confidence=sampled.confidence)


def _words(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
