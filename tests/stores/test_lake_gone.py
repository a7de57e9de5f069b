"""Files that the lake let go of: deleted in every version, and read as what stands for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from botocore.stub import Stubber

from tests.stores.killing import killed_after
from tradewind.errors import LakeError, LakeUnavailableError
from tradewind.settings import load_settings
from tradewind.stores import chain_heads
from tradewind.stores.lake import Lake
from tradewind.stores.placement import BucketPlacement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.s3 import Bucket

AT = datetime(2013, 7, 1, 4, tzinfo=UTC)
OLD, NEW = pa.table({"a": [1, 2, 3]}), pa.table({"a": [1, 3]})


@pytest.fixture(params=["folder", "bucket", "versions"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake in a folder, in a bucket, and in one that keeps every version of a key."""
    monkeypatch.setenv("TRADEWIND_LAKE", (tmp_path / "lake").as_uri())
    if request.param != "folder":
        s3: Bucket = request.getfixturevalue("s3")
        if request.param == "versions":
            s3.client().put_bucket_versioning(
                Bucket=s3.name, VersioningConfiguration={"Status": "Enabled"}
            )
        monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)
        monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}/deep/lake")
    return Lake.open(load_settings())


def let_go(lake: Lake, path: str, now: str | None, why: str = "a subject was erased") -> None:
    lake.replace(path, now, why=why, at=AT)


def test_a_path_that_was_let_go_of_is_read_as_what_stands_for_it(lake: Lake) -> None:
    lake.write_parquet("p/old.parquet", OLD)
    lake.write_parquet("p/new.parquet", NEW)

    let_go(lake, "p/old.parquet", "p/new.parquet")

    assert lake.exists("p/old.parquet")
    assert lake.list("") == ["p/new.parquet"]
    assert lake.read_bytes("p/old.parquet") == lake.read_bytes("p/new.parquet")
    assert lake.read_table("p/old.parquet").equals(NEW)
    assert list(lake.read_batches("p/old.parquet", rows=10)) == NEW.to_batches()
    assert lake.dataset(["p/old.parquet", "p/new.parquet"]).count_rows() == 4
    assert lake.dataset(["p/old.parquet"], schema=NEW.schema).count_rows() == 2


def test_what_stands_for_a_file_may_be_let_go_of_too(lake: Lake) -> None:
    for name in ("a", "b", "c"):
        lake.put_json(f"{name}.json", name)
    let_go(lake, "a.json", "b.json")
    let_go(lake, "b.json", "c.json")

    assert lake.read_json("a.json") == "c"

    let_go(lake, "c.json", None, why="older than 90 days")
    assert not lake.exists("a.json")
    with pytest.raises(LakeError, match=r"/a.json is not there any more: .* 2013-07-01T04.* 90 da"):
        lake.read_json("a.json")


def test_nothing_stands_for_a_file_that_was_deleted_for_good(lake: Lake) -> None:
    lake.write_parquet("p", OLD)
    let_go(lake, "p", None)

    assert not lake.exists("p")
    assert lake.list("") == []
    reads: list[Callable[[str], object]] = [
        lake.read_bytes,
        lake.read_table,
        lambda path: next(lake.read_batches(path, rows=1)),
        lambda path: lake.dataset([path]),
        lambda path: lake.dataset([path], schema=OLD.schema),
    ]
    for read in reads:
        with pytest.raises(LakeError, match=r"it was let go of on .*: a subject was erased"):
            read("p")


def test_what_was_let_go_of_may_be_written_anew_and_let_go_of_again(lake: Lake) -> None:
    for name in ("first", "second", "p"):
        lake.put_json(name, name)
    let_go(lake, "p", "first")
    lake.put_json("p", "anew")
    assert lake.read_json("p") == "anew"

    let_go(lake, "p", "second")

    assert lake.read_json("p") == "second"


@pytest.mark.parametrize("survived", range(3))
def test_killed_between_any_two_steps_the_same_again_ends_the_same(
    lake: Lake, survived: int
) -> None:
    # An earlier record too, so that the order has all the steps there are.
    for name in ("first", "second", "p"):
        lake.put_json(name, name)
    let_go(lake, "p", "first")
    lake.put_json("p", "anew")
    with killed_after(survived):
        let_go(lake, "p", "second")
    assert lake.read_json("p") == "anew"

    for _ in range(2):
        let_go(lake, "p", "second")
        assert lake.read_json("p") == "second"
        assert lake.list("") == ["first", "second"]


def test_the_same_again_changes_nothing_and_another_word_is_refused(lake: Lake) -> None:
    for name in ("p", "now", "other"):
        lake.put_json(name, name)
    let_go(lake, "p", "now")
    said = lake.read_bytes("gone/p.json")

    lake.replace("p", "now", why="another reason", at=datetime(2014, 1, 1, tzinfo=UTC))

    assert lake.read_bytes("gone/p.json") == said
    with pytest.raises(LakeError, match="p is not there any more"):
        let_go(lake, "p", "other")
    assert lake.read_json("p") == "now"


def test_what_is_not_there_cannot_be_let_go_of_nor_stand_for_anything(lake: Lake) -> None:
    lake.put_json("p", 1)
    with pytest.raises(LakeError, match="/nothing is not there"):
        let_go(lake, "nothing", None)
    for now in ("nothing", "p"):
        with pytest.raises(LakeError, match=f"{now} cannot stand for p: write it first"):
            let_go(lake, "p", now)
    assert lake.list("") == ["p"]


def test_the_heads_of_the_chain_are_kept_for_good(lake: Lake) -> None:
    head = chain_heads.path_of(7)
    lake.put_json(head, 1)
    lake.put_json("p", 1)
    let_go(lake, "p", None)

    for path in (head, "gone/p.json"):
        with pytest.raises(LakeError, match="is kept for good"):
            let_go(lake, path, None)
    assert lake.list("") == [head]


def test_a_circle_is_told_and_not_walked_for_ever(lake: Lake) -> None:
    lake.put_json("gone/a.json", {"now": "b", "why": "", "at": ""})
    lake.put_json("gone/b.json", {"now": "a", "why": "", "at": ""})

    with pytest.raises(LakeError, match=r"a: what is said to stand for it leads back to a"):
        lake.read_json("a")


def test_a_record_that_is_none_is_named(lake: Lake) -> None:
    lake.put_json("gone/a.json", ["now"])

    with pytest.raises(LakeError, match=r"gone/a.json cannot be read"):
        lake.exists("a")


def test_every_version_of_a_key_is_deleted_and_no_other_key(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = s3.client()
    client.put_bucket_versioning(Bucket=s3.name, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)
    monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}")
    lake = Lake.open(load_settings())
    for content in (b"first", b"second"):
        client.put_object(Bucket=s3.name, Key="p", Body=content)
    client.delete_object(Bucket=s3.name, Key="p")
    client.put_object(Bucket=s3.name, Key="p", Body=b"third")
    lake.put_bytes("p2", b"another key that begins alike")

    let_go(lake, "p", None)

    listed = client.list_object_versions(Bucket=s3.name)
    kept = [*listed["Versions"], *listed.get("DeleteMarkers", ())]
    assert sorted(each["Key"] for each in kept) == ["gone/p.json", "p2"]


def test_a_store_that_knows_no_versions_is_asked_to_delete_the_key(s3: Bucket) -> None:
    client = s3.client()
    with Stubber(client) as stubber:
        stubber.add_client_error("list_object_versions", "NotImplemented", http_status_code=501)
        stubber.add_response("delete_object", {}, {"Bucket": s3.name, "Key": "x/a"})
        BucketPlacement(client, s3.name, "x").remove("a")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("status", "kind"), [(503, LakeUnavailableError), (403, LakeError)])
def test_a_store_that_refuses_to_delete_is_named(
    s3: Bucket, status: int, kind: type[LakeError]
) -> None:
    client = s3.client()
    with Stubber(client) as stubber:
        stubber.add_client_error("list_object_versions", "No", http_status_code=status)
        with pytest.raises(LakeError, match=f"s3://{s3.name}/a") as error:
            BucketPlacement(client, s3.name, "").remove("a")
    assert type(error.value) is kind
