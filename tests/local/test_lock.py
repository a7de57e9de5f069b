"""One hand at a time on a clone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tradewind.local import lock

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import pathlib, sys
from tradewind.local import lock
with lock.held(pathlib.Path(sys.argv[1]), echo=print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_start_waits_for_the_first_and_says_so(tmp_path: Path):
    holder = hold(tmp_path / "lock")
    said = []

    def echo(line: str) -> None:
        said.append(line)
        holder.stdin.write("\n")
        holder.stdin.flush()

    with lock.held(tmp_path / "lock", echo=echo):
        assert said == ["waiting for another start or stop of this clone to finish"]
    holder.communicate()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path):
    holder = hold(tmp_path / "lock")
    holder.kill()
    holder.communicate()
    said = []
    with lock.held(tmp_path / "lock", echo=said.append):
        assert said == []
