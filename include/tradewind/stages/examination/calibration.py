"""Whether the candidate's scores mean what they say, on the judged rows and on their parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.gates.calibration import Found, Part
from tradewind.records import Estimate
from tradewind.stages.examination._parts import days_of, part_of, slices_of, too_small
from tradewind.stats.groups import HARM
from tradewind.stats.inference import estimate, quantile, standard_error
from tradewind.stats.panel import compare
from tradewind.stats.reliability import figures_of, gaps_of, in_deviations, slope, tenths
from tradewind.stats.simultaneous import joint_reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from tradewind.learning.slicing import Mask
    from tradewind.stages._case import Case
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Rows

TASK = "probe"


def gather(case: Case) -> Found:
    """Measure level, slope, tenths and slices, each gap in standard deviations of the label.

    Raises:
        EvidenceError: All labels are the same, or the scores have no slope.
    """
    rows, draws = case.players["candidate"], case.draws
    confidence = case.model.gates.confidence
    scaled = in_deviations(rows)
    level, rise = gaps_of(scaled, draws), _slope(rows, draws)
    error = standard_error(rise[1:], draws, name="the slope")
    return Found(
        confidence=confidence,
        rows=len(rows.label),
        deviation=float(np.std(rows.label)),
        **_means(rows, case),
        level=_bounded(level, reach=quantile(confidence, draws), draws=draws),
        slope=estimate(float(rise[0]), error, draws, confidence=confidence),
        slope_high=float(rise[0]) + quantile(confidence, draws) * error,
        parts=_parts(case, scaled),
    )


def _slope(rows: Rows, draws: Draws) -> Floats:
    try:
        return figures_of(slope(rows), draws)
    except EvidenceError as error:
        raise EvidenceError(
            "all scores are the same, on some draws of days at least: whether the truth rises with "
            "the score cannot be told"
        ) from error


def _parts(case: Case, scaled: Rows) -> list[Part]:
    """Measure each part, then bound all of those that are known together."""
    measured = [
        (kind, name, inside, *_gap(case, scaled, inside)) for kind, name, inside in _cuts(case)
    ]
    known = [gaps for *_, gaps, _ in measured if gaps is not None]
    confidence = case.model.gates.confidence
    reach = (
        joint_reach(np.column_stack(known), case.draws, confidence=confidence, side="both")
        if known
        else 0.0
    )
    own = case.players["candidate"]
    return [
        _part(kind, name, part_of(own, inside), gaps, unknown, reach=reach, case=case)
        for kind, name, inside, gaps, unknown in measured
    ]


def _cuts(case: Case) -> Iterator[tuple[Literal["tenth", "slice"], str, Mask]]:
    least = case.model.gates.slices.least_rows
    for name, inside in tenths(case.players["candidate"], least_rows=least):
        yield "tenth", name, inside
    for part in {one.name: one for one in slices_of(case)}.values():
        yield "slice", part.name, part.holds(case.rows)


def _gap(case: Case, scaled: Rows, inside: Mask) -> tuple[Floats | None, str | None]:
    rows = part_of(scaled, inside)
    unknown = too_small(rows, case)
    if unknown is not None:
        return None, unknown
    try:
        return gaps_of(rows, case.draws), None
    except EvidenceError as error:
        return None, str(error)


def _part(
    kind: Literal["tenth", "slice"],
    name: str,
    own: Rows,
    gaps: Floats | None,
    unknown: str | None,
    *,
    reach: float,
    case: Case,
) -> Part:
    size = {"rows": len(own.label), "units": days_of(own)}
    if gaps is None:
        return Part(name=name, kind=kind, unknown=unknown, **size)
    return Part(
        name=name,
        kind=kind,
        **_means(own, case),
        gap=_bounded(gaps, reach=reach, draws=case.draws),
        **size,
    )


def _means(rows: Rows, case: Case) -> dict[str, Any]:
    """Mean score and mean truth, with the interval of each."""
    metric = HARM[case.model.problem]["mean_score"]
    panel = compare(
        {"score": rows, "truth": replace(rows, score=rows.label)},
        metrics={metric.name: metric},
        draws=case.draws,
        confidence=case.model.gates.confidence,
    )
    told: dict[str, Any] = {}
    for name in panel.figures:
        mean = panel.estimates(name)[metric.name]
        told |= {name: mean.value, f"{name}_between": (mean.low, mean.high)}
    return told


def _bounded(gaps: Floats, *, reach: float, draws: Draws) -> Estimate:
    error = standard_error(gaps[1:], draws, name="a gap")
    value = float(gaps[0])
    return Estimate(
        value=value, low=value - reach * error, high=value + reach * error, standard_error=error
    )
