"""What a column's own past slices show: how far a quiet week lies from all the other weeks.

Rows of one day share their weather, and a week differs from the year by more than its number of
rows explains. So the level of an alarm comes from slices of the reference of the same length as the
window that is judged, each held against the rest of the reference.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from tradewind.stats.effects import effects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewind.stats.bins import Integers
    from tradewind.stats.effects import Effect, Part
    from tradewind.stats.tallies import Tally

LEAST_SLICES = 8
"""Fewer slices than these say nothing of how far the next may lie."""
_LEAST_FILLED = 0.5
"""A slice with a smaller share of the usual rows shows its smallness, not its week."""
_ROOT = 1 / 3
"""The scale on which sizes are nearly normal. For the mean of squared normal variables it would be
two thirds (Wilson and Hilferty, 1931); what weeks do has heavier tails, and under this root the
alarms of held-back weeks come out as budgeted (`benchmarks/drift_alarms`)."""
_KEPT_BACK = 4
"""The budget is divided by it, for what the slices do not show: they are neighbours, they are few,
and the level lies far beyond them."""

_ONE_CATEGORY = 2.0
"""From so many times the floor on, one new category alone can alarm: from one row in two hundred
on, where the floor is 0.05. At the floor itself it is one in eight hundred, and quiet weeks win and
lose such rare ones by the season."""

Sizes = dict["Part", list[float]]


def slice_rows(days: Any, *, window_days: int) -> list[Integers]:
    """Cut rows into whole slices of consecutive days, the newest slice ending with the last day.

    Args:
        days: Day of each row, shape (rows,), as whole numbers or numpy days.
        window_days: Days of a slice.

    Returns:
        For each slice, oldest first, which rows are in it. Days that do not fill a slice at the
        start, and slices with less than half of the usual rows, are left out.
    """
    day = np.asarray(days).astype("datetime64[D]").astype(np.int64)
    if not len(day):
        return []
    place = (int(day.max()) - day) // window_days
    whole = (int(day.max()) - int(day.min()) + 1) // window_days
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(whole + 1), "left")
    found = [order[start:end] for start, end in pairwise(ends)]
    usual = float(np.median([len(rows) for rows in found])) if found else 0.0
    return [rows for rows in reversed(found) if len(rows) and len(rows) >= _LEAST_FILLED * usual]


def slice_sizes(whole: Tally, slices: Iterable[Tally]) -> Sizes:
    """Measure each slice against the rest of the reference.

    Args:
        whole: The reference's tally, of which every slice is a part.
        slices: The slices' tallies.

    Returns:
        By part of the column, the effect's size of every slice that allows it: the greater of what
        is new in it and what is gone.
    """
    sizes: Sizes = defaultdict(list)
    for part in slices:
        rest: Tally = whole - part  # type: ignore[operator]
        if rest.rows and part.rows:
            for name, size in _greatest(effects(rest, part)).items():
                sizes[name].append(size)
    return dict(sizes)


def _greatest(found: Iterable[Effect]) -> dict[Part, float]:
    greatest: dict[Part, float] = {}
    for effect in found:
        greatest[effect.part] = max(effect.size, greatest.get(effect.part, 0.0))
    return greatest


def alarm_level(
    sizes: Sequence[float], *, probability: float, floor: float, least: float = 0.0
) -> float | None:
    """Tell the size that one more quiet slice exceeds with a given probability.

    The upper prediction bound of one further observation (Student's t; Hahn, 1970) on the scale on
    which sizes are nearly normal, and never below any slice. That the slices are few is in it: with
    fewer, the level is higher.

    Args:
        sizes: Of past slices.
        probability: Of exceeding it, below one half.
        floor: From which size on an effect is a difference.
        least: Sizes below count as this one.

    Returns:
        The level, not below the floor; None where there are fewer than `LEAST_SLICES`.
    """
    if len(sizes) < LEAST_SLICES:
        return None
    scaled = np.maximum(sizes, least) ** _ROOT
    count = len(scaled)
    reach = float(-stdtrit(count - 1, probability / _KEPT_BACK)) * np.sqrt(1 + 1 / count)
    bound = float((scaled.mean() + reach * scaled.std(ddof=1)) ** (1 / _ROOT))
    return max(bound, floor, *sizes)


def levels(
    sizes: Mapping[Part, Sequence[float]], *, probability: float, floor: float
) -> dict[Part, float | None]:
    """Tell the alarm level of every part of a column; see `alarm_level`."""
    # Most slices have no new category at all: their zeros are no part of the others' spread.
    least = _ONE_CATEGORY * floor
    return {
        part: alarm_level(
            own,
            probability=probability,
            floor=floor,
            least=least if part == "category" else 0.0,
        )
        for part, own in sizes.items()
    }
