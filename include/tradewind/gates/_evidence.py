"""Reading evidence with suspicion, and saying figures in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic import ValidationError

from tradewind.errors import EvidenceError
from tradewind.records import Finding, GateResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Difference, Estimate, Evidence

Player = Literal["candidate", "naive", "champion"]
_NAMES = {"candidate": "candidate", "naive": "naive rule", "champion": "champion"}
FEWEST_UNITS = 28
_MANY = 1_000
F = TypeVar("F", bound=Finding)


class OfRows(Protocol):
    """A finding that says of how many rows it is, and how sure."""

    @property
    def rows(self) -> int:
        """How many."""

    @property
    def confidence(self) -> float:
        """How sure its bounds are."""


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


def figure(evidence: Evidence, metric: str, *, of: Player) -> Estimate:
    """Take one player's figure by one metric.

    Raises:
        EvidenceError: It is missing, or not finite.
    """
    estimates: Mapping[str, Estimate] = getattr(evidence, of) or {}
    found = estimates.get(metric)
    if found is None:
        known = f"; there is: {', '.join(sorted(estimates)) or 'none'}"
        reason = _reason(evidence, metric, of) or known
        raise EvidenceError(f"there is no {metric} of the {_NAMES[of]}{reason}")
    _require_finite(f"{metric} of the {_NAMES[of]}", found.value, found.low, found.high)
    return found


def gap(evidence: Evidence, *, against: Player) -> Difference:
    """Take the paired difference between the candidate and another, by the deciding metric.

    Raises:
        EvidenceError: It is missing, or not finite.
    """
    difference: Difference | None = getattr(evidence, f"against_{against}")
    if difference is None:
        reasons = [_reason(evidence, evidence.metric, player) for player in ("candidate", against)]
        reason = next(filter(None, reasons), "")
        raise EvidenceError(f"the candidate was not compared with the {_NAMES[against]}{reason}")
    parts = (difference.value, difference.low, difference.standard_error)
    whose = f"the difference to the {_NAMES[against]}"
    _require_finite(whose, *parts, difference.smallest_detectable)
    return difference


def finding(evidence: Evidence, gate: str, kind: type[F]) -> F:
    """Take what was found for one gate.

    Raises:
        EvidenceError: It is missing, not of the shape that the gate knows, or holds a figure that
            is not finite.
    """
    found = evidence.findings.get(gate)
    if found is None:
        reason = evidence.unfound.get(gate, "nobody looked")
        raise EvidenceError(f"what it decides on was not found: {reason}")
    # What is nested in a finding (an estimate) has rules of its own, and knows no NaN as wrong.
    _require_finite(f"what was found for {gate}", *_figures_in(found))
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise EvidenceError(f"what was found for it has another shape: {error}") from error


def require_same_rows(subject: str, found: OfRows, evidence: Evidence) -> None:
    """Refuse a finding that is of other rows than the evidence, or as sure as nobody asked.

    Args:
        subject: What was found, with its verb: `the slices are`.
        found: The finding.
        evidence: What it belongs to.

    Raises:
        EvidenceError: It is.
    """
    asked, told = (evidence.confidence, evidence.rows), (found.confidence, found.rows)
    if told != asked:
        raise EvidenceError(
            f"{subject} of {found.rows:,} rows at a confidence of {found.confidence:g}, the "
            f"evidence is about {evidence.rows:,} at {evidence.confidence:g}"
        )


def not_applicable(gate: str, evidence: Evidence, sentence: str) -> GateResult:
    """Say that there is nothing for a gate to compare, and why."""
    return GateResult(
        gate=gate,
        outcome="not_applicable",
        sentence=sentence,
        rows=evidence.rows,
        units=evidence.units,
    )


def number(value: float) -> str:
    """Write a figure with the digits that a person reads: `0.517`, `12,345`."""
    return f"{value:,.0f}" if abs(value) >= _MANY else f"{value:.3g}"


def count(units: int, unit: str) -> str:
    """Write a number of units: `30 days`."""
    return f"{units:,} {unit}" if units == 1 else f"{units:,} {unit}s"


def interval(estimate: Estimate) -> str:
    """Write a figure with its interval."""
    return within(estimate.value, (estimate.low, estimate.high))


def within(value: float, ends: tuple[float, float] | None) -> str:
    """Write a figure with its interval; alone where older evidence has none of it."""
    return f"{number(value)} ({' to '.join(map(number, ends))})" if ends else number(value)


def percent(value: float, ends: tuple[float, float] | None) -> str:
    """Write a share with its interval, as `within`: `5.3% (4.1% to 6.5%)`."""
    return f"{value:.1%} ({' to '.join(f'{end:.1%}' for end in ends)})" if ends else f"{value:.1%}"


def ground(evidence: Evidence) -> str:
    """Say what a result stands on."""
    units = count(evidence.units, evidence.unit)
    return f"Judged on {evidence.rows:,} rows of {units}."


def better_or_worse(difference: float) -> str:
    """Say which way a difference points."""
    if difference == 0:
        return "exactly as good"
    return f"{'better' if difference > 0 else 'worse'} by {number(abs(difference))}"


def surely(difference: Difference, evidence: Evidence) -> str:
    """Say how far a difference is sure, as a clause."""
    return (
        f"with {evidence.confidence:.0%} confidence the advantage is above {number(difference.low)}"
    )


def could_show(difference: Difference) -> str:
    """Say how small a difference these rows could have shown."""
    return (
        f"The smallest advantage that these rows would show four times out of five is "
        f"{number(difference.smallest_detectable)}."
    )


def _figures_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _figures_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _figures_in(inner)
    elif isinstance(value, float):
        yield value


def _reason(evidence: Evidence, metric: str, player: str) -> str:
    said = evidence.missing.get(player, {}).get(metric)
    return f": {said}" if said else ""


def _require_finite(name: str, *values: float) -> None:
    if not all(math.isfinite(value) for value in values):
        shown = [str(value) for value in values if not math.isfinite(value)][:3]
        raise EvidenceError(f"{name} is not a number: {', '.join(shown)}")
