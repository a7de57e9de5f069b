from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tradewind.engine.database import open_database, quoted


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


@pytest.mark.parametrize("clock", ["now()", "current_timestamp", "today()", "current_date"])
def test_the_clock_says_the_moment_of_the_cut(connection, clock):
    moment = datetime(2013, 3, 1, tzinfo=UTC)
    connection.execute("SET VARIABLE as_of = $1::TIMESTAMPTZ", [moment])
    assert connection.execute(f"SELECT {clock}").fetchall() == [(moment,)]


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
