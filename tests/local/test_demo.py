"""The demo's source tables."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from tradewind.local import demo


def ask(dsn: str, question: str):
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def test_every_flight_of_2013_is_loaded(demo_dsn: str):
    assert ask(demo_dsn, "SELECT count(*) FROM flights") == [(336_776,)]
    assert ask(demo_dsn, "SELECT table_name, rows FROM demo_load ORDER BY 1") == [
        ("airlines", 16),
        ("airports", 1_458),
        ("flights", 336_776),
        ("planes", 3_322),
        ("weather", 26_115),
    ]


def test_na_becomes_null_and_not_a_text(demo_dsn: str):
    assert ask(demo_dsn, "SELECT count(*) FROM flights WHERE dep_time IS NULL") == [(8_255,)]
    assert ask(demo_dsn, "SELECT count(*) FROM flights WHERE tailnum = 'NA'") == [(0,)]
    assert ask(demo_dsn, "SELECT count(*) FROM planes WHERE speed IS NULL") == [(3_299,)]


def test_hours_are_moments_in_utc(demo_dsn: str):
    first = ask(demo_dsn, "SELECT min(time_hour) AT TIME ZONE 'UTC' FROM flights")
    assert str(first[0][0]) == "2013-01-01 10:00:00"


def test_loading_again_changes_nothing(demo_dsn: str):
    before = ask(demo_dsn, "SELECT pg_relation_filenode('flights'), max(loaded_at) FROM demo_load")
    again = demo.load(demo_dsn)
    after = ask(demo_dsn, "SELECT pg_relation_filenode('flights'), max(loaded_at) FROM demo_load")
    assert not again.loaded
    assert again.rows["flights"] == 336_776
    assert before == after


def test_a_table_that_lost_rows_is_loaded_again(empty_database: str, monkeypatch):
    small = {name: columns for name, columns in demo.TABLES.items() if name != "flights"}
    monkeypatch.setattr(demo, "TABLES", small)
    assert demo.load(empty_database).loaded
    with closing(psycopg2.connect(empty_database)) as connection, connection:
        connection.cursor().execute("DELETE FROM airlines WHERE carrier = 'UA'")
    assert demo.load(empty_database).loaded
    assert ask(empty_database, "SELECT count(*) FROM airlines") == [(16,)]


def test_a_file_with_other_columns_is_refused_and_nothing_is_left(empty_database: str, monkeypatch):
    wrong = {"airlines": demo.TABLES["airlines"], "planes": "number text, year integer"}
    monkeypatch.setattr(demo, "TABLES", wrong)
    with pytest.raises(psycopg2.errors.BadCopyFileFormat, match="header"):
        demo.load(empty_database)
    assert ask(empty_database, "SELECT to_regclass('public.airlines')") == [(None,)]
