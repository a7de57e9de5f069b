"""A configuration folder of one's own, and the DAGs that Airflow makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.sandbox import CLONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

DEMO = CLONE / "config" / "models" / "flight_delay"


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`config/models` with a copy of the demo's model."""
    monkeypatch.setenv("TRADEWIND_CONFIG", str(tmp_path / "config"))
    models = tmp_path / "config" / "models"
    shutil.copytree(DEMO, models / "flight_delay")
    return models


@pytest.fixture
def add_model(models_dir: Path) -> Callable[[str], Path]:
    """Adds a model under another name: the demo's, copied."""

    def add(name: str) -> Path:
        folder = models_dir / name
        shutil.copytree(DEMO, folder)
        text = (folder / "model.yaml").read_text()
        (folder / "model.yaml").write_text(text.replace("name: flight_delay", f"name: {name}", 1))
        return folder

    return add


@pytest.fixture
def parse() -> Callable[[], DagBag]:
    """Parses `dags/` as Airflow's DAG processor does."""
    from airflow.dag_processing.dagbag import DagBag

    return lambda: DagBag(str(CLONE / "dags"), load_op_links=False)
