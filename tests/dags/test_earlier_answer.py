"""An answer within a second of its question: Airflow loses the attempt, nobody answers twice."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from airflow.sdk.execution_time import task_runner

from tests.dags.asking import AS_OF, EVALUATION, MODEL, RITA, AskingTask, Supervisor, verdict_of
from tests.gates.evidence import evidence
from tradewind.orchestration.approvals import APPROVE, REJECT
from tradewind.orchestration.earlier_answer import EarlierAnswer
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

_runs = count(1)


@pytest.fixture(scope="module")
def supervisor() -> Supervisor:
    """The way to Airflow's execution API, which takes seconds to begin."""
    return Supervisor()


@pytest.fixture
def task(
    airflow_db: str,
    ledger_dsn: str,
    home: Settings,
    models_dir: Path,
    dag_of: Callable[..., DAG],
    parse: Callable[[], DagBag],
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> AskingTask:
    """The task `approve` of a run that has come so far."""
    stores, dag = Stores.open(), dag_of("high")
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    files = {file.name: file.read_text() for file in (models_dir / MODEL).iterdir()}
    definition = stores.ledger.freeze_definition(MODEL, files, as_of=AS_OF, actor="ann")
    task = AskingTask(stores, dag, f"run_{next(_runs)}", definition, supervisor)
    found = evidence(champion_state="never", champion=None, champion_version=None)
    stores.lake.put_json(EVALUATION.uri, {"evidence": found.model_dump(mode="json")})
    stores.lake.put_json(task.verdict.uri, task.verdict.model_dump(mode="json"))
    task.begin(parse())
    return task


@pytest.mark.parametrize("was", ["queued", "running"])
@pytest.mark.parametrize(
    ("option", "by", "said", "kept"),
    [
        pytest.param(APPROVE, RITA, "approved", ("approved", "rita"), id="approved"),
        pytest.param(REJECT, RITA, "rejected", ("rejected", "rita"), id="rejected"),
        pytest.param(
            REJECT, None, "timed_out", ("approval_timed_out", "tradewind"), id="nobody in time"
        ),
    ],
)
def test_an_answer_whose_attempt_was_lost_is_the_answer_of_the_next(
    task: AskingTask,
    option: str,
    by: dict[str, str] | None,
    said: str,
    kept: tuple[str, str],
    was: str,
) -> None:
    task.ask()
    task.answer(option, by)
    task.is_now(was)
    task.lose()
    found = task.take_up(task.look())
    assert (found.answer, found.by, found.note) == (said, by and "rita", "it holds")
    task.keep(found)
    assert task.told() == [("approval_asked", "ann"), kept]


def test_an_attempt_that_was_lost_unanswered_is_waited_on_without_asking_again(
    task: AskingTask,
) -> None:
    task.ask()
    task.is_now("running")
    task.lose()
    found = task.look()
    # In this very moment; to ask again would wipe it.
    task.answer(APPROVE)
    with pytest.raises(TaskAwaitingInput) as waits:
        task.take_up(found)
    assert task.answered_by == RITA
    task.wait(waits.value)
    assert task.state == "scheduled"
    assert task.told() == [("approval_asked", "ann")]


def test_an_answer_that_comes_while_the_next_attempt_looks_is_its_answer(task: AskingTask) -> None:
    from airflow.sdk.serde import deserialize

    task.ask()
    task.is_now("running")
    task.lose()
    task.look()
    task.is_now("deferred")
    task.answer(APPROVE)
    assert task.state == "scheduled"
    found = task.in_airflow(lambda found, _: deserialize(found.next_kwargs))["event"]
    assert task.take_up(found).by == "rita"


def test_whoever_clears_the_task_after_its_answer_was_kept_asks_anew(task: AskingTask) -> None:
    task.ask()
    task.answer(REJECT)
    task.is_now("running")
    task.lose()
    task.keep(task.take_up(task.look()))
    task.ask()
    assert task.answered_by is None
    assert [kind for kind, _ in task.told()] == ["approval_asked", "rejected", "approval_asked"]


def test_an_answer_about_another_verdict_is_none_about_this_one(task: AskingTask) -> None:
    task.ask()
    task.answer(APPROVE)
    task.is_now("running")
    task.lose()
    # The gates were run again; the attempt that asks about that is lost before it asks Airflow.
    task.verdict = verdict_of("second")
    task.open_question()
    found = task.look()
    assert found["responded_by_user"] == RITA
    # Nor is anybody asked about it by the page of the first, which Airflow keeps.
    with pytest.raises(AirflowFailException, match="the page of the one before"):
        task.take_up(found)
    assert task.answered_by is None


def test_what_only_the_ledger_was_told_is_asked_in_airflow(task: AskingTask) -> None:
    task.open_question()
    found = task.look()
    assert found == {}
    with pytest.raises(TaskAwaitingInput):
        task.take_up(found)
    assert task.answered_by is None
    assert task.told() == [("approval_asked", "ann")]


def test_the_task_is_tried_again_whatever_the_definition_says(
    dag_of: Callable[..., DAG], models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    dag_of("high")
    definition = models_dir / MODEL / "model.yaml"
    tried = r"\n  retries: .*\n  retry_delay: .*"
    definition.write_text(re.sub(tried, "\n  retries: 0", definition.read_text()))
    dag = parse().dags[f"{MODEL}.train"]
    assert (dag.get_task("gate").retries, dag.get_task("approve").retries) == (0, 2)


def test_the_trigger_is_made_again_as_it_was() -> None:
    name, given = EarlierAnswer(ti_id="0199").serialize()
    assert name == "tradewind.orchestration.earlier_answer.EarlierAnswer"
    assert given == {"ti_id": "0199", "after": 30.0}
