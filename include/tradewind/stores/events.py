"""The append-only events: what kinds there are, how one is written, how they are read."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from psycopg2.extras import Json

from tradewind.errors import LedgerError
from tradewind.records import Moment, Record
from tradewind.stores import words
from tradewind.stores.ledger_database import only_row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from psycopg2.extensions import cursor as postgres_cursor

DEFINITION_FROZEN: Final = "definition_frozen"
DEFINITION_BROKEN: Final = "definition_broken"
NOT_ADMITTED: Final = "not_admitted"
# What somebody asked for who may not; and a changed definition, where not everybody may change it.
REFUSED: Final = "refused"
PERMITTED: Final = "permitted"
LEASE_ACQUIRED: Final = "lease_acquired"
LEASE_RENEWED: Final = "lease_renewed"
LEASE_TAKEN_OVER: Final = "lease_taken_over"
LEASE_RELEASED: Final = "lease_released"
LEASE_BROKEN: Final = "lease_broken"
STAGE_OUTCOME: Final = "stage_outcome"
COMPARED: Final = "compared"
PINNED: Final = "pinned"
BLOCKED: Final = "blocked"
# Whether people let a candidate through that passed its gates.
APPROVAL_ASKED: Final = "approval_asked"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
APPROVAL_TIMED_OUT: Final = "approval_timed_out"
APPROVAL_VOID: Final = "approval_void"
APPROVAL_STANDS: Final = "approval_stands"
INTENDED: Final = "intended"
APPLIED: Final = "applied"
TAMPERING: Final = "tampering"
TAMPERING_ENDED: Final = "tampering_ended"
# The nights.
NIGHT_SCORED: Final = "night_scored"
NIGHT_MONITORED: Final = "night_monitored"
DECIDED: Final = "decided"
RETRAIN_LAUNCHED: Final = "retrain_launched"
RETRAIN_ENDED: Final = "retrain_ended"
SEGMENT_READY: Final = "segment_ready"
# What a release changes of who decides; `intended` and `applied` move the champion.
HELD: Final = "held"
SWITCHED_OFF: Final = "switched_off"
RESUMED: Final = "resumed"
RETIRED: Final = "retired"
ARM_STARTED: Final = "arm_started"
ARM_STOPPED: Final = "arm_stopped"
SEGMENT_RULED: Final = "segment_ruled"
CONTRACT_ACCEPTED: Final = "contract_accepted"
# Parts of a source that no manifest holds, whichever model reads it.
DATA_EXCLUDED: Final = "data_excluded"
DATA_READMITTED: Final = "data_readmitted"
# Somebody is forgotten: by a random token, and how much it was; see tradewind.stores.subjects.
ERASURE_ASKED: Final = "erasure_asked"
ERASURE_BEGUN: Final = "erasure_begun"
ERASED: Final = "erased"
ERASURE_WITHDRAWN: Final = "erasure_withdrawn"
WORDS_ERASED: Final = "words_erased"
# Incidents: one cause, from its first sight to its end.
INCIDENT_OPENED: Final = "incident_opened"
INCIDENT_UPDATED: Final = "incident_updated"
INCIDENT_CLOSED: Final = "incident_closed"
INCIDENT_ACKNOWLEDGED: Final = "incident_acknowledged"
INCIDENT_SILENCED: Final = "incident_silenced"
INCIDENT_TOLD: Final = "incident_told"
# The newest entry of the chain, in the lake and at the people's.
HEAD_KEPT: Final = "head_kept"
HEAD_TOLD: Final = "head_told"
# What was let go of because of its age: how much of which kind, and of which models.
HOUSE_KEPT: Final = "house_kept"

_OF_EVERY_RUN = (LEASE_ACQUIRED, LEASE_RENEWED, LEASE_TAKEN_OVER, LEASE_RELEASED)
LEASE_KINDS: Final = (*_OF_EVERY_RUN, LEASE_BROKEN)
APPROVAL_ANSWERS: Final = (APPROVED, REJECTED, APPROVAL_TIMED_OUT, APPROVAL_VOID)
APPROVAL_KINDS: Final = (APPROVAL_ASKED, *APPROVAL_ANSWERS, APPROVAL_STANDS)
ERASURE_KINDS: Final = (ERASURE_ASKED, ERASURE_BEGUN, ERASED, ERASURE_WITHDRAWN)
ROUTINE: Final = (*_OF_EVERY_RUN, STAGE_OUTCOME, HEAD_KEPT, HEAD_TOLD)
"""What every run leaves by the dozen: a history for a person is read without them."""

# NaN is no JSON, and would be no answer either.
_json = partial(json.dumps, allow_nan=False, ensure_ascii=False)

_COLUMNS = "id, recorded_at, as_of, model, kind, actor, reason, payload"
_INSERT = f"""
    WITH written AS (
        INSERT INTO events (as_of, model, kind, actor, reason, payload)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
    ), beside AS (
        INSERT INTO words (event_id, texts) SELECT id, %s FROM written RETURNING texts
    )
    SELECT {_COLUMNS}, texts FROM written, beside
"""  # noqa: S608 -- made of this module's own words
_SELECT = f"""
    SELECT {_COLUMNS}, texts FROM events LEFT JOIN words ON words.event_id = events.id
    WHERE (%(model)s::text IS NULL OR model = %(model)s)
      AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
      AND kind <> ALL(%(without)s::text[])
      AND (%(as_of)s::timestamptz IS NULL OR as_of <= %(as_of)s)
      AND (%(since)s::timestamptz IS NULL OR as_of >= %(since)s)
      AND id > %(after)s
"""  # noqa: S608 -- made of this module's own words
_OLDEST_FIRST = _SELECT + " ORDER BY id LIMIT %(limit)s"
_NEWEST_FIRST = _SELECT + " ORDER BY id DESC LIMIT %(limit)s"


class Event(Record):
    """One thing that happened, as it was told; what was erased of it reads `(erased)`.

    Attributes:
        id: Grows; of two events of one model the later has the greater.
        recorded_at: When it was written, by the database's clock.
        as_of: The moment it stands for.
        model: None where it is about no single model.
        kind: One of this module's words.
        actor: Who did it.
        reason: Why, in a sentence for people.
        payload: The particulars, by kind.
    """

    id: int
    recorded_at: Moment
    as_of: Moment
    model: str | None
    kind: str
    actor: str
    reason: str
    payload: dict[str, Any]


def as_json(value: Mapping[str, Any]) -> Json:
    """A value to be bound where the column is `jsonb`."""
    return Json(dict(value), dumps=_json)


def insert(
    cursor: postgres_cursor,
    *,
    model: str | None,
    kind: str,
    as_of: datetime,
    actor: str,
    reason: str,
    payload: Mapping[str, Any],
) -> Event:
    """Write one event, and its words beside it.

    Raises:
        LedgerError: The moment has no time zone.
    """
    if as_of.tzinfo is None:
        raise LedgerError(f"event {kind!r} of {model}: as_of {as_of.isoformat()} has no time zone")
    reason, stored, texts = words.put_aside(reason, payload)
    cursor.execute(_INSERT, (as_of, model, kind, actor, reason, as_json(stored), as_json(texts)))
    return _event(only_row(cursor))


def select(
    cursor: postgres_cursor,
    *,
    model: str | None = None,
    kind: str | Collection[str] | None = None,
    without: Collection[str] = (),
    as_of: datetime | None = None,
    since: datetime | None = None,
    after: int = 0,
    newest_first: bool = False,
    limit: int | None = None,
) -> list[Event]:
    """Read events.

    Args:
        cursor: Where to read.
        model: Of this model only.
        kind: Of this kind, or these, only.
        without: Of none of these kinds.
        as_of: Only what stands for this moment or an earlier one.
        since: Only what stands for this moment or a later one.
        after: Only what has a greater id.
        newest_first: The order, by id.
        limit: At most so many.
    """
    kinds = [kind] if isinstance(kind, str) else kind
    cursor.execute(
        _NEWEST_FIRST if newest_first else _OLDEST_FIRST,
        {
            "model": model,
            "kinds": None if kinds is None else list(kinds),
            "without": list(without),
            "as_of": as_of,
            "since": since,
            "after": after,
            "limit": limit,
        },
    )
    return [_event(row) for row in cursor.fetchall()]


def newest(
    cursor: postgres_cursor,
    *,
    model: str,
    kind: str | Collection[str],
    as_of: datetime | None = None,
    after: int = 0,
) -> Event | None:
    """The last event of a model of this kind (or these), or None."""
    found = select(
        cursor, model=model, kind=kind, as_of=as_of, after=after, newest_first=True, limit=1
    )
    return found[0] if found else None


def _event(row: tuple[Any, ...]) -> Event:
    *columns, texts = row
    told = dict(zip(Event.model_fields, columns, strict=True))
    told["reason"], told["payload"] = words.put_back(told["reason"], told["payload"], texts)
    return Event.model_validate(told)
