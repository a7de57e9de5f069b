"""Whoever reads the scores must be able to take how far they move when the champion changes.

A better model may still break what was built on the old one: a queue that holds two hundred cases,
a price that is the score times a factor. So each registered consumer declares which change of level
(the mean score) and of spread (the ratio of the standard deviations) they can take against the
champion's scores on the same rows; beyond that they must sign, up to a size and until a day.

The figure itself is compared, with its interval beside it: the rows are those that both scored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import (
    finding,
    ground,
    interval,
    not_applicable,
    number,
    percent,
    within,
)
from tradewind.gates.beats_champion import no_comparison
from tradewind.records import Estimate, Finding, GateResult, Record

if TYPE_CHECKING:
    from datetime import date

    from tradewind.definition.gates.downstream import Consumer, Signature
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 16


class Moved(Record):
    """How far the candidate's scores lie from the champion's on the judged rows.

    Attributes:
        level: The candidate's mean score less the champion's.
        spread: The candidate's standard deviation over the champion's.
        mean: The champion's mean score, as `deviation` its standard deviation.
        mean_between: The interval around `mean`.
        changed: Share of the rows that are decided otherwise; None for a regression.
        changed_between: The interval around that.
    """

    level: Estimate
    spread: Estimate
    mean: float
    mean_between: tuple[float, float] | None = None
    deviation: float
    changed: float | None
    changed_between: tuple[float, float] | None = None


class Found(Finding):
    """What became of the scores; None where there is no champion, or nobody reads its scores."""

    moved: Moved | None


@dataclass(frozen=True)
class _Held:
    """One change beside what a consumer takes of it.

    Attributes:
        what: `level` or `spread`.
        figure: The level's move, or the ratio of the spreads, with its `interval`.
        limit: What the consumer takes, signed or not.
        usual: What they take without a signature.
        unit: Of figure and limits.
        signature: What the consumer signed, while it holds.
    """

    who: str
    what: str
    figure: float
    interval: tuple[float, float]
    limit: float
    usual: float
    unit: str
    signature: Signature | None

    @property
    def is_taken(self) -> bool:
        return self._within(self.limit)

    @property
    def used_signature(self) -> Signature | None:
        """The one that the change needs; None where the consumer takes it by itself."""
        return None if self._within(self.usual) else self.signature

    @property
    def threshold(self) -> float:
        """The limit on the side that the figure lies on."""
        if self.what == "level":
            return math.copysign(self.limit, self.figure)
        return self.limit if self.figure >= 1 else 1 / self.limit

    @property
    def used(self) -> float:
        """How much of what is taken the change uses up."""
        if self.what == "level":
            return abs(self.figure) / self.limit
        return abs(math.log(self.figure)) / math.log(self.limit) if self.figure else math.inf

    def _within(self, limit: float) -> bool:
        if self.what == "level":
            return abs(self.figure) <= limit
        return 1 / limit <= self.figure <= limit


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold the shift of the scores against what every consumer takes.

    Raises:
        EvidenceError: There is a champion, and its scores are not to be had.
    """
    consumers = model.gates.downstream.consumers
    if not consumers:
        said = "Nobody is registered as reading the scores (`gates.downstream.consumers`)."
        return not_applicable("downstream", evidence, said)
    if why := no_comparison(evidence):
        return not_applicable("downstream", evidence, why)
    moved = finding(evidence, "downstream", Found).moved
    if moved is None:
        raise EvidenceError("how far the scores moved was not looked for")
    held = [one for name, who in consumers.items() for one in _held(name, who, moved, evidence.day)]
    broken = [one for one in held if not one.is_taken]
    signed = [_signed(one, by) for one in held if one.is_taken and (by := one.used_signature)]
    worst = max(held, key=lambda one: one.used)
    words = [_shift(moved, evidence), *_verdict(model, broken, signed), ground(evidence)]
    return GateResult(
        gate="downstream",
        outcome="blocked" if broken else "passed",
        sentence=" ".join(words),
        figure=worst.figure,
        threshold=worst.threshold,
        interval=worst.interval,
        rows=evidence.rows,
        units=evidence.units,
        table=[_line(one, model) for one in held],
    )


def _held(name: str, consumer: Consumer, moved: Moved, day: date) -> list[_Held]:
    signature = consumer.signed if consumer.signed and day <= consumer.signed.until else None
    scale, unit = (1.0, "") if consumer.unit == "score" else (moved.deviation, " sd")
    changes = {
        "level": (consumer.level, moved.level, scale, unit),
        "spread": (consumer.spread, moved.spread, 1.0, " times"),
    }
    return [
        _Held(
            who=name,
            what=what,
            figure=one.value / by,
            interval=(one.low / by, one.high / by),
            limit=getattr(signature, what, None) or usual,
            usual=usual,
            unit=unit,
            signature=signature,
        )
        for what, (usual, one, by, unit) in changes.items()
        if usual is not None
    ]


def _shift(found: Moved, evidence: Evidence) -> str:
    level, scale = found.level, found.deviation
    value, low, high = (one / scale for one in (level.value, level.low, level.high))
    said = (
        f"Against the champion (version {evidence.champion_version}) the mean score moves by "
        f"{interval(found.level)} from {within(found.mean, found.mean_between)}, that is "
        f"{within(value, (low, high))} of its standard deviations, and the spread becomes "
        f"{interval(found.spread)} times as wide"
    )
    if found.changed is None:
        return f"{said}."
    return f"{said}; {percent(found.changed, found.changed_between)} of the decisions change."


def _verdict(model: ModelDefinition, broken: list[_Held], signed: list[str]) -> list[str]:
    consumers = model.gates.downstream.consumers
    if not broken and not signed:
        count = len(consumers)
        return [f"{'The one' if count == 1 else f'All {count}'} who read it can take that."]
    said = []
    if broken:
        told = [f"{_change(one)} for {one.who} ({consumers[one.who].owner}), who takes "
                f"{_amount(one, one.limit)}" for one in broken]  # fmt: skip
        said.append(f"It is more than was agreed: {'; '.join(told)}.")
    return said + signed


def _signed(one: _Held, signature: Signature) -> str:
    return (
        f"{one.who} takes {_amount(one, one.usual)} of {one.what} by itself, and {signature.by} "
        f"signed for {_amount(one, one.limit)} until {signature.until}: {signature.because}"
    )


def _change(one: _Held) -> str:
    return f"{one.what} {within(one.figure, one.interval)}{one.unit}"


def _amount(one: _Held, amount: float) -> str:
    return f"{number(amount)}{one.unit}"


def _line(one: _Held, model: ModelDefinition) -> dict[str, str]:
    return {
        "consumer": one.who,
        "owner": model.gates.downstream.consumers[one.who].owner,
        "change": _change(one),
        "takes": _amount(one, one.usual),
        "signed": _amount(one, one.limit) if one.limit != one.usual else "",
        "outcome": "taken" if one.is_taken else "beyond it",
    }
