"""Versions of different times compare on pinned rows, from which none of them has learned.

The judge stretch rolls on, so that a version's figure of last year says nothing about this year's.
Beside it stands a set of whole days that never changes, named by its digest. There

- the rows must be those that the digest names, and none of them among those learned from;
- a version must give the figure that it gave when it was first measured there: where the same
  version gives another one, software or files have changed under it;
- a candidate that is surely worse than the champion by more than a share of the champion's figure
  blocks. Not surely better: the days are few and old, and the rolling rows decide on that.

The bound is one-sided, of the paired difference, from blocks of days that are drawn together. With
few days the blocks are shorter than declared, so that four of them fit side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import better_or_worse, count, finding, interval, not_applicable
from tradewind.gates._evidence import number as short
from tradewind.records import Difference, Estimate, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 14
SAME = 1e-9


class Measured(Finding):
    """One version's figure on the pinned rows, by the deciding metric.

    Attributes:
        now: As it is measured now.
        recorded: As it was when it was first measured on them; None for the first time.
        recorded_on: The day that run stood at.
    """

    now: Estimate
    recorded: float | None = None
    recorded_on: str | None = None


class Champion(Measured):
    """The champion's figure, and the candidate beside it on the same rows.

    Attributes:
        version: Which one it is.
        gap: Above zero the candidate is better.
    """

    version: int
    gap: Difference


class Found(Finding):
    """What the pinned rows say; with its defaults where nothing is pinned.

    Attributes:
        digest: Of the rows as they are stored.
        rows: How many, of so many `days`.
        awaited: Rows whose label was not known yet at the moment that the run stands at.
        lacking: Features of the candidate that the rows do not have.
        learned_from: Rows that are among those which the candidate was fitted or selected on.
        champion: None where it was not measured, and `unmeasured` says why.
    """

    digest: str | None = None
    rows: int = 0
    days: int = 0
    awaited: int = 0
    lacking: tuple[str, ...] = ()
    learned_from: int = 0
    candidate: Measured | None = None
    champion: Champion | None = None
    unmeasured: str | None = None


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold the pinned rows, the figures that were recorded on them, and the champion's.

    Raises:
        EvidenceError: The pinned rows were not looked at, or say nothing.
    """
    asked = model.gates.benchmark
    if asked.pinned is None:
        said = (
            "No rows are pinned on which versions of different times compare (`gates.benchmark`): "
            f"`tradewind pin {model.name} --start DATE --end DATE` writes some down, and prints "
            "what to declare."
        )
        return not_applicable("benchmark", evidence, said)
    found = finding(evidence, "benchmark", Found)
    unsound = _unsound(found, model)
    if unsound:
        return _blocked(found, unsound)
    if found.awaited > 0:
        said = (
            f"Of the {found.rows:,} pinned rows {found.awaited:,} had no label yet on "
            f"{evidence.day}, the day that this run stands at."
        )
        return not_applicable("benchmark", evidence, said)
    return _compared(evidence, model, found)


def _unsound(found: Found, model: ModelDefinition) -> str | None:
    """Why the rows compare nothing; None where they do."""
    asked = model.gates.benchmark
    again = (
        f"pin anew (`tradewind pin {model.name} --start {asked.start} --end {asked.end}`) and "
        "declare what it prints"
    )
    if found.digest != asked.pinned:
        return f"The stored rows have the digest {found.digest}, and {asked.pinned} is declared."
    if found.lacking:
        lacking = ", ".join(found.lacking)
        return f"The pinned rows were written before there was {lacking}: {again}."
    if found.learned_from > 0:
        return (
            f"The candidate was fitted or selected on {found.learned_from:,} of the {found.rows:,} "
            "pinned rows, which nobody may learn from: train it again."
        )
    return None


def _compared(evidence: Evidence, model: ModelDefinition, found: Found) -> GateResult:
    own = found.candidate
    if own is None or found.rows < 1:
        raise EvidenceError("the candidate was not measured on the pinned rows")
    changed = _changed(evidence.metric, found)
    said = [*changed, f"The candidate's {evidence.metric} is {interval(own.now)}."]
    told: dict[str, Any] = {"figure": own.now.value, "interval": (own.now.low, own.now.high)}
    worse = False
    if found.champion is None:
        said.append(found.unmeasured or "There is no champion to compare it with.")
    else:
        margin = model.gates.benchmark.worse_by * abs(found.champion.now.value)
        gap = found.champion.gap
        high = 2 * gap.value - gap.low
        worse = high < -margin
        said += _beside(evidence, found.champion, margin, high, worse=worse)
        told = {"figure": gap.value, "threshold": -margin, "interval": (gap.low, high)}
    return GateResult(
        gate="benchmark",
        outcome="blocked" if worse or changed else "passed",
        sentence=" ".join([*said, _where(found, model)]),
        rows=found.rows,
        units=found.days,
        table=_table(found),
        **told,
    )


def _beside(
    evidence: Evidence, champion: Champion, margin: float, high: float, *, worse: bool
) -> list[str]:
    before = f", as on {champion.recorded_on}" if champion.recorded_on else ""
    return [
        (
            f"That of the champion (version {champion.version}) is {interval(champion.now)}"
            f"{before}: {better_or_worse(champion.gap.value)}."
        ),
        (
            f"With {evidence.confidence:.0%} confidence the advantage is below {short(high)}: the "
            f"candidate is {'surely' if worse else 'not surely'} worse by more than "
            f"{short(margin)}."
        ),
    ]


def _changed(metric: str, found: Found) -> list[str]:
    """What gives another figure than it gave before."""
    return [
        f"The {who} gives another {metric} than on {one.recorded_on}: {one.now.value:.9g}, and it "
        f"was {one.recorded:.9g}; software or files have changed under the same version."
        for who, one in _versions(found).items()
        if one.recorded is not None and _differs(one.now.value, one.recorded)
    ]


def _versions(found: Found) -> dict[str, Measured]:
    """Who was measured, by what a person calls it."""
    own = {"candidate": found.candidate} if found.candidate else {}
    if found.champion is None:
        return {**own}
    return {**own, f"champion (version {found.champion.version})": found.champion}


def _differs(now: float, before: float) -> bool:
    return abs(now - before) > SAME * max(1.0, abs(before))


def _where(found: Found, model: ModelDefinition) -> str:
    asked = model.gates.benchmark
    return (
        f"Measured on the {found.rows:,} pinned rows of {count(found.days, 'day')} from "
        f"{asked.start} on (digest {asked.pinned}); none of them was learned from."
    )


def _blocked(found: Found, sentence: str) -> GateResult:
    return GateResult(
        gate="benchmark",
        outcome="blocked",
        sentence=sentence,
        rows=found.rows,
        units=found.days,
    )


def _table(found: Found) -> list[dict[str, str]]:
    return [
        {
            "version": who,
            "now": f"{one.now.value:.9g}",
            "recorded": "first time" if one.recorded is None else f"{one.recorded:.9g}",
            "on": one.recorded_on or "",
        }
        for who, one in _versions(found).items()
    ]
