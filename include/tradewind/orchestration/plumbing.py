"""What every task does around its work: the records of XCom, the stores, errors, incidents."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from tradewind.errors import AlertError, RegistryError, TradewindError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

    from tradewind.stores.stores import Stores

ADMIT = "admit"
REJUDGE = "rejudge"
# What a rejudged run has in the place of what these returned first.
_REJUDGED = {ADMIT: "admission", "evaluate": "evaluation", "gate": "verdict"}
# What may be better in a minute. Everything else that we raise would only fail again.
_WORTH_A_RETRY = (UnavailableError, RegistryError, AlertError)


def end_failure_of(context: Context) -> None:
    """Close the incident of this very task's last failure, for tasks that are no stage.

    Just before it does its work: should that fail again, the incident is opened again.
    """
    from tradewind.pipeline import end_failure

    instance = context["ti"]
    model, _, pipeline = instance.dag_id.partition(".")
    with plain_errors():
        end_failure(f"failed:{pipeline}:{instance.task_id}", model, stores=open_stores())


def close_mended_files(context: Context) -> None:
    """Close the model's incidents of DAG files that Airflow reads again: this task's, at least."""
    from tradewind.orchestration.broken_files import close_mended

    model, _, pipeline = context["ti"].dag_id.partition(".")
    with plain_errors():
        close_mended(model, pipeline, stores=open_stores())


def pipeline_of(dag_id: str) -> Any:
    """The pipeline that a DAG runs: the second half of its name."""
    return dag_id.partition(".")[2]


def is_last_try(context: Context) -> bool:
    """Whether Airflow will not try this task again, so that it must do with what there is."""
    instance = context["ti"]
    return bool(instance.try_number > (instance.max_tries or 0))


def returned(task_id: str, context: Context) -> Any:
    """What another task of this run returned; None where it did not run."""
    return context["ti"].xcom_pull(task_ids=task_id)


def recorded(stage: str, context: Context) -> Any:
    """What a stage of this run returned, as the record that it is."""
    from tradewind.pipeline import PIPELINES, record_from
    from tradewind.records import Admission

    stages = PIPELINES[pipeline_of(context["ti"].dag_id)]
    kind = Admission if stage == ADMIT else stages[stage].result
    return record_from(kind, returned(stage, context))


def counting(stage: str, context: Context) -> Any:
    """As `recorded`; where people were asked in between, what counts since they answered."""
    from tradewind.records import Rejudged

    said = returned(REJUDGE, context) if REJUDGE in context["dag"].task_ids else None
    if said is None or stage not in _REJUDGED:
        return recorded(stage, context)
    return getattr(Rejudged.model_validate(said), _REJUDGED[stage])


@contextmanager
def plain_errors() -> Iterator[None]:
    """Fail at once, with our own sentence, where trying again would not help."""
    try:
        yield
    except _WORTH_A_RETRY:
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
