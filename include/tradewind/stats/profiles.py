"""The reference profile of a frame: all that later nights need of the rows a model was trained on.

It is built once and stored beside the model; the reference rows are never read again. A profile is
plain lists and figures, the same for the same rows: some 65 kB of JSON for a numeric column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.bins import Bins
from tradewind.stats.slices import Sizes, slice_rows, slice_sizes
from tradewind.stats.tallies import CATEGORIES, CategoryTally, Coded, NumericTally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.stats.tallies import Kind, Tally

VERSION = 1


@dataclass(frozen=True)
class ColumnProfile:
    """What is kept of one column.

    Attributes:
        kind: How it was counted.
        tally: The reference's rows, counted.
        slices: Sizes of the effects of its own slices, by their length in days.
    """

    kind: Kind
    tally: Tally
    slices: Mapping[int, Sizes] = field(default_factory=dict)

    def count(self, values: Any) -> Tally:
        """Count other rows of the column, as the reference was counted.

        Args:
            values: Shape (rows,), or a `Coded` column.
        """
        if isinstance(self.tally, NumericTally):
            return NumericTally.of(values, bins=self.tally.bins)
        return CategoryTally.of(values)


@dataclass(frozen=True)
class FrameProfile:
    """What is kept of a frame, by column."""

    columns: Mapping[str, ColumnProfile]

    def count(self, frame: Mapping[str, Any]) -> dict[str, Tally]:
        """Count other rows of some of the columns; counts of chunks are put together by `added`.

        Args:
            frame: Columns by name, each of shape (rows,), or `Coded`.

        Raises:
            EvidenceError: A column is not in the profile.
        """
        if unknown := sorted(set(frame) - set(self.columns)):
            msg = (
                f"the reference profile has no column {', '.join(unknown)}: "
                f"it knows {', '.join(sorted(self.columns))}"
            )
            raise EvidenceError(msg)
        return {name: self.columns[name].count(values) for name, values in frame.items()}

    def together(self, *others: FrameProfile) -> FrameProfile:
        """Put profiles of different columns into one (features, predictions, labels).

        Raises:
            EvidenceError: A column is in more than one.
        """
        columns = dict(self.columns)
        for other in others:
            if twice := sorted(columns.keys() & other.columns.keys()):
                msg = f"{', '.join(twice)}: a column of two profiles; give one another name"
                raise EvidenceError(msg)
            columns.update(other.columns)
        return FrameProfile(columns)

    def as_json(self) -> dict[str, Any]:
        """Write the profile as plain values, for `json.dumps`."""
        columns = {name: _column_as_json(self.columns[name]) for name in sorted(self.columns)}
        return {"version": VERSION, "columns": columns}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FrameProfile:
        """Read what `as_json` wrote.

        Raises:
            EvidenceError: Another version wrote it.
        """
        if stored.get("version") != VERSION:
            msg = (
                f"a reference profile of version {stored.get('version')!r}, and this code reads "
                f"{VERSION}: train the model anew, its profile is made with it"
            )
            raise EvidenceError(msg)
        return cls({name: _column_from_json(own) for name, own in stored["columns"].items()})


def profile(
    frame: Mapping[str, Any],
    *,
    kinds: Mapping[str, Kind],
    days: Any = None,
    window_days: Sequence[int] = (7,),
) -> FrameProfile:
    """Make the reference profile of a frame, one column after the other.

    Args:
        frame: Columns by name, each of shape (rows,): figures, truth values, objects or `Coded`.
        kinds: How each column is counted.
        days: Day of each row, shape (rows,); without it no slice is measured, and nothing of this
            profile can ever raise an alarm.
        window_days: Lengths of the windows that will be judged, in days.

    Raises:
        EvidenceError: The frame has no row, or a column's kind is not said.
    """
    cut = {
        length: slice_rows(days, window_days=length)
        for length in (window_days if days is not None else ())
    }
    return FrameProfile(
        {name: _profile_column(name, values, kinds, cut) for name, values in frame.items()}
    )


def added(one: Mapping[str, Tally], other: Mapping[str, Tally]) -> dict[str, Tally]:
    """Add the counts of two chunks of rows; a column of one of them only is kept as it is."""
    total = dict(one)
    for name, tally in other.items():
        total[name] = total[name] + tally if name in total else tally  # type: ignore[operator]
    return total


def _profile_column(
    name: str, values: Any, kinds: Mapping[str, Kind], cut: Mapping[int, Sequence[Any]]
) -> ColumnProfile:
    if name not in kinds:
        msg = f"{name}: say whether it is numeric, categorical or boolean"
        raise EvidenceError(msg)
    if not len(values):
        msg = f"{name}: a reference without rows; profile the rows that the model was trained on"
        raise EvidenceError(msg)
    if kinds[name] == "numeric":
        column: Any = np.asarray(values, dtype=np.float64)
        bins = Bins.of(column)
        whole: Tally = NumericTally.of(column, bins=bins)
    else:
        column = values if isinstance(values, Coded) else np.asarray(values)
        whole = _limited(CategoryTally.of(column))
    counted = ColumnProfile(kinds[name], whole)
    slices = {
        length: slice_sizes(whole, (_part(counted, column[rows]) for rows in slices))
        for length, slices in cut.items()
    }
    return ColumnProfile(counted.kind, whole, slices)


def _part(column: ColumnProfile, values: Any) -> Tally:
    tally = column.count(values)
    if isinstance(tally, CategoryTally) and isinstance(column.tally, CategoryTally):
        return tally.within(column.tally.counts)
    return tally


def _limited(tally: CategoryTally) -> CategoryTally:
    """Tell the most frequent categories apart, and count the others together."""
    if len(tally.counts) <= CATEGORIES:
        return tally
    ranked = sorted(tally.counts.items(), key=lambda own: (-own[1], own[0]))
    return tally.within(dict(ranked[:CATEGORIES]))


def _column_as_json(column: ColumnProfile) -> dict[str, Any]:
    slices = {str(days): dict(sizes) for days, sizes in sorted(column.slices.items())}
    tally = column.tally
    if isinstance(tally, CategoryTally):
        counts = {name: tally.counts[name] for name in sorted(tally.counts)}
        own: dict[str, Any] = {"counts": counts, "nulls": tally.nulls, "rest": tally.rest}
    else:
        empty = not tally.present
        own = {
            "edges": tally.bins.edges.tolist(),
            "centre": tally.bins.centre,
            "counts": tally.counts.tolist(),
            "sums": tally.sums.tolist(),
            "squares": tally.squares,
            "nulls": tally.nulls,
            "low": None if empty else tally.low,
            "high": None if empty else tally.high,
            "mean": None if empty else tally.mean,
            "standard_deviation": None if empty else tally.standard_deviation,
        }
    return {"kind": column.kind, **own, "slices": slices}


def _column_from_json(stored: Mapping[str, Any]) -> ColumnProfile:
    slices = {int(days): dict(sizes) for days, sizes in stored["slices"].items()}
    if "edges" not in stored:
        tally: Tally = CategoryTally(dict(stored["counts"]), stored["nulls"], stored["rest"])
        return ColumnProfile(stored["kind"], tally, slices)
    tally = NumericTally(
        Bins(np.array(stored["edges"], dtype=np.float64), stored["centre"]),
        counts=np.array(stored["counts"], dtype=np.int64),
        sums=np.array(stored["sums"], dtype=np.float64),
        squares=stored["squares"],
        nulls=stored["nulls"],
        low=np.inf if stored["low"] is None else stored["low"],
        high=-np.inf if stored["high"] is None else stored["high"],
    )
    return ColumnProfile(stored["kind"], tally, slices)
