"""A logged model, loaded and asked in an interpreter that has nothing but what it requires.

The same Python is started in isolation: no site-packages, no environment, a home of its own. What
it can import beside the standard library are links to the distributions that the model's
requirements name and to what these need. What it logs, as a server does, is thrown away with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.errors import EvidenceError
from tradewind.stores.online import LOG_VARIABLE
from tradewind.stores.packages import Closure, closure_of, link_packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_PROBE = Path(__file__).with_name("load_probe.py")
_ANSWERING_SECONDS = 45
"""How long is waited for answers once the model should be loaded; each part takes a few seconds."""
_SECONDS_BETWEEN_LOOKS = 0.2
_LAST_WORDS = 400
# What a Python that was not installed by the system may need to find its own libraries.
_NEEDED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Load:
    """How a model is asked.

    Attributes:
        load_seconds: How long it may take to load before that is given up.
        threads: How many ask at once.
        warm_up: Calls about a single row before any is measured.
        calls: Measured calls about a single row, twice.
        call_rows: Rows of a call under load, and `rounds` how often each row is asked about.
        seconds: How long each of these goes on at most.
    """

    load_seconds: float = 60.0
    threads: int = 4
    warm_up: int = 10
    calls: int = 100
    call_rows: int = 50
    rounds: int = 4
    seconds: float = 3.0


@dataclass(frozen=True)
class Visit:
    """What came of a model in a clean interpreter.

    Attributes:
        closure: What it could import.
        told: What the probe told, by name; what is not there was not reached.
        failure: Why it did not come to its end; None where it did.
    """

    closure: Closure
    told: Mapping[str, Any]
    failure: str | None


def visit(model: Path, rows: pd.DataFrame, *, folder: Path, load: Load) -> Visit:
    """Load a model and ask it about rows, in an interpreter of its own.

    Args:
        model: The folder that MLflow loads it from; its `requirements.txt` decides what is there.
        rows: What a caller sends: features, and of whom and when they are.
        folder: An empty one, that the caller throws away.
        load: How it is asked.

    Raises:
        EvidenceError: The model does not say what it requires.
    """
    requirements = model / "requirements.txt"
    if not requirements.is_file():
        raise EvidenceError(f"{model.name}: no requirements.txt was logged with it")
    closure = closure_of(requirements.read_text(encoding="utf-8").splitlines())
    if closure.unmet:
        return Visit(closure, {}, None)
    link_packages(closure.distributions.values(), folder / "packages")
    (folder / "rows.jsonl").write_text("\n".join(_lines(rows)), encoding="utf-8")
    task = {**vars(load), "model": str(model)}
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    failure = _run(folder, load)
    return Visit(closure, _told(folder), failure)


def environment(folder: Path) -> dict[str, str]:
    """All that the interpreter is told: nothing of this process but where libraries lie."""
    log = folder / "log"
    log.mkdir(exist_ok=True)
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        LOG_VARIABLE: log.as_uri(),
        **{name: os.environ[name] for name in _NEEDED if name in os.environ},
    }


def command(folder: Path) -> list[str]:
    """How the interpreter is started."""
    return [sys.executable, "-I", "-S", "-B", str(_PROBE), str(folder)]


def _run(folder: Path, load: Load) -> str | None:
    """Start the interpreter and wait for it; why it did not come to its end, or None."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command(folder),
            env=environment(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            given_up = _wait(process, folder, load)
        finally:
            # Whatever it started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if given_up is not None or process.returncode == 0:
        return given_up
    lines = (folder / "said").read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"it ended with code {process.returncode}: {last[:_LAST_WORDS]}"


def _wait(process: subprocess.Popen[bytes], folder: Path, load: Load) -> str | None:
    """Wait for the end; why that was given up, or None."""
    loaded, until = None, time.monotonic() + load.load_seconds
    while time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_BETWEEN_LOOKS)
            return None
        if loaded is None:
            loaded = _told(folder).get("load_seconds")
            until = until if loaded is None else time.monotonic() + _ANSWERING_SECONDS
    if loaded is None:
        return f"it was not loaded within {load.load_seconds:g} s, and was given up"
    return (
        f"it loaded in {loaded:.3g} s, had not answered every call {_ANSWERING_SECONDS:g} s later, "
        "and was given up"
    )


def _told(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    file = folder / "told.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        with suppress(ValueError):  # the last line may have been cut short
            told |= json.loads(line)
    return told


def _lines(rows: pd.DataFrame) -> list[str]:
    """Each row as the JSON that a caller sends; what is missing is null."""
    plain = rows.astype(object).where(rows.notna(), None)
    records = plain.to_dict(orient="records")
    return [json.dumps(record, default=lambda moment: moment.isoformat()) for record in records]
