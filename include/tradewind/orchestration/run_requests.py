"""What a DAG run asks for: its form's answers, the schedule's or a decision's, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.orchestration.identities import identity_of
from tradewind.orchestration.plumbing import pipeline_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from tradewind.erasure import ErasureOrder
    from tradewind.housekeeping_records import HouseRequest
    from tradewind.nights import ReleaseOrder
    from tradewind.records import Pipeline, RunRequest
    from tradewind.stores.stores import Stores

# Who starts a run, by Airflow's word for it; everything else is by hand.
_TRIGGERS: dict[str, Any] = {"scheduled": "schedule", "operator_triggered": "decision"}


def request_of(model: str, context: Context, *, stores: Stores) -> RunRequest:
    """What this DAG run asks for: the form's answers, the schedule's, or a decision's."""
    from tradewind.records import RunRequest

    dag_run, answers = context["dag_run"], context["params"]
    how, pipeline = dag_run.run_type.value, pipeline_of(context["dag"].dag_id)
    return RunRequest(
        model=model,
        run_id=f"{pipeline}/{dag_run.run_id}",
        as_of=_moment_of(model, context, pipeline=pipeline, stores=stores),
        actor=_actor_of(dag_run),
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
            "actor": _actor_of(dag_run),
            "by": identity_of(dag_run),
            "run_id": f"release/{dag_run.run_id}",
        }
    )


def erasure_of(context: Context) -> ErasureOrder:
    """Who is to be forgotten, by the reference of the form."""
    from tradewind.erasure import ErasureOrder

    dag_run, answers = context["dag_run"], context["params"]
    return ErasureOrder(
        reference=answers["reference"],
        reason=answers["reason"],
        actor=_actor_of(dag_run),
        by=identity_of(dag_run),
        run_id=f"forget/{dag_run.run_id}",
    )


def housekeeping_of(context: Context) -> HouseRequest:
    """From which moment on house is kept, and whether it is only said what would go."""
    from tradewind.housekeeping_records import HouseRequest

    dag_run, answers = context["dag_run"], context["params"]
    return HouseRequest(
        run_id=f"housekeeping/{dag_run.run_id}",
        actor=_actor_of(dag_run),
        as_of=answers["as_of"],
        dry_run=answers["dry_run"],
    )


def _actor_of(dag_run: Any) -> str:
    """Who asked: the user who is logged in, or else what started the run."""
    return str(dag_run.triggering_user_name or dag_run.run_type.value)


def _moment_of(model: str, context: Context, *, pipeline: Pipeline, stores: Stores) -> datetime:
    """The as-of moment: a moment if one is named, a date's midnight, or the last night."""
    from tradewind.as_of import as_of_for

    answers = context["params"]
    asked = answers.get("moment") or answers.get("as_of")
    run_after = context["dag_run"].run_after
    return as_of_for(model, asked, run_after, pipeline=pipeline, stores=stores)
