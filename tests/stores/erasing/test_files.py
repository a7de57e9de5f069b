"""Files of a lake without a subject: found, and written anew under names of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stores.erasing.conftest import AT
from tests.stores.killing import killed_after
from tradewind.errors import LakeError
from tradewind.stores.digested import write_digested
from tradewind.stores.digests import json_digest, table_digest
from tradewind.stores.erasing import Held, holding, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.stores.lake import Lake
    from tradewind.stores.marks import Marks

WHY = "a subject was erased"
PEOPLE = pa.table({"customer": ["C-1000", "C-10001", "C-1000"], "age": [37, 41, 38]})
OTHERS = pa.table({"customer": ["C-10001"], "age": [41]})


def write(lake: Lake, folder: str, table: pa.Table) -> str:
    return write_digested(lake, folder, table.schema, table.to_batches()).uri


def fill(lake: Lake) -> dict[str, str]:
    """A lake with something of the subject in four files, and nothing in two."""
    paths = {
        "part": write(lake, "sources/s/2024-01-01", PEOPLE),
        "others": write(lake, "sources/s/2024-01-02", OTHERS),
        "rows": "validated/d/customers.parquet",
        "report": "validated/d/report.json",
        "record": f"features/night-{json_digest(1)}.json",
        "clean": "validated/d/manifest.json",
    }
    lake.write_parquet(paths["rows"], PEOPLE)
    lake.put_json(paths["report"], {"examples": [{"customer": "C-1000"}, {"customer": "C-2"}]})
    lake.put_json(paths["record"], {"note": "of C-1000"})
    lake.put_json(paths["clean"], {"customers": paths["rows"]})
    return paths


def forget(lake: Lake, marks: Marks) -> None:
    for held in holding(lake, marks):
        rewrite(lake, held.path, marks, why=WHY, at=AT)


def everything(lake: Lake) -> dict[str, bytes]:
    return {path: lake.read_bytes(path) for path in lake.list("")}


def test_every_file_that_holds_something_is_found(lake: Lake, marks: Callable[..., Marks]) -> None:
    paths = fill(lake)

    assert holding(lake, marks()) == sorted(
        [
            Held(paths["record"], 0, 1),
            Held(paths["part"], 2, 0),
            Held(paths["rows"], 2, 0),
            Held(paths["report"], 1, 0),
        ],
        key=lambda held: held.path,
    )
    assert holding(lake, marks(values=frozenset({"C-7"}), needles=("nobody",))) == []


def test_what_is_written_anew_has_the_name_of_what_it_holds(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    paths = fill(lake)
    forget(lake, marks())

    left = {"examples": [{"customer": "C-2"}]}
    digest = table_digest(OTHERS)
    for name, now in {
        "part": f"sources/s/2024-01-01/{digest}.parquet",
        "rows": f"validated/d/customers-{digest}.parquet",
        "report": f"validated/d/report-{json_digest(left)}.json",
        "record": f"features/night-{json_digest({'note': '(erased)'})}.json",
    }.items():
        assert lake.standing(paths[name]) == now
    assert lake.read_table(paths["part"]).equals(OTHERS)
    assert lake.read_table(paths["rows"]).equals(OTHERS)
    assert lake.read_json(paths["report"]) == left
    assert holding(lake, marks()) == []


def test_no_byte_of_the_subject_is_left(lake: Lake, marks: Callable[..., Marks]) -> None:
    secret = pa.table({"customer": ["ann@example.org", "b"], "n": [1, 2]})
    path = "p/plain.parquet"
    # As a file that does not hide its values from a search in its bytes.
    sink = pa.BufferOutputStream()
    pq.write_table(secret, sink, compression="none")
    lake.put_bytes(path, sink.getvalue().to_pybytes())
    assert b"ann@example.org" in lake.read_bytes(path)

    forget(lake, marks(values=frozenset({"ann@example.org"}), needles=("ann@example.org",)))

    kept = [*lake.list(""), f"gone/{path}.json"]
    assert not any(b"ann@example.org" in lake.read_bytes(each) for each in kept)


def test_files_without_the_subject_keep_name_and_bytes(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    paths = fill(lake)
    before = everything(lake)

    forget(lake, marks())
    clean = rewrite(lake, paths["others"], marks(), why=WHY, at=AT)

    after = everything(lake)
    for name in ("others", "clean"):
        assert after[paths[name]] == before[paths[name]]
    assert (clean.now, clean.rows, clean.redacted) == (paths["others"], 0, 0)
    assert len(after) == len(before)


def test_a_file_of_which_nothing_is_left_keeps_its_columns(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    path = write(lake, "sources/s/2024-01-01", PEOPLE.take([0, 2]))
    forget(lake, marks())

    assert lake.read_table(path).equals(PEOPLE.slice(0, 0))


def test_a_file_of_many_batches_is_as_if_it_had_been_written_without_the_subject(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    who = ["C-1000" if number % 7 == 0 else f"C-{number}" for number in range(150_000)]
    table = pa.table({"customer": who, "n": range(150_000)})
    kept = table.filter(pa.compute.not_equal(table["customer"], "C-1000"))
    path = write(lake, "features", table)
    known = marks()

    done = rewrite(lake, path, known, why=WHY, at=AT)

    assert done.now == f"features/{table_digest(kept)}.parquet"
    assert done.rows == 150_000 - kept.num_rows
    assert lake.read_table(path).equals(kept)
    wanted = write(lake, "elsewhere", kept)
    assert lake.read_bytes(path) == lake.read_bytes(wanted)


@pytest.mark.parametrize(
    ("lake", "survived"),
    [*(("folder", steps) for steps in range(12)), ("versions", 1), ("versions", 2)],
    indirect=["lake"],
)
def test_killed_between_any_two_steps_the_next_run_ends_the_same(
    lake: Lake, marks: Callable[..., Marks], survived: int
) -> None:
    paths = fill(lake)
    with killed_after(survived):
        forget(lake, marks())
    # Whoever reads in the meantime finds a file, and never half a one.
    assert {lake.read_table(paths[name]).num_rows for name in ("part", "rows")} <= {1, 3}

    forget(lake, marks())
    once = everything(lake)
    forget(lake, marks())

    assert everything(lake) == once
    assert holding(lake, marks()) == []
    assert [path for path in once if "gone" in path] == []
    assert len(once) == len(paths)
    assert lake.read_table(paths["part"]).equals(OTHERS)


def test_what_was_rewritten_is_rewritten_again_for_somebody_else(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    paths = fill(lake)
    forget(lake, marks())
    forget(lake, marks(values=frozenset({"C-10001"}), needles=("C-10001",)))

    assert lake.read_table(paths["rows"]).num_rows == 0
    assert lake.standing(paths["rows"]) == (
        f"validated/d/customers-{table_digest(OTHERS.slice(0, 0))}.parquet"
    )


def test_what_is_neither_rows_nor_json_is_reported_and_not_touched(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    lake.put_bytes("notes.txt", b"C-1000 called, C-1000 again")
    lake.put_bytes("other.txt", b"C-10001 called")

    assert holding(lake, marks()) == [Held("notes.txt", 0, 2)]
    with pytest.raises(
        LakeError, match=r"notes.txt holds something of the subject, and is neither"
    ):
        rewrite(lake, "notes.txt", marks(), why=WHY, at=AT)
    assert lake.exists("notes.txt")


def test_what_a_killed_server_left_unfinished_is_deleted(
    lake: Lake, marks: Callable[..., Marks]
) -> None:
    path = "predictions/m/online/2024-01-01/x.parquet.draft"
    lake.put_bytes(path, b"half a file of C-1000")

    assert rewrite(lake, path, marks(), why=WHY, at=AT).now is None
    assert lake.list("") == []
