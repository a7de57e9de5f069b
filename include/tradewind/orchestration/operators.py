"""One operator a kind of task: they carry records between XCom and the pipeline, and do no work."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tradewind.errors import RegistryError, TradewindError, UnavailableError
from tradewind.orchestration.links import MlflowLink, ReportLink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

    from tradewind.records import Record, RunRequest
    from tradewind.stores.stores import Stores

ADMIT = "admit"
# What may be better in a minute. Everything else that we raise would only fail again.
WORTH_A_RETRY = (UnavailableError, RegistryError)


class AdmitOperator(BaseOperator):
    """Lets the run in, or ends it green and says why not."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def execute(self, context: Context) -> dict[str, Any]:
        """Admit the run that the form, the schedule or the caller describes.

        Raises:
            AirflowSkipException: The run was not admitted; the rest of it is skipped.
        """
        from tradewind.pipeline import admit
        from tradewind.records import Refusal

        with plain_errors():
            stores = open_stores()
            decision = admit(request_of(self.model, context, stores=stores), stores=stores)
        if isinstance(decision, Refusal):
            raise AirflowSkipException(f"not admitted: {decision.reason}")
        return decision.model_dump(mode="json")


class StageOperator(BaseOperator):
    """Runs the stage of the pipeline that it is named after.

    What the stage is given is what the tasks of its earlier stages returned.
    """

    operator_extra_links = (ReportLink(), MlflowLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage; what it returns is small and goes to the later ones by XCom."""
        from tradewind.pipeline import TRAIN, record_from, run_stage
        from tradewind.records import Admission

        stage = TRAIN[self.task_id]
        inputs = [
            record_from(TRAIN[earlier].result, returned(earlier, context))
            for earlier in stage.inputs
        ]
        with plain_errors():
            admission = record_from(Admission, returned(ADMIT, context))
            result = run_stage(self.task_id, admission, *inputs, stores=open_stores())
        self.last_records: list[Record] = [result, *inputs]
        return result.model_dump(mode="json")


class ReleaseOperator(BaseOperator):
    """Gives the model's lease back, whatever became of the run."""

    def execute(self, context: Context) -> None:
        """Release what `admit` took; a run that was not admitted took nothing."""
        from tradewind.pipeline import record_from, release
        from tradewind.records import Admission

        admission = returned(ADMIT, context)
        if admission:
            with plain_errors():
                release(record_from(Admission, admission), stores=open_stores())


def returned(task_id: str, context: Context) -> Any:
    """What another task of this run returned; None where it did not run."""
    return context["ti"].xcom_pull(task_ids=task_id)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Fail at once, with our own sentence, where trying again would not help."""
    try:
        yield
    except WORTH_A_RETRY:
        raise
    except TradewindError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def open_stores() -> Stores:
    """The platform's stores, with Airflow's own store of connections behind the environment."""
    from tradewind.stores.connections import register_lookup
    from tradewind.stores.stores import Stores

    # Great Expectations and skops greet a process that has Airflow loaded with a thousand lines.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"skops\.io\._utils")
    register_lookup(airflow_connection)
    return Stores.open()


def airflow_connection(conn_id: str) -> str | None:
    """A connection of Airflow's store as a URI; None where it has none of that name."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(Connection.get(conn_id).get_uri())
    except AirflowNotFoundException:
        return None


def request_of(model: str, context: Context, *, stores: Stores) -> RunRequest:
    """What this DAG run asks for: the form's answers, or the schedule's."""
    from tradewind.as_of import as_of_for
    from tradewind.records import RunRequest

    dag_run, answers = context["dag_run"], context["params"]
    how = dag_run.run_type.value
    return RunRequest(
        model=model,
        run_id=dag_run.run_id,
        as_of=as_of_for(model, answers.get("as_of"), dag_run.run_after, stores=stores),
        actor=dag_run.triggering_user_name or how,
        reason="on schedule" if how == "scheduled" else answers["reason"],
        window_days=answers.get("window_days"),
        candidate=answers.get("candidate"),
    )
