"""What the DAG of a model's training takes from its definition: when, how hard, with which form."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, Param

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition

_UNITS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}
# Airflow refuses a DAG with a longer one, and with it every DAG of the file.
_LONGEST_TAG = 100
_MARKDOWN = """\
# {name}

**{decision}**

| | |
|---|---|
| owner | {owner} |
| serves | {for_whom} |
| decisions | {how_many} |
| it works when | {success} |
| predicts | `{label}` of `{relation}`, {when} `{event_time}` |
| decided by | {metric} |

Trains a candidate on everything known at the as-of moment, judges it beside the champion and the
naive rule on rows that none of them was trained on, and promotes it if every gate lets it through.
A candidate that a gate blocks ends the run green, with a verdict; only an error is red.

Described in `config/models/{name}/model.yaml`.
"""


def train_dag(model: ModelDefinition) -> DAG:
    """The empty DAG `<model>.train`, to be filled with tasks."""
    return DAG(
        dag_id=f"{model.name}.train",
        schedule=_schedule(model),
        catchup=False,
        max_active_runs=1,
        params=_form(model),
        default_args=_task_defaults(model),
        doc_md=_page(model),
        tags=["tradewind", "train", f"owner:{model.owner}"[:_LONGEST_TAG]],
    )


def _schedule(model: ModelDefinition) -> CronTriggerTimetable | None:
    cron = model.schedule.train
    return CronTriggerTimetable(cron, timezone=model.timezone) if cron else None


def _task_defaults(model: ModelDefinition) -> dict[str, Any]:
    schedule, resources = model.schedule, model.resources
    return {
        "owner": model.owner,
        "retries": schedule.retries,
        "retry_delay": schedule.retry_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        "execution_timeout": schedule.task_timeout,
        "pool": resources.pool,
        **({"queue": resources.queue} if resources.queue else {}),
    }


def _form(model: ModelDefinition) -> dict[str, Param]:
    shortest = model.train.judge_days + model.train.select_days + 7
    today = model.schedule.today
    return {
        "as_of": Param(
            today.isoformat() if today else None,
            type=["null", "string"],
            format="date",
            title="As-of date",
            description=f"The run stands at this day's first moment in {model.timezone} and sees "
            "nothing that became known later. Empty: the last midnight.",
        ),
        "window_days": Param(
            None,
            type=["null", "integer"],
            minimum=shortest,
            title="Training window in days",
            description="Instead of the window that the definition names.",
        ),
        "candidate": Param(
            None,
            type=["null", "string"],
            enum=[None, *model.candidates],
            title="Candidate",
            description="Train this one only. Empty: all that the definition names.",
        ),
        "reason": Param(
            "by hand",
            type="string",
            minLength=1,
            title="Reason",
            description="Kept in the ledger beside what became of the run.",
            section="Audit",
        ),
    }


def in_words(length: timedelta) -> str:
    """A length of time as people write it, such as `1 day 2 hours`."""
    left, words = int(length.total_seconds()), []
    for unit, seconds in _UNITS.items():
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words) or "no time"


def _page(model: ModelDefinition) -> str:
    purpose = model.purpose
    return _MARKDOWN.format(
        name=model.name,
        decision=purpose.decision,
        owner=model.owner,
        for_whom=purpose.for_whom or "not said",
        how_many=purpose.how_many or "not said",
        success=purpose.success or "not said",
        label=model.label.expression,
        relation=model.label.relation,
        when=f"{in_words(model.horizon)} before" if model.horizon else "at",
        event_time=model.event_time,
        metric=model.deciding_metric,
    )
