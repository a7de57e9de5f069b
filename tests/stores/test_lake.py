"""The lake, in a folder and in a bucket alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.stub import Stubber

from tests.fixtures.mlflow import free_port
from tradewind.errors import LakeError, LakeUnavailableError
from tradewind.settings import load_settings
from tradewind.stores.draft import ROW_GROUP_ROWS
from tradewind.stores.lake import Lake
from tradewind.stores.placement import BucketPlacement

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.s3 import Bucket

ROWS = pa.table({"a": [1, None, 3], "b": ["x", "", None]})


@pytest.fixture(params=["folder", "bucket"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("TRADEWIND_LAKE", (tmp_path / "lake").as_uri())
    if request.param == "bucket":
        s3 = request.getfixturevalue("s3")
        monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)
        monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}/deep/lake")
    return Lake.open(load_settings())


def test_what_is_put_is_read_back(lake: Lake) -> None:
    assert not lake.exists("a/b.json")

    lake.put_json("a/b.json", {"é": [1, None]})

    assert lake.exists("a/b.json")
    assert not lake.exists("a")
    assert lake.read_json("a/b.json") == {"é": [1, None]}
    assert lake.read_bytes("a/b.json") == '{"é":[1,null]}'.encode()


def test_the_same_content_again_is_no_error(lake: Lake) -> None:
    lake.put_bytes("a", b"1")
    lake.put_bytes("a", b"1")

    assert lake.list("") == ["a"]


def test_nothing_is_written_over(lake: Lake) -> None:
    lake.put_bytes("a", b"1")

    with pytest.raises(LakeError, match=r"/a holds something else, and nothing .* written over"):
        lake.put_bytes("a", b"2")
    assert lake.read_bytes("a") == b"1"


def test_of_many_writers_of_one_path_exactly_one_wins(lake: Lake) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: lake.first_json("a.json", n), range(8)))

    assert len(set(found)) == 1
    assert found[0] == lake.read_json("a.json")


def test_the_first_record_stays(lake: Lake) -> None:
    assert lake.first_json("a.json", {"when": 1}) == {"when": 1}
    assert lake.first_json("a.json", {"when": 2}) == {"when": 1}


def test_rows_come_back_as_they_were(lake: Lake) -> None:
    lake.write_parquet("p/a.parquet", ROWS)
    lake.write_parquet("p/b.parquet", ROWS.to_reader(max_chunksize=2))

    assert lake.read_table("p/a.parquet").equals(ROWS)
    assert lake.read_table("p/b.parquet", columns=["b"]).equals(ROWS.select(["b"]))
    assert lake.dataset(["p/a.parquet", "p/b.parquet"]).count_rows() == 6


def test_the_same_rows_make_the_same_file_however_they_arrive(lake: Lake) -> None:
    table = pa.table({"a": range(ROW_GROUP_ROWS + 10), "b": ["x", "y"] * (ROW_GROUP_ROWS // 2 + 5)})

    lake.write_parquet("one", table)
    lake.write_parquet("many", table.to_reader(max_chunksize=1_000))

    assert lake.read_bytes("one") == lake.read_bytes("many")
    metadata = pq.read_metadata(pa.BufferReader(lake.read_bytes("many")))
    groups = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert groups == [ROW_GROUP_ROWS, 10]


def test_an_empty_table_keeps_its_columns(lake: Lake) -> None:
    lake.write_parquet("a", ROWS.slice(0, 0))

    assert lake.read_table("a").schema == ROWS.schema


def test_a_draft_that_is_not_published_leaves_nothing(lake: Lake) -> None:
    with lake.draft(ROWS.schema) as draft:
        draft.write(ROWS.to_batches()[0])
        assert lake.list("") == []

    assert lake.list("") == []


def test_a_killed_writer_leaves_nothing_visible(lake: Lake) -> None:
    script = """
        import os, signal
        import pyarrow as pa
        from tradewind.settings import load_settings
        from tradewind.stores.lake import Lake
        lake = Lake.open(load_settings())
        table = pa.table({"a": range(300_000)})
        with lake.draft(table.schema) as draft:
            for batch in table.to_batches():
                draft.write(batch)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=os.environ, check=False
    )

    assert done.returncode == -signal.SIGKILL
    assert lake.list("") == []


def test_listing_goes_below_a_folder_and_shows_files_only(lake: Lake) -> None:
    for path in ("a/x", "a/deep/y", "ab/z"):
        lake.put_bytes(path, b"")

    assert lake.list("a") == ["a/deep/y", "a/x"]
    assert lake.list("nowhere") == []


def test_what_is_missing_is_named(lake: Lake) -> None:
    for read in (lake.read_bytes, lake.read_json, lake.read_table, lambda p: lake.dataset([p])):
        with pytest.raises(LakeError, match=r"/gone/a is not there: .* a new run makes it again"):
            read("gone/a")


def test_what_is_damaged_is_named(lake: Lake) -> None:
    lake.write_parquet("whole", ROWS)
    lake.put_bytes("half", lake.read_bytes("whole")[:100])

    for read in (lake.read_json, lake.read_table, lambda p: lake.dataset([p])):
        with pytest.raises(LakeError, match=r"/half cannot be read: .* remove it"):
            read("half")


def test_files_of_a_dataset_are_read_with_all_their_columns(lake: Lake) -> None:
    lake.write_parquet("old", pa.table({"a": [1], "n": pa.nulls(1)}))
    lake.write_parquet("new", pa.table({"a": [2], "n": [7], "z": ["q"]}))

    table = lake.dataset(["old", "new"]).to_table()

    assert table.schema.field("n").type == pa.int64()
    assert table.to_pylist() == [{"a": 1, "n": None, "z": None}, {"a": 2, "n": 7, "z": "q"}]


def test_types_that_disagree_are_an_error(lake: Lake) -> None:
    lake.write_parquet("old", pa.table({"a": [1]}))
    lake.write_parquet("new", pa.table({"a": ["x"]}))

    with pytest.raises(LakeError, match="a has incompatible types"):
        lake.dataset(["old", "new"])


def test_a_dataset_of_nothing_is_an_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match="of no files"):
        lake.dataset([])


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\\b"])
def test_a_path_stays_in_the_lake(lake: Lake, path: str) -> None:
    with pytest.raises(LakeError, match="no path in the lake"):
        lake.put_bytes(path, b"")


def test_a_bucket_that_is_not_there_is_named(s3: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)  # type: ignore[attr-defined]
    monkeypatch.setenv("TRADEWIND_LAKE", "s3://no-such-bucket/x")

    with pytest.raises(LakeError, match=r"no-such-bucket/x/a cannot be written: .*NoSuchBucket"):
        Lake.open(load_settings()).put_bytes("a", b"")


def test_a_store_that_does_not_answer_is_not_taken_for_a_damaged_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    endpoint = f"http%3A%2F%2F127.0.0.1%3A{free_port()}"
    monkeypatch.setenv(
        "AIRFLOW_CONN_TRADEWIND_LAKE",
        f"aws://key:secret@/?endpoint_url={endpoint}&region_name=us-east-1",
    )
    monkeypatch.setenv("TRADEWIND_LAKE", "s3://bucket/x")
    lake = Lake.open(load_settings())
    for ask in (lake.exists, lake.read_bytes, lambda p: lake.put_bytes(p, b"")):
        with pytest.raises(LakeUnavailableError, match="bucket/x/a: the store does not answer"):
            ask("a")


@pytest.mark.parametrize(("status", "kind"), [(503, LakeUnavailableError), (403, LakeError)])
def test_a_put_that_is_refused_is_worth_a_retry_only_where_the_store_is_at_fault(
    s3: Bucket, tmp_path: Path, status: int, kind: type[LakeError]
) -> None:
    client = s3.client()
    (tmp_path / "draft").write_bytes(b"1")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "No", http_status_code=status)
        with pytest.raises(LakeError) as error:
            BucketPlacement(client, s3.name, "").place(tmp_path / "draft", "a")
    assert type(error.value) is kind


def test_a_key_that_others_keep_putting_is_asked_for_a_few_times_and_then_given_up(
    s3: Bucket, tmp_path: Path
) -> None:
    client, waited = s3.client(), list[float]()
    (tmp_path / "draft").write_bytes(b"1")
    placement = BucketPlacement(client, s3.name, "", pauses=(1, 2), wait=waited.append)
    with Stubber(client) as stubber:
        for _ in range(3):
            stubber.add_client_error("put_object", "Conflict", http_status_code=409)
        with pytest.raises(LakeUnavailableError, match="others are writing the same key"):
            placement.place(tmp_path / "draft", "a")
    assert waited == [1, 2]


def test_a_key_that_others_let_go_of_is_put(s3: Bucket, tmp_path: Path) -> None:
    client = s3.client()
    (tmp_path / "draft").write_bytes(b"1")
    placement = BucketPlacement(client, s3.name, "", pauses=(1,), wait=lambda _seconds: None)
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "Conflict", http_status_code=409)
        stubber.add_response("put_object", {})
        assert placement.place(tmp_path / "draft", "a")
