from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from tradewind.definition.frozen import digest_of_files
from tradewind.errors import LedgerError, LedgerUnavailableError
from tradewind.records import StageOutcome
from tradewind.stores.ledger import ROUTINE, Ledger

if TYPE_CHECKING:
    from tradewind.settings import Settings

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
JUNE = datetime(2013, 6, 1, tzinfo=UTC)
FILES = {"model.yaml": "name: m\nowner: é\n", "features.sql": "SELECT 1\n"}


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def run_sql(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def write(ledger: Ledger, kind: str = "note", *, model: str | None = "m", **more: Any) -> Any:
    given = {"as_of": MARCH, "actor": "ann", "reason": "because", "payload": {}}
    return ledger.append(model=model, kind=kind, **{**given, **more})


def intend(ledger: Ledger, version: int, *, as_of: datetime) -> Any:
    payload = {"version": version, "previous": None, "evidence_digest": "e"}
    return write(ledger, "intended", as_of=as_of, payload=payload)


def outcome(stage: str = "train", **more: Any) -> StageOutcome:
    given = {"model": "m", "run_id": "r1", "stage": stage, "as_of": MARCH, "lines": ["done: 0.1"]}
    return StageOutcome.model_validate({**given, **more})


# ------------------------------------------------------------------------------------------ events


def test_an_event_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    payload = {"figure": 0.1, "words": ["ü", "'; DROP TABLE events; --"], "none": None}

    event = write(ledger, payload=payload, reason="it's so %s")

    assert ledger.events() == [event]
    assert (event.payload, event.reason, event.as_of) == (payload, "it's so %s", MARCH)


def test_recorded_at_is_the_databases_clock(ledger: Ledger) -> None:
    before = ledger.now()
    event = write(ledger)
    assert before < event.recorded_at < ledger.now()


def test_events_are_filtered_ordered_and_limited(ledger: Ledger) -> None:
    first = write(ledger, "a")
    second = write(ledger, "b", as_of=JUNE)
    other = write(ledger, "a", model="other")
    platform = write(ledger, "a", model=None)

    assert ledger.events() == [first, second, other, platform]
    assert ledger.events(newest_first=True, limit=2) == [platform, other]
    assert ledger.events(model="m") == [first, second]
    assert ledger.events(kind="a") == [first, other, platform]
    assert ledger.events(kind=("a", "b"), model="m") == [first, second]
    assert ledger.events(kind=()) == []
    assert ledger.events(without=["a"]) == [second]
    assert ledger.events(as_of=MARCH, model="m") == [first]
    assert ledger.events(after=other.id) == [platform]


def test_a_moment_without_a_time_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="has no time zone"):
        write(ledger, as_of=MARCH.replace(tzinfo=None))


def test_nan_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write(ledger, payload={"figure": float("nan")})
    assert ledger.events() == []


@pytest.mark.parametrize("role", ["ledger_dsn", "ledger_owner_dsn"])
def test_what_happened_is_not_changed_by_any_role(
    ledger: Ledger, request: pytest.FixtureRequest, role: str
) -> None:
    write(ledger)
    ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    statements = [
        "UPDATE {} SET recorded_at = now()",
        "UPDATE {} SET recorded_at = now() WHERE false",
        "DELETE FROM {}",
        "TRUNCATE {} CASCADE",
    ]

    for statement in [s.format(table) for table in ("events", "definitions") for s in statements]:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refused:
            run_sql(request.getfixturevalue(role), statement)
        by_trigger = "append-only, for every role" in str(refused.value)
        assert by_trigger or role == "ledger_dsn", statement

    assert len(ledger.events(kind="note")) == 1
    assert ledger.definition_files(digest_of_files(FILES)) == FILES


def test_the_processes_role_cannot_get_around_it(ledger_dsn: str) -> None:
    ways_around = [
        "ALTER TABLE events DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON events",
        "DROP TABLE events CASCADE",
        "CREATE TABLE mine (a int)",
        (
            "INSERT INTO events (recorded_at, as_of, kind, actor, reason, payload)"
            " VALUES (now() - interval '1 year', now(), 'a', 'a', 'a', '{}')"
        ),
        "SET session_replication_role = replica",
    ]
    for statement in ways_around:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run_sql(ledger_dsn, statement)


# ------------------------------------------------------------------------------------- definitions


def test_a_definition_is_frozen_under_its_digest(ledger: Ledger) -> None:
    digest = ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")

    assert digest == digest_of_files(FILES)
    assert ledger.definition_files(digest) == FILES
    assert ledger.last_definition("m") == digest
    assert ledger.last_definition("other") is None


def test_the_same_definition_again_is_no_event(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    assert len(ledger.events(kind="definition_frozen")) == 1


def test_a_definition_that_comes_back_is_the_last_one_again(ledger: Ledger) -> None:
    first = ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    ledger.freeze_definition("m", {"model.yaml": "b"}, as_of=MARCH, actor="ann")

    assert ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann") == first
    assert ledger.last_definition("m") == first


def test_two_models_may_share_a_text(ledger: Ledger) -> None:
    digests = {ledger.freeze_definition(m, FILES, as_of=MARCH, actor="ann") for m in ("m", "n")}
    assert digests == {ledger.last_definition("n")}


def test_a_definition_that_was_never_frozen_is_an_error(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no definition was frozen as abc"):
        ledger.definition_files("abc")


def test_a_text_that_is_not_what_its_digest_says_is_an_error(
    ledger: Ledger, ledger_dsn: str
) -> None:
    run_sql(ledger_dsn, "INSERT INTO definitions (digest, files) VALUES ('abc', '{\"a\": \"b\"}')")
    with pytest.raises(LedgerError, match="not what its digest says"):
        ledger.definition_files("abc")


# ---------------------------------------------------------------------------------------- outcomes


def test_the_newest_outcome_of_a_stage_counts_and_the_older_one_stays(ledger: Ledger) -> None:
    ledger.record_outcome(outcome(lines=["first"]))
    ledger.record_outcome(outcome(lines=["second"]))

    assert ledger.outcomes(run_id="r1") == [outcome(lines=["second"])]
    assert [e.payload["lines"] for e in ledger.events(kind="stage_outcome")] == [
        ["first"],
        ["second"],
    ]


def test_the_same_outcome_again_is_no_event(ledger: Ledger) -> None:
    said = outcome(result={"figure": 0.1, "many": [1e-17, 12345678.9, None], "text": "é"})
    ledger.record_outcome(said)
    ledger.record_outcome(said)
    assert len(ledger.events(kind="stage_outcome")) == 1


def test_one_run_id_of_two_models_is_two_runs(ledger: Ledger) -> None:
    ledger.record_outcome(outcome(model="m", lines=["of m"]))
    ledger.record_outcome(outcome(model="n", lines=["of n"]))
    assert ledger.outcomes(run_id="r1", model="m") == [outcome(model="m", lines=["of m"])]


def test_outcomes_come_newest_first(ledger: Ledger) -> None:
    ledger.record_outcome(outcome("ingest"))
    ledger.record_outcome(outcome("train"))
    ledger.record_outcome(outcome("ingest", run_id="r2"))

    assert [o.stage for o in ledger.outcomes(model="m")] == ["ingest", "train", "ingest"]
    assert ledger.outcomes(model="m", limit=1) == [outcome("ingest", run_id="r2")]
    last = ledger.last_outcome("m", "ingest")
    assert last is not None
    (newest,) = ledger.events(model="m", newest_first=True, limit=1)
    assert (last.run_id, last.recorded_at) == ("r2", newest.recorded_at)
    assert ledger.last_outcome("m", "gate") is None


# ---------------------------------------------------------------------------------------- champion


def test_there_is_no_champion_before_the_first_promotion(ledger: Ledger) -> None:
    intend(ledger, 1, as_of=JUNE)
    assert ledger.champion("m", as_of=MARCH) is None
    assert ledger.champion("other") is None


def test_a_night_of_the_past_sees_the_champion_of_the_past(ledger: Ledger) -> None:
    intend(ledger, 1, as_of=MARCH)
    newer = intend(ledger, 2, as_of=JUNE)

    at_the_time = ledger.champion("m", as_of=JUNE - timedelta(microseconds=1))
    at_once = ledger.champion("m", as_of=JUNE)
    now = ledger.champion("m")
    assert at_the_time is not None
    assert at_once is not None
    assert (at_the_time.version, at_the_time.since) == (1, MARCH)
    assert (at_once.version, at_once.since, at_once.event_id) == (2, JUNE, newer.id)
    assert now == at_once


# ------------------------------------------------------------------------------------- projections


def test_projections_are_rebuilt_from_the_events(ledger: Ledger, ledger_dsn: str) -> None:
    hour = timedelta(hours=1)
    given: dict[str, Any] = {"as_of": MARCH, "actor": "ann", "reason": "why", "ttl": hour}
    first = ledger.acquire_lease("m", holder="r1", **given)
    ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=2 * hour)
    ledger.release_lease("m", holder="r1", fencing_token=1)
    ledger.acquire_lease("m", holder="r2", **given)
    ledger.acquire_lease("n", holder="r2", **given)
    for stage in ("ingest", "train", "ingest"):
        ledger.record_outcome(outcome(stage, lines=[f"{stage} of {first}"]))
    tables = ("SELECT * FROM leases ORDER BY model", "SELECT * FROM outcomes ORDER BY stage")
    before = [run_sql(ledger_dsn, query) for query in tables]
    run_sql(ledger_dsn, "DELETE FROM leases WHERE model = 'm'")
    run_sql(ledger_dsn, "UPDATE leases SET holder = 'nobody', expires_at = now()")
    run_sql(ledger_dsn, "UPDATE outcomes SET outcome = '{}'")

    ledger.rebuild_projections()

    assert [run_sql(ledger_dsn, query) for query in tables] == before
    assert len(before[0]) == len(before[1]) == 2


def test_a_history_without_routine_holds_the_decisions(ledger: Ledger) -> None:
    ledger.acquire_lease(
        "m", holder="r", ttl=timedelta(1), as_of=MARCH, actor="ann", reason="because"
    )
    ledger.record_outcome(outcome())
    intended = intend(ledger, 1, as_of=MARCH)
    assert ledger.events(model="m", without=ROUTINE) == [intended]


# ------------------------------------------------------------------------------------- connections


def test_a_ledger_is_found_by_the_settings_connection(home: Settings, ledger_dsn: str) -> None:
    write(Ledger.open(home))
    assert len(Ledger(ledger_dsn).events()) == 1


def test_a_ledger_that_cannot_be_reached_is_an_error_without_its_password() -> None:
    ledger = Ledger("postgresql://tradewind:s3cret@127.0.0.1:1/ledger")
    with pytest.raises(LedgerUnavailableError, match=r"'ledger' at 127\.0\.0\.1") as error:
        ledger.now()
    assert "s3cret" not in str(error.value)


def test_a_database_without_the_tables_says_how_they_are_made(empty_database: str) -> None:
    with pytest.raises(LedgerError, match=r"made by tradewind\.stores\.ledger\.migrate") as error:
        Ledger(empty_database).events()
    assert not isinstance(error.value, LedgerUnavailableError)


def test_a_server_that_answers_and_refuses_would_refuse_again(ledger_dsn: str) -> None:
    nowhere = make_dsn(ledger_dsn, dbname="nowhere")
    with pytest.raises(LedgerError, match=r'database "nowhere" does not exist') as error:
        Ledger(nowhere).now()
    assert not isinstance(error.value, LedgerUnavailableError)
