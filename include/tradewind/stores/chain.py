"""The chain of the ledger's events: its newest entry, and whether it still holds.

The database makes the chain, in the transaction that writes the event (migration 0004); here it is
read. A superuser of the database can write all of it anew, and nothing in the database would show
that: so its newest entry is kept elsewhere too (`tradewind.stores.chain_heads`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tradewind.records import Head, Moment, Record
from tradewind.stores import chain_walk, events
from tradewind.stores.events import HEAD_KEPT, HEAD_TOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.stores.chain_walk import ChainFindings
    from tradewind.stores.events import Event
    from tradewind.stores.ledger_database import LedgerDatabase

_HEAD = "SELECT position, event_id, recorded_at, hash FROM chain"
_NEWEST = f"{_HEAD} ORDER BY position DESC LIMIT 1"
_AT = f"{_HEAD} WHERE position = %s"
# What the keeping of a head itself leaves needs no head.
_OF_HEADS: Final = (HEAD_KEPT, HEAD_TOLD)
_ITSELF = "tradewind"
_AFTER = "SELECT count(*), min(recorded_at) FROM chain WHERE position > %s AND kind <> ALL(%s)"


class Uncovered(Record):
    """What was written after an entry of the chain.

    Attributes:
        events: How many, without those that tell of heads.
        oldest: When the first of them was recorded; None where there is none.
    """

    events: int
    oldest: Moment | None


class Chain:
    """The chain of one ledger.

    Args:
        database: The ledger's.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    def head(self) -> Head | None:
        """The newest entry; None where nothing has happened yet."""
        return self._entry(_NEWEST)

    def at(self, position: int) -> Head | None:
        """The entry at a position; None where there is none."""
        return self._entry(_AT, position)

    def after(self, position: int) -> Uncovered:
        """What was written after the entry at a position; 0 is before the first."""
        with self._database.transaction() as cursor:
            cursor.execute(_AFTER, (position, list(_OF_HEADS)))
            count, oldest = cursor.fetchone() or (0, None)
        return Uncovered(events=count, oldest=oldest)

    def verify(self, *, heads: Sequence[Head] = (), hashes: Sequence[str] = ()) -> ChainFindings:
        """Compute the whole chain again from the events, and hold it against what was kept.

        Args:
            heads: Entries that were kept elsewhere.
            hashes: Hashes that were kept elsewhere without their position.
        """
        with self._database.transaction() as cursor:
            return chain_walk.verify(cursor, heads=heads, hashes=hashes)

    def note_kept(self, head: Head, *, path: str) -> Event:
        """Write that an entry was kept in the lake, so that its loss from there is seen."""
        with self._database.transaction() as cursor:
            return events.insert(
                cursor,
                model=None,
                kind=HEAD_KEPT,
                as_of=head.at,
                actor=_ITSELF,
                reason=f"entry {head.position} of the chain is kept as {path}",
                payload={**head.model_dump(mode="json"), "path": path},
            )

    def note_told(self, head: Head, *, model: str) -> Event:
        """Write that a model's people were told of an entry."""
        with self._database.transaction() as cursor:
            return events.insert(
                cursor,
                model=model,
                kind=HEAD_TOLD,
                as_of=head.at,
                actor=_ITSELF,
                reason=f"told of entry {head.position} of the chain",
                payload=head.model_dump(mode="json"),
            )

    def _entry(self, query: str, *values: int) -> Head | None:
        with self._database.transaction() as cursor:
            cursor.execute(query, values)
            row = cursor.fetchone()
        return None if row is None else Head(**dict(zip(Head.model_fields, row, strict=True)))
