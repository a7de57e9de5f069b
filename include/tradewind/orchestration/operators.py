"""One operator a kind of task: they carry records between XCom and the pipeline, and do no work."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tradewind.errors import RegistryError, SourceUnavailableError, TradewindError
from tradewind.orchestration.links import MlflowLink, ReportLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from tradewind.records import Record, RunRequest
    from tradewind.stores.stores import Stores

# What may be better in a minute. Everything else that we raise would only fail again.
WORTH_A_RETRY = (SourceUnavailableError, RegistryError)


class AdmitOperator(BaseOperator):
    """Lets the run in, or ends it green and says why not."""

    template_fields: Sequence[str] = ()

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
    """Runs one stage of an admitted run.

    Args:
        stage: Its name in the pipeline.
        admission: What `admit` returned.
        inputs: What the earlier stages returned that this one is given, in order.
    """

    template_fields: Sequence[str] = ("admission", "inputs")
    operator_extra_links = (ReportLink(), MlflowLink())

    def __init__(self, *, stage: str, admission: Any, inputs: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.admission = admission
        self.inputs = list(inputs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage; what it returns is small and goes to the next by XCom."""
        from tradewind.pipeline import TRAIN, record_from, run_stage
        from tradewind.records import Admission

        kinds = [TRAIN[earlier].result for earlier in TRAIN[self.stage].inputs]
        records = [record_from(kind, value) for kind, value in zip(kinds, self.inputs, strict=True)]
        with plain_errors():
            admission = record_from(Admission, self.admission)
            result = run_stage(self.stage, admission, *records, stores=open_stores())
        self.last_records: list[Record] = [result, *records]
        return result.model_dump(mode="json")


class ReleaseOperator(BaseOperator):
    """Gives the model's lease back, whatever became of the run."""

    template_fields: Sequence[str] = ("admission",)

    def __init__(self, *, admission: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.admission = admission

    def execute(self, context: Context) -> None:
        """Release what `admit` took; a run that was not admitted took nothing."""
        from tradewind.pipeline import record_from, release
        from tradewind.records import Admission

        if self.admission:
            with plain_errors():
                release(record_from(Admission, self.admission), stores=open_stores())


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
    from tradewind.records import RunRequest
    from tradewind.requests import as_of_for

    dag_run, answers = context["dag_run"], context["params"]
    scheduled = str(dag_run.run_type) == "scheduled"
    return RunRequest(
        model=model,
        run_id=dag_run.run_id,
        as_of=as_of_for(model, answers.get("as_of"), dag_run.run_after, stores=stores),
        actor=dag_run.triggering_user_name or str(dag_run.run_type),
        reason="on schedule" if scheduled else answers["reason"],
        window_days=answers.get("window_days"),
        candidate=answers.get("candidate"),
    )
