"""The chain of events, and what a superuser of the database can do to it without being found."""

from __future__ import annotations

import json
import multiprocessing
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tradewind.local.databases import GUESTS
from tradewind.stores.chain_walk import ChainFindings
from tradewind.stores.ledger import Ledger, migrate
from tradewind.stores.migrations import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradewind.local.databases import Databases

MARCH = datetime(2013, 3, 1, 5, 0, 0, 123456, tzinfo=UTC)
FILES = {"model.yaml": "name: m\nowner: é\n", "features.sql": "SELECT 1\n"}
ODD = {"figure": 1e-17, "big": 10**30, "words": ["ü", '"', "'", "\\", "\n", "1:a,-"], "none": None}
SIGNS = "".join(map(chr, range(1, 256))) + "\u2028\u2029\ufffe\U0001f600"
OFF = "ALTER TABLE events DISABLE TRIGGER ALL; ALTER TABLE chain DISABLE TRIGGER ALL;"
ON = """
    ALTER TABLE events ENABLE TRIGGER ALL; ALTER TABLE chain ENABLE TRIGGER ALL;
    ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;
    ALTER TABLE events ENABLE ALWAYS TRIGGER chained;
"""
ANEW = """
    DELETE FROM words WHERE event_id IN (SELECT id FROM events WHERE reason = 'other');
    DELETE FROM chain; SELECT chain_up(e) FROM (SELECT * FROM events ORDER BY id) e;
"""


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


@pytest.fixture
def tamper(postgres: Databases, ledger_database: str) -> Callable[[str], None]:
    """Do something as a superuser, with every trigger switched off meanwhile."""

    def do(statements: str) -> None:
        run_sql(postgres.server.superuser_dsn(ledger_database), OFF + statements + ON)

    return do


def run_sql(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def write(ledger: Ledger, *kinds: str, model: str | None = "m", **more: Any) -> list[int]:
    given = {"as_of": MARCH, "actor": "ann", "reason": "because", "payload": {"by": "ann"}}
    return [ledger.append(model=model, kind=kind, **{**given, **more}).id for kind in kinds]


PLAINLY = """
    INSERT INTO events (as_of, kind, actor, reason, payload)
    VALUES (now(), 'a', 'ann', 'in plain words', '{"note": "a b"}');
"""
"""An event as it was written before its words stood beside it."""


def migrated(database: str, folder: Path, *, before: str) -> None:
    """Bring a database to where it was before a migration."""
    for file in FOLDER.glob("*.sql"):
        if file.name < before:
            (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    migrate(database, app_role="tradewind", folder=folder)


def found(ledger: Ledger) -> list[tuple[str, int | None]]:
    return [(one.what, one.event_id) for one in ledger.chain.verify().findings]


def sentences(findings: ChainFindings) -> str:
    return "\n".join(one.sentence for one in findings.findings)


# ---------------------------------------------------------------------------------- as it should be


def test_every_event_has_its_entry_and_the_chain_holds(ledger: Ledger) -> None:
    assert ledger.chain.verify() == ChainFindings(
        entries=0, head=None, definitions=0, agreeing=0, held=None, findings=[]
    )
    write(ledger, "note", payload=ODD, reason=SIGNS, actor="ü")
    write(ledger, "note", model=None, as_of=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    write(ledger, "note", model="", reason="", payload={})
    ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    ledger.acquire_lease(
        "m", holder="r", ttl=timedelta(hours=1), as_of=MARCH, actor="ann", reason="nightly"
    )

    whole = ledger.chain.verify()

    assert whole.findings == []
    assert (whole.entries, whole.definitions) == (5, 1)
    assert whole.head == ledger.chain.head()
    assert whole.head is not None
    assert whole.head.event_id == ledger.events()[-1].id
    assert whole.head.at == ledger.events()[-1].recorded_at


def test_the_same_event_in_two_ledgers_has_two_hashes(ledger: Ledger) -> None:
    write(ledger, "note", "note")
    first, second = ledger.chain.at(1), ledger.chain.at(2)
    assert first is not None
    assert second is not None
    assert first.hash != second.hash


def test_what_was_rolled_back_is_in_no_chain(ledger: Ledger, ledger_dsn: str) -> None:
    statement = (
        "INSERT INTO events (as_of, kind, actor, reason, payload)"
        " VALUES (now(), 'a', 'a', 'a', '{}')"
    )
    with closing(psycopg2.connect(ledger_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute("SAVEPOINT here")
        cursor.execute(statement)
        cursor.execute("ROLLBACK TO here")
        cursor.execute(statement)
        connection.commit()
        cursor.execute(statement)
        connection.rollback()

    whole = ledger.chain.verify()

    assert (whole.entries, whole.findings) == (2, [])


def test_projections_are_rebuilt_beside_it(ledger: Ledger) -> None:
    ledger.acquire_lease(
        "m", holder="r", ttl=timedelta(hours=1), as_of=MARCH, actor="ann", reason="nightly"
    )
    ledger.rebuild_projections()
    assert ledger.chain.verify().findings == []


# ---------------------------------------------------------------------------------- events tampered


@pytest.mark.parametrize(
    ("change", "now"),
    [
        pytest.param('payload = \'{"by": "eve"}\'', "", id="the payload"),
        pytest.param('payload = \'{"by": "ann", "no": 1}\'', "", id="a key more"),
        pytest.param("reason = 'other'", "", id="the reason"),
        pytest.param("actor = 'eve'", "", id="the actor"),
        pytest.param("as_of = as_of + interval '1 microsecond'", "", id="a microsecond"),
        pytest.param("as_of = 'infinity'", "", id="no moment at all"),
        pytest.param("as_of = '4713-01-01 BC'", "", id="no moment of this calendar"),
        pytest.param("model = NULL", "now says that it is event 2 (`b`, ", id="the model"),
        pytest.param("kind = 'c'", "now says that it is event 2 (`c` of m", id="the kind"),
        pytest.param(
            "recorded_at = '2013-01-01'", "recorded at 2013-01-01", id="when it was recorded"
        ),
    ],
)
def test_an_altered_event_is_found_and_named(
    ledger: Ledger, tamper: Callable[[str], None], change: str, now: str
) -> None:
    write(ledger, "a", "b", "c")
    recorded = ledger.events()[1].recorded_at
    tamper(f"UPDATE events SET {change} WHERE id = 2;")

    (finding,) = ledger.chain.verify().findings

    assert (finding.what, finding.event_id, finding.kind, finding.model) == ("altered", 2, "b", "m")
    assert datetime.fromisoformat(str(finding.recorded_at)) == recorded
    assert "event 2 (`b` of m, recorded at " in finding.sentence
    assert now in finding.sentence


def test_an_event_that_is_gone_is_found_and_named(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c")
    tamper("DELETE FROM events WHERE id = 2;")

    (finding,) = ledger.chain.verify().findings

    assert (finding.what, finding.event_id, finding.kind, finding.model) == ("missing", 2, "b", "m")
    assert finding.sentence.startswith("event 2 (`b` of m, recorded at ")


def test_an_event_that_is_gone_with_its_entry_is_found_between_its_neighbours(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c")
    tamper("DELETE FROM events WHERE id = 2; DELETE FROM chain WHERE event_id = 2;")

    findings = ledger.chain.verify()

    assert [one.what for one in findings.findings] == ["missing"]
    assert "entries 2 to 2 of the chain are gone" in sentences(findings)
    assert "after event 1 (`a` of m" in sentences(findings)
    assert "before event 3 (`c` of m" in sentences(findings)


def test_an_event_that_is_gone_with_its_entry_and_its_place_is_found(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c", "d")
    tamper(
        "DELETE FROM events WHERE id = 2; DELETE FROM chain WHERE event_id = 2;"
        "UPDATE chain SET position = position - 1 WHERE position = 3;"
        "UPDATE chain SET position = position - 1 WHERE position = 4;"
    )
    assert found(ledger) == [("rewritten", 3), ("rewritten", 4)]


def test_events_that_changed_places_are_found_as_that(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c", "d")
    tamper(
        "ALTER TABLE events ALTER COLUMN id DROP IDENTITY;"
        "UPDATE events SET id = 99 WHERE id = 2; UPDATE events SET id = 2 WHERE id = 3;"
        "UPDATE events SET id = 3 WHERE id = 99;"
    )

    findings = ledger.chain.verify()

    assert [(one.what, one.event_id) for one in findings.findings] == [
        ("reordered", 2),
        ("reordered", 3),
    ]
    assert "in the place of event 2 (`b` of m" in sentences(findings)
    assert "stands what was written as event 3 (`c` of m" in sentences(findings)


def test_entries_that_changed_places_are_found(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c", "d")
    tamper(
        "UPDATE chain SET position = 99 WHERE event_id = 2;"
        "UPDATE chain SET position = 2 WHERE event_id = 3;"
        "UPDATE chain SET position = 3 WHERE event_id = 2;"
    )
    assert found(ledger) == [("rewritten", 3), ("rewritten", 2), ("rewritten", 4)]


def test_an_event_that_was_put_in_behind_is_found_and_named(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b")
    tamper(
        "INSERT INTO events (as_of, model, kind, actor, reason, payload)"
        " VALUES (now(), 'm', 'approved', 'eve', 'yes', '{}');"
    )
    write(ledger, "c")

    (finding,) = ledger.chain.verify().findings

    assert (finding.what, finding.event_id, finding.kind) == ("added", 3, "approved")
    assert "is not in the chain" in finding.sentence


def test_an_event_under_a_number_that_is_taken_is_found(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b")
    tamper(
        "ALTER TABLE events DROP CONSTRAINT events_pkey CASCADE;"
        "INSERT INTO events (id, recorded_at, as_of, model, kind, actor, reason, payload)"
        " OVERRIDING SYSTEM VALUE SELECT id, recorded_at, as_of, model, kind, 'eve', reason,"
        " payload FROM events WHERE id = 1;"
    )
    assert found(ledger) == [("altered", 1)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("hash = repeat('0', 64)", id="its hash"),
        pytest.param("kind = 'x'", id="its kind"),
        pytest.param("recorded_at = 'infinity'", id="its time"),
        pytest.param("digest = repeat('0', 64)", id="its digest"),
    ],
)
def test_an_entry_that_was_changed_is_found(
    ledger: Ledger, tamper: Callable[[str], None], change: str
) -> None:
    write(ledger, "a", "b", "c")
    tamper(f"UPDATE chain SET {change} WHERE position = 3;")
    assert ("rewritten", 3) in found(ledger)


def test_the_text_of_a_definition_that_was_changed_is_found(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    digest = ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    tamper(
        "ALTER TABLE definitions DISABLE TRIGGER ALL;"
        f"UPDATE definitions SET files = '{json.dumps({**FILES, 'features.sql': 'SELECT 2'})}';"
    )
    assert found(ledger) == [("definition", None)]
    assert digest in sentences(ledger.chain.verify())


def test_a_definition_that_is_gone_is_found(ledger: Ledger, tamper: Callable[[str], None]) -> None:
    ledger.freeze_definition("m", FILES, as_of=MARCH, actor="ann")
    tamper("ALTER TABLE definitions DISABLE TRIGGER ALL; DELETE FROM definitions;")
    assert found(ledger) == [("definition", 1)]


# -------------------------------------------------------------------------------- held from outside


def test_the_last_events_that_are_gone_are_found_by_a_head_that_was_kept(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c")
    kept = ledger.chain.head()
    assert kept is not None
    tamper("DELETE FROM events WHERE id > 1; DELETE FROM chain WHERE event_id > 1;")

    assert ledger.chain.verify().findings == []
    (finding,) = ledger.chain.verify(heads=[kept]).findings
    assert (finding.what, finding.event_id) == ("missing", 3)
    assert "the chain ends at entry 1" in finding.sentence


def test_a_chain_that_was_written_anew_is_found_by_a_head_and_by_a_hash_that_was_kept(
    ledger: Ledger, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c", "d")
    kept = [ledger.chain.at(position) for position in (1, 3)]
    heads = [head for head in kept if head is not None]
    before = ledger.chain.verify(heads=heads, hashes=[heads[1].hash])
    assert (before.findings, before.agreeing, before.held) == ([], 3, heads[1])
    tamper("UPDATE events SET reason = 'other' WHERE id = 2;" + ANEW)

    assert ledger.chain.verify().findings == []
    by_head = ledger.chain.verify(heads=heads)
    assert [(one.what, one.event_id) for one in by_head.findings] == [("rewritten", 3)]
    assert "somewhere from entry 2 on" in sentences(by_head)
    assert by_head.held == heads[0]
    by_hash = ledger.chain.verify(hashes=[heads[1].hash])
    assert f"no entry of the chain has the hash {heads[1].hash}" in sentences(by_hash)


# ------------------------------------------------------------------------------------------- rights


def test_the_processes_role_cannot_touch_the_chain(ledger: Ledger, ledger_dsn: str) -> None:
    write(ledger, "a")
    ways = [
        (
            "INSERT INTO chain (position, event_id, recorded_at, kind, digest, hash)"
            " VALUES (9, 9, now(), 'a', 'a', 'a')"
        ),
        "UPDATE chain SET hash = ''",
        "DELETE FROM chain",
        "TRUNCATE chain",
        "DROP TABLE chain",
        "DROP TRIGGER chained ON events",
        "ALTER TABLE events DISABLE TRIGGER chained",
        "ALTER TABLE chain DISABLE TRIGGER append_only",
        "DROP FUNCTION chain_event()",
        "SELECT chain_up(e) FROM events e",
    ]
    for statement in ways:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run_sql(ledger_dsn, statement)
    assert ledger.chain.verify().findings == []


def test_the_chain_is_append_only_for_its_owner_too(ledger: Ledger, ledger_owner_dsn: str) -> None:
    write(ledger, "a")
    for statement in ("UPDATE chain SET hash = ''", "DELETE FROM chain", "TRUNCATE chain"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="append-only, for every"):
            run_sql(ledger_owner_dsn, statement)


@pytest.fixture
def own_tables(postgres: Databases, ledger_database: str) -> None:
    """Where the processes' role may make tables that go with its session."""
    superuser = postgres.server.superuser_dsn(ledger_database)
    run_sql(superuser, f"GRANT TEMPORARY ON DATABASE {ledger_database} TO {GUESTS['ledger']}")


@pytest.mark.usefixtures("own_tables")
def test_what_writes_the_chain_cannot_be_hung_on_another_table(
    ledger: Ledger, ledger_dsn: str
) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="function chain_event"):
        run_sql(
            ledger_dsn,
            "CREATE TEMP TABLE mine (LIKE events); CREATE TRIGGER mine AFTER INSERT ON mine"
            " FOR EACH ROW EXECUTE FUNCTION chain_event()",
        )
    assert ledger.chain.head() is None


@pytest.mark.usefixtures("own_tables")
def test_a_table_of_the_sessions_own_does_not_stand_in_for_the_chain(
    ledger: Ledger, ledger_dsn: str
) -> None:
    run_sql(
        ledger_dsn,
        "CREATE TEMP TABLE chain (LIKE public.chain);"
        "SET search_path = pg_temp, public;"
        "INSERT INTO public.events (as_of, kind, actor, reason, payload)"
        " VALUES (now(), 'a', 'a', 'a', '{}')",
    )
    whole = ledger.chain.verify()
    assert (whole.entries, whole.findings) == (1, [])


# -------------------------------------------------------------------------------------- concurrency


def _append(dsn: str, model: str, times: int) -> None:
    ledger = Ledger(dsn)
    for _ in range(times):
        with ledger.lock(model) as held:
            write(held, "note", model=model)
        write(ledger, "note", model=None)


def test_writers_side_by_side_leave_one_chain(ledger: Ledger, ledger_dsn: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_append, args=(ledger_dsn, f"p{n}", 10)) for n in range(2)]
    threads = [
        threading.Thread(target=_append, args=(ledger_dsn, f"t{n % 3}", 10)) for n in range(6)
    ]
    for one in [*processes, *threads]:
        one.start()
    for one in [*processes, *threads]:
        one.join()

    whole = ledger.chain.verify()

    assert whole.findings == []
    assert whole.entries == len(ledger.events()) == 8 * 20


def test_a_writer_that_has_not_committed_keeps_nobody_waiting(
    ledger: Ledger, ledger_dsn: str
) -> None:
    """Else one that holds the chain and waits for a model's lock could be waited for in turn."""
    with closing(psycopg2.connect(ledger_dsn)) as slow, slow.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events (as_of, kind, actor, reason, payload)"
            " VALUES (now(), 'slow', 'a', 'a', '{}')"
        )
        write(ledger, "quick")
        slow.commit()

    assert [event.kind for event in ledger.events()] == ["slow", "quick"]
    whole = ledger.chain.verify()
    assert (whole.entries, whole.findings) == (2, [])
    assert ledger.chain.at(1) != ledger.chain.head()


def test_a_writer_with_an_old_view_fails_rather_than_fork(ledger: Ledger, ledger_dsn: str) -> None:
    statement = (
        "INSERT INTO events (as_of, kind, actor, reason, payload)"
        " VALUES (now(), 'old', 'a', 'a', '{}')"
    )
    with closing(psycopg2.connect(ledger_dsn)) as old, old.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT 1 FROM events")
        write(ledger, "new")
        cursor.execute(statement)
        with pytest.raises(psycopg2.errors.UniqueViolation):
            old.commit()

    whole = ledger.chain.verify()
    assert (whole.entries, whole.findings) == (1, [])


# ---------------------------------------------------------------------------------------- migration


def test_what_was_written_before_there_was_a_chain_is_chained(
    empty_database: str, tmp_path: Path
) -> None:
    migrated(empty_database, tmp_path, before="0004_chain.sql")
    run_sql(empty_database, PLAINLY * 3)
    ledger = Ledger(empty_database)

    migrate(empty_database, app_role="tradewind")
    write(ledger, "d")

    whole = ledger.chain.verify()
    assert (whole.entries, whole.findings) == (4, [])
    heads = [ledger.chain.at(position) for position in range(1, 5)]
    assert [head.event_id for head in heads if head] == [event.id for event in ledger.events()]


def test_what_was_written_before_words_stood_beside_events_reads_and_holds_as_it_was(
    empty_database: str, tmp_path: Path
) -> None:
    migrated(empty_database, tmp_path, before="0006_words.sql")
    run_sql(empty_database, PLAINLY)

    migrate(empty_database, app_role="tradewind")

    ledger = Ledger(empty_database)
    write(ledger, "d", reason="in words")
    assert [event.reason for event in ledger.events()] == ["in plain words", "in words"]
    assert ledger.events()[0].payload == {"note": "a b"}
    assert ledger.chain.verify().findings == []
