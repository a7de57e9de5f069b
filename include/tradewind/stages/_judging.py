"""Players on the same rows: measured under the same draws, put into evidence and curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.learning.splits import local_days
from tradewind.records import Evidence
from tradewind.reports.counts import count
from tradewind.stats import curves
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import metrics_of, worth
from tradewind.stats.panel import compare
from tradewind.stats.rows import Rows, binary_rows, regression_rows, unit_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Difference, Estimate
    from tradewind.stages._champion import Champion, Scores
    from tradewind.stats.panel import Panel

_MONEY = "money"
_NO_FIGURE = "could not be computed"


@dataclass(frozen=True)
class Judged:
    """Players on the same rows.

    Attributes:
        players: `candidate`, `naive`, and `champion` where it could be judged.
        days: The local day of each unit, by its number.
        panel: Their figures by every metric.
        money: Their figures by the value of their decisions a row, where values are declared.
    """

    players: Mapping[str, Rows]
    days: list[str]
    panel: Panel
    money: Panel | None


def judge_players(
    model: ModelDefinition,
    judge: pd.DataFrame,
    scored: Mapping[str, Scores],
    champion: Champion,
    *,
    files: Mapping[str, str] | None = None,
) -> Judged:
    """Put every player on the same rows and measure all of them under the same draws.

    Args:
        model: Metrics, resampling, confidence, values.
        judge: The judge stretch.
        scored: Scores by player, in the rows' order; the champion's where it can be judged.
        champion: Says where the rows must begin.
        files: The definition's, for metrics of the owner's own.

    Raises:
        EvidenceError: The rows do not allow a figure.
    """
    keep = champion.judged_rows(judge)
    days = local_days(judge["prediction_time"], zone=model.zone).dt.strftime("%Y-%m-%d")
    unit, names = unit_numbers(days.to_numpy(dtype=str)[keep])
    label = judge["label"].to_numpy(dtype=np.float64)[keep]
    make = binary_rows if model.problem == "binary" else regression_rows
    players = {
        name: make(label, scores.score[keep], unit=unit, threshold=scores.threshold)
        for name, scores in scored.items()
    }
    resample, confidence = model.metrics.resample, model.gates.confidence
    draws = block_draws(
        len(names), block=resample.block, draws=resample.draws, seed=model.train.seed
    )
    metrics = metrics_of(model, files)
    panel = compare(players, metrics=metrics, draws=draws, confidence=confidence)
    money = None
    if model.value is not None:
        value = {_MONEY: worth(model.value)}
        money = compare(players, metrics=value, draws=draws, confidence=confidence)
    return Judged(players, names, panel, money)


def evidence_of(
    model: ModelDefinition, judged: Judged, champion: Champion, *, day: date
) -> Evidence:
    """Gather what the gates are given; what is not to be had is missing, with the reason."""
    panel, decides = judged.panel, model.deciding_metric
    has_champion = "champion" in judged.players
    rows = judged.players["candidate"]
    return Evidence(
        metric=decides,
        greater_is_better=bool(panel.metrics[decides].greater_is_better),
        confidence=model.gates.confidence,
        rows=len(rows.label),
        units=rows.units,
        unit=model.metrics.resample.unit,
        candidate=panel.estimates("candidate"),
        naive=panel.estimates("naive"),
        champion_state=champion.state,
        champion_version=champion.version,
        champion_problem=champion.problem,
        champion=panel.estimates("champion") if has_champion else None,
        against_naive=_gap(judged, decides, than="naive"),
        against_champion=_gap(judged, decides, than="champion") if has_champion else None,
        money=_money(judged),
        currency=model.value.currency if model.value else None,
        missing={player: dict(reasons) for player, reasons in panel.missing.items() if reasons},
        day=day,
    )


def _gap(judged: Judged, metric: str, *, than: str) -> Difference | None:
    if not judged.panel.has(metric, "candidate", than):
        return None
    return judged.panel.difference(metric, better="candidate", than=than)


def _money(judged: Judged) -> dict[str, Estimate]:
    """Scale the worth of a row to that of all judged rows."""
    if judged.money is None:
        return {}
    each = {name: judged.money.estimates(name)[_MONEY] for name in judged.players}
    rows = len(judged.players["candidate"].label)
    return {
        name: found.model_copy(
            update={part: figure * rows for part, figure in found.model_dump().items()}
        )
        for name, found in each.items()
    }


def page_of(model: ModelDefinition, judged: Judged) -> dict[str, Any]:
    """Gather what a page shows beyond the evidence, as plain values."""
    binary = model.problem == "binary"
    players = judged.players.items()
    candidate = judged.players["candidate"]
    return {
        "binary": binary,
        "days": judged.days,
        "rows": np.bincount(candidate.unit, minlength=candidate.units).tolist(),
        "loss": {name: curves.loss_by_unit(rows, binary=binary) for name, rows in players},
        "reliability": {name: curves.reliability(rows, binary=binary) for name, rows in players},
        "gains": {name: curves.gains(rows) for name, rows in players} if binary else {},
        "decisions": {name: curves.decisions(rows) for name, rows in players} if binary else {},
        "differences": _differences(judged),
        "directions": {n: m.greater_is_better for n, m in judged.panel.metrics.items()},
    }


def _differences(judged: Judged) -> dict[str, dict[str, Any]]:
    metrics = judged.panel.metrics.items()
    directed = [name for name, metric in metrics if metric.greater_is_better is not None]
    return {
        other: {
            name: gap.model_dump(mode="json")
            for name in directed
            if (gap := _gap(judged, name, than=other)) is not None
        }
        for other in judged.players
        if other != "candidate"
    }


def headline(evidence: Evidence) -> str:
    """Say the deciding figure of everybody, and what it stands on, in one line."""
    metric, version = evidence.metric, evidence.champion_version
    others = [f"naive rule {_told(evidence.naive.get(metric))}"]
    if evidence.champion is not None:
        others.append(f"champion (version {version}) {_told(evidence.champion.get(metric))}")
    if evidence.champion_state == "unusable":
        others.append(f"champion (version {version}) could not be judged")
    return (
        f"{metric} {_told(evidence.candidate.get(metric))}; {', '.join(others)}; "
        f"on {count(evidence.rows, 'row')} of {count(evidence.units, evidence.unit)}"
    )


def money_line(evidence: Evidence) -> str | None:
    """Say what everybody's decisions on the judged rows are worth, in one line."""
    if not evidence.money:
        return None
    names = {
        "candidate": "candidate",
        "champion": f"champion (version {evidence.champion_version})",
        "naive": "naive rule",
    }
    told = [
        f"{name} {found.value:,.0f} ({found.low:,.0f} to {found.high:,.0f})"
        for player, name in names.items()
        if (found := evidence.money.get(player)) is not None
    ]
    return f"decisions on these rows are worth, in {evidence.currency}: {', '.join(told)}"


def _told(estimate: Estimate | None) -> str:
    if estimate is None:
        return _NO_FIGURE
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
