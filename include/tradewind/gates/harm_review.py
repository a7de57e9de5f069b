"""Whom the model helps and whom it harms: reviewed by somebody, until a day.

The gate asks that the review is there and holds, and that no figure by which harm would be seen
shows any on the judged rows already; from then on the nights watch them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import finding, interval, not_applicable
from tradewind.records import Estimate, Finding, GateResult

if TYPE_CHECKING:
    from tradewind.definition.governance import HarmReview, Indicator
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 18
_GATE = "harm_review"
_WORDS = {"alert": "opens an incident", "switch_off": "switches the model off"}


class Looked(Finding):
    """An indicator on the judged rows.

    Attributes:
        name: As it is declared.
        rows: Of its group.
        figure: None where there is none.
        missing: Why; empty where there is one.
    """

    name: str
    rows: int
    figure: Estimate | None
    missing: str = ""


class Found(Finding):
    """Every declared indicator on the judged rows."""

    looked: list[Looked]


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold the run's day against the review's last one, and each figure against its limit.

    Raises:
        EvidenceError: Figures are declared, and nobody looked for them on the judged rows.
    """
    review = model.harm_review
    if review is None and model.risk_tier == "low":
        said = "Nobody has reviewed harm (`harm_review`), and tier low asks no review."
        return not_applicable(_GATE, evidence, said)
    if review is None:
        sentence = (
            f"Nobody has reviewed whom this model harms, and one of tier {model.risk_tier} needs "
            "it: say `harm_review` with by, on, until, helps and harms."
        )
        return _answer(evidence, passed=False, sentence=sentence)
    holds = evidence.day <= review.until
    looked = looked_at(evidence, review)
    harm = [one for one in looked if _is_harm(one, review)]
    return _answer(
        evidence,
        passed=holds and not harm,
        sentence=_sentence(review, looked, harm, holds=holds),
        table=[_line(one, review.indicators[one.name]) for one in looked],
    )


def looked_at(evidence: Evidence, review: HarmReview) -> list[Looked]:
    """Every declared indicator on the judged rows; one that is not among them with the reason.

    Raises:
        EvidenceError: Figures are declared, and nobody looked for them.
    """
    if not review.indicators:
        return []
    found = {one.name: one for one in finding(evidence, _GATE, Found).looked}
    nobody = "nobody looked"
    return [
        found.get(name) or Looked(name=name, rows=0, figure=None, missing=nobody)
        for name in review.indicators
    ]


def _is_harm(one: Looked, review: HarmReview) -> bool:
    found = one.figure
    return found is not None and review.indicators[one.name].is_harm(found.low, found.high)


def _answer(
    evidence: Evidence, *, passed: bool, sentence: str, table: list[dict[str, str]] | None = None
) -> GateResult:
    # Without a figure to look for it is the review's day alone that decides, and no row.
    return GateResult(
        gate=_GATE,
        outcome="passed" if passed else "blocked",
        sentence=sentence,
        rows=evidence.rows if table else 0,
        units=evidence.units if table else 0,
        table=table or [],
    )


def _sentence(review: HarmReview, looked: list[Looked], harm: list[Looked], *, holds: bool) -> str:
    ends = (
        f"holds until {review.until}"
        if holds
        else f"ended on {review.until}: somebody has to look again"
    )
    said = (
        f"The harm review by {review.by} of {review.on} {ends}. It helps: "
        f"{'; '.join(review.helps)}. It harms or could harm: {'; '.join(review.harms)}; "
        f"{_watched(len(looked))}."
    )
    known = [one for one in looked if one.figure is not None]
    if harm:
        told = "; ".join(_told(one, review.indicators[one.name]) for one in harm)
        return f"{said} On the judged rows harm is seen already: {told}."
    if known:
        said += f" On the judged rows {len(known)} of {len(looked)} could be said, none is harm."
    return said


def _watched(count: int) -> str:
    if not count:
        return "no figure is watched for it"
    return f"{count} {'figure is' if count == 1 else 'figures are'} watched each night for it"


def _told(one: Looked, declared: Indicator) -> str:
    shown = interval(one.figure) if one.figure else one.missing
    what = f"{declared.metric.replace('_', ' ')} of {declared.group}"
    return f"{one.name}, the {what}, is {shown} on {one.rows:,} rows; {declared.limit} is declared"


def _line(one: Looked, declared: Indicator) -> dict[str, str]:
    return {
        "indicator": one.name,
        "figure": declared.metric.replace("_", " "),
        "of": declared.group,
        "allowed": declared.limit,
        "on the judged rows": interval(one.figure) if one.figure else f"unknown: {one.missing}",
        "rows": f"{one.rows:,}",
        "beyond it at night": _WORDS[declared.then],
    }
