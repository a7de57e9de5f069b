"""A year of comparisons with the champion may promote a worse model no oftener than declared.

One comparison at 95 % confidence errs once in twenty times; twenty-six of them err in a year almost
for certain. So every comparison is made at the error that is declared for a year, divided by how
many are planned, and the errors of all comparisons of the last 365 days may add up to no more than
the year's. By the union bound (Bonferroni's inequality) the chance of at least one wrong promotion
is then within the declared one, whatever the nights have in common: judged rows that overlap, a
champion that the night before chose. Every comparison counts, also one after which another gate
blocked: to count promotions only would be to choose among more tests than were paid for.

Where the year is spent nothing is compared, and the gate blocks until the day on which the oldest
comparison is a year old.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import could_show, finding, ground, not_applicable, number
from tradewind.gates.beats_champion import margin_of, no_comparison
from tradewind.records import Difference, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence, GateOutcome

ORDER = 4
_ROUNDING = 1e-9
_GATE = "promotion_budget"


class Found(Finding):
    """What is left of the year's error, and the difference at this comparison's part of it.

    Attributes:
        level: The error of this comparison.
        planned: How many comparisons 365 days may hold.
        earlier: How many others the last 365 days held.
        spent: The sum of their errors.
        frees: When the oldest of them is a year old; None where there is none.
        against: The difference to the champion, bounded at `level`; None where nothing was compared
            because the year is spent, or because there is no champion to compare with.
    """

    level: float
    planned: int
    earlier: int
    spent: float
    frees: date | None = None
    against: Difference | None = None


def affords(level: float, *, spent: float, error: float) -> bool:
    """Say whether one more comparison keeps within the year's error.

    Args:
        level: Its own error.
        spent: The errors of the last 365 days' comparisons, added up.
        error: What is declared for a year.
    """
    return spent + level <= error + _ROUNDING


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare candidate and champion at this comparison's part of the year's error.

    Raises:
        EvidenceError: The champion cannot be judged, or the comparison is missing.
    """
    said = no_comparison(evidence)
    if said is not None:
        return not_applicable(_GATE, evidence, said)
    found = finding(evidence, _GATE, Found)
    if not affords(found.level, spent=found.spent, error=model.gates.promotion_budget.error):
        return _spent(evidence, model, found)
    if found.against is None:
        raise EvidenceError("the candidate was not compared at the level that the year allows")
    return _compared(evidence, model, found, found.against)


def _spent(evidence: Evidence, model: ModelDefinition, found: Found) -> GateResult:
    error = model.gates.promotion_budget.error
    return GateResult(
        gate=_GATE,
        outcome="blocked",
        sentence=(
            f"The last 365 days held {found.earlier} comparisons with a champion, which have spent "
            f"{found.spent:.3g} of the year's error of {error:g}: one more at {found.level:.2g} is "
            f"too many, and nothing was compared. The next is free on {found.frees}; more a year "
            "are had with `gates.promotion_budget.comparisons`, each at a smaller error."
        ),
        figure=found.spent + found.level,
        threshold=error,
        rows=evidence.rows,
        units=evidence.units,
    )


def _compared(
    evidence: Evidence, model: ModelDefinition, found: Found, against: Difference
) -> GateResult:
    outcome, threshold, words = _judged(model, against)
    return GateResult(
        gate=_GATE,
        outcome=outcome,
        sentence=(
            f"Comparison {found.earlier + 1} of the {found.planned} that 365 days may hold, at an "
            f"error of {found.level:.2g} each, so that all of them together let a wrong one in "
            f"with a chance of at most {model.gates.promotion_budget.error:g}. With "
            f"{1 - found.level:.2%} confidence the difference in {evidence.metric} is above "
            f"{number(against.low)}. {words} {ground(evidence)} {could_show(against)}"
        ),
        figure=against.low,
        threshold=threshold,
        interval=(against.low, 2 * against.value - against.low),
        rows=evidence.rows,
        units=evidence.units,
    )


def _judged(model: ModelDefinition, against: Difference) -> tuple[GateOutcome, float, str]:
    policy = model.gates.beats_champion
    if policy.policy == "superior":
        better = against.low > 0
        words = (
            f"{'It is surely' if better else 'That it is'} better{'' if better else ' is not sure'}"
        )
        return ("passed" if better else "blocked"), 0.0, f"{words} at that confidence."
    margin, origin = margin_of(policy, against)
    close = against.low >= -margin
    words = (
        f"{'It is surely not worse' if close else 'It may be worse'} by more than the margin of "
        f"{number(margin)} ({origin})."
    )
    return ("passed" if close else "blocked"), -margin, words
