"""How a release that leaves data out is asked for in Airflow, and that a training follows it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowSkipException, ParamValidationError

from tests.dags.test_operators import TICK, DagRun, context
from tests.dags.triggering import started
from tradewind.nights import Cutting, Exclusion, LiveState, Released, ReleaseOrder
from tradewind.orchestration.run_requests import order_of
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

MOMENT = datetime(2013, 7, 2, 4, tzinfo=UTC)


@pytest.fixture
def release(models_dir: Path, parse: Callable[[], DagBag]) -> DAG:
    return parse().dags["flight_delay.release"]


def released(training: str | None) -> dict[str, Any]:
    """What the task that carries orders out hands on."""
    order = ReleaseOrder(
        model="flight_delay", action="exclude", as_of=MOMENT, actor="ann", reason="doubled",
        run_id="release/a run", source="weather",
    )  # fmt: skip
    cut = Exclusion(
        source="weather", place="postgres:demo:weather", event_id=7, model="flight_delay",
        as_of=MOMENT, actor="ann", reason="doubled",
    )  # fmt: skip
    state = LiveState(model="flight_delay", as_of=MOMENT, champion=1)
    cutting = Cutting(exclusion=cut, already=False, parts=1, rows=24, tainted=[], training=training)
    return Released(
        order=order, before=state, after=state, sentence="it is left out", cutting=cutting
    ).model_dump(mode="json")


def test_a_training_follows_what_an_order_left_out_once_and_at_its_moment(
    release: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = started(release.get_task("retrain"), released("without all of weather"), monkeypatch)
    assert task.upstream_task_ids == {"release"}
    assert task.trigger_dag_id == "flight_delay.train"
    assert task.trigger_run_id == "after__a run"
    assert task.conf == {"moment": MOMENT.isoformat(), "reason": "without all of weather"}
    assert task.skip_when_already_exists


def test_an_order_that_asks_for_no_training_starts_none(
    release: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowSkipException, match="no training: it is left out"):
        started(release.get_task("retrain"), released(None), monkeypatch)


@pytest.mark.parametrize(
    ("answers", "valid"),
    [
        ({"source": "weather", "first_day": "2013-07-01", "last_day": "2013-07-02"}, True),
        ({"source": "weather", "parts": ["ab12"]}, True),
        ({"source": "tides"}, False),
        ({"source": "weather", "first_day": "yesterday"}, False),
        ({"exclusion": 0}, False),
    ],
    ids=str,
)
def test_the_form_takes_what_can_be_left_out(
    release: DAG, answers: dict[str, object], *, valid: bool
) -> None:
    with nullcontext() if valid else pytest.raises(ParamValidationError):
        release.params.update({"action": "exclude", "reason": "doubled", **answers})
        release.params.validate()


def test_the_form_becomes_an_order_to_leave_days_out(
    home: Settings, models_dir: Path, ledger_dsn: str
) -> None:
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    asked = context(
        run, of="release", action="exclude", source="weather", first_day="2013-07-01", parts=None
    )
    order = order_of("flight_delay", asked, stores=Stores.open())
    assert (order.source, order.first_day, order.last_day) == ("weather", date(2013, 7, 1), None)
    assert order.parts == []
