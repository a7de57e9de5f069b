"""Where the candidate comes from, and when the judged rows begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates.pretrained import Found

if TYPE_CHECKING:
    from tradewind.stages._case import Case

TASK = "probe"


def gather(case: Case) -> Found:
    """Tell what training recorded of it."""
    first = case.rows["prediction_time"].min()
    return Found(elsewhere=case.trained.pretrained, judged_from=first.to_pydatetime())
