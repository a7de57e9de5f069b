"""The empty DAGs of the platform, to be filled with tasks: of no single model."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronTriggerTimetable

from tradewind.orchestration.failures import FailureNotifier
from tradewind.orchestration.forms import forget_form, housekeeping_form

if TYPE_CHECKING:
    from airflow.sdk import Param

_OWNER = "tradewind"
_WEEKLY = "30 3 * * 0"
_FORGET = """\
# Somebody is forgotten

Erases whoever a reference stands for from every part, feature set, prediction log, quarantine file
and report, from databases, MLflow and logs; proves it; and trains every model anew in which a
version decided that had seen them.

`tradewind subject customer` asks for their key and prints the reference: a key that is put into a
form stays in Airflow. Nobody is erased whom a source still holds, nor while one of the models is
being trained. What was interrupted is finished by the next run. See `docs/forgetting.md`.
"""
_HOUSEKEEPING = """\
# House is kept

Lets go of what is older than the models' `retention` says, and of what killed runs left. What a
version needs that decides, scores beside the champion or could be rolled back to stays whatever its
age, and so does what a training's window reads. An erasure that was interrupted is finished first.

The report says what went, by kind and model, and why what is old stays. One model of which
something cannot be told keeps its own, the others go on, and the task is red at the end. See
`docs/housekeeping.md`.
"""


def forget_dag() -> DAG:
    """The DAG `tradewind.forget`, by hand."""
    return _dag("forget", cron=None, form=forget_form(), page=_FORGET)


def housekeeping_dag() -> DAG:
    """The DAG `tradewind.housekeeping`, weekly."""
    return _dag("housekeeping", cron=_WEEKLY, form=housekeeping_form(), page=_HOUSEKEEPING)


def _dag(name: str, *, cron: str | None, form: dict[str, Param], page: str) -> DAG:
    return DAG(
        dag_id=f"{_OWNER}.{name}",
        schedule=CronTriggerTimetable(cron, timezone="UTC") if cron else None,
        catchup=False,
        max_active_runs=1,
        params=form,
        default_args={
            "owner": _OWNER,
            "retries": 2,
            "retry_delay": timedelta(minutes=10),
            "on_failure_callback": FailureNotifier(model=_OWNER),
        },
        doc_md=page,
        tags=[_OWNER, name],
    )
