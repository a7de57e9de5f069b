"""The task that asks people, in a run of Airflow's database: what befalls it, step by step.

What Airflow does to it is done by Airflow: by its execution API, by its scheduler when it hears
that a process has ended, and by what its triggerer reads.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import (
    AirflowRuntimeError,
    ErrorType,
    TaskAwaitingInput,
    TaskDeferred,
)

from tests.candidates import trained_model
from tests.gates.evidence import PASSES
from tradewind.approval import take
from tradewind.orchestration.earlier_answer import EarlierAnswer
from tradewind.promotion.approvals import open_question, standing_of
from tradewind.records import (
    Admission,
    Approval,
    Evaluation,
    RunRequest,
    Verdict,
)
from tradewind.stores.events import APPROVAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk import DAG
    from sqlalchemy.orm import Session

    from tradewind.stores.stores import Stores

MODEL = "flight_delay"
AS_OF = datetime(2013, 7, 1, 4, tzinfo=UTC)
RITA = {"id": "rita", "name": "Rita R"}
EVALUATION = Evaluation(
    digest="e", uri="evaluations/x.json", scores_uri="evaluations/x.parquet", headline="good"
)
TRAINED = trained_model("r", "models:/m", as_of=AS_OF, key="k1")


def verdict_of(digest: str) -> Verdict:
    return Verdict(passed=True, digest=digest, uri="verdicts/x.json", results=[PASSES])


class Supervisor:
    """The pipe to the supervisor of a task or a trigger, which asks the execution API."""

    def __init__(self) -> None:
        from airflow.jobs.triggerer_job_runner import in_process_api_server
        from airflow.sdk.api.client import Client

        transport = in_process_api_server().transport
        self.api = Client(base_url=None, token="", dry_run=True, transport=transport)
        self.api.base_url = "http://in-process.invalid./"

    def send(self, msg: Any) -> Any:
        from airflow.sdk.api.client import ServerResponseError
        from airflow.sdk.execution_time.comms import CreateHITLDetailPayload, ErrorResponse

        try:
            if isinstance(msg, CreateHITLDetailPayload):
                return self.api.hitl.add_response(**msg.model_dump(exclude={"type"}))
            return self.api.hitl.get_detail_response(ti_id=msg.ti_id)
        except ServerResponseError as error:
            detail = {"status_code": error.response.status_code}
            told = ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail)
            raise AirflowRuntimeError(told) from error


@dataclass
class Instance:
    """As much of Airflow's as the operator reads."""

    id: UUID
    dag_id: str
    run_id: str
    said: dict[str, Any]

    def xcom_pull(self, *, task_ids: str) -> Any:
        return self.said.get(task_ids)


@dataclass
class AskingTask:
    """The task `approve` of one run, as our operator and as Airflow's database has it.

    Attributes:
        definition: The digest of the frozen definition.
        verdict: What people are asked about.
    """

    stores: Stores
    dag: DAG
    run_id: str
    definition: str
    supervisor: Supervisor
    verdict: Verdict = field(default_factory=lambda: verdict_of("first"))

    @property
    def operator(self) -> Any:
        return self.dag.get_task("approve")

    @property
    def admission(self) -> Admission:
        run_id = f"train/{self.run_id}"
        request = RunRequest(model=MODEL, run_id=run_id, as_of=AS_OF, actor="ann", reason="a try")
        return Admission(request=request, definition_digest=self.definition, fencing_token=None)

    @property
    def context(self) -> Any:
        """Of the attempt that Airflow has now."""
        records = {
            "admit": self.admission,
            "train": TRAINED,
            "evaluate": EVALUATION,
            "gate": self.verdict,
        }
        said = {task: record.model_dump(mode="json") for task, record in records.items()}
        now = self.in_airflow(lambda found, _: found.id)
        instance = Instance(now, self.dag.dag_id, self.run_id, said)
        return {"ti": instance, "task_instance": instance, "dag": self.dag}

    def in_airflow(self, do: Callable[[TaskInstance, Session], Any]) -> Any:
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session

        with create_session() as session:
            own = {"dag_id": self.dag.dag_id, "run_id": self.run_id, "task_id": "approve"}
            return do(session.query(TaskInstance).filter_by(**own).one(), session)

    @property
    def state(self) -> str:
        return str(self.in_airflow(lambda found, _: found.state))

    def is_now(self, state: str) -> None:
        self.in_airflow(lambda found, _: setattr(found, "state", state))

    @property
    def answered_by(self) -> Any:
        """Who answered the question that Airflow shows."""
        from airflow.models.hitl import HITLDetail

        return self.in_airflow(lambda found, db: db.get(HITLDetail, found.id).responded_by)

    # ------------------------------------------------------------------------ what befalls it

    def begin(self, bag: DagBag) -> None:
        """The run, as Airflow creates it."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import sync_bag_to_db
        from airflow.models.dagbag import DBDagBag
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, "dags-folder", None)
        with create_session() as session:
            dag = DBDagBag().get_latest_version_of_dag(self.dag.dag_id, session=session)
            assert dag is not None
            dag.create_dagrun(
                run_id=self.run_id,
                run_after=AS_OF,
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING,
                session=session,
            )

    def ask(self) -> None:
        """An attempt asks, and waits."""
        self.is_now("running")
        with pytest.raises(TaskAwaitingInput) as waits:
            self.operator.execute(self.context)
        self.wait(waits.value)

    def wait(self, how: TaskAwaitingInput) -> None:
        """What becomes of an attempt that waits."""
        from airflow.sdk.execution_time.comms import AwaitInputTask

        waits = AwaitInputTask(timeout=how.timeout, next_method=how.method_name, next_kwargs={})
        now = self.in_airflow(lambda found, _: found.id)
        self.supervisor.api.task_instances.await_input(now, waits)

    def answer(self, option: str, by: dict[str, str] | None = RITA) -> None:
        """What Airflow does when somebody presses a button, or when nobody did in time."""
        from airflow.models.hitl import HITLDetail
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent

        def press(found: TaskInstance, session: Session) -> None:
            asked = session.get(HITLDetail, found.id)
            assert asked is not None
            assert asked.responded_at is None
            asked.chosen_options, asked.params_input = [option], {"note": "it holds"}
            asked.responded_by, asked.responded_at = by, datetime.now(tz=UTC)
            if found.state in ("awaiting_input", "deferred"):
                event = TriggerEvent(asked.as_resume_event_payload(timedout=by is None))
                handle_event_submit(event, task_instance=found, session=session)

        self.in_airflow(press)

    def lose(self) -> None:
        """The scheduler hears that the process that asked has ended, and takes it for the last."""
        from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
        from airflow.executors.local_executor import LocalExecutor
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
        from airflow.models.dagbag import DBDagBag

        def hear(found: TaskInstance, session: Session) -> None:
            executor = LocalExecutor(parallelism=1)
            executor.callback_sink = DatabaseCallbackSink()
            executor.success(found.key)
            SchedulerJobRunner.process_executor_events(
                executor, job_id=None, scheduler_dag_bag=DBDagBag(), session=session
            )

        self.in_airflow(hear)
        assert self.state == "up_for_retry"

    def look(self) -> dict[str, Any]:
        """The next attempt looks before it asks; says what it finds."""
        self.is_now("running")
        with pytest.raises(TaskDeferred) as looks:
            self.operator.execute(self.context)
        assert looks.value.method_name == "take_up"
        trigger = looks.value.trigger
        assert isinstance(trigger, EarlierAnswer)
        trigger.after = 0.0

        async def told() -> Any:
            return (await anext(aiter(trigger.run()))).payload

        return asyncio.run(told())

    def take_up(self, found: dict[str, Any]) -> Approval:
        """It goes on with that, to an answer."""
        return Approval.model_validate(self.operator.take_up(self.context, found))

    # ---------------------------------------------------------------------- what the ledger has

    def keep(self, said: Approval) -> None:
        """What the task after it does first."""
        take(self.admission, self.verdict, said, stores=self.stores)

    def open_question(self) -> None:
        """As the task does before it asks Airflow."""
        ledger = self.stores.ledger
        frozen = ledger.definition(MODEL, self.definition)
        standing = standing_of(self.admission, frozen, self.verdict, ledger=ledger)
        open_question(self.admission, frozen, self.verdict, standing, ledger=ledger, via="airflow")

    def told(self) -> list[tuple[str, str]]:
        found = self.stores.ledger.events(model=MODEL, kind=APPROVAL_KINDS)
        return [(event.kind, event.actor) for event in found]
