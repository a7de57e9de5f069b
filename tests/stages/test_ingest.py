"""From a table in PostgreSQL to a snapshot, night after night."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.stages.ingesting import (
    CONNECTION,
    Shop,
    july,
    night,
    read_day,
    shop_of_its_own,
    unplug,
)
from tradewind.errors import (
    DataError,
    EmptyIntervalError,
    SchemaChangedError,
    SourceUnavailableError,
)
from tradewind.stages.ingest import first_day
from tradewind.stores.catalog import Catalog
from tradewind.stores.sources.observing import NO_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.local.databases import Databases
    from tradewind.settings import Settings


@pytest.fixture
def shop(
    source_database: str, shared_ledger: None, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A table with one sale on each of the first three days of July."""
    monkeypatch.setenv(CONNECTION, source_database)
    with shop_of_its_own(source_database) as shop:
        yield shop


# ----------------------------------------------------------------------------- parts and snapshots


def test_each_day_is_a_part_under_the_digest_of_its_content(shop: Shop) -> None:
    snapshot = shop.ingest(night(3))

    parts = shop.parts(snapshot)
    assert list(parts) == [july(1), july(2), july(3)]
    assert (snapshot.rows, snapshot.parts, snapshot.read) == ({"sales": 3}, 3, 3)
    assert snapshot.uri == f"snapshots/{snapshot.digest}.json"
    for day, part in parts.items():
        assert part.uri == f"sources/{part.source_id}/{day}/{part.digest}.parquet"
        assert part.min_event_time == part.max_event_time == night(day.day, 12)
        assert part.as_of == night(3) != part.recorded_at
    assert shop.files() == sorted(part.uri for part in parts.values())


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_day_is_one_of_utc_whatever_the_server_thinks(shop: Shop, zone: str) -> None:
    shop.sell(4, night(1, 20))  # the second, in Tokyo
    shop.sell(5, night(2, 3))  # the first, in New York
    shop.sql(f"ALTER DATABASE {shop.database} SET TimeZone = '{zone}'")
    try:
        parts = shop.parts(shop.ingest(night(3)))
    finally:
        shop.sql(f"ALTER DATABASE {shop.database} RESET TimeZone")

    assert {day.day: part.rows for day, part in parts.items()} == {1: 2, 2: 2, 3: 1}


def test_days_that_begin_at_or_after_the_as_of_are_not_seen(shop: Shop) -> None:
    assert list(shop.parts(shop.ingest(night(3, 0)))) == [july(1), july(2)]


def test_the_same_night_again_reads_nothing_and_is_the_same_snapshot(shop: Shop) -> None:
    first = shop.ingest(night(3))
    again = shop.ingest(night(3))

    assert again == first.model_copy(update={"read": 0})
    assert len(shop.observed(night(3))) == 3


def test_two_models_read_a_source_once(shop: Shop) -> None:
    shop.ingest(night(3))
    shop.name = "another"

    assert shop.ingest(night(3)).read == 0


def test_a_source_is_named_by_where_it_is_and_how_it_is_read(shop: Shop) -> None:
    name = shop.reader().source_id

    same = {**shop.spec, "known_at": "sold_at", "lookback": "9 days"}
    assert Shop(same).reader().source_id == name
    for change in ({"table": "other"}, {"key": ["id", "note"]}, {"types": {"id": "DOUBLE"}}):
        assert Shop({**shop.spec, **change}).reader().source_id != name


def test_the_order_of_the_database_does_not_matter(shop: Shop) -> None:
    shop.sql("INSERT INTO sales SELECT n, '2013-07-01', n % 3, NULL FROM generate_series(5, 50) n")
    shop.sql("CREATE TABLE shuffled AS SELECT * FROM sales ORDER BY md5(id::text)")
    original = shop.parts(shop.ingest(night(3)))
    shop.spec["table"] = f"{shop.schema}.shuffled"
    shop.ingest(night(3))

    assert [p.digest for p in shop.observed(night(3))] == [p.digest for p in original.values()]


def test_duplicates_are_kept(shop: Shop) -> None:
    shop.sell(1, night(1, 12))

    assert shop.ingest(night(3)).rows == {"sales": 4}


def test_values_arrive_as_they_are(shop: Shop) -> None:
    shop.sql(
        "CREATE TABLE odd (id smallint, at timestamp, n numeric, f real, b boolean, d date, t text,"
        " u uuid, a integer[], big bigint)"
    )
    uuid = "00000000-0000-0000-0000-000000000001"
    texts = ["", None, 'a "b", c\nd\\N', "é漢"]
    for number, text in enumerate(texts):
        shop.sql(
            "INSERT INTO odd VALUES (%s, '2013-07-01 10:00:00.123456', 'NaN', 0.1, %s,"
            " '2013-02-28', %s, %s, '{1,2}', 9223372036854775807)",
            number, number % 2 == 0, text, uuid,
        )  # fmt: skip
    shop.sql("INSERT INTO odd (id, at) VALUES (9, '2013-07-01')")
    shop.spec |= {"table": f"{shop.schema}.odd", "time_column": "at"}

    rows = shop.rows(shop.ingest(night(3)))

    assert [row["t"] for row in rows] == [*texts, None]
    assert math.isnan(rows[0].pop("n"))
    assert rows[0] == {
        "id": 0, "at": datetime(2013, 7, 1, 10, 0, 0, 123456),  # noqa: DTZ001 -- it has no zone
        "f": 0.1, "b": True, "d": date(2013, 2, 28), "t": "", "u": uuid, "a": "{1,2}",
        "big": 2**63 - 1,
    }  # fmt: skip
    assert {value for key, value in rows[4].items() if key not in {"id", "at"}} == {None}


def test_a_declared_type_is_the_column_s_type(shop: Shop) -> None:
    shop.spec["types"] = {"id": "VARCHAR", "amount": "BIGINT"}
    shop.sql("UPDATE sales SET amount = 2")

    columns = shop.parts(shop.ingest(night(3)))[july(1)].columns

    assert columns["id"] == "string"
    assert columns["amount"] == "int64"


def test_a_reference_table_is_one_part(shop: Shop) -> None:
    shop.spec.pop("time_column")

    first = shop.ingest(night(3))
    same = shop.ingest(night(4))
    shop.sell(4, night(4))
    changed = shop.ingest(night(5))

    assert (first.rows, first.read) == ({"sales": 3}, 1)
    assert (same.digest, same.read) == (first.digest, 0)
    assert (changed.rows, changed.read) == ({"sales": 4}, 1)
    assert list(shop.parts(changed)) == [july(5)]
    assert shop.ingest(night(3)).digest == first.digest


# ------------------------------------------------------------------------------- what changed since


def test_a_late_row_makes_a_new_part_beside_the_old_one(shop: Shop) -> None:
    before = shop.ingest(night(3))
    shop.sell(9, night(2, 15))
    after = shop.ingest(night(4))

    assert (after.rows, after.read) == ({"sales": 4}, 1)
    old, new = shop.parts(before)[july(2)], shop.parts(after)[july(2)]
    assert (old.rows, new.rows) == (1, 2)
    assert {old.uri, new.uri} <= set(shop.files())


def test_yesterday_s_night_gives_yesterday_s_answer_and_asks_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shop.ingest(night(3))
    shop.sell(9, night(2, 15))
    after = shop.ingest(night(4))
    unplug(monkeypatch)

    assert shop.ingest(night(3)) == before.model_copy(update={"read": 0})
    assert before.digest != after.digest


def test_older_rows_delivered_since_are_none_of_a_past_night_s_business(shop: Shop) -> None:
    before = shop.ingest(night(3))
    shop.sell(9, night(20, month=6))
    after = shop.ingest(night(4))

    assert after.rows == {"sales": 4}
    assert len(shop.parts(after)) == 15
    assert shop.ingest(night(3)) == before.model_copy(update={"read": 0})


def test_a_row_later_than_the_lookback_is_not_looked_for(shop: Shop) -> None:
    shop.ingest(night(3))
    for day in range(4, 9):
        shop.ingest(night(day))
    shop.sell(9, night(1, 15))

    assert shop.ingest(night(9)).rows == {"sales": 3}


def test_nights_left_out_leave_no_day_unfinished(shop: Shop) -> None:
    shop.ingest(night(3))  # the third has four hours by now
    shop.sell(9, night(3, 15))

    assert shop.ingest(night(20)).rows == {"sales": 4}


def test_a_changed_value_is_noticed(shop: Shop) -> None:
    shop.ingest(night(3))
    shop.sql("UPDATE sales SET amount = 7 WHERE id = 3")

    assert [row["amount"] for row in shop.rows(shop.ingest(night(4)))] == [1.0, 1.0, 7.0]


def test_with_an_updated_column_the_database_hashes_nothing(shop: Shop) -> None:
    shop.sql("ALTER TABLE sales ADD changed_at timestamptz DEFAULT '2013-07-01'")
    shop.spec["updated_column"] = "changed_at"
    shop.ingest(night(3))
    shop.sql("UPDATE sales SET amount = 7 WHERE id = 3")
    unmoved = shop.ingest(night(3))
    shop.sql("UPDATE sales SET changed_at = '2013-07-05' WHERE id = 3")
    moved = shop.ingest(night(3))

    assert (unmoved.read, moved.read) == (0, 1)
    assert shop.rows(moved)[-1]["amount"] == 7.0


def test_a_moved_token_over_the_same_content_is_the_same_part(shop: Shop) -> None:
    shop.sql("ALTER TABLE sales ADD changed_at timestamptz DEFAULT '2013-07-01'")
    shop.spec |= {"updated_column": "changed_at", "types": {"changed_at": "VARCHAR"}}
    first = shop.ingest(night(3))
    shop.sql(
        "ALTER TABLE sales ALTER changed_at TYPE text USING"
        " to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00')"
    )

    again = shop.ingest(night(3))

    assert (again.read, again.digest) == (3, first.digest)
    assert len(shop.files()) == 3
    assert {part.change_token for part in shop.parts(first).values()}.isdisjoint(
        part.change_token for part in shop.observed(night(3))
    )


def test_a_day_whose_rows_were_deleted_becomes_a_part_without_rows(shop: Shop) -> None:
    shop.ingest(night(3))
    shop.sql("DELETE FROM sales WHERE id = 2")

    snapshot = shop.ingest(night(4))

    vanished = shop.parts(snapshot)[july(2)]
    assert (vanished.rows, vanished.change_token) == (0, NO_ROWS)
    assert [row["id"] for row in shop.rows(snapshot)] == [1, 3]


def test_days_without_rows_are_known_as_such(shop: Shop) -> None:
    shop.sell(9, night(9))

    parts = shop.parts(shop.ingest(night(10)))

    assert [part.rows for part in parts.values()] == [1, 1, 1, 0, 0, 0, 0, 0, 1, 0]
    assert shop.ingest(night(10)).read == 0


def test_rows_that_the_source_let_go_stay(shop: Shop) -> None:
    shop.ingest(night(3))
    shop.ingest(night(9))
    shop.sell(9, night(9))
    shop.sql("DELETE FROM sales WHERE sold_at < '2013-07-05'")

    assert shop.ingest(night(10)).rows == {"sales": 4}


def test_a_day_never_seen_is_read_whatever_its_age(shop: Shop) -> None:
    shop.train = {"window": {"days": 90}}
    before = shop.ingest(night(4, month=11))
    shop.train = {}

    snapshot = shop.ingest(night(5, month=11))

    assert before.rows == {"sales": 2}

    assert snapshot.rows == {"sales": 3}


def test_an_unchanged_day_that_a_later_night_saw_is_not_read_again(shop: Shop) -> None:
    later = shop.ingest(night(4))
    shop.sql("UPDATE sales SET amount = 7 WHERE id = 1")

    earlier = shop.ingest(night(2))

    assert earlier.read == 1
    kept, changed = shop.parts(earlier)[july(2)], shop.parts(earlier)[july(1)]
    assert kept.uri == shop.parts(later)[july(2)].uri
    assert kept.as_of == changed.as_of == night(2)
    assert changed.digest != shop.parts(later)[july(1)].digest


def test_a_part_that_the_lake_lost_is_read_again(shop: Shop) -> None:
    first = shop.ingest(night(3))
    lost = shop.parts(first)[july(1)].uri
    (shop.settings.home / "lake" / lost).unlink()

    again = shop.ingest(night(3))

    assert (again.digest, again.read) == (first.digest, 1)
    assert lost in shop.files()


# -------------------------------------------------------------------------------------- the window


@pytest.mark.parametrize(
    ("train", "override", "expected"),
    [
        ({}, None, None),
        ({"window": {"start": date(2013, 3, 1)}}, None, date(2013, 1, 25)),
        ({"window": {"start": date(2013, 3, 1), "history": "60 days"}}, None, date(2012, 12, 31)),
        ({"window": {"days": 90}}, None, july(1) - timedelta(days=90 + 35)),
        ({"window": {"days": 90, "history": "0 days"}}, None, july(1) - timedelta(days=90)),
        ({"window": {"start": date(2013, 1, 1)}}, 60, july(1) - timedelta(days=60 + 35)),
    ],
)
def test_the_window_says_how_far_back(
    train: dict[str, object], override: int | None, expected: date | None
) -> None:
    model = Shop({"kind": "files", "pattern": "a.csv", "key": ["id"]}, train=train).model

    assert first_day(model, as_of=night(1), window_days=override) == expected


def test_a_start_is_midnight_in_the_model_s_zone(shop: Shop) -> None:
    shop.train = {"window": {"start": july(2), "history": "0 days"}}
    tokyo = shop.model.model_copy(update={"timezone": "Asia/Tokyo"})

    assert first_day(tokyo, as_of=night(3)) == july(1)
    assert list(shop.parts(shop.ingest(night(3)))) == [july(2), july(3)]


def test_a_start_before_the_first_row_makes_no_parts_of_nothing(shop: Shop) -> None:
    shop.train = {"window": {"start": date(1970, 1, 1)}}

    assert shop.ingest(night(3)).parts == 3


# --------------------------------------------------------------------------------- what goes wrong


def test_an_empty_interval_is_an_error(shop: Shop) -> None:
    message = (
        r"model m: source 'sales' \(table \w+.sales at .*\) has no rows from ever to 2013-06-01"
    )
    with pytest.raises(EmptyIntervalError, match=message):
        shop.ingest(night(1, month=6))

    shop.train = {"window": {"days": 90}}
    with pytest.raises(EmptyIntervalError, match="no rows from 2013-08-28 to 2013-12-31"):
        shop.ingest(night(31, month=12))


def test_rows_after_the_as_of_alone_are_an_empty_interval(shop: Shop) -> None:
    with pytest.raises(EmptyIntervalError, match="has no rows"):
        shop.ingest(night(1, 4))


def test_an_empty_table_is_an_error(shop: Shop) -> None:
    shop.sql("DELETE FROM sales")
    with pytest.raises(EmptyIntervalError, match="no rows from ever"):
        shop.ingest(night(3))

    shop.spec.pop("time_column")
    with pytest.raises(EmptyIntervalError, match="has no rows at all"):
        shop.ingest(night(3))


def test_a_source_that_is_down_is_named_without_its_password(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    unplug(monkeypatch)

    with pytest.raises(SourceUnavailableError) as caught:
        shop.ingest(night(3))

    said = str(caught.value)
    for word in ("source 'sales'", "sales at 127.0.0.1", "'shop'", "refused"):
        assert word in said
    assert "s3cret-word" not in said
    assert shop.files() == []


def test_a_source_that_goes_down_while_it_is_read_is_named(shop: Shop, postgres: Databases) -> None:
    with shop.reader() as reader:
        reader.tokens(None, night(3))
        with psycopg2.connect(postgres.server.superuser_dsn()) as admin:
            admin.cursor().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'tradewind ingest'"
            )
        with pytest.raises(SourceUnavailableError, match=r"does not answer: .*(admin|closed)"):
            read_day(reader, july(1))


def test_a_renamed_column_is_an_error(shop: Shop) -> None:
    before = shop.ingest(night(3))
    shop.sql("ALTER TABLE sales RENAME amount TO amount_usd")
    files = shop.files()

    message = (
        r"source 'sales' \(table .*\), 2013-07-01: column 'amount' \(double\) is missing; new"
        r" there: amount_usd \(double\); nearest: 'amount_usd': put it back in the source"
    )
    with pytest.raises(SchemaChangedError, match=message):
        shop.ingest(night(4))
    assert shop.files() == files
    assert shop.observed(night(4)) == list(shop.parts(before).values())


def test_a_renamed_column_that_the_definition_names_is_an_error(shop: Shop) -> None:
    shop.sql("ALTER TABLE sales RENAME sold_at TO sold")

    message = r"there is no column 'sold_at', which the definition names; .*nearest: 'sold'"
    with pytest.raises(SchemaChangedError, match=message):
        shop.ingest(night(3))


def test_a_column_that_changes_its_type_is_an_error(shop: Shop) -> None:
    shop.ingest(night(3))
    shop.sql("ALTER TABLE sales ALTER amount TYPE text")

    message = r"2013-07-01: column 'amount' was double, and now is string"
    with pytest.raises(SchemaChangedError, match=message):
        shop.ingest(night(4))


def test_a_new_column_is_kept_with_a_warning(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.ingest(night(3))
    shop.sql("ALTER TABLE sales ADD channel text DEFAULT 'web'")

    rows = shop.rows(shop.ingest(night(4)))

    assert {row["channel"] for row in rows} == {"web"}
    assert "new columns, kept beside the others: channel" in caplog.text


def test_a_table_that_is_gone_is_an_error(shop: Shop) -> None:
    shop.sql("DROP TABLE sales")

    with pytest.raises(SchemaChangedError, match=r'relation ".*sales" does not exist'):
        shop.ingest(night(3))


def test_a_table_that_may_not_be_read_is_an_error(shop: Shop, postgres: Databases) -> None:
    with psycopg2.connect(postgres.server.superuser_dsn(shop.database)) as admin:
        admin.cursor().execute(f"ALTER TABLE {shop.schema}.sales OWNER TO postgres")

    with pytest.raises(SourceUnavailableError, match="permission denied for table sales"):
        shop.ingest(night(3))


def test_a_value_without_a_place_in_its_type_is_an_error(shop: Shop) -> None:
    shop.sql("ALTER TABLE sales ADD due timestamptz DEFAULT 'infinity'")

    with pytest.raises(DataError, match=r"no place in its type: .*'infinity'"):
        shop.ingest(night(3))


def test_a_time_column_that_holds_no_time_is_an_error(shop: Shop) -> None:
    shop.spec["time_column"] = "note"

    with pytest.raises(DataError, match="time_column 'note' is string, not a time"):
        shop.ingest(night(3))


def test_rows_without_a_time_are_counted_and_left_out(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.sql("INSERT INTO sales VALUES (9, NULL, 1, 'x')")

    assert shop.ingest(night(3)).rows == {"sales": 3}
    assert "1 rows have no sold_at, belong to no day and are left out" in caplog.text


def test_names_are_quoted_and_schemas_found(shop: Shop) -> None:
    shop.sql('CREATE TABLE "Sales" ("The ""Id""" integer, "order" timestamptz)')
    shop.sql('INSERT INTO "Sales" VALUES (1, %s)', night(1))
    shop.spec |= {"table": f"{shop.schema}.Sales", "key": ['The "Id"'], "time_column": "order"}

    assert shop.rows(shop.ingest(night(3))) == [{'The "Id"': 1, "order": night(1)}]


# -------------------------------------------------------------------------- killed, and concurrent


def test_a_run_killed_before_it_recorded_is_made_good_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import os, sys\n"
        "from tests.stages.ingesting import Shop, night\n"
        "from tradewind.stores.catalog import Catalog\n"
        "Catalog.observe = lambda self, parts: os.kill(os.getpid(), 9) if parts else []\n"
        f"Shop({shop.spec!r}).ingest(night(3))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False)
    orphans = shop.files()

    snapshot = shop.ingest(night(3))

    assert done.returncode == -signal.SIGKILL
    assert (len(orphans), snapshot.read) == (3, 3)
    assert shop.files() == orphans


def test_two_runs_at_once_read_a_source_once(shop: Shop) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(shop.ingest, [night(3)] * 2)

    assert sorted([one.read, other.read]) == [0, 3]
    assert one.digest == other.digest


def test_a_failed_run_records_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("the ledger is down")

    monkeypatch.setattr(Catalog, "observe", refuse)
    with pytest.raises(OSError, match="the ledger is down"):
        shop.ingest(night(3))

    assert shop.observed(night(3)) == []
    assert shop.stores.lake.list("snapshots") == []
