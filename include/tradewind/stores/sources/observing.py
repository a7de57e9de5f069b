"""What a run sees of one source: which days are read now, and which are there already.

For each day of the window the newest observation not after the run's `as_of` counts.

- A day without one is read now, whatever its age, unless a later observation exists whose change
  token the day still has: then it is recorded for this moment too, and nothing is read.
- At the frontier (nothing was observed for a later moment) the days of the lookback are asked for
  their change token, and read again where it moved: a new part beside the old one. The lookback
  reaches back from the last observation, so a night that was left out leaves no day unfinished.
- In the past (something was observed for a later moment) what was observed then is used unasked.
- A day whose rows were let go of because of their age is read again where the source still has the
  same; where it has none any more, or a past night would see others than it saw, the run stops.
- A day without rows is a part of no rows, so that its absence, too, is known; and so is the day
  before a source's first, by an observation without a file: rows older than that, delivered since,
  are none of a past night's business.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.stores.sources.base import Rows, SourceReader, midnight
from tradewind.stores.sources.column_types import recorded_schema
from tradewind.stores.sources.let_go import require_held
from tradewind.stores.sources.parts import write_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.records import Part
    from tradewind.stores.catalog import Catalog
    from tradewind.stores.lake import Lake

_log = logging.getLogger(__name__)

NO_ROWS = "no rows"
NONE_BEFORE = "no rows up to here"
_NOT_THERE = "the source has none of that day any more"
_OTHERS = "the source has others by now"
# Days recorded together: what a killed run has recorded need not be read again.
_DAYS_AT_ONCE = 32


@dataclass(frozen=True)
class Sighting:
    """What a run sees of one source.

    Attributes:
        parts: One a day, in order; one in all for a reference source. None where it has no rows.
        read: Days that were read from the source now.
    """

    parts: list[Part]
    read: int


def observe(
    reader: SourceReader,
    *,
    as_of: datetime,
    since: date | None,
    catalog: Catalog,
    lake: Lake,
    ahead: timedelta = timedelta(),
) -> Sighting:
    """Bring the lake up to date with a source, and say what is seen of it at `as_of`.

    Args:
        reader: The source; it is not asked anything where all is known.
        as_of: The moment; days that begin before it are seen, whole.
        since: First day; the first with rows where nothing is said.
        catalog: What was observed before; gets what is observed now.
        lake: Where the rows go.
        ahead: How far beyond the moment days are seen too, whose rows may be known before they
            come.

    Raises:
        SourceUnavailableError: The source does not answer.
        SchemaChangedError: A day's columns are not those of the days before.
        UnreadableFileError: A file is cut short or damaged.
    """
    with catalog.exclusive(reader.source_id):
        observer = _Observer(reader, as_of=as_of, until=as_of + ahead, catalog=catalog, lake=lake)
        return observer.reference() if reader.is_reference else observer.days(since)


class _Observer:
    def __init__(
        self,
        reader: SourceReader,
        *,
        as_of: datetime,
        until: datetime,
        catalog: Catalog,
        lake: Lake,
    ) -> None:
        self._reader = reader
        self._as_of = as_of
        self._until = until
        self._catalog = catalog
        self._lake = lake
        observed = self._catalog.parts(self._reader.source_id, as_of=as_of)
        floors = [part.day for part in observed if part.change_token == NONE_BEFORE]
        self._floor = min(floors, default=None)
        self._found: date | None = None
        self._known = {part.day: part for part in self._present(observed) if part.day not in floors}
        # Whose file is gone: lost ones are read again, and none is skipped that was let go of.
        self._gone = {part.day: part for part in observed if part.uri not in self._files}

    @cached_property
    def _newest(self) -> datetime | None:
        return self._catalog.newest_as_of(self._reader.source_id)

    @cached_property
    def _in_past(self) -> bool:
        return self._newest is not None and self._newest > self._as_of

    @cached_property
    def _later(self) -> list[Part]:
        if not self._in_past:
            return []
        return self._present(self._catalog.later(self._reader.source_id, as_of=self._as_of))

    @cached_property
    def _files(self) -> set[str]:
        return set(self._lake.list(f"sources/{self._reader.source_id}"))

    def _present(self, parts: Sequence[Part]) -> list[Part]:
        """Those whose file is in the lake: a lost one is read again."""
        return [part for part in parts if part.uri in self._files]

    # ------------------------------------------------------------------------ a reference source

    def reference(self) -> Sighting:
        known = max(self._known.values(), key=lambda part: (part.as_of, part.day), default=None)
        if known and self._in_past:
            return Sighting([known], read=0)
        day = self._as_of.date()
        token = self._reader.tokens(None, self._as_of).get(day, NO_ROWS)
        newest = max(self._gone.values(), key=lambda part: (part.as_of, part.day), default=None)
        if newest and not known:
            self._require_held([newest], {newest.day: token})
        if known and known.change_token == token:
            return Sighting([known], read=0)
        again = next((part for part in self._later if part.change_token == token), None)
        if again:
            return Sighting(self._catalog.observe([self._repeated(again, day)]), read=0)
        self._known = {day: known} if known else {}
        return Sighting(self._read([day], {day: token}), read=1)

    # ---------------------------------------------------------------------------- a source of days

    def days(self, since: date | None) -> Sighting:
        first = self._first_day(since)
        wanted = [] if first is None else _days(first, self._until)
        self._require_held(self._gone_before(wanted[:1], since), {})
        if not wanted:
            return Sighting([], read=0)
        read = self._bring_in([day for day in wanted if day not in self._known or self._open(day)])
        self._record_floor()
        seen = [day for day in wanted if since is None or day >= since]
        return Sighting([self._known[day] for day in seen], read=read)

    def _gone_before(self, first: Sequence[date], since: date | None) -> list[Part]:
        """Days asked for that lie before the first that can be had, or any where none can."""
        days = (day for day in sorted(self._gone) if since is None or day >= since)
        return [self._gone[day] for day in days if not first or day < first[0]]

    def _first_day(self, since: date | None) -> date | None:
        if since in self._known and not self._reader.reads_whole:
            return since
        if self._in_past and self._floor is not None:
            first: date | None = self._floor + timedelta(days=1)
        elif self._reader.reads_whole and self._unchanged():
            first = min(self._known)
        else:
            first = self._found = self._earliest()
        if first is None or since is None or self._reader.reads_whole:
            return first
        return max(first, since)

    def _earliest(self) -> date | None:
        # A source that lets go of old rows begins later than what was observed of it.
        found = [*self._known, self._reader.earliest()]
        return min((day for day in found if day is not None), default=None)

    def _record_floor(self) -> None:
        if self._found is None or not self._known:
            return
        day = self._found - timedelta(days=1)
        if day != self._floor:
            newest = max(self._known.values(), key=lambda part: part.day)
            nothing = {"change_token": NONE_BEFORE, "digest": "", "uri": "", "columns": {}}
            times = {"min_event_time": None, "max_event_time": None}
            known = {"day": day, "as_of": self._as_of, "rows": 0, **nothing, **times}
            self._catalog.observe([newest.model_copy(update=known)])

    def _unchanged(self) -> bool:
        if not self._known:
            return False
        day = max(self._known)
        tokens = self._reader.tokens(day, midnight(day) + timedelta(days=1))
        return tokens.get(day) == self._known[day].change_token

    def _open(self, day: date) -> bool:
        if self._in_past or self._newest is None:
            return False
        return day >= (min(self._newest, self._as_of) - self._reader.spec.lookback).date()

    def _bring_in(self, days: Sequence[date]) -> int:
        if not days:
            return 0
        until = min(self._until, midnight(days[-1]) + timedelta(days=1))
        found = self._reader.tokens(days[0], until)
        tokens = {day: found.get(day, NO_ROWS) for day in days}
        self._require_held([self._gone[day] for day in days if day in self._gone], tokens)
        changed = [day for day in days if not self._same(day, tokens[day])]
        known_later = {(part.day, part.change_token): part for part in reversed(self._later)}
        again = [day for day in changed if (day, tokens[day]) in known_later]
        self._record([self._repeated(known_later[day, tokens[day]], day) for day in again])
        new = [day for day in changed if day not in again]
        with_rows = [day for day in new if tokens[day] != NO_ROWS]
        for some in _in_groups(with_rows, len(days) if self._reader.reads_whole else _DAYS_AT_ONCE):
            self._read(some, tokens)
        without = [day for day in new if tokens[day] == NO_ROWS]
        self._record([self._empty(day, NO_ROWS, self._columns_around(day)[1]) for day in without])
        return len(with_rows)

    def _require_held(self, parts: Sequence[Part], tokens: Mapping[date, str]) -> None:
        """See that what was let go of of these days can be had again, as the run is to see it."""
        for part in parts:
            token = tokens.get(part.day, NO_ROWS)
            none = token == NO_ROWS
            if none or (self._in_past and token != part.change_token):
                why = _NOT_THERE if none else _OTHERS
                require_held([part], where=self._reader.where, why=why, lake=self._lake)

    def _same(self, day: date, token: str) -> bool:
        return day in self._known and self._known[day].change_token == token

    # ---------------------------------------------------------------------------------------- parts

    def _read(self, days: Sequence[date], tokens: Mapping[date, str]) -> list[Part]:
        held, guide = self._columns_around(days[0])
        parts: dict[date, Part] = {}
        for day, rows in self._reader.read_days(days, held=guide):
            if held is None and guide is not None:
                # Days after it tell the types, but a column may be younger than this day.
                held = {name: guide[name] for name in guide if name in rows.schema.names}
            parts[day] = self._written(day, rows, token=tokens[day], held=held)
            held = parts[day].columns
        empty = [self._empty(day, tokens[day], held or guide) for day in days if day not in parts]
        return self._record([*parts.values(), *empty])

    def _columns_around(
        self, day: date
    ) -> tuple[Mapping[str, str] | None, Mapping[str, str] | None]:
        """Types by column as last seen up to a day; and those, or as first seen after it."""
        known = sorted(self._known.values(), key=lambda part: part.day)
        before = next((part.columns for part in reversed(known) if part.day <= day), None)
        after = next((part.columns for part in (*known, *self._later) if part.day > day), None)
        return before, before or after

    def _record(self, parts: Sequence[Part]) -> list[Part]:
        recorded = self._catalog.observe(parts)
        self._known.update({part.day: part for part in recorded})
        return recorded

    def _written(
        self, day: date, rows: Rows, *, token: str, held: Mapping[str, str] | None
    ) -> Part:
        part = write_part(
            self._reader, day, rows, token=token, as_of=self._as_of, held=held, lake=self._lake
        )
        new = [name for name in part.columns if held is not None and name not in held]
        if new:
            _log.warning(
                "%s, %s: new columns, kept beside the others: %s",
                self._reader.where, day, ", ".join(new),
            )  # fmt: skip
        return part

    def _empty(self, day: date, token: str, held: Mapping[str, str] | None) -> Part:
        schema = recorded_schema(held or {}) or pa.schema(list(self._reader.columns().items()))
        return self._written(day, Rows(schema, iter(())), token=token, held=held)

    def _repeated(self, part: Part, day: date) -> Part:
        return part.model_copy(update={"as_of": self._as_of, "day": day})


def _days(first: date, until: datetime) -> list[date]:
    """Every day from `first` that begins before a moment."""
    count = (until - midnight(first)) / timedelta(days=1)
    return [first + timedelta(days=number) for number in range(_ceiling(count))]


def _ceiling(number: float) -> int:
    return max(0, -int(-number // 1))


def _in_groups(days: Sequence[date], size: int) -> list[Sequence[date]]:
    return [days[start : start + size] for start in range(0, len(days), size)]
