"""A quick model of the same rows, to ask what each row's label should be without having seen it.

Few and shallow trees, seconds at a hundred thousand rows: it need not be good, it must only be
independent of the rows that it is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from tradewind.learning.preprocess import categories_of, numbers_of, ordinal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.learning import FeatureType

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

FOLDS = 3
_MOST_CATEGORIES = 250
_LARGEST_LEAF, _ROWS_A_LEAF = 200, 100
_EITHER_CLASS = 2
_GRID = np.linspace(0, 1, 201)
_AWAY = 4
"""Steps of the grid between a number and what is put in its place."""


@dataclass(frozen=True)
class QuickRows:
    """Features as numbers, and which columns of them are codes.

    Attributes:
        matrix: Shape (rows, features).
        names: The feature of each column.
        codes: How many of the last columns are codes of categories.
        ranks: Quantiles of the columns that were asked for, by column.
    """

    matrix: Floats
    names: tuple[str, ...]
    codes: int
    ranks: dict[int, Floats] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, features: pd.DataFrame, types: Mapping[str, FeatureType]) -> QuickRows:
        """Turn features, cast as a model sees them, into numbers."""
        coded = ordinal(types, max_categories=_MOST_CATEGORIES).fit_transform(features)
        words = categories_of(types)
        return cls(np.asarray(coded, np.float64), (*numbers_of(types), *words), len(words))

    def learn(
        self, rows: Integers, label: Floats, *, most: int, seed: int
    ) -> HistGradientBoostingClassifier:
        """Fit the quick model.

        Args:
            rows: Which rows it learns from.
            label: 0 or 1, of all rows.
            most: More rows than these are thinned to as many, evenly over their order.
            seed: Of the estimator.
        """
        if len(rows) > most:
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
        width = len(self.names)
        model = HistGradientBoostingClassifier(
            max_iter=50,
            max_leaf_nodes=15,
            min_samples_leaf=max(1, min(_LARGEST_LEAF, len(rows) // _ROWS_A_LEAF)),
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=list(range(width - self.codes, width)) or None,
            random_state=seed,
        )
        seen = self.matrix[rows]
        # A column without a single value cannot be binned; one of a single value tells as little.
        seen[:, np.isnan(seen).all(axis=0)] = 0.0
        return model.fit(seen, label[rows])

    def ask(
        self, model: HistGradientBoostingClassifier, rows: Integers, *, without: Sequence[str] = ()
    ) -> Floats:
        """Ask the quick model about rows as if it did not know some of their values: shape (rows,).

        A category is missing, and goes where most rows of the branch went. A number is moved a
        little to either side, and what is said there is averaged: what holds of the mornings still
        does, what holds of this very minute does not.
        """
        places = [self.names.index(name) for name in without]
        numbers = [place for place in places if place < len(self.names) - self.codes]
        asked = self.matrix[rows]
        asked[:, [place for place in places if place not in numbers]] = np.nan
        if not numbers:
            return self._answer(model, asked)
        above = asked.copy()
        for place in numbers:
            asked[:, place], above[:, place] = beside(asked[:, place], self._ranks(place))
        return np.asarray((self._answer(model, asked) + self._answer(model, above)) / 2)

    def _ranks(self, place: int) -> Floats:
        if place not in self.ranks:
            column = self.matrix[:, place]
            known = column[~np.isnan(column)]
            self.ranks[place] = np.quantile(known, _GRID) if len(known) else np.zeros(len(_GRID))
        return self.ranks[place]

    @staticmethod
    def _answer(model: HistGradientBoostingClassifier, matrix: Floats) -> Floats:
        return np.asarray(model.predict_proba(matrix)[:, 1], np.float64)


def beside(values: Floats, ranks: Floats) -> tuple[Floats, Floats]:
    """Move numbers by two per cent of the rows to either side, and to the median where missing.

    At an end of the column, where there is no other side, both are the same one.

    Args:
        values: Shape (rows,), NaN where missing.
        ranks: The column's quantiles, evenly spaced, shape (quantiles,).

    Returns:
        The values below and above.
    """
    last = len(ranks) - 1
    low = np.searchsorted(ranks, values, "left") - _AWAY
    high = np.searchsorted(ranks, values, "right") - 1 + _AWAY
    below = ranks[np.where(low >= 0, low, np.minimum(high, last))]
    above = ranks[np.where(high <= last, high, np.maximum(low, 0))]
    middle = ranks[last // 2]
    missing = np.isnan(values)
    return np.where(missing, middle, below), np.where(missing, middle, above)


@dataclass(frozen=True)
class OutOfFold:
    """Quick models, each of which has not seen its own fold of the rows."""

    rows: QuickRows
    models: tuple[HistGradientBoostingClassifier, ...]
    fold: Integers

    def ask(self, rows: Integers, *, without: Sequence[str] = ()) -> Floats:
        """Ask of each row the model that has not seen it: probabilities of 1, shape (rows,)."""
        answer = np.empty(len(rows))
        for number, model in enumerate(self.models):
            own = np.flatnonzero(self.fold[rows] == number)
            if len(own):
                answer[own] = self.rows.ask(model, rows[own], without=without)
        return answer


def out_of_fold(
    rows: QuickRows, label: Floats, block: Integers, *, most: int, seed: int
) -> OutOfFold | None:
    """Fit a quick model for each fold of blocks of time, on the rows of the other folds.

    Args:
        rows: What there is to learn from.
        label: 0 or 1, shape (rows,).
        block: The block of time of each row, 0 and up; every third is in the same fold.
        most: Rows that one model learns from at most.
        seed: Of the estimators.

    Returns:
        None where the rows of some folds have one class only.
    """
    fold = block % FOLDS
    others = [np.flatnonzero(fold != number) for number in range(FOLDS)]
    if any(len(np.unique(label[own])) < _EITHER_CLASS for own in others):
        return None
    models = tuple(rows.learn(own, label, most=most, seed=seed) for own in others)
    return OutOfFold(rows, models, fold)
