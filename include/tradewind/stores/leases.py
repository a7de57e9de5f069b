"""One run at a time may change a model: its lease, with an expiry and a fencing token.

The database's clock decides, never a client's. The token grows with every lease of a model, over
releases and expiries too, so that whoever holds an older one can be told that it lost. Each step is
an event; the table `leases` is what the events come to, and can be rebuilt from them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradewind.errors import LeaseLostError
from tradewind.records import Moment, Record
from tradewind.stores import events, words
from tradewind.stores.events import (
    LEASE_ACQUIRED,
    LEASE_BROKEN,
    LEASE_KINDS,
    LEASE_RELEASED,
    LEASE_RENEWED,
    LEASE_TAKEN_OVER,
    Event,
)
from tradewind.stores.ledger_database import hold_model, now

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as postgres_cursor

    from tradewind.definition.schema import Schedule

# Beyond the longest that a task and all its retries may take, before the next stage renews it.
LEASE_SLACK = timedelta(minutes=10)

_SELECT = """
    SELECT leases.model, holder, fencing_token, acquired_at, expires_at, released_at,
           as_of, actor, reason, kind, texts
    FROM leases JOIN events ON events.id = leases.event_id
    LEFT JOIN words ON words.event_id = leases.event_id
    WHERE leases.model = %s
"""
_PROJECT = """
    INSERT INTO leases
        (model, holder, fencing_token, acquired_at, expires_at, released_at, event_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (model) DO UPDATE SET
        holder = EXCLUDED.holder, fencing_token = EXCLUDED.fencing_token,
        acquired_at = EXCLUDED.acquired_at, expires_at = EXCLUDED.expires_at,
        released_at = EXCLUDED.released_at, event_id = EXCLUDED.event_id
"""


class Lease(Record):
    """The right to change a model.

    Attributes:
        holder: The run that has it.
        fencing_token: Greater than that of every earlier lease of the model.
        acquired_at: By the database's clock, as are the others.
        released_at: When it was given back; None while it is held.
    """

    model: str
    holder: str
    fencing_token: int
    acquired_at: Moment
    expires_at: Moment
    released_at: Moment | None = None


class LeaseHeld(Record):
    """Another run has the lease.

    Attributes:
        since: When it took it.
        until: When it expires, unless that run renews it.
    """

    model: str
    holder: str
    since: Moment
    until: Moment

    @property
    def sentence(self) -> str:
        """Who has it, since when and until when."""
        return (
            f"the run {self.holder} holds the lease of {self.model} since "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC, until {self.until:%Y-%m-%d %H:%M:%S} UTC "
            "unless it renews it"
        )


class _Row(Lease):
    """A lease with what its last event says of the run, or of whoever broke it."""

    as_of: Moment
    actor: str
    reason: str
    kind: str = LEASE_ACQUIRED


def lease_time(schedule: Schedule) -> timedelta:
    """How long one stage with all its retries may take, by the schedule, and some slack."""
    waits = schedule.retry_delay * (int(2**schedule.retries) - 1)
    return schedule.task_timeout * (schedule.retries + 1) + waits + LEASE_SLACK


def acquire(
    cursor: postgres_cursor,
    model: str,
    *,
    holder: str,
    ttl: timedelta,
    as_of: datetime,
    actor: str,
    reason: str,
) -> Lease | LeaseHeld:
    """Take a model's lease, or say who has it.

    A holder that asks again gets its own lease back, with the same token.
    """
    hold_model(cursor, model)
    moment, row = now(cursor), _row(cursor, model)
    if row is not None and row.released_at is None:
        if row.holder == holder:
            return _prolong(cursor, row, moment=moment, ttl=ttl)
        if row.expires_at > moment:
            return LeaseHeld(
                model=model, holder=row.holder, since=row.acquired_at, until=row.expires_at
            )
    lost = row is not None and row.released_at is None
    last = events.newest(cursor, model=model, kind=LEASE_KINDS)
    fresh = _Row(
        model=model,
        holder=holder,
        # From the events: the row could be gone, and the token must grow all the same.
        fencing_token=(last.payload["fencing_token"] if last else 0) + 1,
        acquired_at=moment,
        expires_at=moment + ttl,
        as_of=as_of,
        actor=actor,
        reason=reason,
    )
    return _write(cursor, fresh, kind=LEASE_TAKEN_OVER if lost else LEASE_ACQUIRED)


def renew(
    cursor: postgres_cursor, model: str, *, holder: str, fencing_token: int, ttl: timedelta
) -> Lease:
    """Count a lease's time from now again.

    Also one that expired or was given back, as long as nobody else has had the lease since: a task
    of a finished run may be run again.

    Raises:
        LeaseLostError: Another run has had the lease since.
    """
    row = _own(cursor, model, holder=holder, fencing_token=fencing_token)
    return _prolong(cursor, row, moment=now(cursor), ttl=ttl)


def release(cursor: postgres_cursor, model: str, *, holder: str, fencing_token: int) -> None:
    """Give a lease back; a second time changes nothing.

    Raises:
        LeaseLostError: Another run has had the lease since.
    """
    row = _own(cursor, model, holder=holder, fencing_token=fencing_token)
    if row.released_at is None:
        given_back = row.model_copy(update={"released_at": now(cursor)})
        _write(cursor, given_back, kind=LEASE_RELEASED)


def break_(cursor: postgres_cursor, model: str, *, actor: str, reason: str) -> Lease | None:
    """Take a lease away from whoever holds it, for good: the token grows, so it is lost to them.

    Args:
        cursor: Where to write.
        model: Whose lease.
        actor: Who takes it away.
        reason: Why.

    Returns:
        The lease as it was held; None where nobody holds one.
    """
    hold_model(cursor, model)
    row = _row(cursor, model)
    if row is None or row.released_at is not None:
        return None
    taken_away = {"fencing_token": row.fencing_token + 1, "released_at": now(cursor)}
    said = {"actor": actor, "reason": reason}
    _write(cursor, row.model_copy(update={**taken_away, **said}), kind=LEASE_BROKEN)
    return _lease(row)


def require(cursor: postgres_cursor, model: str, *, fencing_token: int) -> Lease:
    """See that the lease with this token is the model's last, and not given back.

    Raises:
        LeaseLostError: It is not.
    """
    hold_model(cursor, model)
    row = _row(cursor, model)
    if row is None or row.fencing_token != fencing_token:
        raise LeaseLostError(_lost(model, fencing_token, row))
    if row.released_at is not None:
        raise LeaseLostError(
            f"{model}: the run {row.holder} gave lease {fencing_token} back at "
            f"{row.released_at:%Y-%m-%d %H:%M:%S} UTC and may change nothing any more: renew it"
        )
    return _lease(row)


def current(cursor: postgres_cursor, model: str) -> Lease | None:
    """The lease that is held now, by the database's clock, or None."""
    moment, row = now(cursor), _row(cursor, model)
    held = row is not None and row.released_at is None and row.expires_at > moment
    return _lease(row) if row is not None and held else None


def project(cursor: postgres_cursor, event: Event) -> None:
    """Bring the table `leases` to where this event leaves it."""
    said = event.payload
    times = [_moment(said[name]) for name in ("acquired_at", "expires_at", "released_at")]
    cursor.execute(_PROJECT, (event.model, said["holder"], said["fencing_token"], *times, event.id))


def _own(cursor: postgres_cursor, model: str, *, holder: str, fencing_token: int) -> _Row:
    hold_model(cursor, model)
    row = _row(cursor, model)
    if row is None or (row.holder, row.fencing_token) != (holder, fencing_token):
        raise LeaseLostError(_lost(model, fencing_token, row))
    return row


def _lost(model: str, fencing_token: int, row: _Row | None) -> str:
    return f"{model}: lease {fencing_token} is lost: {_last_step(row)}; this run must stop"


def _last_step(row: _Row | None) -> str:
    if row is None:
        return "nobody has ever held it"
    if row.kind == LEASE_BROKEN and row.released_at is not None:
        return f"{row.actor} broke it at {row.released_at:%Y-%m-%d %H:%M:%S} UTC: {row.reason}"
    return (
        f"the run {row.holder} took it at {row.acquired_at:%Y-%m-%d %H:%M:%S} UTC "
        f"as lease {row.fencing_token}"
    )


def _prolong(cursor: postgres_cursor, row: _Row, *, moment: datetime, ttl: timedelta) -> Lease:
    longer = row.model_copy(update={"expires_at": moment + ttl, "released_at": None})
    return _write(cursor, longer, kind=LEASE_RENEWED)


def _row(cursor: postgres_cursor, model: str) -> _Row | None:
    cursor.execute(_SELECT, (model,))
    found = cursor.fetchone()
    if found is None:
        return None
    *columns, texts = found
    row = _Row.model_validate(dict(zip(_Row.model_fields, columns, strict=True)))
    reason, _ = words.put_back(row.reason, {}, texts)
    return row.model_copy(update={"reason": reason})


def _write(cursor: postgres_cursor, row: _Row, *, kind: str) -> Lease:
    lease = _lease(row)
    event = events.insert(
        cursor,
        model=row.model,
        kind=kind,
        as_of=row.as_of,
        actor=row.actor,
        reason=row.reason,
        payload=lease.model_dump(mode="json", exclude={"model"}),
    )
    project(cursor, event)
    return lease


def _lease(row: _Row) -> Lease:
    return Lease.model_validate(row.model_dump(include=set(Lease.model_fields)))


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
