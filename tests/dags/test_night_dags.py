"""What `dags/score.py`, `dags/monitor.py` and `dags/release.py` make of a definition."""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import ParamValidationError

from tradewind.pipeline import PIPELINES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

pytestmark = pytest.mark.dags


@pytest.fixture
def dags(models_dir: Path, parse: Callable[[], DagBag]) -> dict[str, DAG]:
    bag = parse()
    assert bag.import_errors == {}
    return {dag_id.partition(".")[2]: dag for dag_id, dag in bag.dags.items()}


@pytest.mark.parametrize(
    ("pipeline", "after"), [("score", "monitor"), ("monitor", "retrain")], ids=str
)
def test_a_night_goes_through_its_stages_in_order(
    dags: dict[str, DAG], pipeline: str, after: str
) -> None:
    order = [task.task_id for task in dags[pipeline].topological_sort()]
    assert [task for task in order if task != after] == ["admit", *PIPELINES[pipeline]]
    assert order.index(after) > order.index([*PIPELINES[pipeline]][3])


def test_nobody_is_told_before_it_is_decided_and_a_launch_waits_for_no_message(
    dags: dict[str, DAG],
) -> None:
    monitor = dags["monitor"]
    assert monitor.get_task("alert").upstream_task_ids == {"decide"}
    assert monitor.get_task("retrain").upstream_task_ids == {"decide"}


def test_scoring_starts_the_look_and_the_look_starts_the_training(dags: dict[str, DAG]) -> None:
    assert dags["score"].get_task("monitor").trigger_dag_id == "flight_delay.monitor"
    assert dags["monitor"].get_task("retrain").trigger_dag_id == "flight_delay.train"


def test_nights_that_were_missed_are_caught_up_from_the_first_night_on(
    models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    definition = models_dir / "flight_delay" / "model.yaml"
    text = re.sub(r"\nschedule:\n(?:  .*\n)+", "\n", definition.read_text())
    definition.write_text(text + "schedule: {score: '0 5 * * *', first_night: 2026-01-01}\n")
    dag = parse().dags["flight_delay.score"]
    assert dag.catchup
    assert dag.start_date == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert dag.max_active_runs == 1
    assert dag.timetable.expression == "0 5 * * *"


def test_the_form_of_a_release_says_what_an_accepted_breach_needs(dags: dict[str, DAG]) -> None:
    form = dags["release"].params
    assert "accepted breach" in form.get_param("until").description
    for word in ("`accept_contract`", "`resume`"):
        assert word in form.get_param("breach").description


@pytest.mark.parametrize(
    ("answers", "valid"),
    [
        ({"action": "fall_back", "reason": "the feed is wrong"}, True),
        ({"action": "fall_back"}, False),
        ({"action": "explode", "reason": "why not"}, False),
        ({"action": "start_canary", "reason": "try it", "version": 2, "share": 0.05}, True),
        ({"action": "start_canary", "reason": "try it", "version": 2, "share": 1.5}, False),
        ({"action": "segment", "reason": "new", "feature": "origin", "value": "JFK"}, True),
        ({"action": "segment", "reason": "new", "feature": "shoe_size", "value": "9"}, False),
    ],
    ids=str,
)
def test_the_form_of_a_release_takes_what_makes_sense_only(
    dags: dict[str, DAG], answers: dict[str, object], *, valid: bool
) -> None:
    form = dags["release"].params
    with nullcontext() if valid else pytest.raises(ParamValidationError):
        form.update(answers)
        form.validate()
