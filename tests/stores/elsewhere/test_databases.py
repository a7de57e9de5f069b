"""Rows of databases: found whatever type holds them, erased without anything else being touched."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg2.extensions import parse_dsn
from psycopg2.extras import Json

from tests.stores.elsewhere.test_needles import TEXTS
from tradewind.errors import SourceUnavailableError
from tradewind.stores.elsewhere.databases import Database
from tradewind.stores.marks import ERASED
from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from tradewind.local.databases import Databases
    from tradewind.settings import Settings

KEY, OTHER = "C-10001", "C-100012"
# A dictionary with the key in it, as it would be pickled.
PICKLED = (
    b"\x80\x04\x95\x19\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x08customer\x94\x8c\x07C-10001\x94s."
)
NEEDLES = Needles([KEY])
SCHEMA = """
    CREATE TYPE mood AS ENUM ('C-10001', 'other');
    CREATE DOMAIN note AS varchar(40);
    CREATE SCHEMA "Odd one";
    CREATE TABLE everything (
        id int PRIMARY KEY, t text, v varchar(10), c char(12), j json, b jsonb, y bytea,
        a text[], ja jsonb[], d note, m mood, at timestamptz, flag boolean, "Odd name" text
    );
    CREATE TABLE "Odd one"."A table" ("A column" text);
    CREATE TABLE keyed (customer text PRIMARY KEY, note text);
    CREATE TABLE refers (customer text REFERENCES keyed, note text);
    CREATE TABLE parted (day date, note text) PARTITION BY RANGE (day);
    CREATE TABLE parted_2024 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE single (note text UNIQUE);
    CREATE TABLE numbers (id bigint, amount numeric);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'append only: %', OLD; END$$;
    CREATE TABLE happened (what jsonb);
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON happened
        FOR EACH ROW EXECUTE FUNCTION refuse();
    CREATE MATERIALIZED VIEW copied AS SELECT 'C-10001'::text AS note;
"""


@pytest.fixture
def database(home: Settings, empty_database: str) -> Database:
    known = {**home.environment, "AIRFLOW_CONN_A_DATABASE": empty_database}
    return Database("a_database", replace(home, environment=known))


@pytest.fixture
def tables(empty_database: str) -> str:
    run(empty_database, SCHEMA)
    return empty_database


def run(dsn: str, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(dsn)) as session, session, session.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def name_of(dsn: str) -> str:
    return str(parse_dsn(dsn)["dbname"])


def found(findings: Any) -> dict[str, int]:
    return {each.place.removeprefix("database a_database, "): each.count for each in findings}


def fill(dsn: str, number: int, text: str) -> None:
    """A row that holds a text in every column that can."""
    told = {"customer": text, "n": 1.5, "list": [text, {text: None}]}
    run(
        dsn,
        "INSERT INTO everything VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb[], %s, 'other',"
        " '2024-01-01', true, %s)",
        (
            *(number, f"about {text}\n", text, text, Json(told), Json(told)),
            psycopg2.Binary(f"as bytes: {text}".encode()),
            *([text, None, f"x {text}"], [json.dumps({text: 1}), None], text, text),
        ),
    )


def test_every_type_is_searched_and_what_can_be_changed_is(tables: str, database: Database) -> None:
    fill(tables, 1, KEY)
    fill(tables, 2, OTHER)
    run(tables, 'INSERT INTO "Odd one"."A table" VALUES (%s), (%s), (NULL)', (KEY, OTHER))
    run(tables, "INSERT INTO parted VALUES ('2024-05-01', %s)", (KEY,))
    run(tables, "UPDATE everything SET m = 'C-10001' WHERE id = 2")
    columns = ["t", "v", "c", "j", "b", "y", "a", "ja", "d", "Odd name"]
    wanted = {
        **{f"public.everything.{column}": 1 for column in (*columns, "m")},
        "Odd one.A table.A column": 1,
        "public.parted_2024.note": 1,
        "public.copied.note": 1,
    }
    before = run(tables, "SELECT * FROM everything WHERE id = 2")

    searched, findings, _ = database.look(NEEDLES)
    assert found(findings) == wanted
    assert searched.rows == 2 + 3 + 1 + 1
    assert found(database.erase(NEEDLES)) == wanted
    left = database.erase(NEEDLES)

    assert found(left) == {"public.everything.m": 1, "public.copied.note": 1}
    assert {each.kept for each in left} == {
        "values of type mood are not changed",
        "it is a copy of other tables: refresh the view",
    }
    assert run(tables, "SELECT * FROM everything WHERE id = 2") == before
    (row,) = run(tables, "SELECT * FROM everything WHERE id = 1")
    told = {"customer": ERASED, "n": 1.5, "list": [ERASED, {ERASED: None}]}
    assert row[1:6] == (f"about {ERASED}\n", ERASED, ERASED.ljust(12), told, told)
    assert bytes(row[6]) == f"as bytes: {ERASED}".encode()
    assert row[7] == [ERASED, None, f"x {ERASED}"]


def test_where_there_is_no_room_a_star_stands(tables: str, database: Database) -> None:
    run(tables, "CREATE TABLE narrow (v varchar(7), d varchar(9))")
    run(tables, "INSERT INTO narrow VALUES (%s, %s)", (KEY, f"a {KEY}"))
    database.erase(NEEDLES)
    assert run(tables, "SELECT * FROM narrow") == [("*", "a *")]


def test_packed_and_pickled_bytes_are_looked_into(tables: str, database: Database) -> None:
    told = json.dumps({"customer": KEY}).encode()
    for number, content in enumerate((gzip.compress(told), zlib.compress(told), PICKLED)):
        run(
            tables,
            "INSERT INTO everything (id, y) VALUES (%s, %s)",
            (number, psycopg2.Binary(content)),
        )

    first = database.erase(NEEDLES)

    assert {(e.count, e.kept) for e in first if "everything" in e.place} == {
        (2, ""),
        (1, "it is pickled, and nothing that is pickled is loaded"),
    }
    rows = [bytes(row[0]) for row in run(tables, "SELECT y FROM everything ORDER BY id")]
    assert json.loads(gzip.decompress(rows[0])) == {"customer": ERASED}
    assert json.loads(zlib.decompress(rows[1])) == {"customer": ERASED}


def test_keys_and_what_may_only_be_added_to_are_said_and_left_as_they_are(
    tables: str, database: Database
) -> None:
    run(tables, "INSERT INTO keyed VALUES (%s, %s)", (KEY, KEY))
    run(tables, "INSERT INTO refers VALUES (%s, 'x')", (KEY,))
    run(tables, "INSERT INTO single VALUES (%s), (%s)", (KEY, ERASED))
    run(tables, "INSERT INTO happened VALUES (%s)", (Json({"who": KEY}),))

    kept = {each.place.split(", ")[1]: each.kept for each in database.erase(NEEDLES) if each.kept}

    a_key = "it is part of a key: whatever refers to the row would lose it"
    assert kept == {
        "public.keyed.customer": a_key,
        "public.refers.customer": a_key,
        "public.single.note": "the table refuses it (UniqueViolation)",
        "public.happened.what": "the table refuses it (RaiseException)",
        "public.copied.note": "it is a copy of other tables: refresh the view",
    }
    assert run(tables, "SELECT * FROM keyed") == [(KEY, ERASED)]


def test_a_number_is_found_whole_and_never_as_part_of_another(
    tables: str, database: Database
) -> None:
    run(tables, "INSERT INTO numbers VALUES (123456789, 1.5), (91234567890, 123456789)")
    findings = database.look(Needles(["123456789"]))[1]
    assert found(findings) == {"public.numbers.id": 1, "public.numbers.amount": 1}


def test_the_planner_forgets_too(tables: str, database: Database) -> None:
    run(tables, 'INSERT INTO "Odd one"."A table" SELECT \'C-10001\' FROM generate_series(1, 90)')
    run(tables, "ANALYZE")
    run(tables, 'DELETE FROM "Odd one"."A table"')
    run(tables, "DROP MATERIALIZED VIEW copied")
    remembered = "the planner's statistics of Odd one.A table.A column"
    assert found(database.look(NEEDLES)[1]) == {remembered: 1}

    run(tables, 'INSERT INTO "Odd one"."A table" VALUES (%s)', (OTHER,))
    database.erase(NEEDLES)

    assert not database.look(NEEDLES)[1]


def test_what_cannot_be_read_is_said(
    tables: str, database: Database, postgres: Databases, empty_database: str
) -> None:
    run(tables, "CREATE TABLE secret (v text)")
    run(tables, "INSERT INTO keyed VALUES ('a', %s)", (f"gAAAAA{'x' * 80}",))
    name = name_of(empty_database)
    run(tables, f'GRANT CONNECT ON DATABASE "{name}" TO tradewind')
    run(tables, "GRANT SELECT ON keyed TO tradewind; GRANT SELECT (id) ON everything TO tradewind")
    guest = postgres.dsn(name, role="tradewind")
    known = {**database.settings.environment, "AIRFLOW_CONN_A_DATABASE": guest}
    restricted = replace(database, settings=replace(database.settings, environment=known))

    said = {each.place.split(", ")[1]: each.why for each in restricted.look(NEEDLES)[2]}

    assert said["public.secret"] == "the connection's role may not read all of it"
    assert said["public.everything"] == "the connection's role may not read all of it"
    assert said["public.keyed.note"] == "1 values are encrypted"
    assert "public.keyed" not in said


def test_a_role_that_may_not_change_a_table_leaves_it(
    tables: str, database: Database, postgres: Databases, empty_database: str
) -> None:
    run(tables, "INSERT INTO happened VALUES (%s)", (Json(KEY),))
    name = name_of(empty_database)
    run(tables, f'GRANT CONNECT ON DATABASE "{name}" TO tradewind')
    run(tables, "GRANT SELECT ON happened TO tradewind")
    guest = postgres.dsn(name, role="tradewind")
    known = {**database.settings.environment, "AIRFLOW_CONN_A_DATABASE": guest}
    restricted = replace(database, settings=replace(database.settings, environment=known))
    (kept,) = restricted.erase(NEEDLES)
    assert kept.kept.startswith("the connection's role may not change it")


def test_rows_that_a_policy_hides_are_an_error_and_no_clean_answer(
    tables: str, database: Database, postgres: Databases, empty_database: str
) -> None:
    name = name_of(empty_database)
    run(tables, f'GRANT CONNECT ON DATABASE "{name}" TO tradewind')
    run(tables, "ALTER TABLE keyed ENABLE ROW LEVEL SECURITY; GRANT SELECT ON keyed TO tradewind")
    guest = postgres.dsn(name, role="tradewind")
    known = {**database.settings.environment, "AIRFLOW_CONN_A_DATABASE": guest}
    restricted = replace(database, settings=replace(database.settings, environment=known))
    with pytest.raises(SourceUnavailableError, match="may see every row"):
        restricted.look(NEEDLES)


def test_tables_that_are_left_out_are_said(tables: str, database: Database) -> None:
    run(tables, "INSERT INTO keyed VALUES ('a', %s)", (KEY,))
    apart = replace(database, left_out={"public.keyed": "it is still needed"})
    _, findings, unsearched = apart.look(NEEDLES)
    assert "public.keyed.note" not in found(findings)
    assert [each.why for each in unsearched] == ["it is still needed"]
    apart.erase(NEEDLES)
    assert run(tables, "SELECT note FROM keyed") == [(KEY,)]


def test_no_needle_is_in_what_the_server_logs(
    tables: str, database: Database, postgres: Databases
) -> None:
    run(tables, "INSERT INTO single VALUES (%s), (%s)", (f"Zq7-{KEY}", ERASED))
    database.erase(Needles([f"Zq7-{KEY}"]))
    log = postgres.server.log.read_text()
    # The server did log that a row was refused.
    assert "duplicate key value" in log
    assert f"Zq7-{KEY}" not in log


@given(text=TEXTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_text_is_made_of(tables: str, database: Database, text: str) -> None:
    run(tables, "TRUNCATE everything; DROP MATERIALIZED VIEW IF EXISTS copied")
    run(
        tables,
        "INSERT INTO everything (id, t, j, b, y, a) VALUES (1, %s, %s, %s, %s, %s)",
        (text, Json({text: [text]}), Json(json.dumps([text])), text.encode(), [text, "other"]),
    )
    needles = Needles([text])
    wanted = {f"public.everything.{column}": 1 for column in "tjbya"}
    assert found(database.look(needles)[1]) == wanted
    assert found(database.erase(needles)) == wanted
    assert not database.look(needles)[1]
    (row,) = run(tables, "SELECT t, j, b, convert_from(y, 'UTF8'), a FROM everything")
    assert row == (ERASED, {ERASED: [ERASED]}, json.dumps([ERASED]), ERASED, [ERASED, "other"])
