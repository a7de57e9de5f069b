"""Which column is which: by its level, its spread, and how it goes with every other column.

A column's manners on a day are one row of figures: its association with each column, how alike its
neighbours in time are, its median, and the logarithm of its spread. Two columns that have changed
places show each other's manners, whether or not their values overlap; a column whose level moved
keeps all others of its own.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.stats.contracts.night import log_spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.stats.contracts.figures import Figures
    from tradewind.stats.contracts.rows import Floats

_FARTHEST = 5.0
_LEAST = 0.05
_LEVEL = -2
"""Of the figures that are no association (neighbours, median, spread) the one for the median."""
_OUT_OF_REACH = 16.0
_EACH = 4.0
_MOSTLY = 0.8


def manners_of(matrices: Floats, figures: Sequence[Figures]) -> dict[str, Any]:
    """Learn the manners of the numeric columns, and how far the known days stray from them.

    Args:
        matrices: Associations by day, shape (days, columns, columns).
        figures: Of the same days.

    Returns:
        `middle` and `width` by numeric column and figure; and by pair of columns the most that an
        exchange gained on a known day, `gain`, and the greatest strangeness, `strange`.
    """
    days = np.array([_figures(m, f) for m, f in zip(matrices, figures, strict=True)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what no day knows is NaN
        low, middle, high = np.nanquantile(days, (0.05, 0.5, 0.95), axis=0)
    middle[np.isfinite(days).mean(axis=0) < _MOSTLY] = np.nan
    width = np.maximum(high - low, 0.0) / 3.29
    width[:, :-2] = np.maximum(width[:, :-2], _LEAST)
    width[:, -2] = np.maximum(width[:, -2], 0.02 * np.exp(np.nan_to_num(middle[:, -1])))
    width[:, -1] = np.maximum(width[:, -1], 0.02)
    looks = [_exchange(day, middle, width) for day in days]
    return {
        "middle": _short(middle),
        "width": _short(width),
        "gain": _short(np.maximum(np.max([gain for gain, _, _ in looks], axis=0), 0.0)),
        "strange": _short(np.max([own for _, _, own in looks], axis=0)),
    }


def exchanges(manners: Mapping[str, Any], matrix: Floats, figures: Figures) -> tuple[Floats, ...]:
    """How much better two columns are understood as each other.

    Args:
        manners: As `manners_of` gave them.
        matrix: Tonight's associations, shape (columns, columns).
        figures: Tonight's.

    Returns:
        By pair of numeric columns, each of shape (columns, columns): the gain above the greatest of
        a known day; and the strangeness that is left after it, above the greatest of a known day.
    """
    middle, width, gain, strange = (
        np.array(manners[name], dtype=float).reshape(len(matrix[: len(figures.median)]), -1)
        for name in ("middle", "width", "gain", "strange")
    )
    better, left, _ = _exchange(_figures(matrix, figures), middle, width)
    return better - gain, left - strange


def _figures(matrix: Floats, figures: Figures) -> Floats:
    count = len(figures.median)
    associations = matrix[:count].copy()
    neighbours = associations[np.arange(count), np.arange(count)].copy()
    associations[np.arange(count), np.arange(count)] = np.nan
    own = np.column_stack([neighbours, figures.median, log_spread(figures.spread)])
    return np.hstack([associations, own])


def _exchange(day: Floats, middle: Floats, width: Floats) -> tuple[Floats, Floats, Floats]:
    """By pair of columns: what an exchange gains, how strange they are then, and as they are."""
    count = len(day)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of column a taken for column b, by figure: shape (a, b, figures).
        off = np.abs(day[:, None, :] - middle[None]) / width[None]
    cost = np.minimum(np.nan_to_num(off, nan=0.0, posinf=_FARTHEST), _FARTHEST) ** 2
    # Only what both columns have tonight, and always have, can tell which is which.
    known = np.isfinite(day) & np.isfinite(middle)
    both = known[:, None, :] & known[None, :, :]
    # How the two go with each other says nothing of it either.
    place = np.arange(count)
    both[place[:, None], place[None], place[:, None]] = False
    both[place[:, None], place[None], place[None]] = False
    taken = (cost * both).sum(axis=2)
    alone = (cost[place, place][:, None, :] * both).sum(axis=2)
    gain = alone - taken
    # Both must gain: a column that lost its own manners is not yet another one; and each must be at
    # a level that the other is known to have.
    gain[cost[:, :, _LEVEL] >= _OUT_OF_REACH] = -np.inf
    left, own = taken + taken.T, alone + alone.T
    # A wild day is strange either way: exchanged, it must be less than half as strange.
    clear = np.where(np.minimum(gain, gain.T) > _EACH, own - 2 * left, -np.inf)
    return clear, left, own


def _short(values: Floats) -> list[Any]:
    return [
        [None if not np.isfinite(value) else float(f"{value:.4g}") for value in row]
        for row in values
    ]
