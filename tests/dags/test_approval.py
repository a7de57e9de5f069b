"""What `dags/train.py` makes of a model whose candidates people must approve of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.orchestration.approvals import APPROVE, REJECT
from tradewind.orchestration.plumbing import counting
from tradewind.records import Admission, Approval, Evaluation, Rejudged, RunRequest, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import DAG

    from tradewind.records import Record

pytestmark = pytest.mark.dags

MODEL = "flight_delay"


def between(dag: DAG) -> list[str]:
    """The tasks from the card to the registry."""
    order = [task.task_id for task in dag.topological_sort()]
    return order[order.index("card") + 1 : order.index("register")]


@pytest.mark.parametrize(
    ("tier", "promotion", "asked"),
    [
        pytest.param("low", "", [], id="low promotes by itself"),
        pytest.param(
            "low",
            "{approval: required, reviewers: [rita]}",
            ["approve", "rejudge"],
            id="low, where an approval is required",
        ),
        pytest.param("high", "{reviewers: [rita]}", ["approve", "rejudge"], id="high"),
        pytest.param(
            "critical",
            "{reviewers: [rita, carl]}",
            ["approve", "approve_second", "rejudge"],
            id="critical",
        ),
    ],
)
def test_as_many_people_are_asked_as_the_risk_needs(
    dag_of: Callable[..., DAG], tier: str, promotion: str, asked: list[str]
) -> None:
    dag = dag_of(tier, promotion)
    assert between(dag) == asked
    chain = ["gate", "card", *asked, "register"]
    for before, after in pairwise(chain):
        assert dag.get_task(after).upstream_task_ids == {before}
    assert dag.get_task("release").is_teardown


def test_silence_is_a_rejection_after_the_declared_time(dag_of: Callable[..., DAG]) -> None:
    task = dag_of("high").get_task("approve")
    assert task.options == [APPROVE, REJECT]
    assert task.defaults == [REJECT]
    assert task.response_timeout.total_seconds() == 2 * 3600
    assert [*task.serialized_params] == ["note"]
    # What people write is no template.
    assert tuple(task.template_fields) == ()


def test_a_run_that_waits_for_people_holds_up_no_other(dag_of: Callable[..., DAG]) -> None:
    assert dag_of("low", "").max_active_runs == 1
    assert dag_of("high").max_active_runs > 1


def test_the_lease_is_waited_for_longer_than_another_training_takes(
    dag_of: Callable[..., DAG],
) -> None:
    task = dag_of("high").get_task("rejudge")
    assert task.retries > 10
    assert task.max_retry_delay.total_seconds() == 3600


def test_the_page_says_who_approves(dag_of: Callable[..., DAG]) -> None:
    assert "| approved by | its gates alone |" in dag_of("low", "").doc_md
    said = "| approved by | 2 of rita, carl, within 2 hours (risk tier: critical) |"
    assert said in dag_of("critical").doc_md


def test_every_task_that_waits_has_its_page(dag_of: Callable[..., DAG]) -> None:
    dag = dag_of("critical")
    for task in between(dag):
        links = [link.name for link in dag.get_task(task).operator_extra_links]
        assert links == ["Report"]


# ------------------------------------------------------------------------ what is handed on


@dataclass
class Instance:
    """As much of Airflow's as the operators read: what the tasks of a run returned."""

    dag_id: str
    said: dict[str, Any]

    def xcom_pull(self, *, task_ids: str) -> Any:
        return self.said.get(task_ids)


NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
RITA = {"id": "rita", "name": "Rita R"}
VERDICT = Verdict(passed=True, digest="first", uri="verdicts/first.json", results=[])
EVALUATION = Evaluation(digest="e", uri="u", scores_uri="s", headline="good")
ADMISSION = Admission(
    request=RunRequest(model=MODEL, run_id="train/r", as_of=NOON, actor="ann", reason="a try"),
    definition_digest="d",
    fencing_token=1,
)


def run_of(dag: DAG, **said: Record) -> Any:
    """The context of a run of this DAG."""
    returned = {
        "admit": ADMISSION,
        "evaluate": EVALUATION,
        "gate": VERDICT,
        **said,
    }
    plain = {task: record.model_dump(mode="json") for task, record in returned.items()}
    return {"ti": Instance(dag.dag_id, plain), "dag": dag}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        pytest.param(
            {"chosen_options": [APPROVE], "responded_by_user": RITA, "note": " it holds "},
            {"answer": "approved", "by": "rita", "name": "Rita R", "note": "it holds"},
            id="approved, with a note",
        ),
        pytest.param(
            {"chosen_options": [REJECT], "responded_by_user": RITA, "note": ""},
            {"answer": "rejected", "by": "rita", "name": "Rita R", "note": None},
            id="rejected by a person, with none",
        ),
        pytest.param(
            {"chosen_options": [REJECT], "responded_by_user": None, "timedout": True},
            {"answer": "timed_out", "by": None, "name": None, "note": None},
            id="by nobody: the deadline chose",
        ),
    ],
)
def test_who_answered_what_is_handed_on_also_that_nobody_did(
    dag_of: Callable[..., DAG], event: dict[str, Any], said: dict[str, Any]
) -> None:
    dag = dag_of("critical")
    note = event.pop("note", None)
    given = {
        **event,
        "responded_at": NOON,
        "params_input": {} if note is None else {"note": note},
    }
    handed = dag.get_task("approve_second").execute_complete(run_of(dag), given)
    assert said.items() <= handed.items()
    assert (handed["seat"], handed["verdict_digest"]) == (2, "first")
    assert Approval.model_validate(handed).at == NOON


def test_what_was_judged_anew_counts_from_there_on(dag_of: Callable[..., DAG]) -> None:
    dag = dag_of("high")
    anew = Rejudged(
        admission=ADMISSION.model_copy(update={"fencing_token": 7}),
        evaluation=EVALUATION.model_copy(update={"champion_version": 4}),
        verdict=VERDICT.model_copy(update={"digest": "second"}),
        sentence="the champion is another one",
    )
    before, after = run_of(dag), run_of(dag, rejudge=anew)
    assert counting("gate", before).digest == "first"
    assert counting("admit", before).fencing_token == 1
    assert counting("gate", after).digest == "second"
    assert counting("admit", after).fencing_token == 7
    assert counting("evaluate", after).champion_version == 4
