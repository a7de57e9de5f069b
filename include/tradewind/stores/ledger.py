"""The ledger: what happened, in order, for good.

A table of append-only events in PostgreSQL; leases and outcomes are projections of it. It says who
is champion: MLflow's alias follows it (`tradewind.promotion`), never the other way round. Every
event is chained to the one before it, so that nobody changes one without a trace.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tradewind.definition.loader import parse_definition
from tradewind.records import Moment, Record
from tradewind.stores import events, frozen_definitions, incidents, leases, nights, outcomes
from tradewind.stores.chain import Chain
from tradewind.stores.connections import postgres_dsn
from tradewind.stores.events import (
    INTENDED,
    LEASE_KINDS,
    NIGHT_SCORED,
    ROUTINE,
    STAGE_OUTCOME,
    Event,
)
from tradewind.stores.incidents import INCIDENT_KINDS, Incidents
from tradewind.stores.leases import Lease, LeaseHeld, lease_time
from tradewind.stores.ledger_database import LedgerDatabase, now
from tradewind.stores.migrations import migrate
from tradewind.stores.outcomes import RecordedOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime, timedelta

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.nights import ScoredNight
    from tradewind.records import StageOutcome
    from tradewind.settings import Settings

__all__ = [
    "ROUTINE",
    "ChampionRecord",
    "Event",
    "Lease",
    "LeaseHeld",
    "Ledger",
    "RecordedOutcome",
    "lease_time",
    "migrate",
]

_PROJECTIONS = {
    **dict.fromkeys(LEASE_KINDS, leases.project),
    STAGE_OUTCOME: outcomes.project,
    NIGHT_SCORED: nights.project,
    **dict.fromkeys(INCIDENT_KINDS, incidents.project),
}
_BATCH = 1000


class ChampionRecord(Record):
    """The version that decides, by the ledger.

    Attributes:
        version: MLflow's number.
        since: The as-of moment of its promotion.
        event_id: Of the `intended` event that made it champion.
        recorded_at: When that was written.
        model_uri: MLflow's logged model behind the version.
        run_id: The run that promoted it.
        evidence_digest: Of what it was promoted on.
        previous: The version before it.
    """

    version: int
    since: Moment
    event_id: int
    recorded_at: Moment
    actor: str
    model_uri: str | None
    run_id: str | None
    evidence_digest: str
    previous: int | None


class Ledger:
    """One platform's ledger.

    Args:
        dsn: Its database, as the role that may append and read, and no more.
        database: A way to it that is open already, in place of one by the address.
    """

    def __init__(self, dsn: str, *, database: LedgerDatabase | None = None) -> None:
        self._dsn = dsn
        self._database = database or LedgerDatabase(dsn)

    @classmethod
    def open(cls, settings: Settings) -> Ledger:
        """The ledger behind the settings' connection; nothing is connected to yet.

        Raises:
            UnknownConnectionError: The connection is not defined.
        """
        return cls(postgres_dsn(settings.ledger_connection, settings=settings))

    # ------------------------------------------------------------------------------------ events

    def append(
        self,
        *,
        model: str | None,
        kind: str,
        as_of: datetime,
        actor: str,
        reason: str,
        payload: Mapping[str, Any],
    ) -> Event:
        """Write one event, for good.

        Raises:
            LedgerError: The ledger cannot be reached, or the moment has no time zone.
        """
        with self._database.transaction() as cursor:
            return events.insert(
                cursor,
                model=model,
                kind=kind,
                as_of=as_of,
                actor=actor,
                reason=reason,
                payload=payload,
            )

    def events(
        self,
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
        """Read events in their order.

        Args:
            model: Of this model only.
            kind: Of this kind, or these, only.
            without: Of none of these kinds; `ROUTINE` leaves the decisions.
            as_of: Only what stands for this moment or an earlier one.
            since: Only what stands for this moment or a later one.
            after: Only what has a greater id.
            newest_first: The order, by id.
            limit: At most so many.
        """
        with self._database.transaction() as cursor:
            return events.select(
                cursor,
                model=model,
                kind=kind,
                without=without,
                as_of=as_of,
                since=since,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )

    def now(self) -> datetime:
        """The database's clock."""
        with self._database.transaction() as cursor:
            return now(cursor)

    # ------------------------------------------------------------------------------- definitions

    def freeze_definition(
        self, model: str, files: Mapping[str, str], *, as_of: datetime, actor: str
    ) -> str:
        """Keep a definition's text; an event tells when it is not the one frozen last.

        Returns:
            The digest of the files.
        """
        with self._database.transaction() as cursor:
            return frozen_definitions.freeze(cursor, model, files, as_of=as_of, actor=actor)

    def definition_files(self, digest: str) -> dict[str, str]:
        """A frozen definition's text by file name.

        Raises:
            LedgerError: No such definition was frozen.
        """
        with self._database.transaction() as cursor:
            return frozen_definitions.files_of(cursor, digest)

    def last_definition(self, model: str) -> str | None:
        """The digest that was frozen last for a model, or None."""
        with self._database.transaction() as cursor:
            return frozen_definitions.last(cursor, model)

    def definition(self, model: str, digest: str) -> FrozenDefinition:
        """A definition that was frozen for a model, typed.

        Raises:
            DefinitionError: What was whole under an earlier release is not under this one.
            LedgerError: Nothing was frozen under this digest.
        """
        return parse_definition(self.definition_files(digest), where=f"{model}@{digest[:12]}")

    def last_good(self, model: str) -> FrozenDefinition | None:
        """The definition that the model's last run was admitted with; None before the first."""
        digest = self.last_definition(model)
        return self.definition(model, digest) if digest else None

    # ------------------------------------------------------------------------------------ leases

    def acquire_lease(
        self,
        model: str,
        *,
        holder: str,
        ttl: timedelta,
        as_of: datetime,
        actor: str,
        reason: str,
    ) -> Lease | LeaseHeld:
        """Take a model's lease, or say who has it; see `tradewind.stores.leases`."""
        with self._database.transaction() as cursor:
            return leases.acquire(
                cursor, model, holder=holder, ttl=ttl, as_of=as_of, actor=actor, reason=reason
            )

    def renew_lease(self, model: str, *, holder: str, fencing_token: int, ttl: timedelta) -> Lease:
        """Count a lease's time from now again.

        Raises:
            LeaseLostError: Another run has had the lease since.
        """
        with self._database.transaction() as cursor:
            return leases.renew(cursor, model, holder=holder, fencing_token=fencing_token, ttl=ttl)

    def release_lease(self, model: str, *, holder: str, fencing_token: int) -> None:
        """Give a lease back; a second time changes nothing.

        Raises:
            LeaseLostError: Another run has had the lease since.
        """
        with self._database.transaction() as cursor:
            leases.release(cursor, model, holder=holder, fencing_token=fencing_token)

    def break_lease(self, model: str, *, actor: str, reason: str) -> Lease | None:
        """Take a model's lease away from a run that cannot give it back any more.

        A run that goes on all the same finds it lost, and changes nothing.

        Args:
            model: Whose lease.
            actor: Who takes it away.
            reason: Why; kept in the ledger.

        Returns:
            The lease as it was held; None where nobody holds one, and nothing was written.
        """
        with self._database.transaction() as cursor:
            return leases.break_(cursor, model, actor=actor, reason=reason)

    def require_lease(self, model: str, *, fencing_token: int) -> Lease:
        """See that the lease with this token is the model's last, and not given back.

        Raises:
            LeaseLostError: It is not.
        """
        with self._database.transaction() as cursor:
            return leases.require(cursor, model, fencing_token=fencing_token)

    def lease(self, model: str) -> Lease | None:
        """The lease that is held now, or None."""
        with self._database.transaction() as cursor:
            return leases.current(cursor, model)

    # ---------------------------------------------------------------------------------- outcomes

    def record_outcome(self, outcome: StageOutcome) -> None:
        """Write what a stage of a run said; the newest counts, and the same again is no news."""
        with self._database.transaction() as cursor:
            outcomes.record(cursor, outcome)

    def outcomes(
        self,
        *,
        run_id: str | None = None,
        model: str | None = None,
        stage: str | None = None,
        pipeline: str | None = None,
        limit: int | None = 100,
    ) -> list[StageOutcome]:
        """The newest outcome of each stage of each run, newest first.

        Run ids are Airflow's, unique within a DAG only: name the model too.
        """
        with self._database.transaction() as cursor:
            found = outcomes.select(
                cursor, run_id=run_id, model=model, stage=stage, pipeline=pipeline, limit=limit
            )
        return [outcome.plain for outcome in found]

    def last_outcome(
        self, model: str, stage: str, *, pipeline: str | None = None
    ) -> RecordedOutcome | None:
        """What a model's stage said last, whichever run (of a pipeline) it was, or None."""
        with self._database.transaction() as cursor:
            found = outcomes.select(cursor, model=model, stage=stage, pipeline=pipeline, limit=1)
        return found[0] if found else None

    # ------------------------------------------------------------------------------------ nights

    def record_night(self, scored: ScoredNight, *, actor: str, reason: str) -> ScoredNight:
        """Write what a night served; where it was served before, nothing is written.

        Returns:
            The night's one record: the first, whoever wrote it.
        """
        with self._database.transaction() as cursor:
            return nights.record(cursor, scored, actor=actor, reason=reason)

    def night(self, model: str, night: datetime) -> ScoredNight | None:
        """What a night served; None where it was not served."""
        with self._database.transaction() as cursor:
            return nights.find(cursor, model, night)

    def nights(
        self,
        model: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[ScoredNight]:
        """What a model's nights served, oldest first.

        Args:
            model: Whose nights.
            since: The first night, by its as-of moment; `until` the last, inclusive.
            until: See `since`.
            limit: Only so many, the newest of them.
        """
        with self._database.transaction() as cursor:
            return nights.select(cursor, model, since=since, until=until, limit=limit)

    # --------------------------------------------------------------------------------- incidents

    @property
    def incidents(self) -> Incidents:
        """What is wrong now, and since when."""
        return Incidents(self._database)

    # ------------------------------------------------------------------------------------- chain

    @property
    def chain(self) -> Chain:
        """What shows whether the events are as they were written."""
        return Chain(self._database)

    # ---------------------------------------------------------------------------------- champion

    def champion(self, model: str, *, as_of: datetime | None = None) -> ChampionRecord | None:
        """The version that decided at a moment.

        `intended` is the decision: what comes after it only makes MLflow follow.

        Args:
            model: Whose champion.
            as_of: The moment; the newest champion where nothing is said.
        """
        with self._database.transaction() as cursor:
            event = events.newest(cursor, model=model, kind=INTENDED, as_of=as_of)
        return None if event is None else _champion(event)

    @contextmanager
    def lock(self, model: str) -> Iterator[Ledger]:
        """Hold a model's lock: no promotion, and no change of its lease, happens beside this one.

        Yields:
            This ledger, on the connection that holds the lock. Each of its operations is committed
            by itself, and none succeeds once the lock is lost with the connection.

        Raises:
            LedgerError: Another process holds the lock for too long.
        """
        with self._database.locked(model) as database:
            yield Ledger(self._dsn, database=database)

    # ------------------------------------------------------------------------------- projections

    def rebuild_projections(self) -> int:
        """Make every projection again from the events, in one transaction.

        Returns:
            How many events were looked at.
        """
        seen, last = 0, 0
        with self._database.transaction() as cursor:
            cursor.execute(
                "LOCK TABLE leases, outcomes, nights, incidents IN ACCESS EXCLUSIVE MODE"
            )
            for table in ("leases", "outcomes", "nights", "incidents"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 -- of this module's own words
            while batch := events.select(cursor, kind=list(_PROJECTIONS), after=last, limit=_BATCH):
                for event in batch:
                    _PROJECTIONS[event.kind](cursor, event)
                seen, last = seen + len(batch), batch[-1].id
        return seen


def _champion(event: Event) -> ChampionRecord:
    said = event.payload
    return ChampionRecord(
        version=said["version"],
        since=event.as_of,
        event_id=event.id,
        recorded_at=event.recorded_at,
        actor=event.actor,
        model_uri=said.get("model_uri"),
        run_id=said.get("run_id"),
        evidence_digest=said["evidence_digest"],
        previous=said["previous"],
    )
