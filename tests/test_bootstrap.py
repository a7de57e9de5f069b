"""The Makefile and the set-up, as a machine with next to nothing on it meets them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make") or "make"
SHOW = "\nshow-environment:\n\tenv\n"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MAKE, "--directory", str(CLONE), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )


def test_make_alone_lists_every_target():
    targets = set(re.findall(r"^([a-z]+):", (CLONE / "Makefile").read_text(), re.MULTILINE))
    said = run().stdout
    assert {"setup", "run", "stop", "status", "reset", "test", "check", "lock"} <= targets
    assert not [target for target in targets if f"make {target}" not in said]


def test_what_the_caller_set_for_another_project_stays_outside(tmp_path: Path):
    probe = tmp_path / "probe.mk"
    probe.write_text(f"include {CLONE / 'Makefile'}\n{SHOW}")
    hostile = {
        "AIRFLOW__CORE__EXECUTOR": "Other", "AIRFLOW_HOME": "/x", "MLFLOW_TRACKING_URI": "http://x",
        "PYTHONPATH": "/x", "PYTHONHOME": "/x", "PGHOST": "x", "PIP_TARGET": "/x",
        "VIRTUAL_ENV": "/x", "PYTEST_ADDOPTS": "-x",
    }  # fmt: skip
    said = run("-f", str(probe), "show-environment", TRADEWIND_LAKE="s3://mine", **hostile)
    seen = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    assert seen["TRADEWIND_LAKE"] == "s3://mine"
    assert not set(hostile) & set(seen)


def test_a_machine_without_a_fitting_python_is_told_which_are(tmp_path: Path):
    for name in ("python3", "python3.12", "python"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
    said = run("setup", PATH=str(tmp_path))
    assert said.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in said.stderr
    assert "make setup WITH=" in said.stderr


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A clone on which nothing was ever done: as much of one as `make` looks at."""
    shutil.copy(CLONE / "Makefile", tmp_path)
    return tmp_path


@pytest.mark.parametrize("target", ["stop", "status"])
def test_a_fresh_clone_has_nothing_to_stop_and_installs_nothing_for_it(fresh: Path, target: str):
    said = run("--no-print-directory", "--directory", str(fresh), target)
    assert (said.returncode, said.stdout) == (0, "nothing was ever started here\n")
    assert not (fresh / ".venv").exists()


@pytest.mark.parametrize(("target", "command"), [("stop", "down"), ("status", "status")])
def test_what_was_started_is_stopped_by_what_is_there(fresh: Path, target: str, command: str):
    program = fresh / ".venv" / "bin" / "tradewind"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "asked: $*"\n')
    program.chmod(0o755)
    (fresh / "home" / "run").mkdir(parents=True)
    said = run("--no-print-directory", "--directory", str(fresh), target, TRADEWIND_HOME="home")
    assert (said.returncode, said.stdout) == (0, f"asked: {command}\n")


def test_make_schema_writes_the_files():
    said = run("--dry-run", "schema")
    assert "tradewind schema --write" in said.stdout


@pytest.mark.parametrize("version", ["(3, 10, 4)", "(3, 14, 0)"])
def test_a_python_that_does_not_fit_says_so(version: str):
    pretend = (
        f"import sys; sys.version_info = {version}; sys.argv = ['bootstrap.py', '--fits'];"
        "import runpy; runpy.run_path('scripts/bootstrap.py', run_name='__main__')"
    )
    said = subprocess.run(
        [sys.executable, "-c", pretend], check=False, capture_output=True, text=True, cwd=CLONE
    )
    assert said.returncode == 1
    assert "Tradewind needs Python 3.11, 3.12 or 3.13" in said.stderr


def test_this_python_fits():
    done = subprocess.run(
        [sys.executable, CLONE / "scripts" / "bootstrap.py", "--fits"], check=False
    )
    assert done.returncode == 0
