"""What a card takes from the definition, in the definition's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.cards import (
    SaidAcceptance,
    SaidFallback,
    SaidHarm,
    SaidIndicator,
    SaidMeaning,
    SaidPurpose,
    SaidRelease,
    SaidTask,
    SaidWaiver,
)
from tradewind.errors import EvidenceError
from tradewind.gates.harm_review import Looked, looked_at

if TYPE_CHECKING:
    from tradewind.definition.governance import HarmReview, Indicator
    from tradewind.definition.learning import ScenarioMetric
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Evidence

_THEN = {"alert": "an incident is opened", "switch_off": "the naive rule decides"}


def purpose_of(model: ModelDefinition) -> SaidPurpose:
    """Say what the model is for."""
    return SaidPurpose.model_validate(model.purpose.model_dump())


def harm_of(model: ModelDefinition, evidence: Evidence) -> SaidHarm | None:
    """Say whom it helps and harms, and what is seen of it; None where nobody reviewed it."""
    review = model.harm_review
    if review is None:
        return None
    return SaidHarm(
        by=review.by,
        on=review.on,
        until=review.until,
        helps=review.helps,
        neutral=review.neutral,
        harms=review.harms,
        indicators=[
            _indicator(review.indicators[one.name], one) for one in _looked(evidence, review)
        ],
    )


def acceptance_of(model: ModelDefinition) -> SaidAcceptance | None:
    """Say which error the business accepted; None where it accepted none."""
    accepted = model.acceptance
    return SaidAcceptance.model_validate(accepted.model_dump()) if accepted else None


def task_of(model: ModelDefinition) -> SaidTask:
    """Say what is predicted."""
    return SaidTask(
        problem=model.problem,
        entity_key=model.entity_key,
        event_time=model.event_time,
        horizon_seconds=model.horizon.total_seconds(),
        timezone=model.timezone,
        label=model.label.expression,
        label_meaning=model.label.meaning,
        label_relation=model.label.relation,
        selective=model.label.selective,
    )


def meanings_of(model: ModelDefinition) -> dict[str, SaidMeaning]:
    """Say what the columns are, as far as the owner said it."""
    return {
        name: SaidMeaning(what=one.is_, values=one.values)
        for name, one in model.features.meaning.items()
    }


def fallback_of(model: ModelDefinition) -> SaidFallback:
    """Say who decides where the model does not."""
    rule = model.fallback
    return SaidFallback(rule=rule.rule, by=rule.by, otherwise=rule.otherwise)


def release_of(model: ModelDefinition) -> SaidRelease:
    """Say what stands between a candidate and those it serves."""
    return SaidRelease(
        risk_tier=model.risk_tier,
        mode=model.promotion.mode,
        approvals=model.approvals_needed,
        reviewers=model.promotion.reviewers,
    )


def waivers_of(model: ModelDefinition) -> list[SaidWaiver]:
    """Say which gates the definition switches off."""
    return [SaidWaiver.model_validate(one.model_dump()) for one in model.gates.waivers]


def meaning_of(metric: str, model: ModelDefinition) -> str | None:
    """Say what a metric of the owner's own says; None of the usual ones."""
    own = model.metrics.own.get(metric)
    return _meaning(own) if own else None


def _meaning(own: ScenarioMetric) -> str:
    if own.kind == "capture":
        return (
            f"the share of all positives that is found among the {own.top:.0%} of the rows with "
            "the highest scores"
        )
    if own.kind == "cost":
        return (
            f"what wrong decisions cost a row: {own.false_positive:g} for each positive one, "
            f"{own.false_negative:g} for each negative one"
        )
    return f"what the owner's own function `{own.function}` says"


def _looked(evidence: Evidence, review: HarmReview) -> list[Looked]:
    try:
        return looked_at(evidence, review)
    except EvidenceError as error:
        return [
            Looked(name=name, rows=0, figure=None, missing=str(error)) for name in review.indicators
        ]


def _indicator(declared: Indicator, found: Looked) -> SaidIndicator:
    return SaidIndicator(
        name=found.name,
        metric=declared.metric,
        group=declared.group,
        limit=declared.limit,
        then=_THEN[declared.then],
        rows=found.rows,
        figure=found.figure,
        missing=found.missing,
    )
