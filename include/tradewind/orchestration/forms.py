"""The forms by which a person starts a run in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from airflow.sdk import Param

from tradewind.erasure import TOKEN
from tradewind.nights import ReleaseAction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.definition.schema import ModelDefinition

_LAUNCH = "Launched by a decision"
_EXACT = "Exact moment"
_SEGMENT = "Segment"
_LEFT_OUT = "Data to leave out, or to take back in"


def train_form(model: ModelDefinition) -> dict[str, Param]:
    """What a training may be asked for."""
    return {
        **_moment(model),
        "window_days": _optional(
            "integer",
            "Training window in days",
            "Instead of the window that the definition names.",
            minimum=model.train.judge_days + model.train.select_days + 7,
        ),
        "candidate": _one_of(
            model.candidates,
            "Candidate",
            "Train this one only. Empty: all that the definition names.",
        ),
        "wider": _switch(
            "Wider search",
            "Search as `retrain.wider` declares, where the usual search did not help.",
        ),
        "override": _optional(
            "string",
            "Why the cool-down does not hold this time",
            "Within the cool-down of a training that a decision launched, one by hand needs a "
            "reason of its own. Two at once are never let in.",
            minLength=1,
        ),
        "reason": _reason_of_run(),
        "launched_by": _optional(
            "string",
            "Run of the monitor",
            "Filled in by the monitor that launches a training.",
            section=_LAUNCH,
        ),
    }


def night_form(model: ModelDefinition) -> dict[str, Param]:
    """Which night is scored or looked at."""
    return {**_moment(model), "reason": _reason_of_run()}


def release_form(model: ModelDefinition) -> dict[str, Param]:
    """What a person may change of who decides."""
    return {
        "action": Param(
            "hold",
            type="string",
            enum=list(get_args(ReleaseAction)),
            title="What to do",
            description="`fall_back` switches the model off, `resume` on again; `resume` with a "
            "segment or a breach ends that one's rule. `exclude` leaves data out of every later "
            "manifest, and `readmit` takes them back in. All act from the next night that is "
            "scored.",
        ),
        "reason": _reason("Kept in the ledger; name nobody without need."),
        "version": _optional(
            "integer",
            "Version",
            "To promote, to roll back to, or to start as an arm. Empty for a rollback: the version "
            "that was really live before.",
            minimum=1,
        ),
        "until": _day(
            "Until",
            "The end of a hold, of a segment's rule, or of an accepted breach (empty: it is the "
            "contract until a newer champion judges by its own rows).",
        ),
        "share": _optional(
            "number",
            "Share of a canary",
            f"Of the entities. Empty: {model.promotion.share}, as declared.",
            exclusiveMinimum=0,
            exclusiveMaximum=1,
        ),
        "feature": _one_of(
            model.features.types,
            "Segment: feature",
            "Whose value makes the segment.",
            section=_SEGMENT,
        ),
        "value": _optional("string", "Segment: value", section=_SEGMENT),
        "served_by": _optional(
            "string",
            "Segment: served by",
            "`fallback`, or the number of an older version.",
            section=_SEGMENT,
        ),
        "breach": _optional(
            "string",
            "Breach of the contract",
            "As the last look names it, such as `unit_change:temp`: `accept_contract` makes it "
            "the contract, `resume` makes it a breach again.",
            section="Contract",
        ),
        **_left_out(model),
        "as_of": _day(
            "As-of date",
            "From which day on it holds. Empty: from the next night on.",
            section=_EXACT,
        ),
    }


def forget_form() -> dict[str, Param]:
    """Who is to be forgotten, by a reference: whatever a form takes, Airflow keeps."""
    return {
        "reference": Param(
            None,
            type="string",
            pattern=TOKEN,
            title="Reference",
            description="As `tradewind subject` printed it: 32 hexadecimal digits, and never the "
            "key itself, which Airflow would keep.",
        ),
        "reason": _reason("Kept in the ledger: name nobody."),
    }


def housekeeping_form() -> dict[str, Param]:
    """From which moment on house is kept."""
    return {
        "as_of": _optional(
            "string",
            "As of",
            "A date or moment from which every model's ages count. Left out, it is each model's "
            "own today, which is now where none is declared.",
        ),
        "dry_run": _switch("Dry run", "Only say what would go, and why what is old stays."),
    }


def _left_out(model: ModelDefinition) -> dict[str, Param]:
    return {
        "source": _one_of(
            model.sources,
            "Source",
            "For every model that reads it. Without days or parts all of it.",
            section=_LEFT_OUT,
        ),
        "first_day": _day(
            "First day",
            "A UTC day, as the lake cuts sources. Empty: the source's first.",
            section=_LEFT_OUT,
        ),
        "last_day": _day(
            "Last day",
            "A UTC day, which is left out too. Empty: without an end.",
            section=_LEFT_OUT,
        ),
        "parts": _optional(
            "array",
            "Parts",
            "In the place of days: digests of parts, or their addresses in the lake, one a line. "
            "A day that is observed anew is another part.",
            section=_LEFT_OUT,
        ),
        "exclusion": _optional(
            "integer",
            "Event to take back",
            "`readmit`: the number of the event that left the data out; or name the same source "
            "and days.",
            minimum=1,
            section=_LEFT_OUT,
        ),
    }


def _moment(model: ModelDefinition) -> dict[str, Param]:
    today = model.schedule.today
    return {
        "as_of": _day(
            "As-of date",
            f"The run stands at this day's first moment in {model.timezone} and sees nothing that "
            "became known later. Empty: the last midnight.",
            default=today.isoformat() if today else None,
        ),
        "moment": _optional(
            "string",
            "As-of moment",
            "In place of a date, where a night is not a day.",
            format="date-time",
            section=_EXACT,
        ),
    }


def _reason_of_run() -> Param:
    return _reason(
        "Kept in the ledger beside what became of the run.", default="by hand", section="Audit"
    )


def _reason(description: str, *, default: str | None = None, **rules: Any) -> Param:
    return Param(default, description, type="string", minLength=1, title="Reason", **rules)


def _optional(
    kind: str,
    title: str,
    description: str | None = None,
    *,
    default: str | None = None,
    **rules: Any,
) -> Param:
    """A question that may be left without an answer; type and rules are words of JSON Schema."""
    return Param(default, description, type=["null", kind], title=title, **rules)


def _day(title: str, description: str, **rules: Any) -> Param:
    return _optional("string", title, description, format="date", **rules)


def _one_of(names: Iterable[str], title: str, description: str, **rules: Any) -> Param:
    return _optional("string", title, description, enum=[None, *names], **rules)


def _switch(title: str, description: str) -> Param:
    return Param(default=False, description=description, type="boolean", title=title)
