"""Forgetting somebody from Airflow: conf, XCom and rendered fields hold the reference alone."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

from tests.dags.test_operators import TICK, DagRun
from tests.fixtures.home import Home
from tests.stages.forgetting import ANN, PLAIN, House
from tradewind.erasure import Erased, Retraining

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

pytestmark = pytest.mark.dags

REFERENCE = "5b0d41c7a90e4f6c8d2e1b3a7f905c64"
ERASED = Erased(
    reference=REFERENCE,
    kind="customer",
    at=TICK,
    actor="ann",
    reason="a test",
    retrain=[Retraining(model="flight_delay", moment=TICK, reason="without them")],
)


@pytest.fixture
def forget(models_dir: Path, add_model: Callable[[str], Path], parse: Callable[[], DagBag]) -> DAG:
    add_model("second")
    return parse().dags["tradewind.forget"]


def test_there_is_one_dag_with_a_training_for_each_model_behind_it(forget: DAG) -> None:
    assert {task.task_id: task.upstream_task_ids for task in forget.tasks} == {
        "forget": set(),
        "retrain_flight_delay": {"forget"},
        "retrain_second": {"forget"},
    }
    assert forget.schedule is None


@pytest.mark.parametrize(
    ("answers", "valid"),
    [
        ({"reference": REFERENCE, "reason": "they asked"}, True),
        ({"reference": ANN.key, "reason": "they asked"}, False),
        ({"reference": f"{REFERENCE}\n{ANN.key}", "reason": "they asked"}, False),
        ({"reference": REFERENCE, "reason": ""}, False),
        ({"reason": "they asked"}, False),
    ],
    ids=["a reference", "a key", "a key behind a reference", "no reason", "no reference"],
)
def test_the_form_takes_a_reference_and_no_key(
    forget: DAG, answers: dict[str, str], *, valid: bool
) -> None:
    with nullcontext() if valid else pytest.raises(ParamValidationError):
        forget.params.update(answers)
        forget.params.validate()


def started(forget: DAG, model: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The training behind it, without the trigger itself."""
    task = forget.get_task(f"retrain_{model}")
    parent = "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator.execute"
    monkeypatch.setattr(parent, lambda *_: None)
    told = ERASED.model_dump(mode="json")
    instance = SimpleNamespace(xcom_pull=lambda task_ids: told)
    task.execute({"ti": instance, "dag_run": DagRun(DagRunType.MANUAL, TICK)})
    return task


def test_a_training_begins_once_for_each_erasure(
    forget: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = started(forget, "flight_delay", monkeypatch)
    assert task.trigger_dag_id == "flight_delay.train"
    assert task.trigger_run_id == f"forgotten__{REFERENCE}"
    assert task.conf == {"moment": TICK.isoformat(), "reason": "without them"}
    assert task.skip_when_already_exists


def test_a_model_in_which_nobody_decided_that_saw_them_is_not_trained(
    forget: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowSkipException, match="no training"):
        started(forget, "second", monkeypatch)


def test_all_that_airflow_keeps_of_it_is_the_reference(
    ledger_dsn: str,
    mlflow_server: str,
    tmp_path: Path,
    parse: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = {
        "TRADEWIND_HOME": str(tmp_path / "home"),
        "TRADEWIND_CONFIG": str(tmp_path / "config"),
        "TRADEWIND_FILES": str(tmp_path),
        "AIRFLOW_CONN_TRADEWIND_LEDGER": ledger_dsn,
        "MLFLOW_TRACKING_URI": mlflow_server,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    house = House(Home(tmp_path, {**os.environ}, ""))
    house.open_all()
    house.run_until("validate")
    reference = house.asked(ANN)
    task = parse().dags["tradewind.forget"].get_task("forget")
    params = {"reference": reference, "reason": "they asked for it"}
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    context = {"dag_run": run, "params": params}

    with caplog.at_level("DEBUG"):
        with pytest.raises(AirflowFailException, match="still held by source 'customers'") as said:
            task.execute(context)
        house.delete_at_source(ANN)
        handed_on = task.execute(context)

    kept = [handed_on, params, [getattr(task, name) for name in task.template_fields], said.value]
    assert reference in json.dumps(handed_on)
    assert handed_on["rows"] >= len(ANN.days)
    for text in (ANN.key, ANN.email):
        assert text not in f"{kept} {caplog.text}"
    asked = house.stores.ledger.events(kind="erased")
    assert [event.payload["run_id"] for event in asked] == ["forget/a run"]
    assert PLAIN not in {one["model"] for one in handed_on["retrain"]}
