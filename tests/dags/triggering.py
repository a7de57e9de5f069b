"""Tasks that start a training in another DAG, without Airflow's own part of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.sdk.api.datamodels._generated import DagRunType

from tests.dags.test_operators import TICK, DagRun

if TYPE_CHECKING:
    import pytest


def started(task: Any, result: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The task, once it was executed behind a task that handed this on; it starts nothing."""
    monkeypatch.setattr("tradewind.orchestration.launching.end_failure_of", lambda _: None)
    parent = "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator.execute"
    monkeypatch.setattr(parent, lambda *_: None)
    instance = SimpleNamespace(xcom_pull=lambda task_ids: result)
    task.execute({"ti": instance, "dag_run": DagRun(DagRunType.MANUAL, TICK)})
    return task
