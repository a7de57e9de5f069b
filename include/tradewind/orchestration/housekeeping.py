"""The DAG `tradewind.housekeeping`, to be filled with its tasks, and the tasks that fill it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from tradewind.orchestration.failures import FailureNotifier
from tradewind.orchestration.forms import housekeeping_form
from tradewind.orchestration.links import ReportLink
from tradewind.orchestration.plumbing import end_failure_of, open_stores, plain_errors
from tradewind.orchestration.run_requests import housekeeping_of

if TYPE_CHECKING:
    from airflow.sdk import Context

DAG_ID = "tradewind.housekeeping"
_WEEKLY = "30 3 * * 0"
_PAGE = """\
# House is kept

Lets go of what is older than the models' `retention` says, and of what killed runs left. What a
version needs that decides, scores beside the champion or could be rolled back to stays whatever its
age, and so does what a training's window reads. An erasure that was interrupted is finished first.

The report says what went, by kind and model, and why what is old stays. One model of which
something cannot be told keeps its own, the others go on, and the task is red at the end. See
`docs/housekeeping.md`.
"""


def housekeeping_dag() -> DAG:
    """The DAG, weekly; of no single model."""
    return DAG(
        dag_id=DAG_ID,
        schedule=CronTriggerTimetable(_WEEKLY, timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        params=housekeeping_form(),
        default_args={
            "owner": "tradewind",
            "retries": 2,
            "retry_delay": timedelta(minutes=10),
            "on_failure_callback": FailureNotifier(model="tradewind"),
        },
        doc_md=_PAGE,
        tags=["tradewind", "housekeeping"],
    )


def finish_erasures() -> BaseOperator:
    """Finish what erasures were interrupted in."""
    return FinishErasuresOperator(task_id="finish_erasures")


def keep_house() -> BaseOperator:
    """Let go of what is too old; where an erasure could not be finished, it says so itself."""
    return KeepHouseOperator(task_id="keep_house", trigger_rule="all_done")


class FinishErasuresOperator(BaseOperator):
    """Finishes every erasure that was begun and is not done."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Go on with each; what stays open fails the task with the reason.

        Raises:
            AirflowFailException: One stays open.
        """
        from tradewind.stages.finish_erasures import finish_interrupted

        end_failure_of(context)
        with plain_errors():
            finished, still_open = finish_interrupted(open_stores())
        if still_open:
            raise AirflowFailException("; ".join(still_open))
        return {"finished": finished}


class KeepHouseOperator(BaseOperator):
    """Keeps house, and is red at the end where something could not be told."""

    operator_extra_links = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Let go of what is too old; what comes back holds counts alone.

        Raises:
            AirflowFailException: Something kept a model's things from being looked at, or from
                going. All else is done.
        """
        from tradewind.reports.housekeeping import house_lines
        from tradewind.stages.keep_house import keep_house as keep

        end_failure_of(context)
        request = housekeeping_of(context)
        with plain_errors():
            kept = keep(request, stores=open_stores())
        for line in house_lines(kept):
            logging.getLogger(__name__).info("%s", line)
        if kept.errors:
            said = "; ".join(f"{whose}: {error}" for whose, error in kept.errors.items())
            raise AirflowFailException(f"all else is done, but {said}")
        return kept.model_dump(mode="json")
