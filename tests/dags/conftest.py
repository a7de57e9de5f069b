"""A configuration folder of one's own, and the DAGs that Airflow makes of it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, get_args

import pytest

from tests.fixtures.sandbox import CLONE
from tradewind.definition.permissions import Action

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

DEMO = CLONE / "config" / "models" / "flight_delay"
# Higher tiers ask who may do what, too.
MAY = f"permissions: {{{', '.join(f'{action}: ann@example.org' for action in get_args(Action))}}}\n"


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


@pytest.fixture
def dag_of(models_dir: Path, parse: Callable[[], DagBag]) -> Callable[..., DAG]:
    """The training of the demo's model, of another risk."""

    def of(tier: str, promotion: str = "{reviewers: [rita, carl], approve_within: 2 hours}") -> DAG:
        definition = models_dir / "flight_delay" / "model.yaml"
        demo = (DEMO / "model.yaml").read_text()
        text = re.sub(r"\npromotion:.*\n(?:  .*\n)*", "\n", demo)
        promoting = f"promotion: {promotion}\n" if promotion else ""
        definition.write_text(f"{text}\nrisk_tier: {tier}\n{promoting}{MAY}")
        bag = parse()
        assert bag.import_errors == {}
        return bag.dags["flight_delay.train"]

    return of
