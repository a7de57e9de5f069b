"""Faults that a model's input has one day: noise, gaps, wrong words, yesterday's values.

Each takes features as the model sees them to a spoilt copy of the same rows. Noise is on every
named number; the others have one feature of each row drawn among those that matter, and spoil it
where they can: the same dose of each.
The kinds are those by which deployed models are known to fail: Breck et al. 2017 ("The ML Test
Score") and Polyzotis et al. 2019 ("Data Validation for Machine Learning").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from tradewind.stats.observed import Observed

UNSEEN = "a word that was never seen"
DOSE = 8
"""A model of fewer features than these cannot but hang on each of them: so many eighths of the rows
are spoilt as it has features. One that has more and hangs on one loses that in every row."""


def noisy(
    rows: pd.DataFrame,
    observed: Mapping[str, Observed],
    *,
    share: float,
    random: np.random.Generator,
) -> pd.DataFrame:
    """Add normal noise to numbers, and take each to the nearest value that was seen.

    Args:
        rows: Features.
        observed: The numbers to spoil, with the values that each was seen to take.
        share: The noise's standard deviation, as a share of the number's own.
        random: Where the noise comes from.
    """
    spoilt = rows.copy()
    for name, seen in observed.items():
        noise = share * seen.deviation * random.standard_normal(len(rows))
        spoilt[name] = seen.nearest(rows[name].to_numpy(dtype=np.float64) + noise)
    return spoilt


def drawn_from(names: Sequence[str], *, features: int) -> list[str | None]:
    """What is drawn from in each row: the names, and nothing for what a small model lacks.

    Args:
        names: The features that matter.
        features: How many the model has.
    """
    return [*names, *[None] * (DOSE - features)]


def missing(
    rows: pd.DataFrame,
    names: Sequence[str],
    *,
    among: Sequence[str | None],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Leave a feature out where one of the named is drawn among more."""
    nothing = pd.DataFrame(dict.fromkeys(names, np.nan), index=rows.index)
    return _one_of_each(rows, nothing, among=among, random=random)


def unseen(
    rows: pd.DataFrame,
    names: Sequence[str],
    *,
    among: Sequence[str | None],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Put a category that nobody knows where one of the named features is drawn among more."""
    strange = pd.DataFrame(dict.fromkeys(names, UNSEEN), index=rows.index)
    return _one_of_each(rows, strange, among=among, random=random)


def swapped(
    rows: pd.DataFrame,
    known: Mapping[str, np.ndarray],
    *,
    among: Sequence[str | None],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Put another known category where one of the known features is drawn among more.

    Args:
        rows: Features.
        known: The features to spoil, each with its distinct categories, two or more.
        among: What is drawn from: these, and the ones that stay as they are.
        random: Who draws.
    """
    others = {name: _another(rows[name], values, random) for name, values in known.items()}
    instead = pd.DataFrame(others, index=rows.index)
    return _one_of_each(rows, instead, among=among, random=random)


def stale(
    rows: pd.DataFrame,
    names: Sequence[str],
    *,
    past: pd.DataFrame,
    times: pd.Series,
    by: Sequence[str],
    age: timedelta,
    among: Sequence[str | None],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Leave what was right some time ago where one of the named is drawn among more.

    Args:
        rows: Features, in the order of time.
        names: Which.
        past: Earlier rows and these, in the order of time: `prediction_time`, `by`, and the names.
        times: When each row was predicted, on the index of `rows`.
        by: The columns that say which earlier rows are of the same thing.
        age: The newest row of the same thing that is at least so old is taken; a row that has none
            keeps what it says.
        among: What is drawn from.
        random: Who draws.
    """
    asked = rows[list(by)].assign(then=times - age)
    told = past[["prediction_time", *by]].copy()
    # Under names of their own: a feature may be one of those that name the thing.
    told[[f"then_{name}" for name in names]] = past[list(names)].to_numpy(dtype=object)
    found = pd.merge_asof(
        asked, told, left_on="then", right_on="prediction_time", by=list(by) or None
    )
    there = found["prediction_time"].notna().to_numpy()
    before = {
        name: np.where(there, found[f"then_{name}"].to_numpy(), rows[name].to_numpy())
        for name in names
    }
    instead = pd.DataFrame(before, index=rows.index)
    return _one_of_each(rows, instead, among=among, random=random)


def _another(column: pd.Series, values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """For each row another of the values than its own, each as likely."""
    place = pd.Index(values).get_indexer(column)
    step = random.integers(1, len(values), size=len(column))
    return np.asarray(values[(np.maximum(place, 0) + step) % len(values)])


def _one_of_each(
    rows: pd.DataFrame,
    instead: pd.DataFrame,
    *,
    among: Sequence[str | None],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Draw one feature of each row, each as likely, and take it from `instead` if it is there."""
    drawn = random.integers(0, len(among), size=len(rows))
    spoilt = rows.copy()
    for name in instead.columns:
        hit = drawn == list(among).index(name)
        taken = np.where(hit, instead[name].to_numpy(dtype=object), rows[name].to_numpy())
        spoilt[name] = pd.Series(taken, index=rows.index).astype(rows[name].dtype)
    return spoilt
