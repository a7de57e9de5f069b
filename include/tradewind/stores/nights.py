"""Which nights were served: events, and a table with the one record of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.nights import ScoredNight
from tradewind.stores import events
from tradewind.stores.events import NIGHT_SCORED, Event, as_json
from tradewind.stores.ledger_database import lock_key

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import cursor as postgres_cursor

_SELECT = """
    SELECT scored FROM nights
    WHERE model = %(model)s
      AND (%(since)s::timestamptz IS NULL OR night >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR night <= %(until)s)
    ORDER BY night DESC LIMIT %(limit)s
"""
_PROJECT = """
    INSERT INTO nights (model, night, scored, event_id) VALUES (%s, %s, %s, %s)
    ON CONFLICT (model, night) DO NOTHING
"""


def record(cursor: postgres_cursor, scored: ScoredNight, *, actor: str, reason: str) -> ScoredNight:
    """Write a night's record, unless it has one: the first is final.

    Returns:
        The night's record, whoever wrote it.
    """
    # Not the model's lock, which a promotion may hold for long: a night waits for another record
    # of the same night only.
    key = lock_key(f"{scored.model} night {scored.night.isoformat()}")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
    recorded = find(cursor, scored.model, scored.night)
    if recorded is not None:
        return recorded
    event = events.insert(
        cursor,
        model=scored.model,
        kind=NIGHT_SCORED,
        as_of=scored.night,
        actor=actor,
        reason=reason,
        payload=scored.model_dump(mode="json"),
    )
    project(cursor, event)
    return scored


def find(cursor: postgres_cursor, model: str, night: datetime) -> ScoredNight | None:
    """The record of one night; None where it was not served."""
    found = select(cursor, model, since=night, until=night)
    return found[0] if found else None


def select(
    cursor: postgres_cursor,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[ScoredNight]:
    """The records of a model's nights, oldest first; the newest ones where a limit is given."""
    asked = {"model": model, "since": since, "until": until, "limit": limit}
    cursor.execute(_SELECT, asked)
    return [ScoredNight.model_validate(scored) for (scored,) in reversed(cursor.fetchall())]


def project(cursor: postgres_cursor, event: Event) -> None:
    """Bring the table `nights` to where this event leaves it."""
    said = event.payload
    cursor.execute(_PROJECT, (said["model"], event.as_of, as_json(said), event.id))
