"""What each stage of each run said: events, and a table with the newest of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.records import Moment, StageOutcome
from tradewind.stores import events
from tradewind.stores.events import STAGE_OUTCOME, Event, as_json

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as postgres_cursor

_SELECT = """
    SELECT outcome, recorded_at FROM outcomes JOIN events ON events.id = outcomes.event_id
    WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
      AND (%(model)s::text IS NULL OR outcomes.model = %(model)s)
      AND (%(stage)s::text IS NULL OR stage = %(stage)s)
      AND (%(pipeline)s::text IS NULL OR starts_with(run_id, %(pipeline)s || '/'))
    ORDER BY event_id DESC LIMIT %(limit)s
"""
_PROJECT = """
    INSERT INTO outcomes (model, run_id, stage, outcome, event_id) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (model, run_id, stage) DO UPDATE SET
        outcome = EXCLUDED.outcome, event_id = EXCLUDED.event_id
        WHERE outcomes.event_id < EXCLUDED.event_id
"""


class RecordedOutcome(StageOutcome):
    """A stage's outcome, and when it was written, by the database's clock."""

    recorded_at: Moment

    @property
    def plain(self) -> StageOutcome:
        """What the stage said, as it said it."""
        return StageOutcome.model_validate(self.model_dump(exclude={"recorded_at"}))


def record(cursor: postgres_cursor, outcome: StageOutcome) -> None:
    """Write what a stage said, unless that is what it said last."""
    said = select(cursor, model=outcome.model, run_id=outcome.run_id, stage=outcome.stage, limit=1)
    if said and said[0].plain == outcome:
        return
    event = events.insert(
        cursor,
        model=outcome.model,
        kind=STAGE_OUTCOME,
        as_of=outcome.as_of,
        actor=outcome.run_id,
        reason=f"{outcome.stage}: {next(iter(outcome.lines), 'done')}",
        payload=outcome.model_dump(mode="json"),
    )
    project(cursor, event)


def select(
    cursor: postgres_cursor,
    *,
    run_id: str | None = None,
    model: str | None = None,
    stage: str | None = None,
    pipeline: str | None = None,
    limit: int | None = None,
) -> list[RecordedOutcome]:
    """The newest outcome of each stage of each run, newest first."""
    wanted = {"run_id": run_id, "model": model, "stage": stage, "pipeline": pipeline}
    cursor.execute(_SELECT, {**wanted, "limit": limit})
    return [
        RecordedOutcome.model_validate({**outcome, "recorded_at": recorded_at})
        for outcome, recorded_at in cursor.fetchall()
    ]


def project(cursor: postgres_cursor, event: Event) -> None:
    """Bring the table `outcomes` to where this event leaves it."""
    said = event.payload
    key = (said["model"], said["run_id"], said["stage"])
    cursor.execute(_PROJECT, (*key, as_json(said), event.id))
