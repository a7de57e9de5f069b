"""A simpler model that is as good must be taken.

The naive rule, then a tree of three questions, then a linear model: each is fitted on the same rows
as the candidate and judged beside it. One that comes within a standard error of the difference
blocks, after the rule of Breiman, Friedman, Olshen and Stone (1984, "Classification and Regression
Trees", 3.4.3), which takes the simplest of those that cannot be told from the best. Only what is
simpler than the candidate itself is held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import (
    better_or_worse,
    figure,
    finding,
    ground,
    interval,
    not_applicable,
    number,
    surely,
    within,
)
from tradewind.records import Difference, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 5


class Simpler(Finding):
    """A model that is simpler than the candidate, on the judged rows.

    Attributes:
        name: What it is, in a few words.
        instead: What to do where it is as good, as a clause.
        value: Its figure in the deciding metric.
        interval: Around it.
        advantage: The candidate's over it.
    """

    name: str
    instead: str
    value: float
    interval: tuple[float, float] | None = None
    advantage: Difference


class Found(Finding):
    """The candidate beside everything that is simpler.

    Attributes:
        fitted_on: How many rows each of them learned from: all that the candidate did.
        simpler: The simplest first; none for a candidate than which nothing is simpler.
    """

    fitted_on: int
    simpler: list[Simpler]


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare each advantage with its standard error.

    Raises:
        EvidenceError: Nobody was found, or the candidate has no figure.
    """
    found = finding(evidence, "simplicity", Found)
    if not found.simpler:
        return not_applicable("simplicity", evidence, "Nothing is simpler than the candidate.")
    errors = model.gates.simplicity.errors
    enough = [one for one in found.simpler if not _exceeds(one, errors)]
    shown = enough[0] if enough else min(found.simpler, key=lambda one: one.advantage.value)
    told = _blocked(shown, evidence) if enough else _passed(shown, evidence)
    advantage = shown.advantage
    reach = errors * advantage.standard_error
    return GateResult(
        gate="simplicity",
        outcome="blocked" if enough else "passed",
        sentence=(
            f"{told} {_asked(advantage, errors, reach)} Each was fitted on the same "
            f"{found.fitted_on:,} rows. {ground(evidence)}"
        ),
        figure=advantage.value,
        threshold=reach,
        interval=(advantage.low, 2 * advantage.value - advantage.low),
        rows=evidence.rows,
        units=evidence.units,
        table=[_line(one, errors, evidence) for one in found.simpler],
    )


def _exceeds(simpler: Simpler, errors: float) -> bool:
    """Whether the candidate is better by more than the standard errors that are asked for."""
    advantage = simpler.advantage
    return advantage.value > errors * advantage.standard_error


def _passed(shown: Simpler, evidence: Evidence) -> str:
    return f"No simpler model will do. The nearest is {_beside(shown, evidence)}."


def _blocked(shown: Simpler, evidence: Evidence) -> str:
    return f"A simpler model will do: {_beside(shown, evidence)}. Instead, {shown.instead}."


def _beside(shown: Simpler, evidence: Evidence) -> str:
    own = figure(evidence, evidence.metric, of="candidate")
    return (
        f"{shown.name}, with {evidence.metric} {within(shown.value, shown.interval)} where the "
        f"candidate has {interval(own)}: the candidate is "
        f"{better_or_worse(shown.advantage.value)}, and {surely(shown.advantage, evidence)}"
    )


def _asked(advantage: Difference, errors: float, reach: float) -> str:
    asked = f"{number(errors)} standard {'error' if errors == 1 else 'errors'}"
    return (
        f"It has to be better by more than {number(reach)}, {asked} of the difference "
        f"({number(advantage.standard_error)})."
    )


def _line(simpler: Simpler, errors: float, evidence: Evidence) -> dict[str, str]:
    return {
        "simpler model": simpler.name,
        evidence.metric: within(simpler.value, simpler.interval),
        "the candidate is": better_or_worse(simpler.advantage.value),
        "standard error": number(simpler.advantage.standard_error),
        "says": "not enough" if _exceeds(simpler, errors) else "will do",
    }
