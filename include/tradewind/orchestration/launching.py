"""The operators that start other runs: each at most once under one name, with a link to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from tradewind.orchestration.plumbing import end_failure_of, returned

if TYPE_CHECKING:
    from airflow.sdk import Context

    from tradewind.records import Pipeline

_LONGEST_NOTE = 1000


class LaunchOperator(TriggerDagRunOperator):
    """Starts a run of one of a model's DAGs; each kind of it says which run, if any."""

    pipeline: ClassVar[Pipeline] = "train"

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=f"{model}.{self.pipeline}",
            logical_date=None,
            skip_when_already_exists=True,
            **kwargs,
        )
        self.model = model

    def launch(
        self, context: Context, *, run_id: str | None, note: str | None = None, **conf: Any
    ) -> None:
        """Start the run; where there is one of that name, this task is skipped.

        Args:
            context: Airflow's.
            run_id: Its name.
            note: What Airflow shows beside it, cut to what Airflow takes.
            conf: Its form's answers.
        """
        self.trigger_run_id = run_id
        self.note = note and note[:_LONGEST_NOTE]
        self.conf = conf
        end_failure_of(context)
        super().execute(context)


class MonitorNightOperator(LaunchOperator):
    """Starts the look at the night that was scored."""

    pipeline = "monitor"

    def execute(self, context: Context) -> None:
        """Start `<model>.monitor` for the night that this run scored."""
        self.launch(
            context,
            run_id=f"after__{context['dag_run'].run_id}",
            moment=returned("predict", context)["night"],
            reason="the night was scored",
        )


class LaunchTrainingOperator(LaunchOperator):
    """Starts the training that the night's decision launches; there may be none."""

    def execute(self, context: Context) -> None:
        """Start `<model>.train` under the name that the decision gave it.

        Raises:
            AirflowSkipException: The decision launches none.
        """
        from tradewind.nights import Decision

        decision = Decision.model_validate(returned("decide", context))
        if not decision.launches:
            raise AirflowSkipException(f"no training: {decision.reason}")
        self.launch(
            context,
            run_id=decision.run_id,
            note=decision.reason,
            moment=decision.as_of.isoformat(),
            reason=decision.reason,
            wider=decision.wider,
            launched_by=context["dag_run"].run_id,
        )


class TrainWithoutOperator(LaunchOperator):
    """Starts the training without what an order left out; most orders start none."""

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
        self.launch(
            context,
            run_id=f"after__{context['dag_run'].run_id}",
            note=why,
            moment=released.order.as_of.isoformat(),
            reason=why,
        )


class TrainAfterErasureOperator(LaunchOperator):
    """Starts a model's training without whoever was forgotten; most models need none."""

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
        self.launch(
            context,
            run_id=f"forgotten__{erased.reference}",
            note=wanted.reason,
            moment=wanted.moment.isoformat(),
            reason=wanted.reason,
        )
