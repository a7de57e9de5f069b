"""How far the rows of a part could come, by when they were known and the training's stretches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.lineage_records import PartUse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from tradewind.lineage._arrived import Arrived
    from tradewind.lineage._origins import Origin
    from tradewind.lineage_records import Place, Reach
    from tradewind.records import Part

_PLACES: tuple[Place, ...] = ("fit", "select", "judge")
_WHY: Mapping[Reach, str] = {
    "learned": "rows of it could reach fit, select or calibration",
    "ahead": "it lies in the judge stretch or later, so that its labels came later; what was known "
    "of it before that began, as a schedule is, features could look at by then",
    "judged": "none of its rows was known before the judge stretch began",
}


@dataclass(frozen=True)
class Edges:
    """Where the stretches of a training begin and end, as times of rows.

    A row's time is later by the horizon than the predictions made of it.
    """

    stretches: Mapping[Place, tuple[datetime, datetime]]
    judge: datetime
    horizon: timedelta

    @classmethod
    def of(cls, origin: Origin, horizon: timedelta) -> Edges | None:
        """Those of an origin; None where they were not recorded."""
        found = {name: origin.stretch(name) for name in _PLACES}
        spans = {name: (one.start, one.end) for name, one in found.items() if one is not None}
        if len(spans) < len(_PLACES):
            return None
        return cls(spans, spans["judge"][0], horizon)

    def places(self, part: Part) -> list[Place]:
        """The stretches that a part's times lie in; none of a part without times."""
        if part.min_event_time is None or part.max_event_time is None:
            return []
        first, last = part.min_event_time - self.horizon, part.max_event_time - self.horizon
        before: list[Place] = ["before"] if first < self.stretches["fit"][0] else []
        after: list[Place] = ["after"] if last >= self.stretches["judge"][1] else []
        inside = [
            name for name, (start, end) in self.stretches.items() if first < end and last >= start
        ]
        return [*before, *inside, *after]

    def is_earlier(self, part: Part) -> bool:
        """Whether a part begins before the judge stretch; one without times always does."""
        return part.min_event_time is None or part.min_event_time - self.horizon < self.judge


def use_of(
    name: str,
    part: Part,
    rows: Arrived | None,
    edges: Edges | None,
    *,
    excluded: int | None = None,
) -> PartUse:
    """Say of a part how far its rows came.

    Args:
        name: Its source's, in the definition.
        part: As the snapshot saw it.
        rows: What went on of its source; None where that cannot be told any more.
        edges: Of the training; None where they were not recorded.
        excluded: The event by which it is left out now, if one says so.
    """
    # A reference table is one part, without a day of its own.
    day = None if rows is not None and None in rows.went_on else part.day
    went_on = None if rows is None else rows.went_on.get(day, 0)
    first_known = None if rows is None else rows.first_known.get(day)
    reach, why = _reach(part, rows, edges, went_on=went_on, first_known=first_known)
    return PartUse(
        source=name,
        source_id=part.source_id,
        day=part.day,
        digest=part.digest,
        uri=part.uri,
        observed=part.as_of,
        rows=part.rows,
        went_on=went_on,
        set_aside=None if rows is None else rows.set_aside.get(day, 0),
        first_known=first_known,
        places=edges.places(part) if edges else [],
        reach=reach,
        why=why,
        excluded=excluded,
    )


def _reach(
    part: Part,
    rows: Arrived | None,
    edges: Edges | None,
    *,
    went_on: int | None,
    first_known: datetime | None,
) -> tuple[Reach, str]:
    if part.rows == 0:
        return "unused", "it has no rows"
    if edges is None:
        return "unknown", "no stretches of the training are recorded"
    if rows is None:
        return "unknown", "what went on after validation cannot be told any more"
    if not went_on:
        return "unused", "none of its rows went on: set aside, or not known at the as-of moment"
    if first_known is not None and first_known >= edges.judge:
        return "judged", _WHY["judged"]
    reach: Reach = "learned" if edges.is_earlier(part) else "ahead"
    return reach, _WHY[reach]
