"""Bookkeeping of processes, with small real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tradewind.local.layout import MARKER, Layout
from tradewind.local.processes import Processes, Service

if TYPE_CHECKING:
    from pathlib import Path

# A parent with a child, as a scheduler has its workers; `ready` appears when both run.
FAMILY = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("0")
time.sleep(600)
"""


@pytest.fixture
def keeper(tmp_path: Path):
    found = Processes(Layout(tmp_path / "home"))
    found.layout.create()
    yield found
    found.stop(found.known())
    found.end_strays()


def service(
    folder: Path, *, name: str = "family", code: str = FAMILY, **environment: str
) -> Service:
    command = [sys.executable, "-c", code, str(folder / f"{name}.ready")]
    return Service(name, command, {"PATH": os.defpath, **environment})


def child_of(folder: Path, *, name: str = "family") -> psutil.Process:
    ready = folder / f"{name}.ready"
    while not (ready.exists() and ready.read_text()):
        os.sched_yield()
    return psutil.Process(int(ready.read_text()))


def test_what_runs_is_left_alone(keeper: Processes, tmp_path: Path):
    assert keeper.start(service(tmp_path))
    before = keeper.running("family")
    assert not keeper.start(service(tmp_path))
    assert keeper.running("family") == before


def test_what_would_run_differently_now_is_replaced(keeper: Processes, tmp_path: Path):
    keeper.start(service(tmp_path))
    before = keeper.running("family")
    assert keeper.start(service(tmp_path, COLOUR="blue"))
    assert not before.is_running()
    assert keeper.running("family") is not None


def test_a_stop_takes_the_children_along(keeper: Processes, tmp_path: Path):
    keeper.start(service(tmp_path))
    child = child_of(tmp_path)
    assert keeper.stop(["family"]) == ["family"]
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert keeper.running("family") is None
    assert keeper.stop(["family"]) == []


def test_a_process_that_ignores_the_request_is_killed(
    keeper: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tradewind.local.processes._SECONDS_TO_LEAVE", 0.1)
    keeper.start(service(tmp_path, code=STUBBORN))
    while not (tmp_path / "family.ready").exists():
        os.sched_yield()
    stubborn = keeper.running("family")
    keeper.stop(["family"])
    assert not stubborn.is_running()


def test_children_of_a_killed_parent_are_strays_and_are_ended(keeper: Processes, tmp_path: Path):
    keeper.start(service(tmp_path))
    child = child_of(tmp_path)
    assert keeper.strays() == []
    parent = keeper.running("family")
    parent.kill()
    while keeper.running("family") is not None:
        os.sched_yield()
    assert keeper.strays() == [child]
    assert keeper.end_strays() == 1
    assert keeper.strays() == []


def test_a_recycled_pid_is_not_taken_for_the_service(keeper: Processes, tmp_path: Path):
    keeper.start(service(tmp_path))
    keeper.stop(["family"])
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(stranger.pid).create_time()
    note = {"pid": stranger.pid, "started": started - 3600, "fingerprint": "x"}
    (keeper.layout.run / "family.pid.json").write_text(json.dumps(note))
    assert keeper.running("family") is None
    assert keeper.stop(["family"]) == []
    assert stranger.poll() is None
    stranger.communicate(b"\n")


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": "x"}'])
def test_a_note_cut_short_is_no_note(keeper: Processes, note: str):
    (keeper.layout.run / "family.pid.json").write_text(note)
    assert keeper.running("family") is None


def test_processes_of_another_home_are_not_ours(keeper: Processes, tmp_path: Path):
    other = Processes(Layout(tmp_path / "other"))
    other.layout.create()
    other.start(service(tmp_path, name="theirs"))
    child = child_of(tmp_path, name="theirs")
    assert keeper.end_strays() == 0
    assert child.is_running()
    other.stop(["theirs"])


def test_a_command_of_the_user_is_not_a_stray_even_if_it_was_started_from_a_task(
    keeper: Processes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(MARKER, keeper.layout.marker)
    assert os.getpid() not in {process.pid for process in keeper.strays()}


def test_the_end_of_its_log_says_why_it_ended(keeper: Processes, tmp_path: Path):
    keeper.start(service(tmp_path, code="raise SystemExit('no such port')"))
    while keeper.running("family") is not None:
        os.sched_yield()
    assert keeper.tail("family").endswith("no such port")


def test_a_service_sees_its_own_environment_and_nothing_else(
    keeper: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "hostile")
    keeper.start(service(tmp_path, COLOUR="blue"))
    child = child_of(tmp_path)
    # A process that has just begun shows an empty one for a moment.
    while not (seen := child.environ()):
        os.sched_yield()
    assert seen["COLOUR"] == "blue"
    assert "AIRFLOW__CORE__EXECUTOR" not in seen
