"""What a card says of how good the candidate is: figures, parts, groups, gates, worth."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tradewind import gates
from tradewind.cards import (
    Fairness,
    Figure,
    GateSaid,
    GroupFigures,
    GroupGap,
    Judged,
    SliceFigure,
    Slices,
    Worth,
)
from tradewind.gates import fairness, slices
from tradewind.stages._card_said import meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Estimate, Evidence, GateResult, Verdict

_PLAYERS = ("candidate", "champion", "naive")


def judged_of(evidence: Evidence, page: Mapping[str, Any], model: ModelDefinition) -> Judged:
    """Gather everybody's figures, the deciding one first.

    Args:
        evidence: Of the evaluation.
        page: What the evaluation shows beside it: which way each metric is better.
        model: What it asks for.
    """
    directions: Mapping[str, bool | None] = page["directions"]
    names = sorted(directions, key=lambda name: (name != evidence.metric, name))
    return Judged(
        metric=evidence.metric,
        greater_is_better=evidence.greater_is_better,
        rows=evidence.rows,
        units=evidence.units,
        unit=evidence.unit,
        confidence=evidence.confidence,
        block=model.metrics.resample.block,
        draws=model.metrics.resample.draws,
        champion_version=evidence.champion_version,
        champion_problem=evidence.champion_problem,
        figures=[
            Figure(
                metric=name,
                meaning=meaning_of(name, model),
                greater_is_better=directions[name],
                players={
                    player: figures[name]
                    for player in _PLAYERS
                    if name in (figures := getattr(evidence, player) or {})
                },
                missing={
                    player: said[name] for player, said in evidence.missing.items() if name in said
                },
            )
            for name in names
        ],
        against_naive=evidence.against_naive,
        against_champion=evidence.against_champion,
    )


def slices_of(evidence: Evidence, verdict: Verdict) -> Slices:
    """Take the figures of parts from what the gate `slices` decided on."""
    said = evidence.findings.get("slices")
    if said is None:
        absent = _absent("slices", evidence, verdict)
        return Slices(
            metric=evidence.metric,
            greater_is_better=evidence.greater_is_better,
            searched=0,
            parts=[],
            absent=absent,
        )
    found = slices.Found.model_validate(said)
    return Slices(
        metric=found.metric,
        greater_is_better=found.greater_is_better,
        searched=found.searched,
        parts=[
            SliceFigure(
                name=part.name,
                origin=part.origin,
                rows=part.rows,
                units=part.units,
                players={
                    player: figure
                    for player in _PLAYERS
                    if (figure := getattr(part, player)) is not None
                },
                unknown=part.unknown,
            )
            for part in found.parts
        ],
        absent=None if found.parts else "no part of the rows was looked at",
    )


def fairness_of(evidence: Evidence, verdict: Verdict, model: ModelDefinition) -> Fairness:
    """Take how groups are treated from what the gate `fairness` decided on."""
    protected, said = model.features.protected, evidence.findings.get("fairness")
    if said is None or not protected:
        absent = _absent("fairness", evidence, verdict) if protected else None
        return Fairness(protected=protected, groups=[], gaps=[], absent=absent)
    found, limits = fairness.Found.model_validate(said), fairness.asked(model)
    return Fairness(
        protected=protected,
        groups=[
            GroupFigures(
                attribute=attribute,
                group=one.group,
                rows=one.rows,
                units=one.days,
                figures=one.figures,
                unknown=one.unknown,
            )
            for attribute, groups in found.treated.items()
            for one in groups
        ],
        gaps=[
            GroupGap(
                attribute=gap.attribute,
                measure=gap.measure,
                rate=gap.rate,
                high=gap.high,
                low=gap.low,
                gap=gap.gap,
                limit=limits.get(gap.measure),
            )
            for gap in found.gaps
        ],
        absent=None,
    )


def gates_of(verdict: Verdict) -> list[GateSaid]:
    """Put beside each gate's answer what it asks."""
    known = gates.find_gates()
    return [GateSaid(asks=_asks(known.get(one.gate)), result=_bare(one)) for one in verdict.results]


def value_of(evidence: Evidence, model: ModelDefinition) -> Worth | None:
    """Say what the decisions are worth; None where the definition says nothing of it."""
    if model.value is None:
        return None
    outcomes = model.value.model_dump(exclude={"currency"})
    players: dict[str, Estimate] = {
        player: evidence.money[player] for player in _PLAYERS if player in evidence.money
    }
    return Worth(
        currency=model.value.currency,
        outcomes=outcomes,
        players=players,
        rows=evidence.rows,
        units=evidence.units,
    )


def _absent(gate: str, evidence: Evidence, verdict: Verdict) -> str:
    """Why there is no finding for a gate: it is switched off, or it could not be found."""
    said = next((one for one in verdict.results if one.gate == gate), None)
    if said is not None and said.outcome == "waived":
        return f"the gate that looks is switched off: {said.sentence}"
    return evidence.unfound.get(gate, "nobody looked")


def _asks(gate: object) -> str:
    """The first sentence of a gate's own description."""
    first = (inspect.getdoc(gate) or "it is no longer known what it asks").split("\n\n")[0]
    return " ".join(first.split())


def _bare(result: GateResult) -> GateResult:
    return result.model_copy(update={"table": []})
