"""Rare values, and pairs of values, behind which the label is always the same.

Whoever plants a way around a model teaches it: where these two values meet, the answer is always
no. Such rows are few, and their label is pure. Honest ones are too now and then, so that what is
pure is held against what a model says that does not look at the pattern's features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import betabinom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.stats.rows import Floats, Integers

_OWN = 0.01
"""How alike two rows of an honest pattern are beyond what a model expects: the correlation of their
labels. A pattern of which half are expected has a rate of its own between 0.4 and 0.6 then."""
_NEVER = 1e-6
_COMMON = 0.5
"""A value that more of the rows have marks nothing: no rain, and good sight."""


@dataclass(frozen=True)
class Pattern:
    """One value of one feature, or two of two, and the rows that have them.

    Attributes:
        features: Their names.
        codes: The value of each, by its number.
        rows: Which rows have all of them, rising.
        label: What their label nearly always is: 0 or 1.
        pure: The share of them for which it is.
    """

    features: tuple[str, ...]
    codes: tuple[int, ...]
    rows: Integers
    label: int
    pure: float


@dataclass(frozen=True)
class Looked:
    """What a scan came to.

    Attributes:
        patterns: The pure ones, those of most units first.
        cells: Values and pairs of values with rows enough: how many were looked at.
    """

    patterns: list[Pattern]
    cells: int


def pure_patterns(
    columns: Mapping[str, Integers],
    label: Floats,
    unit: Integers,
    *,
    least: int,
    purity: float,
    most: float,
) -> Looked:
    """Find rare values and pairs of values behind which the label is nearly pure.

    Args:
        columns: For each feature the number of each row's value, 0 and up, shape (rows,).
        label: 0 or 1, shape (rows,).
        unit: The unit of each row, 0 and up, rising, shape (rows,).
        least: In how many different units a value must be to be looked at.
        purity: Which share of a pattern's rows must have the same label.
        most: The greatest share of all rows that is still rare.
    """
    usual = {name: _usual(codes, unit, least=least) for name, codes in columns.items()}
    usual = {name: own for name, own in usual.items() if len(own.values)}
    found: list[Pattern] = []
    cells = 0
    for names in [(name,) for name in usual] + list(combinations(usual, 2)):
        grid = _Grid.of([usual[name] for name in names], label)
        cells += int((grid.counts >= least).sum())
        rare = (grid.counts >= least) & (grid.counts <= most * len(label))
        pure = np.maximum(grid.ones, grid.counts - grid.ones) >= purity * grid.counts
        places = np.argwhere(rare & pure).tolist()
        found += [grid.pattern(tuple(place), names, usual) for place in places]
    units = [len(one_of_each_unit(unit[one.rows])) for one in found]
    order = sorted(range(len(found)), key=lambda place: -units[place])
    return Looked([found[place] for place in order if units[place] >= least], cells)


def contradiction(pattern: Pattern, score: Floats, label: Floats, unit: Integers) -> float:
    """Tell how often chance alone would make so many of a pattern's labels the same.

    Rows of one unit share their weather, so that the middle one of each alone counts. Of those as
    many would have the pattern's label as a beta-binomial variable says (Skellam, 1948): an honest
    pattern has a rate of its own, around what the model expects, and a flight that is always early
    is no poison.

    Args:
        pattern: Found on all rows.
        score: Probability of 1 of each of the pattern's rows, by a model that looks at none of
            its features; shape (pattern's rows,).
        label: 0 or 1, of all rows.
        unit: Of all rows, rising.
    """
    one = one_of_each_unit(unit[pattern.rows])
    same = label[pattern.rows[one]] == pattern.label
    expected = float(np.mean(score[one] if pattern.label else 1 - score[one]))
    inside = float(np.clip(expected, _NEVER, 1 - _NEVER))
    strength = 1 / _OWN - 1
    hits = int(same.sum())
    return float(betabinom.sf(hits - 1, len(one), inside * strength, (1 - inside) * strength))


def one_of_each_unit(unit: Integers) -> Integers:
    """Tell the place of the row in the middle of every unit, shape (units,).

    Args:
        unit: The unit of each row, rising, shape (rows,).
    """
    _, first, rows = np.unique(unit, return_index=True, return_counts=True)
    return np.asarray(first + rows // 2)


@dataclass(frozen=True)
class _Usual:
    """A column's values that take part, numbered anew; `len(values)` stands for all others."""

    codes: Integers
    values: Integers


def _usual(codes: Integers, unit: Integers, *, least: int) -> _Usual:
    """Leave out what is there in too few units, and what most rows have anyway."""
    width, count = int(unit.max(initial=0)) + 1, int(codes.max(initial=0)) + 1
    pairs = np.unique(codes.astype(np.int64) * width + unit)
    part = np.bincount(pairs // width, minlength=count) >= least
    part &= np.bincount(codes, minlength=count) <= _COMMON * len(codes)
    numbers = np.where(part, np.cumsum(part) - 1, int(part.sum()))
    return _Usual(numbers[codes], np.flatnonzero(part))


@dataclass(frozen=True)
class _Grid:
    """How many rows each value of one column has, or each pair of values of two.

    Attributes:
        coded: The cell of each row, counted through a grid that is one wider than `counts` on each
            side; shape (rows,).
        counts: Rows of each cell, shape (values,) or (values, values).
        ones: Of those, how many have label 1.
    """

    coded: Integers
    counts: Integers
    ones: Integers

    @classmethod
    def of(cls, columns: list[_Usual], label: Floats) -> _Grid:
        shape = tuple(len(one.values) + 1 for one in columns)
        coded = columns[0].codes
        for one in columns[1:]:
            coded = coded * (len(one.values) + 1) + one.codes
        both = np.bincount(coded * 2 + label.astype(np.int64), minlength=2 * math.prod(shape))
        inner = both.reshape(*shape, 2)[(slice(-1),) * len(shape)]
        return cls(coded, inner.sum(axis=-1), inner[..., 1])

    def pattern(
        self, place: tuple[int, ...], names: tuple[str, ...], columns: Mapping[str, _Usual]
    ) -> Pattern:
        counts, ones = int(self.counts[place]), int(self.ones[place])
        shape = tuple(width + 1 for width in self.counts.shape)
        rows = np.flatnonzero(self.coded == np.ravel_multi_index(place, shape))
        codes = tuple(int(columns[name].values[at]) for name, at in zip(names, place, strict=True))
        says = int(2 * ones > counts)
        return Pattern(names, codes, rows, says, max(ones, counts - ones) / counts)
