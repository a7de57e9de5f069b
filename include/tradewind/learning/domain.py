"""Which rows look like those of another stretch of time, and what was to be expected of them.

A classifier that tells two stretches apart gives the ratio of their densities (Bickel, Bruckner and
Scheffer, 2009), and so the weights under which one looks like the other. It is cross-fitted by
whole days, since rows of one day share their weather, and a classifier that saw a day knows it by
that. A feature that tells the stretches apart only on days that were seen is left out of it, and
what the others say of days that were not is calibrated: where nothing moved but days, it says one
half of every row, and nothing is weighted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from tradewind.learning.slicing import texts
from tradewind.stats.breakdown import bins_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.learning import FeatureType
    from tradewind.stats.attribution import Mask
    from tradewind.stats.rows import Floats, Integers

MOST_ROWS = 60_000
"""Of more rows than these, so many are learned from, evenly over all of them."""
_FOLDS = 5
_MOST_CATEGORIES = 200
_LEAST_LEAF = 20
_LEAVES_OF_ROWS = 30
_SURE = 1e-6
_SEEN = 2.0
"""Standard errors above nothing, over days, of what a feature tells of days that were not seen."""


@dataclass(frozen=True)
class Stretches:
    """Two stretches as a classifier sees them, the reference's rows before the recent ones.

    Attributes:
        matrix: Numbers, and codes of words, shape (rows, features); what is missing is NaN.
        words: Which features are codes, shape (features,).
        recent: Whether a row is a recent one, shape (rows,).
        day: Which day of its own stretch it is of, from 0, shape (rows,).
    """

    matrix: Floats
    words: npt.NDArray[np.bool_]
    recent: npt.NDArray[np.bool_]
    day: Integers


def stretches(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    *,
    types: Mapping[str, FeatureType],
    reference_day: Integers,
    recent_day: Integers,
) -> Stretches:
    """Put two stretches into one matrix.

    Args:
        reference: Rows with at least these features.
        recent: As `reference`.
        types: The features that are looked at, and how each is read.
        reference_day: The number of each row's day, from 0, shape (rows,).
        recent_day: As `reference_day`.
    """
    columns = [_column(reference[name], recent[name], kind) for name, kind in types.items()]
    rows = len(reference) + len(recent)
    return Stretches(
        matrix=np.column_stack(columns) if columns else np.empty((rows, 0)),
        words=np.array([kind != "numeric" for kind in types.values()], dtype=np.bool_),
        recent=np.arange(rows) >= len(reference),
        day=np.concatenate([reference_day, recent_day]),
    )


def chance_of_recent(both: Stretches) -> Floats:
    """Say of each row how likely one of its kind is a recent one, were both stretches as large.

    Args:
        both: The rows.

    Returns:
        From 0 to 1, shape (rows,), by classifiers that never saw the row's day; p / (1 - p) is how
        many times more frequent such rows are in the recent stretch.
    """
    balance = _balance(both.recent)
    moved = [place for place in range(both.matrix.shape[1]) if _moves(both, place, balance)]
    if not moved:
        return np.full(len(both.recent), 0.5)
    kept = replace(both, matrix=both.matrix[:, moved], words=both.words[moved])
    said = np.empty(len(both.recent))
    for rows, asked in _folds(kept):
        own = HistGradientBoostingClassifier(**_settings(kept, len(rows)))
        own.fit(kept.matrix[rows], kept.recent[rows], sample_weight=balance[rows])
        answer = own.predict_proba(kept.matrix[asked])[:, 1]
        said[asked] = logit(np.clip(answer, _SURE, 1 - _SURE))
    return _calibrated(said, both.recent, balance)


def expected_loss(both: Stretches, loss: Floats) -> Floats:
    """Say which loss rows of each kind have in the reference.

    Args:
        both: The rows.
        loss: Of the reference's rows, in their order, shape (reference rows,).

    Returns:
        Shape (rows,): of a reference row by models that never saw its day, of a recent one the mean
        of what they all say.
    """
    if not both.matrix.shape[1]:
        return np.full(len(both.recent), loss.mean())
    every = np.concatenate([loss, np.zeros(len(both.recent) - len(loss))])
    said = np.zeros(len(both.recent))
    for learned, asked in _folds(both):
        rows = learned[~both.recent[learned]]
        own = HistGradientBoostingRegressor(**_settings(both, len(rows)))
        own.fit(both.matrix[rows], every[rows])
        held = asked & ~both.recent
        said[held] = own.predict(both.matrix[held])
        said[both.recent] += own.predict(both.matrix[both.recent]) / _FOLDS
    return said


def _folds(both: Stretches) -> Iterator[tuple[Integers, Mask]]:
    """Each fold: the rows to learn from, and those of the days to answer for."""
    # In an order of their own, so that no answer depends on how the rows came.
    order = np.lexsort([*np.nan_to_num(both.matrix, nan=-np.inf).T, both.day, both.recent])
    for fold in range(_FOLDS):
        asked = both.day % _FOLDS == fold
        learned = order[~asked[order]]
        yield learned[:: -(-len(learned) // MOST_ROWS)], asked


def _moves(both: Stretches, place: int, balance: Floats) -> bool:
    """Whether a feature by itself tells the stretches apart on days that were not looked at."""
    codes, _ = bins_of(both.matrix[:, place], np.empty(0))
    bins, said = int(codes.max()) + 1, np.empty(len(codes))
    for fold in range(_FOLDS):
        asked = both.day % _FOLDS == fold
        sides = (~asked & both.recent, ~asked & ~both.recent)
        counts = [np.bincount(codes[side], balance[side], minlength=bins) + 1 for side in sides]
        ratio = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
        said[asked] = ratio[codes[asked]]
    chance = _calibrated(said, both.recent, balance)
    gain = np.log(2 * np.where(both.recent, chance, 1 - chance)) * balance
    unit = both.day + both.recent * (both.day.max() + 1)
    by_day = np.bincount(unit, gain)[np.unique(unit)]
    error = float(np.std(by_day, ddof=1)) / np.sqrt(len(by_day))
    return bool(by_day.mean() > _SEEN * error)


def _settings(both: Stretches, rows: int) -> dict[str, Any]:
    # Small trees: a kind of row that is told in three conditions, and never one row.
    return {
        "max_iter": 60,
        "max_leaf_nodes": 8,
        "min_samples_leaf": max(_LEAST_LEAF, rows // _LEAVES_OF_ROWS),
        "l2_regularization": 1.0,
        "early_stopping": False,
        "categorical_features": both.words,
        "random_state": 0,
    }


def _balance(recent: npt.NDArray[np.bool_]) -> Floats:
    """Weights under which both stretches are as large, shape (rows,)."""
    share = recent.mean()
    return np.asarray(np.where(recent, 0.5 / share, 0.5 / (1 - share)))


def _calibrated(said: Floats, recent: npt.NDArray[np.bool_], balance: Floats) -> Floats:
    line = LogisticRegression().fit(said[:, None], recent, sample_weight=balance)
    slope = float(line.coef_[0, 0])
    if slope <= 0:
        return np.full(len(said), 0.5)
    return np.asarray(expit(float(line.intercept_[0]) + slope * said))


def _column(reference: pd.Series, recent: pd.Series, kind: FeatureType) -> Floats:
    if kind == "numeric":
        both = (one.to_numpy(dtype=np.float64, na_value=np.nan) for one in (reference, recent))
        return np.concatenate(list(both))
    names = np.concatenate([texts(one).to_numpy(dtype=str) for one in (reference, recent)])
    found, place, count = np.unique(names, return_inverse=True, return_counts=True)
    # The most frequent have codes, the first by name of those that are as frequent; the others, as
    # what is missing, are no category.
    codes = np.full(len(found), np.nan)
    ranked = [at for at in np.argsort(-count, kind="stable") if found[at]]
    for code, at in enumerate(ranked[:_MOST_CATEGORIES]):
        codes[at] = code
    return codes[place]
