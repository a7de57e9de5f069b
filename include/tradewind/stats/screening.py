"""Where labels contradict what a model that never saw them expects, beyond what a stormy week does.

A week of bad weather moves the level of the labels, and a model that does not know the week is
wrong by the same amount on all of its rows. A label that somebody turned over is wrong on its own.
So what is measured is the slope of the labels on the scores *within* days: the level of each day is
taken out first. Scores that mean what they say have a slope near one, in quiet weeks as in bad
ones; where a share `f` of the labels is turned over, the slope falls to (1 - 2 f) of what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stats.rows import Floats, Integers

FEWEST_SLICES = 8
"""Fewer slices than these say nothing of how far one may lie from the others."""
_FEWEST_UNITS = 2
_LEAST_SPREAD = 0.02
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Slopes:
    """The slope of the labels on the scores within units, slice by slice.

    Attributes:
        place: The slice's number, those left out that allow no slope; shape (slices,).
        value: Shape (slices,).
        error: Standard error with whole units, shape (slices,).
    """

    place: Integers
    value: Floats
    error: Floats


@dataclass(frozen=True)
class Standing:
    """How each slice stands among the others.

    Attributes:
        typical: The slope in the middle of all slices.
        value: Each slice's own, shape (slices,).
        error: What one slice more would err by, shape (slices,).
        share: As if this share of a slice's labels had been turned over, 0 to 1; shape (slices,).
        chance: How often any of the slices would lie as low by chance, at most; shape (slices,).
    """

    typical: float
    value: Floats
    error: Floats
    share: Floats
    chance: Floats

    def between(self, confidence: float) -> tuple[Floats, Floats]:
        """The interval around each share by itself, as `chance` sees one: low and high.

        Args:
            confidence: Of an interval, both sides together.
        """
        reach = stdtrit(len(self.value) - 2, (1 + confidence) / 2) * self.error
        ends = (self.value + reach, self.value - reach)
        low, high = (flipped_share(end, self.typical) for end in ends)
        return low, high


def label_slopes(label: Floats, score: Floats, *, unit: Integers, slice_: Integers) -> Slopes:
    """Measure the slope of the labels on the scores within the units of each slice.

    Least squares with an intercept for every unit (the within estimator); the standard error is
    that of sums over units (Liang and Zeger, 1986), pooled over all slices, because one slice of
    few days knows little of it.

    Args:
        label: 0 or 1, shape (rows,).
        score: Probabilities of 1 from a model that has not seen the rows, shape (rows,).
        unit: The unit of each row, 0 and up, shape (rows,).
        slice_: The slice of each row, 0 and up; -1 for none; shape (rows,).
    """
    inside = slice_ >= 0
    y, p, s = label[inside], score[inside], slice_[inside]
    cells, cell = np.unique(s * (int(unit.max(initial=0)) + 1) + unit[inside], return_inverse=True)
    of_slice = cells // (int(unit.max(initial=0)) + 1)
    y, p = _centred(y, cell), _centred(p, cell)
    slices = int(s.max(initial=-1)) + 1
    spread = np.bincount(s, p * p, slices)
    units = np.bincount(of_slice, minlength=slices)
    enough = spread > _ROUNDING * np.bincount(s, minlength=slices)
    place = np.flatnonzero(enough & (units >= _FEWEST_UNITS))
    value = np.bincount(s, p * y, slices)[place] / spread[place]
    slope = np.zeros(slices)
    slope[place] = value
    sums = np.bincount(cell, p * (y - slope[s] * p), len(cells)) ** 2
    off = (np.bincount(of_slice, sums, slices) * units)[place] / (units[place] - 1)
    pooled = off.sum() / spread[place].sum() if len(place) else 0.0
    return Slopes(place, value, np.sqrt(pooled / spread[place]))


def relative(slopes: Slopes) -> Slopes:
    """Measure slopes by the one in their middle, so that those of several features compare.

    Args:
        slopes: Of slices that the same scores were asked of.

    Returns:
        None of them where the one in the middle is not above zero: it says nothing then.
    """
    middle = float(np.median(slopes.value)) if len(slopes.value) else 0.0
    if middle <= 0:
        return Slopes(slopes.place[:0], slopes.value[:0], slopes.error[:0])
    return Slopes(slopes.place, slopes.value / middle, slopes.error / middle)


def evened(label: Floats, unit: Integers) -> Floats:
    """Divide labels by the spread that they have in their unit.

    A slope stands on how much there is to tell: on a day when hardly anybody is late it is small,
    however right the scores are. What is left differs less from week to week.

    Args:
        label: 0 or 1, shape (rows,).
        unit: The unit of each row, 0 and up, shape (rows,).
    """
    rate = np.bincount(unit, label) / np.maximum(np.bincount(unit), 1)
    return np.asarray(label / np.sqrt(np.maximum(rate * (1 - rate), _LEAST_SPREAD))[unit])


def log_odds(score: Floats) -> Floats:
    """Tell probabilities as log-odds, within those of one and of ninety-nine in a hundred."""
    inside = np.clip(score, 0.01, 0.99)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def standing(slopes: Slopes) -> Standing:
    """Hold every slice against the others.

    The middle is the median, and the spread between slices that of the better half, mirrored: what
    is turned over lies below, and must not widen the range that it is held against. Each slice is
    then one more observation of a random-effects model, and its chance that of Student's t with
    (slices - 2) degrees of freedom (Higgins, Thompson and Spiegelhalter, 2009), times the slices.

    Args:
        slopes: Of at least `FEWEST_SLICES` slices.

    Raises:
        ValueError: There are fewer.
    """
    count = len(slopes.value)
    if count < FEWEST_SLICES:
        msg = f"{count} slices say nothing of how far one may lie from the others"
        raise ValueError(msg)
    typical = float(np.median(slopes.value))
    better = slopes.value >= typical
    beyond = (slopes.value - typical) ** 2 - slopes.error**2
    between = max(float(beyond[better].mean()), 0.0)
    middle = float(np.mean(between + slopes.error**2)) / count
    error = np.sqrt(between + slopes.error**2 + middle)
    chance = np.minimum(stdtr(count - 2, (slopes.value - typical) / error) * count, 1.0)
    share = flipped_share(slopes.value, typical)
    return Standing(typical, slopes.value, error, share, chance)


def flipped_share(slope: Floats, typical: float) -> Floats:
    """Tell the share of labels that would have to be turned over to make a slope of another.

    Args:
        slope: Of slices.
        typical: Of labels as they are. Where it is not above zero, nothing can be told: 0.
    """
    if typical <= 0:
        return np.zeros_like(slope)
    return np.asarray(np.clip((1 - slope / typical) / 2, 0.0, 1.0))


def repeated_share(rows: npt.NDArray[np.uint64], slice_: Integers, *, times: int) -> Floats:
    """Tell which share of each slice's rows is there several times within it.

    Args:
        rows: The digest of each row's rounded features, shape (rows,).
        slice_: The slice of each row, 0 and up; -1 for none; shape (rows,).
        times: From how many on it is several.

    Returns:
        Shape (slices,); 0 for a slice without rows.
    """
    slices = int(slice_.max(initial=-1)) + 1
    shares = np.zeros(slices)
    for number in range(slices):
        _, counts = np.unique(rows[slice_ == number], return_counts=True)
        if len(counts):
            shares[number] = counts[counts >= times].sum() / counts.sum()
    return shares


def _centred(values: Floats, cell: Integers) -> Floats:
    means = np.bincount(cell, values) / np.maximum(np.bincount(cell), 1)
    return np.asarray(values - means[cell])
