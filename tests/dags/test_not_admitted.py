"""A run through Airflow's own task runner that finds its model's lease taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tradewind.pipeline import TRAIN
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

MODEL = "flight_delay"


def test_a_run_whose_model_is_held_ends_green_with_nothing_done_and_the_reason(
    airflow_db: str,
    ledger_dsn: str,
    home: Settings,
    models_dir: Path,
    parse: Callable[[], DagBag],
) -> None:
    ledger = Ledger.open(home)
    ledger.acquire_lease(
        MODEL,
        holder="somebody else",
        ttl=timedelta(hours=1),
        as_of=datetime(2013, 7, 1, tzinfo=UTC),
        actor="a test",
        reason="to hold it",
    )

    run = parse().dags[f"{MODEL}.train"].test(run_conf={"as_of": "2013-07-01", "reason": "try"})

    assert run.state == "success"
    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert set(states) == {"admit", *TRAIN, "release"}
    assert set(states.values()) == {"skipped"}
    (outcome,) = ledger.outcomes(model=MODEL, run_id=f"train/{run.run_id}")
    assert outcome.stage == "admit"
    assert outcome.lines[0].startswith("not admitted: the run somebody else holds the lease")
    held = ledger.lease(MODEL)
    assert held is not None
    assert held.holder == "somebody else"
