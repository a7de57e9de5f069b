"""The empty DAGs of a model, to be filled with tasks: what each takes from its definition.

When it runs, how hard it tries, with which form, and what its page in the UI says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from tradewind.definition.moments import midnight
from tradewind.orchestration.failures import FailureNotifier, tell_of_late_night
from tradewind.orchestration.forms import night_form, release_form, train_form
from tradewind.policy.permitting import in_short

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Param

    from tradewind.definition.schema import ModelDefinition

# Candidates of one model that may wait for an answer at the same moment.
_MOST_WAITING = 16
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
| gates switched off | {waivers} |
| approved by | {approval} |
| may | {may} |

{does}

Described in `config/models/{name}/model.yaml`.
"""
_DOES = {
    "train": """\
Trains a candidate on everything known at the as-of moment, judges it beside the champion and the
naive rule on rows that none of them was trained on, and promotes it if no gate blocks it.
A candidate that a gate blocks ends the run green, with a verdict; only an error is red.""",
    "score": """\
Scores the night that ends at the as-of moment: every entity gets exactly one decision, by the
champion where it may decide and by the naive rule where it may not, and the prediction log says
which and why. A night that was served is final. It waits for no training.""",
    "monitor": """\
Looks at the night: whether the data keep their contract, which columns drift, how the champion does
on predictions whose truth is known by now. Then it decides, once, with its reasons: nothing, a
training, a rollback, or a human. Broken data never launch a training.""",
    "release": """\
Changes who decides, by hand: promote, roll back, hold, start or stop a canary, fall back (switch
the model off), resume, retire. Each needs a reason, and acts from the next night on. To leave bad
data out of every later manifest belongs here too: it rolls back to a version that was trained
without them, and trains.""",
}


def train_dag(model: ModelDefinition) -> DAG:
    """The DAG `<model>.train`."""
    return _dag(model, "train", cron=model.schedule.train, form=train_form(model))


def score_dag(model: ModelDefinition) -> DAG:
    """The DAG `<model>.score`."""
    return _dag(model, "score", cron=model.schedule.score, form=night_form(model))


def monitor_dag(model: ModelDefinition) -> DAG:
    """The DAG `<model>.monitor`, which each scored night starts."""
    return _dag(model, "monitor", cron=None, form=night_form(model))


def release_dag(model: ModelDefinition) -> DAG:
    """The DAG `<model>.release`, by hand."""
    return _dag(model, "release", cron=None, form=release_form(model))


def _dag(model: ModelDefinition, pipeline: str, *, cron: str | None, form: dict[str, Param]) -> DAG:
    return DAG(
        dag_id=f"{model.name}.{pipeline}",
        schedule=CronTriggerTimetable(cron, timezone=model.timezone) if cron else None,
        # A night that was missed is a night still: they are caught up, oldest first.
        catchup=pipeline == "score",
        start_date=_first_tick(model) if pipeline == "score" else None,
        max_active_runs=_runs_at_once(model, pipeline),
        params=form,
        deadline=_deadline(model) if pipeline == "score" else None,
        default_args=_task_defaults(model, pipeline),
        doc_md=_page(model, pipeline),
        tags=["tradewind", pipeline, f"owner:{model.owner}"[:_LONGEST_TAG]],
    )


def _runs_at_once(model: ModelDefinition, pipeline: str) -> int:
    """One; but a run that waits for people holds up no other: the lease keeps them in turn."""
    return _MOST_WAITING if pipeline == "train" and model.approvals_needed else 1


def _first_tick(model: ModelDefinition) -> datetime | None:
    first = model.schedule.first_night
    return midnight(first, model) if first else None


def _deadline(model: ModelDefinition) -> DeadlineAlert:
    within = model.score.deadline
    return DeadlineAlert(
        name=f"{model.name} scored"[:_LONGEST_TAG],
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within,
        callback=SyncCallback(
            tell_of_late_night, kwargs={"model": model.name, "within": in_words(within)}
        ),
    )


def _task_defaults(model: ModelDefinition, pipeline: str) -> dict[str, Any]:
    schedule = model.schedule
    return {
        "owner": model.owner,
        "retries": schedule.retries,
        "retry_delay": schedule.retry_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        "execution_timeout": schedule.task_timeout,
        "on_failure_callback": FailureNotifier(model=model.name),
        **(_own_place(model) if pipeline == "train" else {}),
    }


def _own_place(model: ModelDefinition) -> dict[str, Any]:
    """Where a training waits for its turn; a night waits for no training."""
    resources = model.resources
    return {"pool": resources.pool, **({"queue": resources.queue} if resources.queue else {})}


def in_words(length: timedelta) -> str:
    """A length of time as people write it, such as `1 day 2 hours`."""
    left, words = int(length.total_seconds()), []
    for unit, seconds in _UNITS.items():
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words) or "no time"


def _approval(model: ModelDefinition) -> str:
    needed, promotion = model.approvals_needed, model.promotion
    if not needed:
        return "its gates alone"
    people = f"{needed} of {', '.join(promotion.reviewers)}"
    return f"{people}, within {in_words(promotion.approve_within)} (risk tier: {model.risk_tier})"


def _waivers(model: ModelDefinition) -> str:
    said = (f"{one.gate} (by {one.by} until {one.until})" for one in model.gates.waivers)
    return ", ".join(said) or "none"


def _page(model: ModelDefinition, pipeline: str) -> str:
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
        waivers=_waivers(model),
        approval=_approval(model),
        may=in_short(model.permissions, model.risk_tier),
        does=_DOES[pipeline],
    )
