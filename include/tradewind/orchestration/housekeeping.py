"""The tasks of `tradewind.housekeeping`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from tradewind.orchestration.links import ReportLink
from tradewind.orchestration.plumbing import end_failure_of, open_stores, plain_errors
from tradewind.orchestration.run_requests import housekeeping_of

if TYPE_CHECKING:
    from airflow.sdk import Context


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
