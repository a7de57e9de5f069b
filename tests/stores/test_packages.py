"""What a model's requirements name is found, held against what is installed, and linked alone."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from tradewind.stores import clean_interpreter
from tradewind.stores.packages import closure_of, link_packages
from tradewind.stores.provenance import scoring_requirements

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MLFLOW = f"mlflow=={version('mlflow')}"


def test_what_is_pinned_brings_all_that_it_needs():
    closure = closure_of([MLFLOW, *scoring_requirements()])
    assert closure.unmet == []
    assert closure.pinned == 7
    assert {"mlflow", "mlflow-skinny", "skops", "scikit-learn", "threadpoolctl"} <= {
        *closure.distributions
    }
    assert {"apache-airflow", "duckdb", "tradewind", "pytest"}.isdisjoint(closure.distributions)


def test_extras_bring_what_they_name():
    plain = closure_of([f"celery=={version('celery')}"]).distributions
    extra = closure_of([f"celery[redis]=={version('celery')}"]).distributions
    assert set(extra) - set(plain) >= {"redis"}


def test_comments_hashes_options_and_foreign_systems_are_understood():
    lines = [
        "# what scores",
        "",
        f"six=={version('six')} --hash=sha256:abc  # for the clock \\",
        "    --hash=sha256:def",
        "pywin32==1; sys_platform == 'win32'",
    ]
    closure = closure_of(lines)
    assert (closure.pinned, list(closure.distributions), closure.unmet) == (1, ["six"], [])


def test_what_is_not_met_is_said_by_name():
    lines = ["six==0.1", "numpy", "pandas>=1", "scipy==1.*", "no-such-thing==1", "-r other.txt"]
    assert closure_of(lines).unmet == [
        "'-r other.txt' is no requirement with a pinned version",
        "no-such-thing, which the model needs, is not installed",
        "numpy names no single version",
        "pandas>=1 names no single version",
        "scipy==1.* names no single version",
        f"six==0.1 is pinned, and {version('six')} is installed",
    ]


def imported(folder: Path, *names: str) -> list[str]:
    """Which of these modules an interpreter can import that is started as a model's is."""
    code = (
        "import importlib, os, sys; sys.path.append(sys.argv[-1] + '/packages')\n"
        "def found(name):\n"
        "    try: return bool(importlib.import_module(name))\n"
        "    except ImportError: return False\n"
        "print(*[name for name in sys.argv[1:-1] if found(name)], *sorted(os.environ))"
    )
    flags = [part for part in clean_interpreter.command(folder) if part.startswith("-")]
    outcome = subprocess.run(
        [sys.executable, *flags, "-c", code, *names, str(folder)],
        env=clean_interpreter.environment(folder),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return outcome.stdout.split()


def test_nothing_else_can_be_imported_and_nothing_secret_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_DEMO", "postgresql://somebody:secret@somewhere/demo")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path.parent))
    closure = closure_of([f"protobuf=={version('protobuf')}", f"six=={version('six')}"])
    link_packages(closure.distributions.values(), tmp_path / "packages")
    link_packages(closure.distributions.values(), tmp_path / "packages")  # again changes nothing
    # `google` is many distributions' namespace: only what is protobuf's own is there.
    others = ["google.auth", "numpy", "tradewind", "airflow", "pip", "pytest", "tests"]
    said = imported(tmp_path, "json", "six", "google.protobuf", *others)
    assert said[:3] == ["json", "six", "google.protobuf"]
    allowed = {"HOME", "LANG", "LC_CTYPE", "MLFLOW_DISABLE_TELEMETRY", "OMP_NUM_THREADS", "PATH"}
    allowed |= {"TMPDIR", "TRADEWIND_PREDICTION_LOG", *clean_interpreter._NEEDED}
    assert set(said[3:]) <= allowed
