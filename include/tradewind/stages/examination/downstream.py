"""Finds how far the candidate's scores lie from the champion's on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates.downstream import Found, Moved
from tradewind.stats.agreement import moved_by
from tradewind.stats.shift import shift_of

if TYPE_CHECKING:
    from tradewind.stages._case import Case

TASK = "probe"


def gather(case: Case) -> Found:
    """Measure the shift of level and spread, and the share of decisions that change.

    Raises:
        EvidenceError: The champion said the same of all of them.
    """
    if not case.model.gates.downstream.consumers or case.evidence.champion_state != "judged":
        return Found(moved=None)
    new, old = case.players["candidate"], case.players["champion"]
    confidence = case.model.gates.confidence
    shift = shift_of(new, old, draws=case.draws, confidence=confidence)
    changed = (
        moved_by(new, old, draws=case.draws, confidence=confidence)
        if case.model.problem == "binary"
        else None
    )
    moved = Moved(
        level=shift.level,
        spread=shift.spread,
        mean=shift.mean.value,
        mean_between=(shift.mean.low, shift.mean.high),
        deviation=shift.deviation,
        changed=changed.value if changed else None,
        changed_between=(changed.low, changed.high) if changed else None,
    )
    return Found(moved=moved)
