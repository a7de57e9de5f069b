"""The figures of one day: small enough to keep for every night, and enough to tell days apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.stats.contracts.rows import Floats, Ints, Rows

HOURS = 24
PRINTS = 8
"""Hashes of (minute, value) that are kept of a column and day."""
_SORTED = 500
_LOW, _MIDDLE, _HIGH = 0.05, 0.5, 0.95


@dataclass(frozen=True)
class Figures:
    """What is known of one day, or of several: then every array has the days in front.

    Attributes:
        rows: How many.
        weekday: 0 for Monday.
        hours: Rows by hour of the local day, shape (24,).
        null: Share of missing values by column.
        distinct: Distinct values by column.
        top: Share of the commonest value, of those that are there, by column.
        median: By numeric column, and `spread`: from the 5 % to the 95 % quantile.
        strength: Of the watched pairs of columns.
        prints: The smallest hashes of (minute, value) by numeric column, shape (columns, 8);
            -1 where there are fewer.
    """

    rows: Floats
    weekday: Ints
    hours: Floats
    null: Floats
    distinct: Floats
    top: Floats
    median: Floats
    spread: Floats
    strength: Floats
    prints: Ints

    def as_json(self) -> dict[str, Any]:
        """Plain values, numbers to five digits; what is not known is null."""
        return {name: _plain(value.tolist()) for name, value in vars(self).items()}


_WHOLE = ("weekday", "prints")


def from_json(stored: Sequence[Mapping[str, Any]]) -> Figures:
    """Put days that were kept behind each other."""
    return Figures(
        **{
            name: np.array(
                [day[name] for day in stored], dtype=np.int64 if name in _WHOLE else float
            )
            for name in Figures.__dataclass_fields__
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() else short


def figures_of(rows: Rows, *, weekday: int, strength: Floats) -> Figures:
    """Measure a day.

    Args:
        rows: Of the day, in the order of the clock.
        weekday: 0 for Monday.
        strength: Of the pairs of columns.
    """
    numbers = [_number_figures(column) for column in rows.numbers.T]
    codes = [_code_figures(column) for column in rows.codes.T]
    both = np.array([each[:3] for each in numbers] + codes, dtype=float).reshape(-1, 3)
    level = np.array([each[3:] for each in numbers], dtype=float).reshape(-1, 2)
    return Figures(
        rows=np.array(len(rows), dtype=float),
        weekday=np.array(weekday),
        hours=np.bincount(rows.minute // 60, minlength=HOURS).astype(float),
        null=both[:, 0],
        distinct=both[:, 1],
        top=both[:, 2],
        median=level[:, 0],
        spread=level[:, 1],
        strength=np.abs(strength),
        prints=np.array(
            [_prints(rows.minute, column) for column in rows.numbers.T], dtype=np.int64
        ),
    )


def _number_figures(column: Floats) -> tuple[float, ...]:
    known = np.sort(column[~np.isnan(column)])
    if not len(known):
        return (1.0, 0.0, np.nan, np.nan, np.nan)
    starts = np.flatnonzero(np.append(True, known[1:] != known[:-1]))
    runs = np.diff(np.append(starts, len(known)))
    low, middle, high = (_quantile(known, share) for share in (_LOW, _MIDDLE, _HIGH))
    return (
        1 - len(known) / len(column),
        len(starts),
        runs.max() / len(known),
        middle,
        high - low,
    )


def _quantile(ordered: Floats, share: float) -> float:
    """Between two neighbours in proportion, as `numpy.quantile`, which would sort them again."""
    place = share * (len(ordered) - 1)
    below = int(place)
    lower, upper = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return float(lower + (upper - lower) * (place - below))


def _code_figures(column: Ints) -> tuple[float, ...]:
    known = column[column >= 0]
    if not len(known):
        return (1.0, 0.0, np.nan)
    counts = np.bincount(known)
    distinct, top = float(np.count_nonzero(counts)), float(counts.max() / len(known))
    return (1 - len(known) / len(column), distinct, top)


def _prints(minute: Ints, column: Floats) -> Ints:
    """The smallest hashes of the pairs (minute, value): two days share them where they share rows.

    This is the bottom-k sketch (Bar-Yossef et al. 2002) with SplitMix64's finaliser as the hash.
    """
    known = ~np.isnan(column)
    with np.errstate(over="ignore"):
        mixed = (column[known] + 0.0).view(np.uint64) + minute[known].astype(np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    hashes = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(38)
    if len(hashes) > _SORTED:
        few = np.unique(np.partition(hashes, _SORTED)[:_SORTED])
        hashes = few if len(few) >= PRINTS else hashes
    smallest = np.unique(hashes)[:PRINTS]
    return np.append(smallest.astype(np.int64), np.full(PRINTS - len(smallest), -1))
