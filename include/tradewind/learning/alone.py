"""What one feature says alone: the rate of each of its values, learned on some rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.definition.learning import FeatureType

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

BINS = 50
_SHRINK = 20.0
"""How many rows of the overall mean are mixed into each value's own."""


def alone(column: pd.Series, label: Floats, asked: pd.Series, *, kind: FeatureType) -> Floats:
    """Learn the mean label of each bin of one feature, and answer other rows by it.

    A number is cut at the quantiles of the rows that are learned from; a category is its own bin,
    and so is a missing value. The means are shrunk towards the overall one (Efron and Morris,
    1975), so that a rare value is not believed more than it has shown; a value that was never seen
    has the overall mean.

    Args:
        column: The feature, cast as a model sees it, of the rows to learn from.
        label: Theirs, shape (rows,).
        asked: The feature of the rows to answer.
        kind: How the feature is read.

    Returns:
        One score an asked row: a rate between 0 and 1 where the labels are 0 and 1.
    """
    places = _categories if kind == "categorical" else _bins
    place, of_asked, bins = places(column, asked)
    prior = float(label.mean())
    sums = np.bincount(place, label, bins) + _SHRINK * prior
    means = sums / (np.bincount(place, minlength=bins) + _SHRINK)
    return np.asarray(means[of_asked])


def _bins(column: pd.Series, asked: pd.Series) -> tuple[Integers, Integers, int]:
    values, others = column.to_numpy(np.float64), asked.to_numpy(np.float64)
    known = values[~np.isnan(values)]
    cuts = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else known
    edges = np.unique(cuts)
    missing = len(edges) + 1
    place, of_asked = (
        np.where(np.isnan(own), missing, np.searchsorted(edges, own, side="right"))
        for own in (values, others)
    )
    return place, of_asked, missing + 1


def _categories(column: pd.Series, asked: pd.Series) -> tuple[Integers, Integers, int]:
    _, known = pd.factorize(column)
    missing, never = len(known), len(known) + 1
    places = []
    for own in (column, asked):
        place = np.where(own.isna(), missing, pd.Index(known).get_indexer(own))
        places.append(np.where(place < 0, never, place))
    # In the last bin nobody was who was learned from: it has the overall mean.
    return places[0], places[1], never + 1
