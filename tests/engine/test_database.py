from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tradewind.engine.database import open_database, quoted
from tradewind.engine.steady import UNSTEADY, require_steady


@pytest.fixture
def connection():
    with open_database(memory="200 MB", threads=1) as opened:
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
    ],
)
def test_sql_reaches_nothing_outside(connection, statement):
    with pytest.raises(duckdb.Error, match=r"disabled|locked"):
        connection.execute(statement)


def test_a_python_variable_is_no_table(connection):
    frame = duckdb.__version__  # noqa: F841 -- in reach, were replacements on
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM frame")


MOMENT = datetime(2013, 3, 1, 22, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "kind", "told"),
    [
        ("now()", "TIMESTAMP WITH TIME ZONE", "2013-03-01 22:10:11+00"),
        ("current_timestamp", "TIMESTAMP WITH TIME ZONE", "2013-03-01 22:10:11+00"),
        ("get_current_timestamp()", "TIMESTAMP WITH TIME ZONE", "2013-03-01 22:10:11+00"),
        ("transaction_timestamp()", "TIMESTAMP WITH TIME ZONE", "2013-03-01 22:10:11+00"),
        ("main.now()", "TIMESTAMP WITH TIME ZONE", "2013-03-01 22:10:11+00"),
        ("localtimestamp", "TIMESTAMP", "2013-03-01 22:10:11"),
        ("today()", "DATE", "2013-03-01"),
        ("current_date", "DATE", "2013-03-01"),
        ("current_time", "TIME WITH TIME ZONE", "22:10:11+00"),
        ("localtime", "TIME", "22:10:11"),
        ("age(TIMESTAMP '2000-01-01')", "INTERVAL", "13 years 2 months"),
        ("age(TIMESTAMP '2001-01-01', TIMESTAMP '2000-01-01')", "INTERVAL", "1 year"),
    ],
)
def test_the_clock_says_the_moment_of_the_cut(connection, clock, kind, told):
    connection.execute("SET VARIABLE as_of = $1::TIMESTAMPTZ", [MOMENT])
    found = connection.execute(f"SELECT typeof(it), it::VARCHAR FROM (SELECT {clock} AS it)")
    assert found.fetchall() == [(kind, told)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1,\n random()",
        "SELECT 'é',\n uuid()",
        "SELECT *\n FROM range(3) ORDER BY gen_random_uuid()",
        "WITH t AS (\n SELECT UUIDv7() AS it) SELECT * FROM t",
        "SELECT 1,\n system.now()",
        'SELECT 1,\n "system".main.now()',
        "SELECT 1,\n system.age(TIMESTAMP '2000-01-01')",
        "SELECT 1,\n pg_postmaster_start_time()",
        "SELECT 1,\n [x + random() FOR x IN [1, 2]]",
        "SELECT 1\n FROM query('SELECT system.now()')",
    ],
)
def test_what_gives_chance_or_the_wall_clock_is_refused_with_its_line(connection, query):
    with pytest.raises(duckdb.BinderException, match=r"(?s)\(\) .*\n\nLINE 2: "):
        require_steady(connection, query)


@pytest.mark.parametrize("query", ["FROM range(9) USING SAMPLE 2", "FROM range(9) TABLESAMPLE 1%"])
def test_a_sample_is_refused(connection, query):
    with pytest.raises(duckdb.BinderException, match="sample"):
        require_steady(connection, query)


def test_every_function_that_duckdb_calls_volatile_is_refused_or_harmless(connection):
    found = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
    ).fetchall()
    # They fail, wait or write to a log that nobody reads, and give no figure.
    harmless = {"error", "sleep_ms", "write_log"}
    # They tell how DuckDB keeps a value, not when or where.
    harmless |= {"stats", "vector_type", "current_query"}
    assert {name for (name,) in found} - harmless <= UNSTEADY


@pytest.mark.parametrize(
    "query",
    [
        "SELECT now(), localtimestamp, age(TIMESTAMP '2000-01-01') FROM range(3);",
        "SELECT 'random()', it.system.upper() FROM (SELECT {'system': 'a'} AS it)",
        "SELECT random FROM (SELECT 1 AS random) -- random()",
        "DESCRIBE SELECT 1",
    ],
)
def test_what_is_the_same_each_time_is_let_through(connection, query):
    require_steady(connection, query)
    connection.execute(query)


def test_a_statement_that_cannot_be_looked_through_is_refused(connection):
    with pytest.raises(duckdb.BinderException, match="SELECT"):
        require_steady(connection, "PIVOT (SELECT 1 AS a) ON a USING sum(a)")


def test_times_are_in_utc(connection):
    found = connection.execute("SELECT (TIMESTAMPTZ '2013-07-01 23:00:00-04')::DATE::VARCHAR")
    assert found.fetchall() == [("2013-07-02",)]


def test_what_does_not_fit_in_memory_goes_to_disk():
    with open_database(memory="40MB", threads=1) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT range AS n, hash(range)::VARCHAR AS word FROM range(1500000)"
        )
        found = connection.execute("SELECT count(*) FROM (SELECT DISTINCT word FROM t)").fetchall()
    assert found == [(1_500_000,)]


def test_nothing_is_left_behind():
    with open_database(memory="40MB", threads=1) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1")
        [(file,)] = connection.execute(
            "SELECT path FROM duckdb_databases() WHERE path IS NOT NULL"
        ).fetchall()
        assert Path(file).exists()
    assert not Path(file).parent.exists()


def test_a_name_is_an_identifier_whatever_is_in_it(connection):
    name = 'a"; DROP TABLE t; --'
    connection.execute(f"CREATE TABLE t AS SELECT 1 AS {quoted(name)}")
    assert connection.sql("SELECT * FROM t").columns == [name]
