"""No part of the rows may be served surely worse than by the naive rule, or than by the champion.

The figure of all rows hides the airport that a model knows nothing of. So declared slices, groups
of the features that matter most, and the worst that a search found on other rows are each compared,
by the deciding metric. The bounds of all of them hold together, so that a good model is not blocked
by the luck of one slice in forty. A slice too small to be judged is unknown: shown, never passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tradewind.errors import EvidenceError
from tradewind.gates._evidence import (
    count,
    finding,
    ground,
    interval,
    not_applicable,
    number,
    require_same_rows,
)
from tradewind.records import Estimate, Finding, GateResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 6
_SAID = 3
_TINY = 1e-12
_ORIGINS = {"declared": "declared", "important": "important feature", "found": "found by search"}


class Bound(Finding):
    """How the candidate compares on a slice; above zero it is better.

    Attributes:
        high: Upper bound, holding together with those of all slices.
    """

    value: float
    standard_error: float
    high: float


class Part(Finding):
    """One slice.

    Attributes:
        origin: Why it was looked at.
        candidate: Its figure, as `naive` and `champion`; None where it is not known.
        unknown: Why it is not known.
    """

    name: str
    origin: Literal["declared", "important", "found"]
    rows: int
    units: int
    candidate: Estimate | None = None
    naive: Estimate | None = None
    champion: Estimate | None = None
    against_naive: Bound | None = None
    against_champion: Bound | None = None
    unknown: str | None = None


class Found(Finding):
    """What was found slice by slice.

    Attributes:
        metric: That the slices are compared by.
        confidence: That all bounds hold.
        rows: Judged rows that were cut.
        searched: Rows of the select stretch on which the worst slices were looked for.
    """

    metric: str
    greater_is_better: bool
    confidence: float
    rows: int
    searched: int
    parts: list[Part]


@dataclass(frozen=True)
class _Held:
    """One comparison on one slice.

    Attributes:
        slack: By how many standard errors it holds; below zero it does not.
    """

    part: Part
    figure: float
    threshold: float
    interval: tuple[float, float]
    slack: float
    words: str

    @property
    def holds(self) -> bool:
        return self.slack >= 0


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare every known slice with the naive rule, the champion and the floor.

    Raises:
        EvidenceError: The slices were not found, were cut from other rows, or lack a comparison.
    """
    found = finding(evidence, "slices", Found)
    require_same_rows("the slices are", found, evidence)
    known = [part for part in found.parts if part.unknown is None]
    table = [_line(part, evidence, model) for part in found.parts]
    if not known:
        said = f"Nothing is compared: {_unknown(found)} {ground(evidence)}"
        return not_applicable("slices", evidence, said).model_copy(update={"table": table})
    held = [one for part in known for one in _comparisons(part, evidence, model)]
    short = sorted((one for one in held if not one.holds), key=lambda one: one.slack)
    nearest = min(held, key=lambda one: one.slack)
    told = _short(short, known) if short else _passed(nearest, known, evidence, model)
    together = (
        f"The bounds of all {count(len(known), 'slice')} hold together with "
        f"{found.confidence:.0%} confidence, each interval in brackets by itself."
    )
    return GateResult(
        gate="slices",
        outcome="blocked" if short else "passed",
        sentence=" ".join(filter(None, (told, together, _unknown(found), ground(evidence)))),
        figure=nearest.figure,
        threshold=nearest.threshold,
        interval=nearest.interval,
        rows=evidence.rows,
        units=evidence.units,
        table=table,
    )


def _comparisons(part: Part, evidence: Evidence, model: ModelDefinition) -> Iterator[_Held]:
    if part.candidate is None or part.naive is None or part.against_naive is None:
        raise EvidenceError(f"the slice {part.name} has no comparison with the naive rule")
    yield _bounded(part, part.against_naive, 0.0, f"the naive rule's {interval(part.naive)}")
    if evidence.champion_state == "judged":
        if part.champion is None or part.against_champion is None:
            raise EvidenceError(f"the slice {part.name} has no comparison with the champion")
        margin = model.gates.slices.margin * abs(part.naive.value)
        whose = f"the champion's {interval(part.champion)}"
        yield _bounded(part, part.against_champion, -margin, whose)
    level, at_least = _floor(part.naive, evidence, model)
    if level is not None:
        yield _reached(part, part.candidate, level, at_least=at_least)


def _bounded(part: Part, bound: Bound, threshold: float, whose: str) -> _Held:
    beyond = "" if threshold == 0 else f", and {number(-threshold)} is tolerated"
    if bound.value >= 0:
        way = f"better by {number(bound.value)}, at most by {number(bound.high)}"
    elif bound.high >= 0:
        way = (
            f"worse by {number(-bound.value)}, not surely: better by {number(bound.high)} at most"
            f"{beyond}"
        )
    else:
        way = f"worse by {number(-bound.value)}, surely by {number(-bound.high)}{beyond}"
    return _Held(
        part=part,
        figure=bound.high,
        threshold=threshold,
        interval=(2 * bound.value - bound.high, bound.high),
        slack=(bound.high - threshold) / max(bound.standard_error, _TINY),
        words=f"{whose}: {way}",
    )


def _reached(part: Part, own: Estimate, level: float, *, at_least: bool) -> _Held:
    beyond = own.value - level if at_least else level - own.value
    return _Held(
        part=part,
        figure=own.value,
        threshold=level,
        interval=(own.low, own.high),
        slack=beyond / max(own.standard_error, _TINY),
        words=f"the floor: {'at least' if at_least else 'at most'} {number(level)}",
    )


def _floor(
    naive: Estimate, evidence: Evidence, model: ModelDefinition
) -> tuple[float | None, bool]:
    """The level that a slice must reach, None without any, and whether it is the least."""
    floor = model.gates.slices.floor
    if floor is None:
        return None, False
    if floor.of_naive is not None:
        return floor.of_naive * naive.value, evidence.greater_is_better
    if floor.at_least is not None:
        return floor.at_least, True
    return floor.at_most, False


def _short(short: list[_Held], known: list[Part]) -> str:
    names = dict.fromkeys(one.part.name for one in short)
    told = "; ".join(_told(one) for one in short[:_SAID])
    left = len(short) - _SAID
    more = f"; and {count(left, 'comparison')} more" if left > 0 else ""
    return f"The candidate falls short in {len(names)} of {len(known)} known slices: {told}{more}."


def _passed(nearest: _Held, known: list[Part], evidence: Evidence, model: ModelDefinition) -> str:
    asked = ["surely worse than the naive rule"]
    if evidence.champion_state == "judged":
        margin = model.gates.slices.margin
        asked.append(
            f"surely worse than the champion (version {evidence.champion_version}) by more than "
            f"{margin:.0%} of the naive rule's figure"
        )
    if model.gates.slices.floor is not None:
        asked.append("short of the floor")
    return (
        f"In none of {len(known)} known slices is the candidate {' or '.join(asked)}. Nearest to "
        f"it comes {_told(nearest)}."
    )


def _told(one: _Held) -> str:
    part = one.part
    own = interval(part.candidate) if part.candidate else "unknown"
    size = f"{part.rows:,} rows of {count(part.units, 'day')}"
    return f"{part.name} ({size}), {own} against {one.words}"


def _unknown(found: Found) -> str:
    small = [part for part in found.parts if part.unknown is not None]
    declared = [part for part in found.parts if part.origin == "declared"]
    if declared and all(part.unknown is not None for part in declared):
        none = f"none of the {len(declared)} declared slices is known, so nothing is said of them."
        return f"{none[0].upper()}{none[1:]} Unknown are {len(small)} of {len(found.parts)} slices."
    if not small:
        return ""
    return f"{len(small)} of {len(found.parts)} slices are unknown, and are not counted as passed."


def _line(part: Part, evidence: Evidence, model: ModelDefinition) -> dict[str, str]:
    own = {"candidate": part.candidate, "naive rule": part.naive}
    if evidence.champion_state == "judged":
        own["champion"] = part.champion
    figures = {name: interval(one) if one else "" for name, one in own.items()}
    return {
        "slice": part.name,
        "why": _ORIGINS[part.origin],
        "rows": f"{part.rows:,}",
        "days": str(part.units),
        **figures,
        "against the naive rule": _gap(part.against_naive),
        **({"against the champion": _gap(part.against_champion)} if "champion" in own else {}),
        "says": _says(part, evidence, model),
    }


def _gap(bound: Bound | None) -> str:
    return f"{number(bound.value)} (at most {number(bound.high)})" if bound else ""


def _says(part: Part, evidence: Evidence, model: ModelDefinition) -> str:
    if part.unknown is not None:
        return f"unknown: {part.unknown}"
    holds = all(one.holds for one in _comparisons(part, evidence, model))
    return "holds" if holds else "falls short"
