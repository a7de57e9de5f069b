"""How big a change of some nights' rows is, on one scale for a fault and for its natural twin.

What is measured is the change alone: the changed nights against the same nights as they were, so
that a season's own drift is no part of it. Which of the three measures is a fault's own follows
from what the fault does, and its twin is held to the same one:

`level`       faults that write other values into a column (null spike, unit change, constant
              column, category flood): the effect that `tradewind.stats.effects` sees in that
              column, in standard deviations or their like, the greatest of its parts.
`volume`      faults that take rows away or put others in their place (duplicated day, missing day,
              truncated file): flights that are gone and flights that are new, by their keys, as a
              share of the flights that there were. A day without a row is 1.
`dependence`  faults that leave each value a usual one and break what goes with what (shuffled
              column, clock shift, swapped columns): the sum, over all pairs of columns, of how
              much their association moved, as the contract measures it
              (`tradewind.stats.contracts.dependence`), the mean of the nights. Two columns that
              fully determined each other and now say nothing of each other are 1.

All are of a night, whether the change lasts for one or for fourteen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from benchmarks.triage_cases import MODEL, times_of

from tradewind.learning.reference import columns_of
from tradewind.stats.contracts.dependence import associations
from tradewind.stats.contracts.rows import rows_of
from tradewind.stats.effects import effects
from tradewind.stats.profiles import profile

if TYPE_CHECKING:
    from benchmarks.triage_cases import Frame, Measure

KINDS = MODEL.features.types
_NUMERIC = [name for name, kind in KINDS.items() if kind != "categorical"]
_CATEGORICAL = [name for name, kind in KINDS.items() if kind == "categorical"]


def size(measure: Measure, changed: Frame, sound: Frame, *, column: str = "") -> float:
    """Measure a change of some nights.

    Args:
        measure: In what.
        changed: The features of the nights, perhaps without a row.
        sound: The same nights as they were.
        column: Whose level, for that measure.
    """
    if measure == "level":
        return level(changed, sound, column=column)
    return {"volume": volume, "dependence": dependence}[measure](changed, sound)


def level(changed: Frame, sound: Frame, *, column: str) -> float:
    """The effect in one column."""
    kind = {column: KINDS[column]}
    known = profile(
        columns_of(sound, kind), kinds=kind, days=sound["night"].to_numpy("datetime64[D]")
    )
    tally = known.count(columns_of(changed, kind))[column]
    return max(each.size for each in effects(known.columns[column].tally, tally))


def volume(changed: Frame, sound: Frame) -> float:
    """Flights gone and flights new, as a share of those there were."""
    if not len(changed):
        return 1.0
    had, has = (rows.value_counts(list(MODEL.entity_key)) for rows in (sound, changed))
    return float(has.sub(had, fill_value=0).abs().sum() / len(sound))


def dependence(changed: Frame, sound: Frame) -> float:
    """The associations that moved, in pairs of columns."""
    if not len(changed):
        return float("nan")
    before, after = dict(list(sound.groupby("night"))), dict(list(changed.groupby("night")))
    return float(np.mean([_moved(before[night], rows) for night, rows in after.items()]))


def _moved(before: Frame, after: Frame) -> float:
    one, other = (np.nan_to_num(_associations(rows)) for rows in (before, after))
    return float(np.abs(np.triu(one - other)).sum())


def _associations(rows: Frame) -> np.ndarray:
    return associations(
        rows_of(
            {name: rows[name] for name in KINDS},
            numeric=_NUMERIC,
            categorical=_CATEGORICAL,
            minute=times_of(rows).minute,
        )
    )
