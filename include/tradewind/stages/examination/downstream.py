"""Finds how far the candidate's scores lie from the champion's on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.gates.downstream import Found, Moved
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
    shift = shift_of(new, old, draws=case.draws, confidence=case.model.gates.confidence)
    moved = Moved(
        level=shift.level,
        spread=shift.spread,
        mean=shift.mean,
        deviation=shift.deviation,
        changed=_changed(case),
    )
    return Found(moved=moved)


def _changed(case: Case) -> float | None:
    if case.model.problem != "binary":
        return None
    new, old = case.players["candidate"].decision, case.players["champion"].decision
    return float(np.mean(new != old))
