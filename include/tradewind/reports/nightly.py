"""The pages of the nights: what was served, decided and why, who was told, what was ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.cutting import cutting_lines
from tradewind.reports.grounds import grounds_lines
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.nights import Alerted, Decision, Grounds, PastRetrain, Released, ScoredNight

_TONES = {
    "nothing": "good",
    **dict.fromkeys(("quarantine", "switch_off", "roll_back", "call_human"), "bad"),
}


def served_page(scored: ScoredNight, *, run_id: str | None = None) -> str:
    """What a night served, by whom, and where the model did not decide."""
    title = f"{scored.model}: the served night"
    return render_page("served.html.j2", title=title, scored=scored, run_id=run_id)


def decision_page(
    decision: Decision,
    grounds: Grounds,
    *,
    training: PastRetrain | None = None,
    run_id: str | None = None,
) -> str:
    """A night's decision with its reason, its alternatives and all that it stands on.

    Args:
        decision: The decision.
        grounds: As they were kept with it.
        training: The training that it launched, and what became of it.
        run_id: The run that decided.
    """
    return render_page(
        "decision.html.j2",
        title=f"{decision.model}: the decision",
        decision=decision,
        tone=_TONES.get(decision.actions[0], "warn"),
        evidence=grounds_lines(grounds),
        training=training,
        run_id=run_id,
    )


def alerted_page(
    alerted: Alerted, *, model: str, as_of: datetime, run_id: str | None = None
) -> str:
    """What a night changed about what is wrong."""
    return render_page(
        "alerted.html.j2", title=f"{model}: alerts", alerted=alerted, as_of=as_of, run_id=run_id
    )


def released_page(released: Released) -> str:
    """What an order came to: who decided before it, and who does now."""
    title = f"{released.order.model}: release"
    said = cutting_lines(released.cutting) if released.cutting else []
    return render_page("released.html.j2", title=title, released=released, cutting_lines=said)
