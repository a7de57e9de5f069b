"""One operator a kind of task: they carry records between XCom and the pipelines, nothing more."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tradewind.errors import (
    AlertError,
    LeaseLostError,
    RegistryError,
    TradewindError,
    UnavailableError,
)
from tradewind.orchestration.identities import identity_of
from tradewind.orchestration.links import LaunchedByLink, ReportLink, links_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.sdk import Context

    from tradewind.nights import ReleaseOrder
    from tradewind.records import Pipeline, Record, RunRequest
    from tradewind.stores.stores import Stores

ADMIT = "admit"
REJUDGE = "rejudge"
_LONGEST_NOTE = 1000
# What a rejudged run has in the place of what these returned first.
_REJUDGED = {ADMIT: "admission", "evaluate": "evaluation", "gate": "verdict"}
# Who starts a run, by Airflow's word for it; everything else is by hand.
_TRIGGERS: dict[str, Any] = {"scheduled": "schedule", "operator_triggered": "decision"}
# What may be better in a minute. Everything else that we raise would only fail again.
WORTH_A_RETRY = (UnavailableError, RegistryError, AlertError)


class AdmitOperator(BaseOperator):
    """Lets the run in, or ends it green and says why not."""

    operator_extra_links = (LaunchedByLink(),)

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

        self.launched_by = context["params"].get("launched_by")
        close_mended_files(context)
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

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operator_extra_links = links_of(self.task_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage; what it returns is small and goes to the later ones by XCom."""
        from tradewind.pipeline import PIPELINES, run_stage

        stages = PIPELINES[pipeline_of(self.dag_id)]
        with plain_errors():
            inputs = [counting(earlier, context) for earlier in stages[self.task_id].inputs]
            admission = counting(ADMIT, context)
            result = run_stage(
                self.task_id,
                admission,
                *inputs,
                stores=open_stores(),
                last_try=is_last_try(context),
            )
        self.last_records: list[Record] = [result, *inputs]
        return result.model_dump(mode="json")


class AlertOperator(StageOperator):
    """Brings the incidents to where the night leaves them, and tells of what is new."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Tell in every way that the definition declares, and note what was told.

        Raises:
            AlertError: A way failed. What is not noted as told is told again.
        """
        from tradewind.nights import Alerted
        from tradewind.orchestration.notifiers import tell, tell_head
        from tradewind.pipeline import frozen_definition, record_from
        from tradewind.records import Admission
        from tradewind.stores.chain_heads import to_tell

        result = super().execute(context)
        stores, found = open_stores(), Alerted.model_validate(result)
        admission = record_from(Admission, returned(ADMIT, context))
        alerts = frozen_definition(admission, stores=stores).model.alerts
        tell(alerts, found.news, context)
        for incident in found.news:
            stores.ledger.incidents.told(incident)
        if found.head and to_tell(model=admission.model, ledger=stores.ledger):
            tell_head(alerts, found.head, context, model=admission.model)
            stores.ledger.chain.note_told(found.head, model=admission.model)
        return result


class ReleaseOperator(BaseOperator):
    """Gives the model's lease back, whatever became of the run."""

    def execute(self, context: Context) -> None:
        """Release what `admit` took; a run that was not admitted took nothing."""
        from tradewind.pipeline import release

        if not returned(ADMIT, context):
            return
        # A run that waited for people gave its lease away, and may have failed without it.
        asks = REJUDGE in context["dag"].task_ids
        with plain_errors(), suppress(LeaseLostError) if asks else nullcontext():
            release(counting(ADMIT, context), stores=open_stores())


class MonitorNightOperator(TriggerDagRunOperator):
    """Starts the look at the night that was scored: one run a night, with a link to it."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=f"{model}.monitor",
            logical_date=None,
            skip_when_already_exists=True,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Start `<model>.monitor` for the night that this run scored."""
        night = returned("predict", context)["night"]
        self.trigger_run_id = f"after__{context['dag_run'].run_id}"
        self.conf = {"moment": night, "reason": "the night was scored"}
        end_failure_of(context)
        super().execute(context)


class LaunchTrainingOperator(TriggerDagRunOperator):
    """Starts the training that the night's decision launches; there may be none."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=f"{model}.train",
            logical_date=None,
            skip_when_already_exists=True,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Start `<model>.train` under the name that the decision gave it.

        Raises:
            AirflowSkipException: The decision launches none.
        """
        from tradewind.nights import Decision

        decision = Decision.model_validate(returned("decide", context))
        if not decision.launches:
            raise AirflowSkipException(f"no training: {decision.reason}")
        self.trigger_run_id = decision.run_id
        self.note = decision.reason[:_LONGEST_NOTE]
        self.conf = {
            "moment": decision.as_of.isoformat(),
            "reason": decision.reason,
            "wider": decision.wider,
            "launched_by": context["dag_run"].run_id,
        }
        end_failure_of(context)
        super().execute(context)


class ReleaseOrderOperator(BaseOperator):
    """Carries out what the form orders: who decides, from the next night on."""

    operator_extra_links = (ReportLink(),)

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def execute(self, context: Context) -> dict[str, Any]:
        """Carry the order out; one that makes no sense fails at once and says why."""
        from tradewind.pipeline import release_order

        close_mended_files(context)
        with plain_errors():
            stores = open_stores()
            order = order_of(self.model, context, stores=stores)
            return release_order(order, stores=stores).model_dump(mode="json")


class TrainWithoutOperator(TriggerDagRunOperator):
    """Starts the training without what an order left out; most orders start none."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=f"{model}.train",
            logical_date=None,
            skip_when_already_exists=True,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Start `<model>.train` at the order's moment, once for each order.

        Raises:
            AirflowSkipException: The order asks for none.
        """
        from tradewind.nights import Released

        released = Released.model_validate(returned("release", context))
        why = released.cutting.training if released.cutting else None
        if why is None:
            raise AirflowSkipException(f"no training: {released.sentence}")
        self.trigger_run_id = f"after__{context['dag_run'].run_id}"
        self.note = why[:_LONGEST_NOTE]
        self.conf = {"moment": released.order.as_of.isoformat(), "reason": why}
        end_failure_of(context)
        super().execute(context)


class ForgetOperator(BaseOperator):
    """Erases whoever the form's reference stands for, and proves it."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Erase; what cannot be done as it is asked for fails at once and says why."""
        from tradewind.erasure import ErasureOrder
        from tradewind.pipeline import forget_subject

        dag_run, answers = context["dag_run"], context["params"]
        order = ErasureOrder(
            reference=answers["reference"],
            reason=answers["reason"],
            actor=dag_run.triggering_user_name or dag_run.run_type.value,
            by=identity_of(dag_run),
            run_id=f"forget/{dag_run.run_id}",
        )
        with plain_errors():
            return forget_subject(order, stores=open_stores()).model_dump(mode="json")


class TrainAfterErasureOperator(TriggerDagRunOperator):
    """Starts a model's training without whoever was forgotten; most models need none."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=f"{model}.train",
            logical_date=None,
            skip_when_already_exists=True,
            **kwargs,
        )
        self.model = model

    def execute(self, context: Context) -> None:
        """Start `<model>.train`, once for each erasure.

        Raises:
            AirflowSkipException: No version decided that saw the subject.
        """
        from tradewind.erasure import Erased

        erased = Erased.model_validate(returned("forget", context))
        wanted = next((one for one in erased.retrain if one.model == self.model), None)
        if wanted is None:
            raise AirflowSkipException(f"no training: {self.model} decided by no such version")
        self.trigger_run_id = f"forgotten__{erased.reference}"
        self.note = wanted.reason
        self.conf = {"moment": wanted.moment.isoformat(), "reason": wanted.reason}
        super().execute(context)


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
    """What this DAG run asks for: the form's answers, the schedule's, or a decision's."""
    from tradewind.records import RunRequest

    dag_run, answers = context["dag_run"], context["params"]
    how, pipeline = dag_run.run_type.value, pipeline_of(context["dag"].dag_id)
    return RunRequest(
        model=model,
        run_id=f"{pipeline}/{dag_run.run_id}",
        as_of=moment_of(model, context, pipeline=pipeline, stores=stores),
        actor=dag_run.triggering_user_name or how,
        by=identity_of(dag_run),
        reason="on schedule" if how == "scheduled" else answers["reason"],
        trigger=_TRIGGERS.get(how, "hand"),
        window_days=answers.get("window_days"),
        candidate=answers.get("candidate"),
        wider=bool(answers.get("wider")),
        override=answers.get("override"),
        pipeline=pipeline,
    )


def order_of(model: str, context: Context, *, stores: Stores) -> ReleaseOrder:
    """What the form of a release orders: from the next night on, where no date is named."""
    from tradewind.as_of import current_definition
    from tradewind.definition.moments import parse_moment
    from tradewind.live import order_moment
    from tradewind.nights import ReleaseOrder

    dag_run, answers = context["dag_run"], dict(context["params"])
    definition = current_definition(model, stores=stores)
    until, as_of = answers.pop("until", None), answers.pop("as_of", None)
    said = {name: answers[name] for name in ReleaseOrder.model_fields if answers.get(name)}
    return ReleaseOrder.model_validate(
        {
            **said,
            "model": model,
            "as_of": parse_moment(as_of, definition)
            if as_of
            else order_moment(stores.ledger, definition),
            "until": until and parse_moment(until, definition),
            "actor": dag_run.triggering_user_name or dag_run.run_type.value,
            "by": identity_of(dag_run),
            "run_id": f"release/{dag_run.run_id}",
        }
    )


def moment_of(model: str, context: Context, *, pipeline: Pipeline, stores: Stores) -> datetime:
    """The as-of moment: a moment if one is named, a date's midnight, or the last night."""
    from tradewind.as_of import as_of_for

    answers = context["params"]
    asked = answers.get("moment") or answers.get("as_of")
    run_after = context["dag_run"].run_after
    return as_of_for(model, asked, run_after, pipeline=pipeline, stores=stores)
