"""One operator a kind of task: they carry records between XCom and the pipelines, nothing more.

Those that start other runs are in `launching`.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from tradewind.errors import LeaseLostError
from tradewind.orchestration.links import LaunchedByLink, ReportLink, links_of
from tradewind.orchestration.plumbing import (
    ADMIT,
    REJUDGE,
    close_mended_files,
    counting,
    end_failure_of,
    is_last_try,
    open_stores,
    pipeline_of,
    plain_errors,
    returned,
)
from tradewind.orchestration.run_requests import erasure_of, order_of, request_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from tradewind.records import Record


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


class ForgetOperator(BaseOperator):
    """Erases whoever the form's reference stands for, and proves it."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Erase; what cannot be done as it is asked for fails at once and says why."""
        from tradewind.pipeline import forget_subject

        end_failure_of(context)
        order = erasure_of(context)
        with plain_errors():
            return forget_subject(order, stores=open_stores()).model_dump(mode="json")
