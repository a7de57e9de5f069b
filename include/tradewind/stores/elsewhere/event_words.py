"""The words beside events: a text that holds something of a subject goes whole, with its salt.

The event and the chain keep a hash of both, from which nothing can be told any more; and an event
says which texts are gone, so that whoever looks at the chain can tell this from a theft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.stores import events, words
from tradewind.stores.connections import postgres_dsn
from tradewind.stores.events import WORDS_ERASED
from tradewind.stores.ledger_database import LedgerDatabase, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import cursor as postgres_cursor

    from tradewind.erasure import ErasureOrder
    from tradewind.settings import Settings
    from tradewind.stores.needles import Needles

_AT_ONCE = 2_000
_ALL = "SELECT event_id, texts FROM words ORDER BY event_id"
_TAKE_OUT = "UPDATE words SET texts = texts - %s::text[] WHERE event_id = %s"


def erase_words(settings: Settings, needles: Needles, order: ErasureOrder) -> int:
    """Take every text that holds a needle out from beside the events, and write that it is gone.

    A second time finds nothing, and writes nothing.

    Args:
        settings: Name the connection to the ledger's database.
        needles: What is looked for. No statement holds one: a server may log what it is asked.
        order: By its reference the texts are said to be gone. Its reason is not said again.

    Returns:
        How many texts.

    Raises:
        LedgerError: The ledger's database does not answer, or its tables are not there.
    """
    database = LedgerDatabase(postgres_dsn(settings.ledger_connection, settings=settings))
    with database.transaction() as cursor:
        found = dict(_holding(cursor, needles))
        for event_id, commitments in found.items():
            cursor.execute(_TAKE_OUT, (commitments, event_id))
        if found:
            _tell(cursor, found, order)
    return sum(map(len, found.values()))


def _holding(cursor: postgres_cursor, needles: Needles) -> Iterator[tuple[int, list[str]]]:
    """By event, the commitments to texts that hold a needle."""
    with cursor.connection.cursor(name="words") as rows:
        rows.execute(_ALL)
        while batch := rows.fetchmany(_AT_ONCE):
            told = [(event, one, pair) for event, texts in batch for one, pair in texts.items()]
            contents = pa.array(
                [words.text_of(pair).encode() for *_, pair in told], pa.large_binary()
            )
            held: dict[int, list[str]] = {}
            for (event, one, _), holds in zip(told, needles.among(contents), strict=True):
                if holds:
                    held.setdefault(event, []).append(one)
            yield from held.items()


def _tell(cursor: postgres_cursor, found: dict[int, list[str]], order: ErasureOrder) -> None:
    events.insert(
        cursor,
        model=None,
        kind=WORDS_ERASED,
        as_of=now(cursor),
        actor=order.actor,
        reason=f"words that named somebody who is forgotten (reference {order.reference})",
        payload={
            "reference": order.reference,
            "run_id": order.run_id,
            "events": {event: [*map(words.bare, some)] for event, some in found.items()},
        },
    )
