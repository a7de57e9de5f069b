"""Finds, of a candidate on its judged rows, the figures by which harm would be seen on nights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.gates.harm_review import Found, Looked
from tradewind.stages._measuring import LEAST_ROWS, has_values
from tradewind.stats.groups import HARM, measure_groups

if TYPE_CHECKING:
    from tradewind.definition.governance import Indicator
    from tradewind.stages._case import Case

TASK = "probe"
_OWN = "own"


def gather(case: Case) -> Found:
    """Measure every declared indicator; none where none is declared."""
    review = case.model.harm_review
    declared = review.indicators if review else {}
    return Found(looked=[_looked(case, name, one) for name, one in declared.items()])


def _looked(case: Case, name: str, declared: Indicator) -> Looked:
    inside = has_values(case.rows, declared.where, case.model).to_numpy()
    found = measure_groups(
        case.players["candidate"],
        np.where(inside, _OWN, ""),
        metrics={declared.metric: HARM[case.model.problem][declared.metric]},
        draws=case.draws,
        confidence=case.model.gates.confidence,
        least_rows=LEAST_ROWS,
    ).get(_OWN)
    if found is None:
        return Looked(name=name, rows=0, figure=None, missing="there is no row of it")
    return Looked(
        name=name,
        rows=found.rows,
        figure=found.figures.get(declared.metric),
        missing=found.missing.get(declared.metric, ""),
    )
