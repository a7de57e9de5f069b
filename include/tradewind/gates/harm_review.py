"""Whom the model helps and whom it harms: reviewed by somebody, until a day.

The gate asks that the review is there and holds; what it declares to be watched, the nights watch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.gates._evidence import not_applicable, number
from tradewind.records import GateResult

if TYPE_CHECKING:
    from tradewind.definition.governance import HarmReview, Indicator
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

ORDER = 18
_GATE = "harm_review"
_WORDS = {"alert": "opens an incident", "switch_off": "switches the model off"}


def check(evidence: Evidence, model: ModelDefinition) -> GateResult:
    """Hold the day that the run stands at against the review's last day."""
    review = model.harm_review
    if review is None and model.risk_tier == "low":
        said = "Nobody has reviewed harm (`harm_review`), and tier low asks no review."
        return not_applicable(_GATE, evidence, said)
    if review is None:
        sentence = (
            f"Nobody has reviewed whom this model harms, and one of tier {model.risk_tier} needs "
            "it: say `harm_review` with by, on, until, helps and harms."
        )
        return _answer(evidence, review, passed=False, sentence=sentence)
    holds = evidence.day <= review.until
    return _answer(evidence, review, passed=holds, sentence=_sentence(review, holds=holds))


def _answer(
    evidence: Evidence, review: HarmReview | None, *, passed: bool, sentence: str
) -> GateResult:
    indicators = review.indicators if review else {}
    return GateResult(
        gate=_GATE,
        outcome="passed" if passed else "blocked",
        sentence=sentence,
        rows=evidence.rows,
        units=evidence.units,
        table=[_line(name, one) for name, one in indicators.items()],
    )


def _sentence(review: HarmReview, *, holds: bool) -> str:
    watched = len(review.indicators)
    ends = (
        f"holds until {review.until}"
        if holds
        else f"ended on {review.until}: somebody has to look again"
    )
    nights = (
        f"{watched} {'figure is' if watched == 1 else 'figures are'} watched each night for it"
        if watched
        else "no figure is watched for it"
    )
    return (
        f"The harm review by {review.by} of {review.on} {ends}. It helps: "
        f"{'; '.join(review.helps)}. It harms or could harm: {'; '.join(review.harms)}; {nights}."
    )


def _line(name: str, indicator: Indicator) -> dict[str, str]:
    at_most = indicator.at_most
    limit = f"at most {number(at_most)}" if at_most is not None else ""
    if indicator.at_least is not None:
        limit = f"at least {number(indicator.at_least)}"
    where = ", ".join(f"{column} = {value}" for column, value in indicator.where.items())
    return {
        "indicator": name,
        "figure": indicator.metric.replace("_", " "),
        "of": where or "all rows",
        "allowed": limit,
        "beyond it": _WORDS[indicator.then],
    }
