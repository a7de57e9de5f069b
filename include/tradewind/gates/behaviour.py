"""The candidate must behave as its owner expects, whatever its figures.

Every expectation of `gates.behaviour` was tried on judged rows, and must hold of the declared share
of those that were tried. The share itself is compared: a row that was tried and came out wrong is
one. Its interval stands beside it, and says what other days would have given. An expectation that
no row could be found for is unknown, and blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import count, finding, not_applicable, percent
from tradewind.records import Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.gates.behaviour import Behaviour
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 13


class Tried(Finding):
    """One expectation, and what came of it.

    Attributes:
        kind: `invariance`, `direction` or `minimum`.
        because: The expectation, in its owner's sentence.
        told: What was done and what must not follow, in words.
        rows: On how many rows it was tried.
        of_rows: How many judged rows it is about; those between were left out evenly.
        violations: On how many of them it does not hold.
        interval: What older evidence has: only of the rows that were left out, and not shown.
        between: The interval around the share that it holds of, over days, as the rows of a day are
            alike; None of a single row.
        worst: The worst of the rows, in words; empty where nothing was tried.
    """

    kind: str
    because: str
    told: str
    rows: int
    of_rows: int
    violations: int
    interval: tuple[float, float] | None = None
    between: tuple[float, float] | None = None
    worst: str


class Found(Finding):
    """Every declared expectation, in the order of the definition."""

    tried: list[Tried]


class _Held(Finding):
    """An expectation beside the share that it must hold of."""

    tried: Tried
    asked: float

    @property
    def share(self) -> float:
        """Of which share of the rows it holds; of none where none was tried."""
        return (self.tried.rows - self.tried.violations) / max(self.tried.rows, 1)

    @property
    def room(self) -> float:
        """How much the share is above what is asked for; below zero where it is not reached."""
        return self.share - self.asked

    @property
    def holds(self) -> bool:
        """Whether it holds of enough rows; one that was not tried holds of none."""
        return self.share >= self.asked


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the share of rows of which each expectation holds with what is asked for.

    Raises:
        EvidenceError: Nobody tried, or other expectations than those that are declared.
    """
    asked = _asked(model.gates.behaviour)
    if not asked:
        sentence = "`gates.behaviour` declares no expectation: nothing is known of the behaviour."
        return not_applicable("behaviour", evidence, sentence)
    found = finding(evidence, "behaviour", Found)
    held = [_Held(tried=one, asked=asked.get(one.because, 1.0)) for one in found.tried]
    broken = [one for one in held if not one.holds]
    untried = sorted(asked.keys() - {one.tried.because for one in held})
    lowest = min(held, key=lambda one: one.room, default=None)
    return GateResult(
        gate="behaviour",
        outcome="blocked" if broken or untried else "passed",
        sentence=_sentence(held, broken, untried, evidence),
        figure=lowest.share if lowest else None,
        threshold=lowest.asked if lowest else None,
        interval=lowest.tried.between if lowest else None,
        rows=sum(one.tried.rows for one in held),
        units=evidence.units,
        table=[_line(one) for one in held],
    )


def _asked(behaviour: Behaviour) -> dict[str, float]:
    """The share that each expectation must hold of, by its sentence."""
    every = (*behaviour.invariance, *behaviour.direction, *behaviour.minimum)
    return {one.because: one.share for one in every}


def _sentence(
    held: list[_Held], broken: list[_Held], untried: list[str], evidence: Evidence
) -> str:
    if broken or untried:
        counted = f"{len(broken) + len(untried)} of {len(held) + len(untried)} expectations fail."
        told = [_told(one) for one in broken] + [f"{name!r} was not tried." for name in untried]
    else:
        lowest = min(held, key=lambda one: one.room)
        counted = f"Every one of {len(held)} expectations holds."
        told = [f"Nearest to failing: {_told(lowest)}"]
    tried = sum(one.tried.rows for one in held)
    ground = (
        f"{tried:,} trials on rows of the {evidence.rows:,} judged ones; intervals are over days, "
        "as the rows of a day are alike."
    )
    return " ".join([counted, *told, ground])


def _told(one: _Held) -> str:
    """Say an expectation, and what came of it."""
    said = f"{one.tried.because.strip().rstrip('.')!r}: {one.tried.told};"
    if not one.tried.rows:
        return f"{said} no judged row is like that, so that nothing is known."
    right = one.tried.rows - one.tried.violations
    share = percent(one.share, one.tried.between)
    counted = f"{right:,} of {count(one.tried.rows, 'row')}"
    worst = f" The worst: {one.tried.worst}." if one.tried.worst else ""
    return f"{said} it holds of {counted}, {share}, and {one.asked:.1%} are asked for.{worst}"


def _line(one: _Held) -> dict[str, str]:
    return {
        "expectation": one.tried.because,
        "kind": one.tried.kind,
        "tried": f"{one.tried.told}, on {one.tried.rows:,} of {one.tried.of_rows:,} rows",
        "holds of": percent(one.share, one.tried.between) if one.tried.rows else "unknown",
        "asked": f"{one.asked:.1%}",
        "worst": one.tried.worst or "none",
    }
