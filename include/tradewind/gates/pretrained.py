"""A model that was trained elsewhere must not have seen the rows that it is judged on.

What is trained here ends where the judged rows begin, and training itself proves it. Of a model
from elsewhere there is only what its owner declares: up to which day it learned. Where that is
unknown nothing can be compared, and the verdict says so in plain words.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.gates._evidence import finding, ground, not_applicable, number
from tradewind.records import Finding, GateResult, Moment, Pretrained

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 0
_HERE = "The candidate was trained here, on rows before the judged ones."


class Found(Finding):
    """Where the candidate comes from.

    Attributes:
        elsewhere: What is declared of it; None for one that was trained here.
        judged_from: The first moment that a judged row was predicted at.
    """

    elsewhere: Pretrained | None
    judged_from: Moment


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the end of its training with the beginning of the judged rows.

    Raises:
        EvidenceError: Where it comes from was not found.
    """
    if all(candidate.from_ is None for candidate in model.candidates.values()):
        return not_applicable("pretrained", evidence, _HERE)
    found = finding(evidence, "pretrained", Found)
    if found.elsewhere is None:
        return not_applicable("pretrained", evidence, _HERE)
    told, until = _told(found.elsewhere), found.elsewhere.trained_until
    if until is None:
        said = (
            f"{told} Up to when it was trained is declared unknown: it may have seen the judged "
            "rows, and then every figure here is too good."
        )
        return not_applicable("pretrained", evidence, said)
    return _compare(found.judged_from, until, f"{told}", evidence, model)


def _compare(
    judged_from: datetime, until: datetime, told: str, evidence: Evidence, model: ModelDefinition
) -> GateResult:
    apart = (judged_from - until) / timedelta(days=1)
    clean = until <= judged_from
    last = (until - timedelta(microseconds=1)).astimezone(model.zone).date()
    first = judged_from.astimezone(model.zone).date()
    follows = (
        f"and the judged rows begin on {first}: it has not seen them."
        if clean
        else f"and the judged rows begin {number(-apart)} days before that has ended, on {first}: "
        "it may have learned them by heart. Judge it on later rows."
    )
    return GateResult(
        gate="pretrained",
        outcome="passed" if clean else "blocked",
        sentence=f"{told} It was trained up to {last}, {follows} {ground(evidence)}",
        figure=apart,
        threshold=0.0,
        rows=evidence.rows,
        units=evidence.units,
    )


def _told(elsewhere: Pretrained) -> str:
    return (
        f"The candidate was trained elsewhere: {elsewhere.source} ({elsewhere.provenance}; "
        f"licence: {elsewhere.licence})."
    )
