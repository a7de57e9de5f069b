"""The forms by which a person starts a run in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from airflow.sdk import Param

from tradewind.erasure import TOKEN
from tradewind.nights import ReleaseAction

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition

_LAUNCH = "Launched by a decision"


def train_form(model: ModelDefinition) -> dict[str, Param]:
    """What a training may be asked for."""
    shortest = model.train.judge_days + model.train.select_days + 7
    return {
        **_moment(model),
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
        "wider": Param(
            False,  # noqa: FBT003 (Airflow's own first argument)
            type="boolean",
            title="Wider search",
            description="Search as `retrain.wider` declares, where the usual search did not help.",
        ),
        "override": Param(
            None,
            type=["null", "string"],
            minLength=1,
            title="Why the cool-down does not hold this time",
            description="Within the cool-down of a training that a decision launched, one by hand "
            "needs a reason of its own. Two at once are never let in.",
        ),
        "reason": _reason("by hand"),
        "launched_by": Param(
            None,
            type=["null", "string"],
            title="Run of the monitor",
            description="Filled in by the monitor that launches a training.",
            section=_LAUNCH,
        ),
    }


def night_form(model: ModelDefinition) -> dict[str, Param]:
    """Which night is scored or looked at."""
    return {**_moment(model), "reason": _reason("by hand")}


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
        "reason": Param(
            None,
            type="string",
            minLength=1,
            title="Reason",
            description="Kept in the ledger for good.",
        ),
        "version": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Version",
            description="To promote, to roll back to, or to start as an arm. Empty for a rollback: "
            "the version that was really live before.",
        ),
        "until": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Until",
            description="The end of a hold, of a segment's rule, or of an accepted breach (empty: "
            "it is the contract until a newer champion judges by its own rows).",
        ),
        "share": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            exclusiveMaximum=1,
            title="Share of a canary",
            description=f"Of the entities. Empty: {model.promotion.share}, as declared.",
        ),
        "feature": Param(
            None,
            type=["null", "string"],
            enum=[None, *model.features.types],
            title="Segment: feature",
            description="Whose value makes the segment.",
            section="Segment",
        ),
        "value": Param(None, type=["null", "string"], title="Segment: value", section="Segment"),
        "served_by": Param(
            None,
            type=["null", "string"],
            title="Segment: served by",
            description="`fallback`, or the number of an older version.",
            section="Segment",
        ),
        "breach": Param(
            None,
            type=["null", "string"],
            title="Breach of the contract",
            description="As the last look names it, such as `unit_change:temp`: `accept_contract` "
            "makes it the contract, `resume` makes it a breach again.",
            section="Contract",
        ),
        **_left_out(model),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As-of date",
            description="From which day on it holds. Empty: from the next night on.",
            section="Exact moment",
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
        "reason": Param(
            None,
            type="string",
            minLength=1,
            title="Reason",
            description="Kept in the ledger for good: name nobody.",
        ),
    }


def _left_out(model: ModelDefinition) -> dict[str, Param]:
    section = "Data to leave out, or to take back in"
    return {
        "source": Param(
            None,
            type=["null", "string"],
            enum=[None, *model.sources],
            title="Source",
            description="For every model that reads it. Without days or parts all of it.",
            section=section,
        ),
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First day",
            description="A UTC day, as the lake cuts sources. Empty: the source's first.",
            section=section,
        ),
        "last_day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last day",
            description="A UTC day, which is left out too. Empty: without an end.",
            section=section,
        ),
        "parts": Param(
            None,
            type=["null", "array"],
            title="Parts",
            description="In the place of days: digests of parts, or their addresses in the lake, "
            "one a line. A day that is observed anew is another part.",
            section=section,
        ),
        "exclusion": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Event to take back",
            description="`readmit`: the number of the event that left the data out; or name the "
            "same source and days.",
            section=section,
        ),
    }


def _moment(model: ModelDefinition) -> dict[str, Param]:
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
        "moment": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As-of moment",
            description="In place of a date, where a night is not a day.",
            section="Exact moment",
        ),
    }


def _reason(usual: str) -> Param:
    return Param(
        usual,
        type="string",
        minLength=1,
        title="Reason",
        description="Kept in the ledger beside what became of the run.",
        section="Audit",
    )
