"""Finds how the groups of every protected attribute are treated on the judged rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.gates import fairness
from tradewind.stages._measuring import group_of
from tradewind.stats.fairness import Grouped
from tradewind.stats.treatment import MEASURES, rates_of

if TYPE_CHECKING:
    from tradewind.stages._case import Case
    from tradewind.stats.fairness import Widest

TASK = "probe"


def gather(case: Case) -> fairness.Found:
    """Measure every group of every protected attribute, and the gaps between them.

    Raises:
        EvidenceError: A protected attribute is no column of the feature set.
    """
    limits = fairness.asked(case.model)
    protected = case.model.features.protected
    rates = sum(len(MEASURES[case.model.problem][measure]) for measure in limits)
    level = (1 - case.model.gates.confidence) / max(1, rates * len(protected))
    gaps: list[fairness.Gap] = []
    unknown: dict[str, dict[str, str]] = {}
    treated: dict[str, list[fairness.Treated]] = {}
    for name in protected:
        look = _Look(name, _grouped(case, name), level)
        treated[name] = look.told()
        for measure in MEASURES[case.model.problem]:
            try:
                limit = limits.get(measure, math.inf)
                gaps.append(look.gap(case.model.problem, measure, limit))
            except EvidenceError as error:
                unknown.setdefault(name, {})[measure] = str(error)
    return fairness.Found(treated=treated, gaps=gaps, unknown=unknown)


@dataclass(frozen=True)
class _Look:
    """One attribute under examination.

    Attributes:
        level: How often luck may make a gap that counts, at most.
    """

    attribute: str
    grouped: Grouped
    level: float

    def gap(self, problem: str, measure: str, limit: float) -> fairness.Gap:
        rates = MEASURES[problem][measure]
        found = [self.grouped.widest(name, limit=limit, level=self.level) for name in rates]
        return self._told(measure, found)

    def told(self) -> list[fairness.Treated]:
        rates = self.grouped.rates
        return [
            fairness.Treated(
                group=name,
                rows=one.rows,
                days=one.units,
                figures={
                    rate: self.grouped.own(drawn, rates[rate])
                    for rate, drawn in one.figures.items()
                },
                unknown=dict(one.unknown),
            )
            for name, one in self.grouped.treated.items()
        ]

    def _told(self, measure: str, found: list[Widest]) -> fairness.Gap:
        widest = max(found, key=lambda one: one.gap.value)
        return fairness.Gap(
            attribute=self.attribute,
            measure=measure,
            rate=widest.rate,
            high=widest.high,
            low=widest.low,
            gap=widest.gap,
            groups=widest.groups,
            luck=widest.luck,
            unsure=sorted({name for one in found for name in one.unsure}),
        )


def _grouped(case: Case, attribute: str) -> Grouped:
    if attribute not in case.rows:
        raise EvidenceError(
            f"the feature set has no column {attribute}: build it again with the SELECT that "
            "names it"
        )
    kind = case.model.features.types.get(attribute, "categorical")
    return Grouped(
        rows=case.players["candidate"],
        names=group_of(case.rows[attribute], kind).to_numpy(dtype=np.str_),
        rates=rates_of(case.model.problem),
        draws=case.draws,
        confidence=case.model.gates.confidence,
        least_rows=case.model.gates.fairness.least_rows,
        least_units=case.model.gates.fairness.least_days,
        seed=case.model.train.seed,
    )
