"""Where the relation changed: slice by slice, with intervals that hold together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.diagnosis import SliceChange
from tradewind.learning.slicing import Slice, slices_by
from tradewind.stages._diagnose_parts import Compared, numbers
from tradewind.stats.attribution import LEAST_DAYS, LEAST_ROWS, clear
from tradewind.stats.breakdown import Change, SliceFigures, jointly, slice_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.learning import FeatureType

_MOST_CATEGORIES = 12
"""Of a feature that matters, the most frequent ones are slices."""


def slice_changes(compared: Compared) -> tuple[list[SliceChange], dict[str, str]]:
    """Where the relation changed, what stands out most first; and slices without a figure."""
    measured: dict[str, tuple[Slice, SliceFigures, list[int]]] = {}
    parts, unknown = _slices(compared)
    for part in parts:
        inside = tuple(part.holds(frame) for frame in compared.frames)
        few = _too_few(compared, (inside[0], inside[1]))
        found = few or slice_change(*compared.sides, (inside[0], inside[1]))
        if isinstance(found, str):
            unknown[part.name] = found
        else:
            measured[part.name] = part, found, [int(one.sum()) for one in inside]
    told: dict[str, Mapping[str, Any]] = {
        what: jointly(
            [Change(name, getattr(one[1], what)) for name, one in measured.items()],
            compared.draws,
            confidence=compared.confidence,
        )
        for what in ("change", "excess")
    }
    changes = [
        SliceChange(
            name=name,
            origin="declared" if part.origin == "declared" else "important",
            rows=rows[1],
            reference_rows=rows[0],
            change=told["change"][name],
            contribution=found.contribution,
            excess=told["excess"][name],
            stands_out=clear(told["excess"][name]),
        )
        for name, (part, found, rows) in measured.items()
    ]
    rows = len(compared.frames[1])
    ranked = sorted(changes, key=lambda one: (not one.stands_out, -_explained(one, rows)))
    return ranked, unknown


def _explained(one: SliceChange, rows: int) -> float:
    """How much of the spread of change a slice explains.

    It is most for the slice that is the cause itself, and less for what lies in it or around it.
    """
    share = one.rows / rows
    return share * (1 - share) * one.excess.value**2


def _slices(compared: Compared) -> tuple[list[Slice], dict[str, str]]:
    model, (reference, recent) = compared.model, compared.frames
    declared = dict.fromkeys(
        [*model.gates.slices.by, *model.monitor.performance.slices, *model.features.protected]
    )
    kinds = model.features.types
    pooled = pd.concat([reference, recent], ignore_index=True)
    unknown = {
        name: "one of the stretches does not have this column"
        for name in declared
        if name not in reference or name not in recent
    }
    found = [
        part
        for name in declared
        if name not in unknown
        for part in slices_by(pooled, name, kinds=kinds, origin="declared")
    ]
    found += [
        part
        for name in compared.types
        if name not in declared and not _is_nearly_one(pooled[name], kinds[name])
        for part in slices_by(pooled, name, kinds=kinds, origin="important", most=_MOST_CATEGORIES)
    ]
    return found, unknown


def _is_nearly_one(values: pd.Series, kind: FeatureType) -> bool:
    """Whether a number is nearly always its least, so that its fourths are no parts of the rows."""
    if kind != "numeric":
        return False
    found = numbers(values)
    return not np.nanmin(found, initial=np.inf) < np.nanquantile(found, 0.75)


def _too_few(compared: Compared, inside: tuple[Any, Any]) -> str | None:
    """Why a slice, or what lies around it, has too few rows; None where neither has."""
    for side, own, name in zip(
        compared.sides, inside, ("the reference has", "recently there are"), strict=True
    ):
        for within, where in ((own, ""), (~own, " outside it")):
            counted = within & (side.weight > 0)
            rows, days = int(counted.sum()), len(np.unique(side.unit[counted]))
            if rows < LEAST_ROWS or days < LEAST_DAYS:
                return (
                    f"{name} {rows:,} rows of {days} days{where} on shared ground, and {LEAST_ROWS}"
                    f" rows of {LEAST_DAYS} days are needed"
                )
    return None
