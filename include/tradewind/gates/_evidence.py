"""Reading evidence with suspicion, and saying figures in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Difference, Estimate, Evidence

FEWEST_UNITS = 28
_MANY = 1_000


def require_sound(evidence: Evidence, model: ModelDefinition) -> None:
    """Refuse evidence that no gate could decide on.

    Raises:
        EvidenceError: It stands on no rows or too few units, or was gathered for another question.
    """
    if evidence.rows < 1:
        raise EvidenceError("the table of judged rows is empty")
    if evidence.units < FEWEST_UNITS:
        raise EvidenceError(
            f"the judged rows are of {count(evidence.units, evidence.unit)}, "
            f"and fewer than {FEWEST_UNITS} say too little; make `train.judge_days` longer"
        )
    asked = (model.deciding_metric, model.gates.confidence)
    if (evidence.metric, evidence.confidence) != asked:
        raise EvidenceError(
            f"the evidence is about {evidence.metric} at a confidence of {evidence.confidence:g}, "
            f"the definition asks for {asked[0]} at {asked[1]:g}"
        )


def figure(estimates: Mapping[str, Estimate] | None, metric: str, *, whose: str) -> Estimate:
    """Take one metric's figure.

    Raises:
        EvidenceError: It is missing, or not finite.
    """
    found = (estimates or {}).get(metric)
    if found is None:
        known = ", ".join(sorted(estimates or {})) or "none"
        raise EvidenceError(f"there is no {metric} of the {whose}; there is: {known}")
    _require_finite(f"{metric} of the {whose}", found.value, found.low, found.high)
    return found


def gap(difference: Difference | None, *, against: str) -> Difference:
    """Take a paired difference.

    Raises:
        EvidenceError: It is missing, or not finite.
    """
    if difference is None:
        raise EvidenceError(f"the candidate was not compared with the {against}")
    parts = (difference.value, difference.low, difference.standard_error)
    _require_finite(f"the difference to the {against}", *parts, difference.smallest_detectable)
    return difference


def number(value: float) -> str:
    """Write a figure with the digits that a person reads: `0.517`, `12,345`."""
    return f"{value:,.0f}" if abs(value) >= _MANY else f"{value:.3g}"


def count(units: int, unit: str) -> str:
    """Write a number of units: `30 days`."""
    return f"{units:,} {unit}" if units == 1 else f"{units:,} {unit}s"


def interval(estimate: Estimate) -> str:
    """Write a figure with its interval."""
    return f"{number(estimate.value)} ({number(estimate.low)} to {number(estimate.high)})"


def ground(evidence: Evidence) -> str:
    """Say what a result stands on."""
    units = count(evidence.units, evidence.unit)
    return f"Judged on {evidence.rows:,} rows of {units}."


def better_or_worse(difference: float) -> str:
    """Say which way a difference points."""
    if difference == 0:
        return "exactly as good"
    return f"{'better' if difference > 0 else 'worse'} by {number(abs(difference))}"


def could_show(difference: Difference) -> str:
    """Say how small a difference these rows could have shown."""
    return (
        f"The smallest advantage that these rows would show four times out of five is "
        f"{number(difference.smallest_detectable)}."
    )


def _require_finite(name: str, *values: float) -> None:
    if not all(math.isfinite(value) for value in values):
        raise EvidenceError(f"{name} is not a number: {', '.join(map(str, values))}")
