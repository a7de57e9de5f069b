"""Logs are erased where they lie, under whoever writes them; kept models are let go of."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from tradewind.stores.elsewhere.folders import Folder
from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from pathlib import Path

KEY = "C-10001"
NEEDLES = Needles([KEY, 'O"Brien é'])


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs" / "dag_id=forget" / "attempt=1"
    folder.mkdir(parents=True)
    return tmp_path / "logs"


def test_what_is_written_over_is_as_long_and_all_else_is_as_it_was(logs: Path) -> None:
    file = logs / "dag_id=forget" / "attempt=1" / "task.log"
    content = b"\x00\xff before C-10001, C-100012\n" + b'{"who": "O\\"Brien \\u00e9"}\n' * 3
    file.write_bytes(content)
    other = logs / "other.log"
    other.write_bytes(b"nothing of it")
    before = other.stat().st_mtime_ns

    searched, found, unread = Folder("logs", logs).look(NEEDLES)
    assert (searched.files, searched.bytes) == (2, len(content) + 13)
    assert [(each.place, each.count) for each in found] == [(f"logs {file}", 4)]
    assert not unread
    erased = Folder("logs", logs).erase(NEEDLES)

    assert [(each.count, each.kept) for each in erased] == [(4, "")]
    spelled = b'O\\"Brien \\u00e9'
    wanted = content.replace(b" C-10001,", b" *******,").replace(spelled, b"*" * len(spelled))
    assert file.read_bytes() == wanted
    assert other.stat().st_mtime_ns == before
    assert Folder("logs", logs).erase(NEEDLES) == []


@pytest.mark.parametrize("flags", [os.O_APPEND, 0])
def test_who_has_a_log_open_goes_on_behind_what_was_there(logs: Path, flags: int) -> None:
    file = logs / "scheduler.log"
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | flags), "wb", buffering=0) as writer:
        writer.write(b"got C-10001\n")
        Folder("logs", logs).erase(NEEDLES)
        writer.write(b"and more\n")
    assert file.read_bytes() == b"got *******\nand more\n"


def test_one_across_two_blocks_is_erased(logs: Path) -> None:
    file = logs / "large.log"
    lead = b"x" * ((1 << 20) - 4)
    file.write_bytes(lead + b" C-10001 " + lead + b" C-10001")
    Folder("logs", logs).erase(NEEDLES)
    assert file.read_bytes() == lead + b" ******* " + lead + b" *******"


def test_no_link_leads_out_of_the_folder(logs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text(KEY)
    (logs / "link").symlink_to(outside / "file")
    (logs / "folder").symlink_to(outside)
    assert Folder("logs", logs).look(NEEDLES)[1] == []
    Folder("logs", logs).erase(NEEDLES)
    assert (outside / "file").read_text() == KEY


def test_a_pipe_is_not_waited_for(logs: Path) -> None:
    os.mkfifo(logs / "pipe")
    _, found, unread = Folder("logs", logs).look(NEEDLES)
    assert not found
    assert [each.why for each in unread] == ["it cannot be read (it is no file)"]


def test_a_rotated_log_is_packed_anew(logs: Path) -> None:
    file = logs / "api.log.1.gz"
    file.write_bytes(gzip.compress(b"about C-10001\n"))
    file.chmod(0o640)
    assert [each.count for each in Folder("logs", logs).erase(NEEDLES)] == [1]
    assert gzip.decompress(file.read_bytes()) == b"about (erased)\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in logs.iterdir() if path.is_file()] == [file.name]


def test_a_name_that_holds_it_is_said_without_it(logs: Path) -> None:
    (logs / f"run_id={KEY}").mkdir()
    (logs / f"run_id={KEY}" / "task.log").write_text("nothing")
    (kept,) = Folder("logs", logs).erase(NEEDLES)
    assert kept.kept == "its name holds it: rename or delete it"
    assert KEY not in kept.place
    assert "run_id=(erased)" in kept.place


def test_one_file_may_be_named_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    file.write_text(f"about {KEY}")
    assert Folder("logs", file).look(NEEDLES)[0].files == 1
    Folder("logs", file).erase(NEEDLES)
    assert file.read_text() == "about *******"
    _, _, unread = Folder("logs", tmp_path / "nowhere").look(NEEDLES)
    assert [each.why for each in unread] == ["it is not there"]


def test_a_kept_model_that_holds_it_is_let_go_of_whole(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for digest, text in (("0" * 32, KEY), ("1" * 32, "C-100012")):
        folder = models / "m-abc" / digest / "artifacts" / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(text)
    (models / ".draft-xyz" / "deep").mkdir(parents=True)
    (models / ".draft-xyz" / "deep" / "file").write_text(KEY)
    (models / "m-abc" / "notes.txt").write_text(KEY)

    found = Folder("kept models", models, is_cache=True).erase(NEEDLES)

    assert sorted(each.kept for each in found) == [
        "", "", "it is no model that is kept here, and nobody else's file is deleted",
    ]  # fmt: skip
    left = sorted(str(path.relative_to(models)) for path in models.rglob("*") if path.is_file())
    assert left == [f"m-abc/{'1' * 32}/artifacts/model/model.json", "m-abc/notes.txt"]
