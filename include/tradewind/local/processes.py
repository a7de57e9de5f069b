"""Processes that outlive their starter: in sessions of their own, found again, stopped whole.

A process is known by its pid *and* its start time, so that a recycled pid is never taken for it.
All carry the clone's marker in their environment, by which strays are found after a `kill -9`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import psutil

from tradewind.local.layout import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tradewind.local.layout import Layout

# PostgreSQL is stopped by its own rules, not by signals to all of its processes.
_NOT_OURS_TO_KILL = "postgres"
_SECONDS_TO_LEAVE = 8
# Nobody is left whom a stray could still report to.
_SECONDS_FOR_STRAYS = 1
_SECONDS_TO_DIE = 10
_ROUNDS_OF_KILLING = 3
_LOG_BYTES_KEPT = 5_000_000


@dataclass(frozen=True)
class Service:
    """A process to keep running.

    Attributes:
        name: Its name, also of its log and of the note about it.
        command: Program and arguments.
        environment: All of its environment.
        code: Anything that, when it changes, makes a running process outdated.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    code: str = ""

    @property
    def fingerprint(self) -> str:
        """Digest of what it runs and with what; a running one with another is replaced."""
        said = json.dumps([self.command, sorted(self.environment.items()), self.code])
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class Processes:
    """The services of one home.

    Attributes:
        layout: Where logs and notes lie; its marker tells this clone's processes from others'.
    """

    layout: Layout

    def log(self, name: str) -> Path:
        """Where the output of a service goes."""
        return self.layout.logs / f"{name}.log"

    def tail(self, name: str, *, lines: int = 25) -> str:
        """The last lines that a service wrote."""
        try:
            text = self.log(name).read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def running(self, name: str) -> psutil.Process | None:
        """The process that was started under this name; None when it is gone."""
        note = self._note(name)
        return _alive(note) if note else None

    def is_current(self, service: Service) -> bool:
        """Whether the service runs, and runs what it is now meant to run."""
        note = self._note(service.name)
        same = bool(note) and note.get("fingerprint") == service.fingerprint
        return same and self.running(service.name) is not None

    def start(self, service: Service) -> bool:
        """Start a service unless it is running; one that runs something else is replaced.

        Returns:
            False when it was running already.
        """
        if self.is_current(service):
            return False
        self.stop([service.name])
        with self._open_log(service.name) as output:
            process = subprocess.Popen(
                service.command,
                env={**service.environment, MARKER: self.layout.marker},
                cwd=self.layout.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._write_note(service, psutil.Process(process.pid))
        return True

    def stop(self, names: Iterable[str]) -> list[str]:
        """Stop services with everything that they started; returns the names that were running."""
        leaders = {name: self.running(name) for name in names}
        found = [name for name, leader in leaders.items() if leader is not None]
        sessions = {leader.pid for leader in leaders.values() if leader is not None}
        end(lambda: _of_sessions(sessions), seconds=_SECONDS_TO_LEAVE)
        for name in leaders:
            self._note_path(name).unlink(missing_ok=True)
        return found

    def strays(self) -> list[psutil.Process]:
        """Processes of this clone that no running service answers for."""
        leaders = {process.pid for name in self.known() if (process := self.running(name))}
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        candidates = [p for p in _visible() if p.pid not in own and self._is_marked(p)]
        return [p for p in candidates if _session(p) not in leaders and not _below(p, leaders)]

    def end_strays(self) -> int:
        """Stop all strays; returns how many there were."""
        return end(self.strays, seconds=_SECONDS_FOR_STRAYS)

    def known(self) -> list[str]:
        """Names of the services that were started and not yet stopped."""
        return sorted(path.name.removesuffix(".pid.json") for path in self._notes())

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            if process.name() == _NOT_OURS_TO_KILL:
                return False
            return bool(process.environ().get(MARKER) == self.layout.marker)
        except psutil.Error:
            return False

    def _notes(self) -> Iterable[Path]:
        return self.layout.run.glob("*.pid.json")

    def _note_path(self, name: str) -> Path:
        return self.layout.run / f"{name}.pid.json"

    def _note(self, name: str) -> dict[str, object]:
        try:
            note = json.loads(self._note_path(name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _write_note(self, service: Service, process: psutil.Process) -> None:
        note = {
            "pid": process.pid,
            "started": process.create_time(),
            "fingerprint": service.fingerprint,
        }
        unfinished = self._note_path(service.name).with_suffix(".new")
        unfinished.write_text(json.dumps(note))
        unfinished.replace(self._note_path(service.name))

    def _open_log(self, name: str) -> IO[bytes]:
        path = self.log(name)
        if path.exists() and path.stat().st_size > _LOG_BYTES_KEPT:
            path.replace(path.with_suffix(".log.old"))
        return path.open("ab")


def _alive(note: Mapping[str, object]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(str(note["pid"])))
        same = abs(process.create_time() - float(str(note["started"]))) < 1.0
        dead = process.status() == psutil.STATUS_ZOMBIE
    except (KeyError, ValueError, psutil.Error):
        return None
    if dead:
        _reap(process)
    return process if same and not dead else None


def _reap(process: psutil.Process) -> None:
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return  # not a child of ours: its parent, or init, sees to it


def _visible() -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if lives(process)]


def _of_sessions(sessions: set[int]) -> list[psutil.Process]:
    return [process for process in _visible() if _session(process) in sessions]


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _below(process: psutil.Process, leaders: set[int]) -> bool:
    try:
        return any(parent.pid in leaders for parent in process.parents())
    except psutil.Error:
        return False


def end(find: Callable[[], list[psutil.Process]], *, seconds: float) -> int:
    """Stop the processes that `find` finds, first asking, then not.

    Args:
        find: Asked again after each round, as a process may have started others meanwhile.
        seconds: How long they may take to leave by themselves.

    Returns:
        How many were found at first.
    """
    first = find()
    _signal(first, signal.SIGTERM)
    wait_until_gone(first, seconds=seconds)
    for _ in range(_ROUNDS_OF_KILLING):
        if not (stubborn := find()):
            break
        _signal(stubborn, signal.SIGKILL)
        wait_until_gone(stubborn, seconds=_SECONDS_TO_DIE)
    return len(first)


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            # Refuses by itself where the pid has been taken by another process since.
            process.send_signal(number)
        except psutil.Error:
            continue


def wait_until_gone(processes: list[psutil.Process], *, seconds: float) -> None:
    """Wait for processes to end, our own children or not, but no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while any(lives(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that is dead but not yet buried by its parent does not."""
    try:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return True
    except psutil.Error:
        return False
    _reap(process)
    return False
