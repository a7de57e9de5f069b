"""The chain's entries and their events as the database has them, and the hashes they must have.

Nothing of the database's own computing is believed: rows are read, their hashes are made here. The
fields and their order are those of migration 0004.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.records import Head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import cursor as postgres_cursor

_BATCH = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Times as text: one that no calendar has must be a finding, not the end of the walk.
_ENTRIES = """
    SELECT c.position, c.event_id, c.recorded_at::text, c.model, c.kind, c.digest, c.hash,
        e.id, e.recorded_at::text, e.as_of::text, e.model, e.kind, e.actor, e.reason,
        e.payload::text, w.texts
    FROM chain c LEFT JOIN events e ON e.id = c.event_id
    LEFT JOIN words w ON w.event_id = e.id
    ORDER BY c.position, c.event_id
"""
_UNCHAINED = """
    SELECT e.id, e.recorded_at::text, e.model, e.kind
    FROM events e LEFT JOIN chain c ON c.event_id = e.id
    WHERE c.event_id IS NULL ORDER BY e.id
"""


class NamedEvent(NamedTuple):
    """What names an event for a person; its time as the database writes it."""

    id: int
    recorded_at: str
    model: str | None
    kind: str

    def __str__(self) -> str:
        whose = f" of {self.model}" if self.model else ""
        return f"event {self.id} (`{self.kind}`{whose}, recorded at {self.recorded_at})"


class Entry(NamedTuple):
    """An entry of the chain."""

    position: int
    event_id: int
    recorded_at: str
    model: str | None
    kind: str
    digest: str
    hash: str

    @property
    def event(self) -> NamedEvent:
        """The event that it was made for."""
        return NamedEvent(self.event_id, self.recorded_at, self.model, self.kind)

    @property
    def head(self) -> Head | None:
        """As it is kept elsewhere; None where its time is none."""
        try:
            at = datetime.fromisoformat(self.recorded_at)
        except ValueError:
            return None
        return Head(position=self.position, event_id=self.event_id, at=at, hash=self.hash)

    def follows(self, before: Entry | None) -> bool:
        """Whether its hash hangs on the entry before it, and on all that it says itself."""
        said = (self.position, self.event_id, _microseconds(self.recorded_at), self.model)
        return self.hash == _hash(
            "entry", before.hash if before else None, *said, self.kind, self.digest
        )


class StoredEvent(NamedTuple):
    """An event, as it stands in the ledger now; `texts` beside it."""

    id: int
    recorded_at: str
    as_of: str
    model: str | None
    kind: str
    actor: str
    reason: str
    payload: str
    texts: Any

    @property
    def named(self) -> NamedEvent:
        """What names it."""
        return NamedEvent(self.id, self.recorded_at, self.model, self.kind)

    def digest(self, number: int) -> str:
        """The digest that it would have had as the event of this number."""
        moments = (_microseconds(self.recorded_at), _microseconds(self.as_of))
        words = (self.model, self.kind, self.actor, self.reason, self.payload)
        return _hash("event", number, *moments, *words)


def entries(cursor: postgres_cursor) -> Iterator[tuple[Entry, StoredEvent | None]]:
    """Every entry in the chain's order, with its event; None where that is gone."""
    # By a cursor of the server's: one look at all of it, a few rows of which are held at a time.
    with cursor.connection.cursor(name="chain") as rows:
        rows.itersize = _BATCH
        rows.execute(_ENTRIES)
        width = len(Entry._fields)
        for row in rows:
            gone = row[width] is None
            yield Entry(*row[:width]), None if gone else StoredEvent(*row[width:])


def unchained(cursor: postgres_cursor) -> list[NamedEvent]:
    """Events that have no entry."""
    cursor.execute(_UNCHAINED)
    return [NamedEvent(*row) for row in cursor.fetchall()]


def _hash(*fields: str | int | None) -> str:
    """SHA-256 over fields as a JSON array, in the very text that PostgreSQL makes of one."""
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def _microseconds(moment: str) -> int | str:
    """Since 1970; what is no moment stands for itself, and was the content of no event."""
    try:
        return (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND
    except ValueError:
        return moment
