"""The detectors in their order: what has a name is not looked at under another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.nights import Breach
from tradewind.stats.contracts import columns, conversions, volume
from tradewind.stats.contracts.dependence import associations
from tradewind.stats.contracts.figures import figures_of
from tradewind.stats.contracts.night import Found, Night
from tradewind.stats.contracts.reference import (
    chosen,
    known_values,
    new_values,
    read_days,
    weekday_of,
)
from tradewind.stats.contracts.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from tradewind.stats.contracts.figures import Figures
    from tradewind.stats.contracts.rows import Floats, LocalTimes, Rows

Detector = Callable[[Night], Iterator[Found]]
WHOLE_ROWS: tuple[Detector, ...] = (
    volume.missing_day,
    volume.repeated_rows,
    volume.clock_shift,
    volume.truncated,
    volume.volume_off,
)
"""Of these the first to find something speaks for all."""
COLUMNS: tuple[Detector, ...] = (
    columns.repeated_day,
    columns.null_spike,
    columns.constant,
)
SHAPES: tuple[Detector, ...] = (
    conversions.swapped,
    conversions.other_values,
    columns.category_flood,
    conversions.other_distribution,
    columns.shuffled,
)
"""Those that need a whole day's rows."""


def night_figures(
    reference: Mapping[str, Any], frame: Mapping[str, Any], *, times: LocalTimes, night: date
) -> dict[str, Any]:
    """Keep what a sound night was like, for the contract of later ones.

    Args:
        reference: As `contract_reference` gave it.
        frame: The night's rows: the reference's columns, each of shape (rows,).
        times: When the rows were.
        night: The local day that they are of.

    Returns:
        A record for JSON of a few kilobytes.

    Raises:
        EvidenceError: A column is missing.
    """
    rows = _rows(reference, frame, times)
    figures = _figures(reference, rows, night, associations(rows))
    return {
        "reference": reference["digest"],
        "day": night.isoformat(),
        "new_values": new_values(reference, rows),
        **figures.as_json(),
    }


def detect(
    reference: Mapping[str, Any],
    frame: Mapping[str, Any],
    *,
    times: LocalTimes,
    night: date,
    history: Sequence[Mapping[str, Any]] = (),
    sensitivity: float = 5.0,
    ignore: Iterable[str] = (),
    source: str | None = None,
) -> list[Breach]:
    """Hold a night's rows against the contract.

    Args:
        reference: As `contract_reference` gave it.
        frame: The night's rows: the reference's columns, each of shape (rows,); perhaps no row.
        times: When the rows were.
        night: The local day that they are of.
        history: `night_figures` of recent sound nights, oldest first; those that were made for
            another reference are passed over.
        sensitivity: How many robust standard deviations of the known days a figure may be off.
        ignore: Columns that are not watched.
        source: The source that the rows are of; None for features.

    Returns:
        What does not hold, with the name of what seems to have happened; empty where all does.

    Raises:
        EvidenceError: A column is missing.
    """
    rows = _rows(reference, frame, times)
    matrix = associations(rows)
    looked_at = Night(
        reference=reference,
        rows=rows,
        matrix=matrix,
        figures=_figures(reference, rows, night, matrix),
        days=read_days(reference, history),
        known=known_values(reference, history),
        sensitivity=sensitivity,
        explained=frozenset(ignore),
    )
    return [
        Breach(
            detector=found.detector,
            cause=found.cause,
            source=source,
            column=found.columns[0] if found.columns else None,
            sentence=found.sentence,
        )
        for found in _look(looked_at)
    ]


def _look(night: Night) -> list[Found]:
    rows = next((found for found in (list(look(night)) for look in WHOLE_ROWS) if found), [])
    if not len(night.rows):
        return rows
    found = list(rows)
    for detector in COLUMNS if rows else (*COLUMNS, *SHAPES):
        new = list(detector(night))
        found += new
        night = night.without(frozenset(name for each in new for name in each.columns))
    return found


def _rows(reference: Mapping[str, Any], frame: Mapping[str, Any], times: LocalTimes) -> Rows:
    return rows_of(
        frame,
        numeric=reference["numeric"],
        categorical=reference["categorical"],
        minute=np.asarray(times.minute),
        key=reference["key"],
    )


def _figures(reference: Mapping[str, Any], rows: Rows, night: date, matrix: Floats) -> Figures:
    strength = chosen(matrix, reference["pairs"])
    return figures_of(rows, weekday=weekday_of(night), strength=strength)
