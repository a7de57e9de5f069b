"""Forgetting somebody from Airflow: conf, XCom and rendered fields hold the reference alone."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    DagRunTriggerException,
    ParamValidationError,
)

from tests.dags.test_operators import TICK, DagRun
from tests.dags.triggering import started
from tests.stages.forgetting import ANN, PLAIN, House
from tests.stages.nightly import settle
from tradewind.erasure import Erased, Retraining
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from tests.fixtures.home import Home
    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

REFERENCE = "5b0d41c7a90e4f6c8d2e1b3a7f905c64"
HANDED_ON = Erased(
    reference=REFERENCE,
    kind="customer",
    at=TICK,
    actor="ann",
    reason="a test",
    retrain=[Retraining(model="flight_delay", moment=TICK, reason="without them")],
).model_dump(mode="json")


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


def test_a_training_begins_once_for_each_erasure(
    forget: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = started(forget.get_task("retrain_flight_delay"), HANDED_ON, monkeypatch)
    assert task.trigger_dag_id == "flight_delay.train"
    assert task.trigger_run_id == f"forgotten__{REFERENCE}"
    assert task.conf == {"moment": TICK.isoformat(), "reason": "without them"}
    assert task.skip_when_already_exists


def test_a_model_in_which_nobody_decided_that_saw_them_is_not_trained(
    forget: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowSkipException, match="no training"):
        started(forget.get_task("retrain_second"), HANDED_ON, monkeypatch)


def test_its_note_is_cut_to_what_airflow_takes_and_its_reason_is_kept_whole(
    forget: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    [wanted] = HANDED_ON["retrain"]
    long = {**HANDED_ON, "retrain": [{**wanted, "reason": "x" * 1001}]}
    task = started(forget.get_task("retrain_flight_delay"), long, monkeypatch)
    assert task.note == "x" * 1000
    assert task.conf["reason"] == "x" * 1001


def test_a_failure_for_good_opens_an_incident_which_ends_when_the_training_begins(
    forget: DAG, home: Settings, ledger_dsn: str
) -> None:
    task, incidents = forget.get_task("retrain_flight_delay"), Stores.open(home).ledger.incidents
    instance = SimpleNamespace(
        dag_id=forget.dag_id, task_id=task.task_id, xcom_pull=lambda task_ids: HANDED_ON
    )
    [told] = task.on_failure_callback
    told.notify({"ti": instance, "exception": RuntimeError("away")})
    assert [one.key for one in incidents.select()] == ["failed:forget:retrain_flight_delay"]
    with pytest.raises(DagRunTriggerException):
        task.execute({"ti": instance, "dag_run": DagRun(DagRunType.MANUAL, TICK)})
    assert incidents.select() == []


def test_all_that_airflow_keeps_of_it_is_the_reference(
    own_home: Home,
    parse: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House(settle(own_home))
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    house.open_all()
    house.run_until("validate")
    reference = house.asked(ANN)
    task = parse().dags["tradewind.forget"].get_task("forget")
    params = {"reference": reference, "reason": "they asked for it"}
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    instance = SimpleNamespace(dag_id=task.dag_id, task_id=task.task_id)
    context = {"dag_run": run, "params": params, "ti": instance}

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
