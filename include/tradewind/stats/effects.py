"""How much of a column differs between two samples, and how surely: size and test of each part.

A size is an estimate of the effect that is there, not of what the rows show: what their number
alone produces is taken off, so that it neither shrinks nor grows with more rows. All sizes read
alike: 0.1 is what a shift of a tenth of a standard deviation is, or its like in shares.

`values`    numeric: the Wasserstein distance in standard deviations
`mix`       categorical: the distance of all shares together, rare categories pooled
`category`  categorical: the same of one category alone: the greatest that is new, and the greatest
            that is gone
`nulls`     the change of the share of missing values, times the root of 2 pi: a shift of so many
            standard deviations moves as many rows of a normal column

The tests hold for rows drawn independently, at every size. Rows of one day are not: what a column
does from week to week is not theirs to say but the slices' (`tradewind.stats.slices`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import bdtr, bdtrc, chdtri, ndtri

from tradewind.stats import distances
from tradewind.stats.tallies import CategoryTally, NumericTally

if TYPE_CHECKING:
    from tradewind.stats.bins import Floats, Integers
    from tradewind.stats.tallies import Tally

Part = Literal["values", "mix", "category", "nulls"]
POWER = 0.80
"""How often an effect is to be seen that the rows are said to resolve."""
_LEAST_EXPECTED = 5.0
"""Rows that a cell must lead one to expect in the smaller sample; rarer ones are pooled (Cochran,
1954). The pool is chosen by both samples together, which leaves the test honest."""
_UNLIKELY = 0.01
"""A category is new or gone only where chance alone deals all its rows to one sample at most as
often."""


@dataclass(frozen=True)
class Effect:
    """What one part of a column shows.

    Attributes:
        size: Estimate of the effect, 0 where chance explains all of it.
        p_value: Of this part's test alone.
        category: The category that is new or gone, for that part.
        outcomes: The p-values that the test could have come to, rising, where they are few, shape
            (outcomes,); None where it is any.
    """

    part: Part
    size: float
    p_value: float
    category: str | None = None
    outcomes: Floats | None = field(default=None, repr=False, compare=False)


def effects(reference: Tally, current: Tally) -> list[Effect]:
    """Measure every part of a column that both samples allow; the missing values always.

    Args:
        reference: Tally of the reference rows, at least one.
        current: Tally of the same kind, of at least one row.
    """
    found = []
    if reference.present and current.present:
        found = _of_values(reference, current)
    return [*found, _nulls(reference, current)]


def resolved(reference: Tally, current: Tally, *, level: float) -> float:
    """Tell the least effect that a test at this level shows four times out of five.

    Of numeric columns that of a shift (normal approximation); of categorical ones that of the mix
    (non-central chi-squared, matched in mean and variance), with the cells that are not pooled.

    Returns:
        An effect's size; infinite where nothing could be seen.
    """
    if not (reference.present and current.present):
        return np.inf
    noise = 1 / reference.present + 1 / current.present
    if isinstance(reference, NumericTally):
        return float((-ndtri(level / 2) + ndtri(POWER)) * np.sqrt(noise))
    degrees = len(pooled(*distances.aligned(reference, _category(current)))[0]) - 1
    if degrees < 1:
        return np.inf
    beyond = float(chdtri(degrees, level)) - degrees
    reach = float(ndtri(POWER))
    # beyond = wanted - reach * sqrt(2 (degrees + 2 wanted)), solved for what is wanted.
    wanted = beyond + 2 * reach**2 + reach * np.sqrt(2 * degrees + 4 * beyond + 4 * reach**2)
    return float(np.sqrt(wanted * noise))


def pooled(reference: Integers, current: Integers) -> tuple[Integers, Integers]:
    """Put the cells that are too rare to be judged one by one into the last cell.

    Args:
        reference: Rows by cell, shape (cells,), the last of them the rest.
        current: The same cells.
    """
    common = _is_common(reference, current)
    left, right = (
        np.append(counts[common], counts[~common].sum()) for counts in (reference, current)
    )
    return (left, right) if left[-1] + right[-1] else (left[:-1], right[:-1])


def share_distance(reference: Integers, current: Integers) -> float:
    """Estimate the distance of two rows of shares.

    The root of the sum of (p - q)^2 / ((p + q) / 2): four times the triangular discrimination of
    Vincze and Le Cam (Topsoe, 2000) under the root, from 0 to 2. About the root of the population
    stability index, hence the size of a shift in standard deviations that moves as much. What
    chance adds to each square is taken off without bias: p (1 - p) / (rows - 1) on either side.

    Args:
        reference: Rows by cell, shape (cells,).
        current: The same cells.
    """
    return float(np.sqrt(max(_share_squares(reference, current).sum(), 0.0)))


def _of_values(reference: Tally, current: Tally) -> list[Effect]:
    if isinstance(reference, NumericTally) and isinstance(current, NumericTally):
        return [_values(reference, current)]
    left, right = distances.aligned(_category(reference), _category(current))
    names = _names(reference, current)
    return [
        _mix(left, right),
        _one_sided(left, right, names=names, new=True),
        _one_sided(left, right, names=names, new=False),
    ]


def _values(reference: NumericTally, current: NumericTally) -> Effect:
    distance = distances.wasserstein(reference, current)
    chance = distances.wasserstein_by_chance(reference, current)
    apart = distances.kolmogorov_smirnov_p_value(
        distances.kolmogorov_smirnov(reference, current), reference.present, current.present
    )
    shifted = distances.mann_whitney_p_value(reference, current)
    size = float(np.sqrt(max(distance**2 - chance**2, 0.0)))
    return Effect("values", size, min(1.0, 2 * min(apart, shifted)))


def _mix(reference: Integers, current: Integers) -> Effect:
    left, right = pooled(reference, current)
    statistic, degrees = distances.chi_squared(left, right)
    return Effect(
        "mix", share_distance(left, right), distances.chi_squared_p_value(statistic, degrees)
    )


def _one_sided(reference: Integers, current: Integers, *, names: list[str], new: bool) -> Effect:
    """Test whether any category is new (or gone), each by itself.

    How many rows a category has in both samples together is given; chance deals each of them to the
    sample that has them all with that sample's share of all rows, so the chance of each category
    follows. The p-value is the sum of those that are no likelier than what is found: common ones,
    which can hardly be missing, add nothing.
    """
    rows, others = int(reference.sum()), int(current.sum())
    holds, lacks, share = (current, reference, others) if new else (reference, current, rows)
    chances = (share / (rows + others)) ** (reference + current)[:-1].astype(np.float64)
    told = chances <= _UNLIKELY
    kinds, times = np.unique(chances[told], return_counts=True)
    outcomes = np.minimum(np.cumsum(kinds * times), 1.0)
    found = np.flatnonzero(told & (lacks[:-1] == 0))
    if not len(found):
        return Effect("category", 0.0, 1.0, outcomes=outcomes)
    most = found[[np.argmax(holds[found])]]
    square = float(_single_squares(reference[most], current[most], rows, others)[0])
    return Effect(
        "category",
        float(np.sqrt(max(square, 0.0))),
        float(outcomes[np.searchsorted(kinds, chances[most[0]])]),
        names[most[0]],
        outcomes=outcomes,
    )


def _nulls(reference: Tally, current: Tally) -> Effect:
    left = np.array([reference.nulls, reference.present])
    right = np.array([current.nulls, current.present])
    rarer = int(np.argmin(left + right))
    share = current.rows / (reference.rows + current.rows)
    p_value = _binomial(left[[rarer]], right[[rarer]], current_share=share)[0]
    p, q = reference.nulls / reference.rows, current.nulls / current.rows
    chance = _chance(p, reference.rows) + _chance(q, current.rows)
    size = float(np.sqrt(2 * np.pi * max((p - q) ** 2 - chance, 0.0)))
    # Where nothing is missing on either side, nothing can be found: no chance is spent on it.
    outcomes = None if (left + right)[rarer] else np.empty(0)
    return Effect("nulls", size, float(p_value), outcomes=outcomes)


def _binomial(reference: Integers, current: Integers, *, current_share: float) -> Floats:
    """Test cell by cell how a cell's rows fall on the two samples, exactly, two-sided.

    Given how many they are, each falls on the current side with that side's share of all rows
    (Przyborowski and Wilenski, 1940). Conservative where a cell holds much of the rows.
    """
    rows = reference + current
    few = bdtr(current.astype(np.float64), rows, current_share)
    many = np.where(current > 0, bdtrc(np.maximum(current - 1.0, 0.0), rows, current_share), 1.0)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(few, many)))


def _share_squares(reference: Integers, current: Integers) -> Floats:
    return _squares(reference, current, int(reference.sum()), int(current.sum()))


def _single_squares(reference: Integers, current: Integers, rows: int, others: int) -> Floats:
    """Each cell against all that is not in it."""
    inside = _squares(reference, current, rows, others)
    return inside + _squares(rows - reference, others - current, rows, others)


def _squares(reference: Integers, current: Integers, rows: int, others: int) -> Floats:
    p, q = reference / rows, current / others
    chance = _chance(p, rows) + _chance(q, others)
    middle = (p + q) / 2
    filled = middle > 0
    return np.where(filled, ((p - q) ** 2 - chance) / np.where(filled, middle, 1.0), 0.0)


def _chance(share: Any, rows: int) -> Any:
    """What chance adds to the square of a share's change, estimated without bias."""
    return share * (1 - share) / max(rows - 1, 1)


def _is_common(reference: Integers, current: Integers) -> np.ndarray:
    both = reference + current
    smaller = min(reference.sum(), current.sum()) / both.sum()
    common = both * smaller >= _LEAST_EXPECTED
    common[-1] = False  # the rest is a pool already
    return np.asarray(common)


def _names(reference: Tally, current: Tally) -> list[str]:
    left, right = _category(reference), _category(current)
    if left.rest:
        right = right.within(left.counts)
    return sorted(left.counts.keys() | right.counts.keys())


def _category(tally: Tally) -> CategoryTally:
    if not isinstance(tally, CategoryTally):
        msg = "a numeric tally beside a categorical one: the column's kind changed"
        raise TypeError(msg)
    return tally
