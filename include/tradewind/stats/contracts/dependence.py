"""How much each column of a day's rows says about each other, and about the row after it.

One number for every pair: Spearman's rank correlation for two numeric columns; the square root of
the adjusted correlation ratio of the ranks for a category and a number; Cramér's V, adjusted
(Bergsma 2013), for two categories. On the diagonal stands how alike neighbours in time are: one
minus half of von Neumann's ratio of the ranks, within the groups of the category that shows it
best. All of them are near 0 where a column's values were dealt out anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradewind.stats.contracts.rows import Floats, Ints, Rows

MOST_ROWS = 20_000
"""Beyond so many rows, evenly chosen ones speak for all."""
_MOST_GROUPS = 20
_LEAST_ROWS = 30
_STREWN = 0.3
_NOTHING = 1e-9
_TOO_MANY = 0.5


def associations(rows: Rows) -> Floats:
    """Measure every pair of columns, the numeric ones first.

    Args:
        rows: Of one day, in the order of the clock.

    Returns:
        Shape (columns, columns), from -1 to 1 for two numeric columns and from 0 to 1 for all
        others; NaN where too few rows have both, or one of them is constant.
    """
    if len(rows) > MOST_ROWS:
        rows = rows.part(np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64))
    numbers, categories = len(rows.numeric), len(rows.categorical)
    found = np.full((numbers + categories, numbers + categories), np.nan)
    if len(rows) < _LEAST_ROWS:
        return found
    ranks, valid = _centred_ranks(rows.numbers)
    found[:numbers, :numbers] = _rank_correlations(ranks, valid)
    for one in range(categories):
        ratio = _correlation_ratios(ranks, valid, rows.codes[:, one])
        found[numbers + one, :numbers] = found[:numbers, numbers + one] = ratio
        for other in range(one):
            value = _cramers_v(rows.codes[:, one], rows.codes[:, other])
            found[numbers + one, numbers + other] = found[numbers + other, numbers + one] = value
    np.fill_diagonal(found, np.nan)
    found[np.arange(numbers), np.arange(numbers)] = _coherence(ranks, valid, rows)
    return found


def _centred_ranks(numbers: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Ranks about their mean, 0 where there is no value, and where there is one."""
    valid = ~np.isnan(numbers)
    # Infinity puts the missing ones behind all others, whose ranks are then right.
    ranks = rankdata(np.where(valid, numbers, np.inf), axis=0)
    centred = ranks - (valid.sum(axis=0) + 1) / 2
    return np.where(valid, centred, 0.0), valid


def _rank_correlations(ranks: Floats, valid: NDArray[np.bool_]) -> Floats:
    present = valid.astype(float)
    both, squares = present.T @ present, (ranks**2).T @ present
    sums = ranks.T @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        # Centred anew on the rows that have both.
        covariance = ranks.T @ ranks - sums * sums.T / both
        variance = squares - sums**2 / both
        result = covariance / np.sqrt(variance * variance.T)
    enough = (both >= _LEAST_ROWS) & (variance > _NOTHING) & (variance.T > _NOTHING)
    return np.where(enough, np.clip(result, -1.0, 1.0), np.nan)


def _correlation_ratios(ranks: Floats, valid: NDArray[np.bool_], codes: Ints) -> Floats:
    """Of every numeric column's ranks, by the groups of one category."""
    known = codes >= 0
    kept, used = ranks[known], valid[known].astype(float)
    _, group = np.unique(codes[known], return_inverse=True)
    groups = int(group.max(initial=-1)) + 1
    sums, counts = np.zeros((groups, kept.shape[1])), np.zeros((groups, kept.shape[1]))
    np.add.at(sums, group, kept)
    np.add.at(counts, group, used)
    rows = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(axis=0) / rows
        total = (kept**2).sum(axis=0) - rows * mean**2
        between = np.nansum(sums**2 / counts, axis=0) - rows * mean**2
        by_chance = ((counts > 0).sum(axis=0) - 1) / (rows - 1)
        ratio = (between / total - by_chance) / (1 - by_chance)
    enough = (rows >= _LEAST_ROWS) & (total > _NOTHING) & (by_chance > 0) & (by_chance < _TOO_MANY)
    return np.where(enough, np.sqrt(np.clip(ratio, 0.0, 1.0)), np.nan)


def _cramers_v(one: Ints, other: Ints) -> float:
    known = (one >= 0) & (other >= 0)
    count = int(known.sum())
    if count < _LEAST_ROWS:
        return float("nan")
    first = np.unique(one[known], return_inverse=True)[1]
    second = np.unique(other[known], return_inverse=True)[1]
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / count
    height, width = table.shape
    phi = ((table - expected) ** 2 / expected).sum() / count
    phi = max(0.0, phi - (height - 1) * (width - 1) / (count - 1))
    smaller = min(height - (height - 1) ** 2 / (count - 1), width - (width - 1) ** 2 / (count - 1))
    return float(min(1.0, np.sqrt(phi / (smaller - 1)))) if smaller > 1 else float("nan")


def _coherence(ranks: Floats, valid: NDArray[np.bool_], rows: Rows) -> Floats:
    """How alike neighbours in time are, at best over the ways to group the rows."""
    ways = [np.zeros(len(rows), dtype=np.int64)]
    ways += [codes for codes in rows.codes.T if len(np.unique(codes)) <= _MOST_GROUPS]
    found: Floats = np.fmax.reduce([_alike(ranks, valid, group) for group in ways])
    return found


def scattered(column: Floats, rows: Rows) -> bool:
    """Whether a column's missing values are strewn over the rows, and not in stretches of time."""
    missing = np.isnan(column).astype(float)[:, None]
    valid = np.ones(missing.shape, dtype=bool)
    return float(_coherence(missing - missing.mean(), valid, rows)[0]) < _STREWN


def _alike(ranks: Floats, valid: NDArray[np.bool_], group: Ints) -> Floats:
    order = np.argsort(group, kind="stable")
    ranks, valid, group = ranks[order], valid[order], group[order]
    pairs = valid[1:] & valid[:-1] & (group[1:] == group[:-1])[:, None]
    count, present = pairs.sum(axis=0), valid.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = (((ranks[1:] - ranks[:-1]) ** 2) * pairs).sum(axis=0) / count
        variance = (ranks**2).sum(axis=0) / present
        alike = 1 - steps / (2 * variance)
    return np.where(
        (count >= _LEAST_ROWS) & (variance > _NOTHING), np.clip(alike, 0.0, 1.0), np.nan
    )
