"""A decision must not depend on chance: not on the seed, nor on which weeks were learned from.

First the model is made again from what was recorded, and must be the same to the last bit: what
cannot be made again cannot be explained either. Then it is fitted with another seed and with
stretches of its past left out, one at a time. Each of these is held against a fit on as many rows
that differs in this alone, by two budgets: how far their answers agree, and how much worse it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import (
    figure,
    finding,
    ground,
    interval,
    not_applicable,
    number,
    percent,
    within,
)
from tradewind.gates._several import Compared
from tradewind.records import Difference, Estimate, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.gates.stability import Stability
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 11


class Attempt(Finding):
    """The model fitted otherwise in one thing.

    Attributes:
        name: What was otherwise, in a few words.
        changed: How far its answers are from its like's, as a share of what chance would make.
        moved: The share of decisions that are otherwise; for a regression the root of the mean
            squared move, in standard deviations of the label.
        moved_between: The interval around that.
        better: By how much it is better than its like, in the deciding metric.
    """

    kind: Literal["seed", "stretch"]
    name: str
    changed: Estimate
    moved: float
    moved_between: tuple[float, float] | None = None
    better: Difference


class Found(Finding):
    """What came of fitting the model again.

    Attributes:
        recorded: The digest of its predictions, from when it was trained.
        again: That of the same model, made again.
        differing: How many of the kept rows the two answer otherwise.
        rows: How many rows the fit saw that the attempts are held against.
        of_rows: How many the model saw.
        elsewhere: Where it comes from, if it was not trained here: nothing is fitted again then.
    """

    recorded: str
    again: str
    differing: int
    rows: int
    of_rows: int
    attempts: list[Attempt]
    elsewhere: str | None = None


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the digests, and each attempt with its budgets.

    Raises:
        EvidenceError: The model was not fitted again, or not as the definition asks.
    """
    found = finding(evidence, "stability", Found)
    if found.elsewhere is not None:
        said = f"{found.elsewhere} was trained elsewhere: it cannot be made again here."
        return not_applicable("stability", evidence, said)
    budget = model.gates.stability
    _require_attempts(found, budget)
    attempts = sorted(found.attempts, key=lambda one: -one.changed.value / _most(one, budget))
    error = figure(evidence, evidence.metric, of="candidate").standard_error
    compared = [
        _again(found),
        *(_changed(one, budget, model) for one in attempts),
        *(_worse(one, budget.errors * error, evidence) for one in attempts),
    ]
    missed = [one for one in compared if not one.holds]
    shown = missed[0] if missed else compared[1]
    return GateResult(
        gate="stability",
        outcome="blocked" if missed else "passed",
        sentence=f"{_said(missed, shown)} {_ground(found, evidence)}",
        figure=shown.figure,
        threshold=shown.limit,
        interval=shown.interval,
        rows=evidence.rows,
        units=evidence.units,
        table=[_line(one) for one in compared],
    )


def _said(missed: list[Compared], shown: Compared) -> str:
    if not missed:
        return (
            "Made again from the recorded rows, parameters and seed it gives the same predictions "
            f"to the last bit. {shown.words} No other seed or stretch takes more of its budget, "
            "and none makes it worse by more than the rows leave open."
        )
    more = len(missed) - 1
    return f"{shown.words}{f' {more} more do not hold; the table has them.' if more else ''}"


def _ground(found: Found, evidence: Evidence) -> str:
    fits = f"{found.rows:,} of {found.of_rows:,} rows"
    return f"What is compared was fitted on {fits}. {ground(evidence)}"


def _line(compared: Compared) -> dict[str, str]:
    return {
        "compared": compared.what,
        "found": within(compared.figure, compared.interval),
        "at most": number(compared.limit),
        "says": "holds" if compared.holds else "does not hold",
    }


def _require_attempts(found: Found, budget: Stability) -> None:
    kinds = [one.kind for one in found.attempts]
    made, asked = (kinds.count("seed"), kinds.count("stretch")), (1, budget.left_out)
    if made != asked:
        raise EvidenceError(
            f"it was fitted with {made[0]} other seeds and without {made[1]} stretches, the "
            f"definition asks for {asked[0]} and {asked[1]}"
        )


def _most(attempt: Attempt, budget: Stability) -> float:
    return budget.by_seed if attempt.kind == "seed" else budget.by_stretch


def _again(found: Found) -> Compared:
    return Compared(
        "predictions that differ when it is made again",
        float(found.differing),
        0.0,
        found.again == found.recorded,
        f"Made again from the recorded rows, parameters and seed it gives other predictions: "
        f"{found.differing:,} differ, their digest is {found.again}, and {found.recorded} when it "
        "was trained. What was trained cannot be made again.",
    )


def _changed(attempt: Attempt, budget: Stability, model: ModelDefinition) -> Compared:
    changed, most = attempt.changed, _most(attempt, budget)
    holds = changed.value <= most
    return Compared(
        f"{attempt.name}: answers changed",
        changed.value,
        most,
        holds,
        f"Fitted {attempt.name} {_moved(attempt, model)}: {interval(changed)} of what chance alone "
        f"would change, {'within' if holds else 'over'} the budget of {number(most)}.",
        (changed.low, changed.high),
    )


def _moved(attempt: Attempt, model: ModelDefinition) -> str:
    if model.problem == "binary":
        share = percent(attempt.moved, attempt.moved_between)
        return f"it decides {share} of the rows otherwise"
    move = within(attempt.moved, attempt.moved_between)
    return f"its answers move by {move} standard deviations of the label"


def _worse(attempt: Attempt, most: float, evidence: Evidence) -> Compared:
    better = attempt.better
    return Compared(
        f"{attempt.name}: {evidence.metric} worse by",
        -better.value,
        most,
        -better.value <= most,
        f"Fitted {attempt.name} its {evidence.metric} is worse by {number(-better.value)}, with "
        f"{evidence.confidence:.0%} confidence by at most {number(-better.low)}, and "
        f"{number(most)} is the most that the rows leave open.",
        (better.low - 2 * better.value, -better.low),
    )
