"""The slices of a case's judged rows, and whether each is large enough to be judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.learning.slicing import slices_by

if TYPE_CHECKING:
    from tradewind.learning.slicing import Mask, Slice
    from tradewind.stages._case import Case
    from tradewind.stats.rows import Rows

_MOST_CATEGORIES = 5
"""Of an important feature, the most frequent ones."""


def slices_of(case: Case) -> list[Slice]:
    """Cut the judged rows by the declared columns, then by the features that matter most.

    The values alone decide on the cuts: no label and no score is looked at.

    Raises:
        EvidenceError: A declared column is not among the judged rows.
    """
    asked, kinds = case.model.gates.slices, case.model.features.types
    absent = [column for column in asked.by if column not in case.rows]
    if absent:
        raise EvidenceError(
            f"gates.slices.by: the rows have no column {', '.join(absent)}: let features.sql give "
            "it, or take it out"
        )
    declared = [
        part
        for column in asked.by
        for part in slices_by(case.rows, column, kinds=kinds, origin="declared")
    ]
    important = [
        part
        for column in _important(case)
        if column not in asked.by
        for part in slices_by(
            case.rows, column, kinds=kinds, origin="important", most=_MOST_CATEGORIES
        )
    ]
    return [*declared, *important]


def _important(case: Case) -> list[str]:
    count = case.model.gates.slices.important
    if not count:
        return []
    ranked = sorted(case.importance.items(), key=lambda feature: -feature[1])
    return [name for name, _ in ranked[:count]]


def part_of(rows: Rows, inside: Mask) -> Rows:
    """Take some of a player's rows; the units keep their numbers, so that the draws fit."""
    return replace(
        rows,
        label=rows.label[inside],
        score=rows.score[inside],
        unit=rows.unit[inside],
        weight=rows.weight[inside],
    )


def too_small(rows: Rows, case: Case) -> str | None:
    """Say why some rows are too few to be judged; None where they are not."""
    asked, unit = case.model.gates.slices, case.evidence.unit
    units = days_of(rows)
    if len(rows.label) < asked.least_rows:
        return f"{len(rows.label):,} rows, and {asked.least_rows:,} are needed"
    if units < asked.least_days:
        return f"rows of {units} {unit}s, and {asked.least_days} are needed"
    return None


def days_of(rows: Rows) -> int:
    """Count the units that have a row."""
    return len(np.unique(rows.unit))
