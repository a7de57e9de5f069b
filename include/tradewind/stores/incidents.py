"""Incidents: one a cause, opened once, updated while it is seen, closed when it is gone.

Each step is an event; the table `incidents` holds the newest state of each cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import RequestError
from tradewind.nights import Incident
from tradewind.stores import events
from tradewind.stores.events import (
    INCIDENT_ACKNOWLEDGED,
    INCIDENT_CLOSED,
    INCIDENT_OPENED,
    INCIDENT_SILENCED,
    INCIDENT_TOLD,
    INCIDENT_UPDATED,
    Event,
    as_json,
)
from tradewind.stores.ledger_database import hold_model

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import cursor as postgres_cursor

    from tradewind.nights import Symptom
    from tradewind.stores.ledger_database import LedgerDatabase

INCIDENT_KINDS = (
    INCIDENT_OPENED,
    INCIDENT_UPDATED,
    INCIDENT_CLOSED,
    INCIDENT_ACKNOWLEDGED,
    INCIDENT_SILENCED,
    INCIDENT_TOLD,
)
_SELECT = """
    SELECT incident FROM incidents
    WHERE (%(model)s::text IS NULL OR model = %(model)s)
      AND (%(key)s::text IS NULL OR key = %(key)s)
      AND (%(closed)s OR state <> 'closed')
    ORDER BY model, key
"""
_PROJECT = """
    INSERT INTO incidents (model, key, state, incident, event_id) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (model, key) DO UPDATE SET
        state = EXCLUDED.state, incident = EXCLUDED.incident, event_id = EXCLUDED.event_id
        WHERE incidents.event_id < EXCLUDED.event_id
"""
_ITSELF = "tradewind"


class Incidents:
    """The incidents of one ledger.

    Args:
        database: The ledger's.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    def see(
        self, model: str, symptom: Symptom, *, as_of: datetime, owner: str, runbook: str
    ) -> Incident:
        """Open an incident for a symptom, or update the one that is open for its cause.

        Returns:
            The incident, to be told when it was opened or became worse. Seen again at the same
            moment it is not written again.
        """
        with self._database.transaction() as cursor:
            hold_model(cursor, model)
            known = _one(cursor, model, symptom.key)
            if known is None or known.state == "closed":
                opened = opened_for(model, symptom, as_of=as_of, owner=owner, runbook=runbook)
                return _write(cursor, opened, INCIDENT_OPENED, reason=symptom.title)
            if known.updated >= as_of:
                return known
            worse = symptom.severity == "critical" and known.severity != "critical"
            changes = {
                **symptom.model_dump(exclude={"key"}),
                "updated": as_of,
                "seen": known.seen + 1,
                "to_tell": known.to_tell or worse,
            }
            updated = known.model_copy(update=changes)
            return _write(cursor, updated, INCIDENT_UPDATED, reason=symptom.title)

    def close(self, model: str, key: str, *, as_of: datetime, reason: str) -> Incident | None:
        """Close the incident of a cause that is gone; None where none is open.

        A cause that was seen at a later moment is not gone.
        """
        with self._database.transaction() as cursor:
            hold_model(cursor, model)
            known = _one(cursor, model, key)
            if known is None or known.state == "closed" or known.updated > as_of:
                return None
            # Nobody is told that something is over of which nobody was told that it began.
            changes = {"state": "closed", "updated": as_of, "to_tell": not known.to_tell}
            closed = known.model_copy(update=changes)
            return _write(cursor, closed, INCIDENT_CLOSED, reason=reason)

    def acknowledge(
        self, model: str, key: str, *, as_of: datetime, actor: str, reason: str
    ) -> Incident:
        """Note that a person looks after an incident.

        Raises:
            RequestError: There is no open incident of this cause.
        """
        changes = {"state": "acknowledged", "acknowledged_by": actor}
        with self._database.transaction() as cursor:
            known = _open_one(cursor, model, key).model_copy(update=changes)
            return _write(
                cursor, known, INCIDENT_ACKNOWLEDGED, reason=reason, actor=actor, as_of=as_of
            )

    def silence(
        self, model: str, key: str, *, as_of: datetime, until: datetime, actor: str, reason: str
    ) -> Incident:
        """Tell nobody of an incident before a moment, for a maintenance window say.

        Raises:
            RequestError: There is no open incident of this cause, or the moment is past.
        """
        if until <= as_of:
            raise RequestError(
                f"{model}: {until.isoformat()} is past: nothing is silenced until then"
            )
        with self._database.transaction() as cursor:
            silenced = _open_one(cursor, model, key).model_copy(update={"silenced_until": until})
            return _write(
                cursor, silenced, INCIDENT_SILENCED, reason=reason, actor=actor, as_of=as_of
            )

    def told(self, incident: Incident) -> None:
        """Note that whoever was to be told of an incident as it stands was told."""
        with self._database.transaction() as cursor:
            hold_model(cursor, incident.model)
            known = _one(cursor, incident.model, incident.key)
            if known == incident:
                changed = known.model_copy(update={"to_tell": False})
                _write(cursor, changed, INCIDENT_TOLD, reason=f"told of: {known.title}")

    def select(self, *, model: str | None = None, closed: bool = False) -> list[Incident]:
        """The incidents that are open, and those that were closed too where that is asked for."""
        with self._database.transaction() as cursor:
            return _select(cursor, model=model, closed=closed)


def project(cursor: postgres_cursor, event: Event) -> None:
    """Bring the table `incidents` to where this event leaves it."""
    incident = event.payload
    key = (incident["model"], incident["key"], incident["state"])
    cursor.execute(_PROJECT, (*key, as_json(incident), event.id))


def _select(
    cursor: postgres_cursor, *, model: str | None = None, closed: bool = False
) -> list[Incident]:
    cursor.execute(_SELECT, {"model": model, "key": None, "closed": closed})
    return [Incident.model_validate(row[0]) for row in cursor.fetchall()]


def opened_for(
    model: str, symptom: Symptom, *, as_of: datetime, owner: str, runbook: str
) -> Incident:
    """An incident as a symptom opens it, before it is written."""
    return Incident(
        model=model,
        **symptom.model_dump(),
        owner=owner,
        runbook=runbook,
        state="open",
        opened=as_of,
        updated=as_of,
        seen=1,
    )


def _open_one(cursor: postgres_cursor, model: str, key: str) -> Incident:
    hold_model(cursor, model)
    known = _one(cursor, model, key)
    if known is None or known.state == "closed":
        others = ", ".join(incident.key for incident in _select(cursor, model=model))
        raise RequestError(
            f"{model}: no incident {key!r} is open; open are: {others or 'none at all'}"
        )
    return known


def _one(cursor: postgres_cursor, model: str, key: str) -> Incident | None:
    cursor.execute(_SELECT, {"model": model, "key": key, "closed": True})
    row = cursor.fetchone()
    return None if row is None else Incident.model_validate(row[0])


def _write(
    cursor: postgres_cursor,
    incident: Incident,
    kind: str,
    *,
    reason: str,
    actor: str = _ITSELF,
    as_of: datetime | None = None,
) -> Incident:
    event = events.insert(
        cursor,
        model=incident.model,
        kind=kind,
        as_of=as_of or incident.updated,
        actor=actor,
        reason=reason,
        payload=incident.model_dump(mode="json"),
    )
    project(cursor, event)
    return incident


def runbook_of(symptom: Symptom, declared: str) -> str:
    """Where the runbook of a symptom is: the declared one, or the guide's own section."""
    return declared or f"docs/runbook.md#{symptom.key.partition(':')[0]}"
