"""From files in a folder, and objects in a bucket, to a snapshot."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stages.ingesting import Shelf, july, night, read_day
from tradewind.errors import (
    DataError,
    EmptyIntervalError,
    SchemaChangedError,
    SourceUnavailableError,
    UnreadableFileError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

HEADER = "id,sold_at,amount,note\n"


@pytest.fixture(params=["folder", "bucket"])
def shelf(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    shared_ledger: None,
    home: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Shelf:
    """Where CSV files by day are found; every test's in a place of its own."""
    top = tmp_path.name
    spec = {"pattern": f"{top}/{{date}}*.csv", "key": ["id"], "time_column": "sold_at"}
    if request.param == "bucket":
        bucket = request.getfixturevalue("s3")
        monkeypatch.setenv("AIRFLOW_CONN_SHELF", bucket.connection)
        where = {"kind": "s3", "connection": "shelf", "bucket": bucket.name}
        return Shelf({**spec, **where}, bucket=bucket, top=top)
    monkeypatch.setenv("TRADEWIND_FILES", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    return Shelf({**spec, "kind": "files"}, folder=tmp_path / "files", top=top)


def lines(*rows: tuple[int, int, str, str]) -> str:
    """A CSV of sales: number, day of July, amount, note."""
    return HEADER + "".join(
        f"{n},2013-07-{day:02}T12:00:00Z,{amount},{note}\n" for n, day, amount, note in rows
    )


def three_days(shelf: Shelf) -> None:
    for day in (1, 2, 3):
        shelf.put(f"2013-07-{day:02}.csv", lines((day, day, "1.5", "x")))


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def sales(*days: int) -> pa.Table:
    moments = pa.array([night(day, 12) for day in days], pa.timestamp("ns", "UTC"))
    return pa.table(
        {"id": pa.array(days, pa.int32()), "sold_at": moments, "amount": [1.5] * len(days)}
    )


# ----------------------------------------------------------------------------------- what is there


def test_each_day_s_file_is_a_part(shelf: Shelf) -> None:
    three_days(shelf)

    snapshot = shelf.ingest(night(3))

    parts = shelf.parts(snapshot)
    assert (list(parts), snapshot.read) == ([july(1), july(2), july(3)], 3)
    assert shelf.rows(snapshot)[0] == {
        "id": 1, "sold_at": night(1, 12), "amount": 1.5, "note": "x",
    }  # fmt: skip
    assert parts[july(1)].columns["sold_at"] == "timestamp[us, tz=UTC]"


def test_a_file_that_was_not_changed_is_not_read_again(shelf: Shelf) -> None:
    three_days(shelf)
    first = shelf.ingest(night(3))
    shelf.put("2013-07-04.csv", lines((4, 4, "1.5", "x")))

    assert shelf.ingest(night(3)) == first.model_copy(update={"read": 0})
    assert shelf.ingest(night(4)).read == 1


def test_a_file_delivered_again_is_a_part_beside_the_old_one(shelf: Shelf) -> None:
    three_days(shelf)
    first = shelf.ingest(night(3))
    shelf.put("2013-07-02.csv", lines((2, 2, "1.5", "x"), (9, 2, "7.5", "late")))

    again = shelf.ingest(night(4))

    assert (again.rows, again.read) == ({"sales": 4}, 1)
    assert shelf.ingest(night(3)).digest == first.digest


def test_several_files_of_a_day_are_one_part_in_key_order(shelf: Shelf) -> None:
    shelf.put("2013-07-01-b.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-01-a.csv", lines((2, 1, "1.5", "x")))
    first = shelf.ingest(night(2))
    shelf.put("2013-07-01-c.csv", lines((0, 1, "1.5", "x")))
    more = shelf.ingest(night(2))

    assert [row["id"] for row in shelf.rows(first)] == [1, 2]
    assert [row["id"] for row in shelf.rows(more)] == [0, 1, 2]


def test_a_day_whose_file_is_gone_becomes_a_part_without_rows(shelf: Shelf) -> None:
    three_days(shelf)
    shelf.ingest(night(3))
    shelf.remove("2013-07-02.csv")

    assert [part.rows for part in shelf.parts(shelf.ingest(night(4))).values()] == [1, 0, 1, 0]


def test_gzip_and_parquet_are_read_alike(shelf: Shelf) -> None:
    shelf.put("zip/2013-07-01.csv.gz", gzip.compress(lines((1, 1, "1.5", "x")).encode()))
    shelf.put("pq/2013/07/01/sales.parquet", parquet(sales(1)))
    for pattern in ("zip/{date}.csv.gz", "pq/{year}/{month}/{day}/*.parquet"):
        shelf.spec["pattern"] = f"{shelf.top}/{pattern}"

        row = shelf.rows(shelf.ingest(night(2)))[0]

        assert (row["id"], row["sold_at"], row["amount"]) == (1, night(1, 12), 1.5)


def test_a_file_of_many_days_is_cut_by_day(shelf: Shelf) -> None:
    shelf.spec["pattern"] = f"{shelf.top}/all.csv"
    shelf.put(
        "all.csv", lines((3, 3, "1", "x"), (1, 1, "1", "x"), (2, 1, "1", "x"), (9, 9, "1", "x"))
    )

    first = shelf.ingest(night(4))
    again = shelf.ingest(night(4))
    tomorrow = shelf.ingest(night(5))

    assert [part.rows for part in shelf.parts(first).values()] == [2, 0, 1, 0]
    assert (again.read, again.digest) == (0, first.digest)
    assert [part.rows for part in shelf.parts(tomorrow).values()] == [2, 0, 1, 0, 0]


def test_a_file_of_many_days_that_grew_is_read_for_the_new_days(shelf: Shelf) -> None:
    shelf.spec["pattern"] = f"{shelf.top}/all.csv"
    shelf.train = {"window": {"days": 90}}
    shelf.put("all.csv", lines((1, 1, "1", "x"), (2, 2, "1", "x")))
    shelf.ingest(night(4, month=11))
    shelf.train = {}
    shelf.put("all.csv", lines((1, 1, "1", "x"), (2, 2, "1", "x")) + "3,2013-11-05T12:00:00Z,1,x\n")

    snapshot = shelf.ingest(night(6, month=11))

    assert snapshot.rows == {"sales": 3}
    assert next(iter(shelf.parts(snapshot))) == july(1)


def test_a_reference_file_is_one_part(shelf: Shelf) -> None:
    shelf.spec["pattern"] = f"{shelf.top}/*.csv"
    shelf.spec.pop("time_column")
    shelf.put("one.csv", "id,name\n2,b\n")
    shelf.put("two.csv", "id,name\n1,a\n")

    first = shelf.ingest(night(3))

    assert shelf.rows(first) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert shelf.ingest(night(4)).read == 0
    assert [part.day for part in shelf.parts(first).values()] == [july(3)]


# ------------------------------------------------------------------------------- types and columns


def test_nulls_and_texts_of_a_csv(shelf: Shelf) -> None:
    shelf.put(
        "2013-07-01.csv", lines((1, 1, "NA", "NA"), (2, 1, "", ""), (3, 1, "2", '"a, ""b""\nc"'))
    )

    rows = shelf.rows(shelf.ingest(night(2)))

    assert [row["amount"] for row in rows] == [None, None, 2]
    assert [row["note"] for row in rows] == ["NA", None, 'a, "b"\nc']


def test_a_day_of_nulls_is_no_change(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "", "x")))
    shelf.put("2013-07-02.csv", lines((2, 2, "7", "x")))
    shelf.put("2013-07-03.csv", lines((3, 3, "", "x")))

    snapshot = shelf.ingest(night(3))

    types = [part.columns["amount"] for part in shelf.parts(snapshot).values()]
    assert types == ["null", "int64", "int64"]
    assert [row["amount"] for row in shelf.rows(snapshot)] == [None, 7, None]


def test_types_of_the_first_day_are_held(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", lines((2, 2, "1", "12")))

    columns = shelf.parts(shelf.ingest(night(2)))[july(2)].columns

    assert (columns["amount"], columns["note"]) == ("double", "string")


def test_a_declared_type_stands_over_what_a_file_looks_like(shelf: Shelf) -> None:
    shelf.spec["types"] = {"id": "VARCHAR", "amount": "DOUBLE"}
    shelf.put("2013-07-01.csv", lines((1, 1, "1", "x")))

    columns = shelf.parts(shelf.ingest(night(2)))[july(1)].columns

    assert (columns["id"], columns["amount"]) == ("string", "double")


def test_a_narrower_number_is_no_change(shelf: Shelf) -> None:
    shelf.spec["pattern"] = f"{shelf.top}/{{date}}.parquet"
    wide = sales(1).set_column(0, "id", pa.array([1], pa.int64()))
    shelf.put("2013-07-01.parquet", parquet(wide))
    shelf.put("2013-07-02.parquet", parquet(sales(2)))

    parts = shelf.parts(shelf.ingest(night(2)))

    assert {part.columns["id"] for part in parts.values()} == {"int64"}


def test_the_order_of_columns_is_no_change(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1", "x")))
    shelf.put("2013-07-02.csv", "note,amount,sold_at,id\nx,1,2013-07-02T12:00:00Z,2\n")

    shelf.ingest(night(2))

    assert list(shelf.observed(night(2))[1].columns) == ["id", "sold_at", "amount", "note"]


def test_a_column_that_came_later_may_be_missing_before(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put("2013-07-02.csv", HEADER.strip() + ",channel\n2,2013-07-02T12:00:00Z,1,x,web\n")
    shelf.ingest(night(2, 23))
    shelf.put("2013-07-01.csv", lines((1, 1, "1", "x")))

    rows = shelf.rows(shelf.ingest(night(3)))

    assert [row["channel"] for row in rows] == [None, "web"]
    assert "new columns" not in caplog.text


# --------------------------------------------------------------------------------- what goes wrong


def refused(shelf: Shelf, error: type[Exception], *, of: str) -> str:
    """The second day's message; nothing of it is in the lake or the catalog."""
    before = shelf.ingest(night(1, 23))
    files = shelf.files()
    with pytest.raises(error) as caught:
        shelf.ingest(night(2))
    assert shelf.files() == files
    assert [part.day for part in shelf.observed(night(2))] == [july(1)]
    assert shelf.ingest(night(1, 23)).digest == before.digest
    assert "source 'sales'" in str(caught.value)
    assert of in str(caught.value)
    return str(caught.value)


WHOLE = lines(*((n, 2, "1.5", "wörd") for n in range(20))).encode()


@pytest.mark.parametrize("size", [0, 1, 30, len(WHOLE) // 2, len(WHOLE) - 1, len(WHOLE) - 8])
def test_a_csv_cut_in_half_is_refused(shelf: Shelf, size: int) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", WHOLE[:size])

    said = refused(shelf, UnreadableFileError, of="2013-07-02.csv")

    assert "cut short" in said


def test_a_csv_with_a_short_row_is_refused_with_its_line(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", lines((1, 2, "1.5", "x")) + "2,2013-07-02\n")

    said = refused(shelf, UnreadableFileError, of="2013-07-02.csv, line 3")

    assert "2 fields where the header has 4" in said


@pytest.mark.parametrize("share", [0.5, 0.97])
@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_a_packed_file_cut_in_half_is_refused(shelf: Shelf, ending: str, share: float) -> None:
    whole = gzip.compress(WHOLE) if ending == "csv.gz" else parquet(sales(*range(2, 30)))
    good = (
        gzip.compress(lines((1, 1, "1.5", "x")).encode())
        if ending == "csv.gz"
        else parquet(sales(1))
    )
    shelf.spec["pattern"] = f"{shelf.top}/{{date}}.{ending}"
    shelf.put(f"2013-07-01.{ending}", good)
    shelf.put(f"2013-07-02.{ending}", whole[: int(len(whole) * share)])

    said = refused(shelf, UnreadableFileError, of=f"2013-07-02.{ending}")

    assert "cut short" in said


def test_a_file_that_is_not_what_its_name_says_is_refused(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", HEADER.encode() + b"2,2013-07-02T12:00:00Z,1,\xff\xfe\n")

    assert "is not UTF-8" in refused(shelf, UnreadableFileError, of="2013-07-02.csv")


def test_two_columns_of_one_name_are_refused(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", "id,sold_at,amount,note,id\n2,2013-07-02T12:00:00Z,1,x,2\n")

    said = refused(shelf, UnreadableFileError, of="2013-07-02.csv")

    assert "more than one column called id" in said


def test_a_renamed_column_is_refused(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", lines((2, 2, "1.5", "x")).replace("amount", "amount_usd"))

    said = refused(shelf, SchemaChangedError, of="2013-07-02: column 'amount' (double) is missing")

    assert "new there: amount_usd (double); nearest: 'amount_usd'" in said


def test_a_column_of_a_csv_that_changes_its_type_is_refused(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", lines((1, 1, "1.5", "x")))
    shelf.put("2013-07-02.csv", lines((2, 2, "much", "x")))

    said = refused(
        shelf, SchemaChangedError, of="2013-07-02.csv, line 2: column 'amount' is double"
    )

    assert "'much'" in said


def test_a_column_of_a_parquet_that_changes_its_type_is_refused(shelf: Shelf) -> None:
    shelf.spec["pattern"] = f"{shelf.top}/{{date}}.parquet"
    shelf.put("2013-07-01.parquet", parquet(sales(1)))
    shelf.put("2013-07-02.parquet", parquet(sales(2).set_column(2, "amount", pa.array(["1.5"]))))

    refused(
        shelf, SchemaChangedError, of="2013-07-02: column 'amount' was double, and now is string"
    )


def test_times_that_are_no_times_are_refused(shelf: Shelf) -> None:
    shelf.put("2013-07-01.csv", HEADER + "1,noon,1,x\n")

    with pytest.raises(DataError, match="time_column 'sold_at' is string, not a time"):
        shelf.ingest(night(2))


def test_no_file_at_all_is_an_empty_interval(shelf: Shelf) -> None:
    with pytest.raises(
        EmptyIntervalError, match=r"model m: source 'sales' .* has no rows from ever"
    ):
        shelf.ingest(night(2))
    with pytest.raises(EmptyIntervalError, match="nothing matches the pattern"):
        shelf.reader().columns()

    shelf.spec |= {"pattern": f"{shelf.top}/none.csv"}
    shelf.spec.pop("time_column")
    with pytest.raises(EmptyIntervalError, match="nothing matches the pattern"):
        shelf.ingest(night(2))


def test_files_with_a_header_only_are_an_empty_interval(shelf: Shelf) -> None:
    shelf.spec["types"] = {"sold_at": "TIMESTAMPTZ"}
    shelf.put("2013-07-01.csv", HEADER)

    with pytest.raises(EmptyIntervalError, match="has no rows"):
        shelf.ingest(night(2))


def test_a_place_that_is_not_there_is_an_unavailable_source(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_FILES", "/no/such/folder")
    if "bucket" in shelf.spec:
        shelf.spec["bucket"] = "no-such-bucket"

    with pytest.raises(SourceUnavailableError, match=r"no/such/folder|s3://no-such-bucket at http"):
        shelf.ingest(night(2))


def test_a_store_that_is_down_is_named_without_its_secret(
    shared_ledger: None, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = "endpoint_url=http%3A%2F%2F127.0.0.1%3A1&region_name=us-east-1"
    monkeypatch.setenv("AIRFLOW_CONN_SHELF", f"aws://key:s3cret-word@/?{endpoint}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    where = {"kind": "s3", "connection": "shelf", "bucket": "any"}
    shelf = Shelf({**where, "pattern": "{date}.csv", "key": ["id"], "time_column": "sold_at"})

    with pytest.raises(SourceUnavailableError) as caught:
        shelf.ingest(night(2))

    said = str(caught.value)
    assert "s3://any at http://127.0.0.1:1, connection 'shelf'" in said
    assert "s3cret-word" not in said


def test_a_file_that_changes_while_it_is_read_is_refused(shelf: Shelf) -> None:
    three_days(shelf)
    with shelf.reader() as reader:
        reader.tokens(None, night(3))
        shelf.put("2013-07-02.csv", lines((2, 2, "1.5", "x"), (9, 2, "7.5", "late")))

        with pytest.raises(SourceUnavailableError, match=r"2013-07-02.csv.*(try again|retry)"):
            read_day(reader, july(2))
