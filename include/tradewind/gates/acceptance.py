"""The error that the business can live with, signed by somebody until a day.

The figure itself is held against the accepted level, as a floor is; its interval stands beside it.
From `risk_tier: high` on a model without such a signature is promoted by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import figure, ground, interval, not_applicable, number
from tradewind.records import GateResult
from tradewind.stats.metrics import metrics_of

if TYPE_CHECKING:
    from tradewind.definition.governance import Acceptance
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 17
_GATE = "acceptance"


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the accepted metric with the accepted level.

    Raises:
        EvidenceError: The metric was not measured, or what is signed is the wrong way round.
    """
    accepted = model.acceptance
    if accepted is None:
        return _unsigned(evidence, model)
    own = figure(evidence, accepted.metric, of="candidate")
    _require_direction(accepted, model)
    reaches = _reaches(accepted, own.value)
    holds = evidence.day <= accepted.review
    side = "at least" if accepted.at_least is not None else "at most"
    return GateResult(
        gate=_GATE,
        outcome="passed" if reaches and holds else "blocked",
        sentence=(
            f"{accepted.by} accepted on {accepted.on} that {accepted.metric} is {side} "
            f"{number(accepted.level)}; the candidate's is {interval(own)}, which "
            f"{'reaches' if reaches else 'does not reach'} it. {_until(accepted, holds=holds)} "
            f"{ground(evidence)}"
        ),
        figure=own.value,
        threshold=accepted.level,
        interval=(own.low, own.high),
        rows=evidence.rows,
        units=evidence.units,
    )


def _unsigned(evidence: Evidence, model: ModelDefinition) -> GateResult:
    if model.risk_tier == "low":
        said = "Nobody has signed which error is acceptable (`acceptance`), and tier low asks none."
        return not_applicable(_GATE, evidence, said)
    return GateResult(
        gate=_GATE,
        outcome="blocked",
        sentence=(
            f"Nobody has signed which error is acceptable, and a model of tier {model.risk_tier} "
            "needs it: say `acceptance` with metric, level, by, on and review."
        ),
        rows=evidence.rows,
        units=evidence.units,
    )


def _reaches(accepted: Acceptance, value: float) -> bool:
    if accepted.at_most is not None:
        return value <= accepted.at_most
    return value >= accepted.level


def _require_direction(accepted: Acceptance, model: ModelDefinition) -> None:
    metric = metrics_of(model).get(accepted.metric)
    greater = None if metric is None else metric.greater_is_better
    if greater is not None and greater != (accepted.at_least is not None):
        right = "at_least" if greater else "at_most"
        raise EvidenceError(
            f"`acceptance` would let any bad {accepted.metric} through: it is better the "
            f"{'greater' if greater else 'smaller'} it is, so say `{right}`"
        )


def _until(accepted: Acceptance, *, holds: bool) -> str:
    if holds:
        return f"It is to be looked at again by {accepted.review}."
    return f"The signature ended on {accepted.review}: somebody has to look at it again."
