"""How the candidate does on parts of the judged rows: declared, important, and found by search.

The search looks at the select stretch, on which nothing was fitted, for where the candidate loses
most beside the naive rule; what it finds is judged on the judged rows like any other slice, so that
no row both names a slice and judges it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.gates.slices import Bound, Found, Part
from tradewind.learning.naive import fit_naive
from tradewind.learning.worst_slices import worst_slices
from tradewind.stages._guards import loss_name, loss_of
from tradewind.stages.examination._parts import days_of, part_of, slices_of, too_small
from tradewind.stats.inference import standard_error
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stats.simultaneous import joint_reach

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tradewind.learning.slicing import Slice
    from tradewind.records import Estimate
    from tradewind.stages._case import Case
    from tradewind.stats.metrics import Metric
    from tradewind.stats.panel import Panel
    from tradewind.stats.rows import Floats

TASK = "probe"
_LOSSES = {"binary": "log_loss", "regression": "rmse"}


@dataclass(frozen=True)
class _Measured:
    """One slice before its bounds are known.

    Attributes:
        gaps: By other player, on the rows themselves and in each draw; above zero the candidate is
            better. Empty where the slice is unknown.
    """

    slice: Slice
    rows: int
    units: int
    figures: Mapping[str, Estimate]
    gaps: Mapping[str, Floats]
    unknown: str | None = None


def gather(case: Case) -> Found:
    """Measure every slice, and bound what the candidate may be better by on all of them together.

    Raises:
        EvidenceError: A declared column is not among the judged rows.
    """
    metric = _metric(case)
    named: dict[str, Slice] = {}
    for part in (*slices_of(case), *_searched(case)):
        named.setdefault(part.name, part)
    measured = [_measure(part, metric, case) for part in named.values()]
    gaps = [gap for one in measured for gap in one.gaps.values()]
    confidence = case.model.gates.confidence
    reach = (
        joint_reach(np.column_stack(gaps), case.draws, confidence=confidence, side="above")
        if gaps
        else 0.0
    )
    return Found(
        metric=metric.name,
        greater_is_better=bool(metric.greater_is_better),
        confidence=confidence,
        rows=len(case.rows),
        searched=len(case.split.select),
        parts=[_part(one, reach, case) for one in measured],
    )


def _metric(case: Case) -> Metric:
    """The deciding metric; the usual loss for an owner's own function, which a draw takes long."""
    decides = case.model.deciding_metric
    own = case.model.metrics.own.get(decides)
    name = _LOSSES[case.model.problem] if own and own.kind == "python" else decides
    return metrics_of(case.model)[name]


def _searched(case: Case) -> list[Slice]:
    frame, label = case.split.select, case.select.label.astype(np.float64)
    naive = fit_naive(case.model, case.split.fit).score(frame)
    name = loss_name(case.model)
    own, other = (loss_of(label, score, name=name) for score in (case.score(frame), naive))
    return worst_slices(
        frame,
        own - other,
        case.select.days,
        kinds=case.model.features.types,
        least_rows=case.model.gates.slices.least_rows,
        seed=case.model.train.seed,
    )


def _measure(part: Slice, metric: Metric, case: Case) -> _Measured:
    inside = part.holds(case.rows)
    players = {name: part_of(rows, inside) for name, rows in case.players.items()}
    own = players["candidate"]
    rows, units = len(own.label), days_of(own)
    unknown = too_small(own, case)
    if unknown is not None:
        return _Measured(part, rows, units, {}, {}, unknown)
    panel = compare(
        players,
        metrics={metric.name: metric},
        draws=case.draws,
        confidence=case.model.gates.confidence,
    )
    missing = [said[metric.name] for said in panel.missing.values() if said]
    if missing:
        return _Measured(part, rows, units, {}, {}, missing[0])
    figures = {name: panel.estimates(name)[metric.name] for name in players}
    return _Measured(part, rows, units, figures, _gaps(panel, metric))


def _gaps(panel: Panel, metric: Metric) -> dict[str, Floats]:
    sign = 1.0 if metric.greater_is_better else -1.0
    own = panel.figures["candidate"][metric.name]
    others = [name for name in panel.figures if name != "candidate"]
    return {name: sign * (own - panel.figures[name][metric.name]) for name in others}


def _part(one: _Measured, reach: float, case: Case) -> Part:
    bounds: dict[str, Any] = {
        f"against_{name}": _bound(gap, reach, case) for name, gap in one.gaps.items()
    }
    return Part(
        name=one.slice.name,
        origin=one.slice.origin,
        rows=one.rows,
        units=one.units,
        **one.figures,
        **bounds,
        unknown=one.unknown,
    )


def _bound(gap: Floats, reach: float, case: Case) -> Bound:
    error = standard_error(gap[1:], case.draws, name="a slice")
    value = float(gap[0])
    return Bound(value=value, standard_error=error, high=value + reach * error)
