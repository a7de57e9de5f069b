"""The layers of the house hold, and each rule was seen to bite."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.sandbox import CLONE

LINTER = Path(sys.executable).parent / "lint-imports"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--config", root / "pyproject.toml", "--no-cache"],
        cwd=root / "include",
        env={"PYTHONPATH": str(root / "include"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package, to break."""
    shutil.copytree(CLONE / "include", tmp_path / "include")
    shutil.copy(CLONE / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_module_keeps_the_rules() -> None:
    done = lint(CLONE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("definition/schema", "import tradewind.stores.lake", id="upwards"),
        pytest.param("stages/train", "import tradewind.stages.ingest", id="stage to stage"),
        pytest.param("stages/ingest", "import airflow", id="Airflow outside orchestration"),
        pytest.param("stats/metrics", "import duckdb", id="a database in the numbers"),
        pytest.param("gates/threshold", "import mlflow", id="MLflow outside its store"),
    ],
)
def test_each_rule_bites(copy: Path, module: str, line: str) -> None:
    path = copy / "include" / "tradewind" / f"{module}.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout
