"""Scores must mean what they say: on the whole, along the score, in each tenth and each slice.

A score of 0.3 is of use where three in ten come true. Months differ by their weather, so a limit is
passed only where it surely is: the level and the slope each by their own bound, the tenths and the
slices by bounds that hold for all of them together.
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
    number,
    require_same_rows,
    within,
)
from tradewind.records import Estimate, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.gates.calibration import Calibration
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 7
_SAID = 3
_TINY = 1e-12


class Part(Finding):
    """A tenth of the scores, or a slice.

    Attributes:
        score: Mean of what was said, as `truth` of what came of it; the interval around each
            holds by itself.
        gap: Mean truth less mean score, in standard deviations of the label; its bounds hold
            together with those of all parts. None where it is not known.
        unknown: Why it is not known.
    """

    name: str
    kind: Literal["tenth", "slice"]
    rows: int
    units: int
    score: float | None = None
    score_between: tuple[float, float] | None = None
    truth: float | None = None
    truth_between: tuple[float, float] | None = None
    gap: Estimate | None = None
    unknown: str | None = None


class Found(Finding):
    """How scores and truth of the judged rows lie beside each other.

    Attributes:
        rows: How many they are.
        deviation: The standard deviation of the judged labels, in which gaps are told.
        score: Mean of what was said, as `truth` of what came of it, each with its interval.
        level: Mean truth less mean score, in standard deviations; each of its bounds holds with
            the confidence, as a gap lies beyond a limit on one side only.
        slope: By how much the truth rises where the score rises by 1.
        slope_high: Its one-sided upper bound.
    """

    confidence: float
    rows: int
    deviation: float
    score: float
    score_between: tuple[float, float] | None = None
    truth: float
    truth_between: tuple[float, float] | None = None
    level: Estimate
    slope: Estimate
    slope_high: float
    parts: list[Part]


@dataclass(frozen=True)
class _Held:
    """One comparison.

    Attributes:
        slack: By how many standard errors the limit holds; below zero it is surely passed.
    """

    figure: float
    threshold: float
    interval: tuple[float, float]
    slack: float
    words: str

    @property
    def holds(self) -> bool:
        return self.slack >= 0


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Compare the level, the slope and every known part with their limits.

    Raises:
        EvidenceError: The reliability was not found, or is that of other rows.
    """
    found = finding(evidence, "calibration", Found)
    require_same_rows("the reliability is", found, evidence)
    limits = model.gates.calibration
    known = [_part(part, part.gap, limits) for part in found.parts if part.gap is not None]
    held = [_level(found, limits), _slope(found, limits), *known]
    missed = sorted((one for one in held if not one.holds), key=lambda one: one.slack)
    nearest = min(held, key=lambda one: one.slack)
    told = _missed(missed) if missed else f"Scores mean what they say. {held[0].words}."
    sure = (
        f"A limit is passed where it surely is, with {found.confidence:.0%} confidence, for all "
        f"{count(len(known), 'part')} together."
    )
    near = "" if missed or nearest is held[0] else f"Nearest to its limit comes: {nearest.words}."
    return GateResult(
        gate="calibration",
        outcome="blocked" if missed else "passed",
        sentence=" ".join(filter(None, (told, near, sure, _unknown(found), ground(evidence)))),
        figure=nearest.figure,
        threshold=nearest.threshold,
        interval=nearest.interval,
        rows=evidence.rows,
        units=evidence.units,
        table=[_line(part, limits) for part in found.parts],
    )


def _level(found: Found, limits: Calibration) -> _Held:
    words = (
        f"On the average the score is {within(found.score, found.score_between)} and the truth "
        f"{within(found.truth, found.truth_between)}, {_apart(found.level)} where "
        f"{number(limits.level)} is the limit"
    )
    return _gap(found.level, limits.level, words)


def _slope(found: Found, limits: Calibration) -> _Held:
    own = found.slope
    words = (
        f"where the score rises by 1 the truth rises by {interval(own)}, surely below "
        f"{number(found.slope_high)}, and {number(limits.slope)} is the least"
    )
    slack = (found.slope_high - limits.slope) / max(own.standard_error, _TINY)
    return _Held(found.slope_high, limits.slope, (own.low, own.high), slack, words)


def _part(part: Part, gap: Estimate, limits: Calibration) -> _Held:
    if part.score is None or part.truth is None:
        raise EvidenceError(f"{part.name} has no figures")
    words = (
        f"{part.name} ({part.rows:,} rows of {count(part.units, 'day')}), score "
        f"{within(part.score, part.score_between)} and truth "
        f"{within(part.truth, part.truth_between)}, {_apart(gap)} where {number(limits.parts)} is "
        "the limit"
    )
    return _gap(gap, limits.parts, words)


def _gap(gap: Estimate, limit: float, words: str) -> _Held:
    # How near zero the gap may be: what is surely passed is passed by this.
    least = max(gap.low, -gap.high)
    slack = (limit - least) / max(gap.standard_error, _TINY)
    threshold = limit if gap.value > 0 else -limit
    figure = gap.low if gap.value > 0 else gap.high
    return _Held(figure, threshold, (gap.low, gap.high), slack, words)


def _apart(gap: Estimate) -> str:
    way = "too little" if gap.value > 0 else "too much"
    return f"{way} by {interval_of(gap)} standard deviations"


def interval_of(gap: Estimate) -> str:
    """Write how far a gap goes one way: its size, from its nearer to its farther bound."""
    sign = 1.0 if gap.value > 0 else -1.0
    low, high = sorted((sign * gap.low, sign * gap.high))
    return f"{number(abs(gap.value))} ({number(low)} to {number(high)})"


def _missed(missed: list[_Held]) -> str:
    told = "; ".join(one.words for one in missed[:_SAID])
    more = f"; and {len(missed) - _SAID} more" if len(missed) > _SAID else ""
    return f"Scores do not mean what they say: {told[0].lower()}{told[1:]}{more}."


def _unknown(found: Found) -> str:
    few = [part for part in found.parts if part.gap is None]
    if not few:
        return ""
    return f"{len(few)} of {len(found.parts)} parts are unknown, and are not counted as passed."


def _line(part: Part, limits: Calibration) -> dict[str, str]:
    return {
        "part": part.name,
        "rows": f"{part.rows:,}",
        "days": str(part.units),
        "mean score": "" if part.score is None else within(part.score, part.score_between),
        "mean truth": "" if part.truth is None else within(part.truth, part.truth_between),
        "truth less score, in deviations": interval(part.gap) if part.gap else "",
        "says": _says(part, limits),
    }


def _says(part: Part, limits: Calibration) -> str:
    if part.gap is None:
        return f"unknown: {part.unknown}"
    return "holds" if _part(part, part.gap, limits).holds else "passes its limit"
