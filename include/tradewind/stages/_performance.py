"""How the champion does on matured rows: figures and slices, beside what it was judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.learning.splits import local_days
from tradewind.nights import Performance
from tradewind.stages._measuring import (
    LEAST_ROWS,
    MOST_GROUPS,
    Measured,
    largest,
    measured,
    with_groups,
)
from tradewind.stages._watching import Look, matured
from tradewind.stats import curves
from tradewind.stats.estimated import estimate_performance
from tradewind.stats.groups import measure_groups
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stats.rows import unit_numbers

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import Difference, Estimate
    from tradewind.stats.panel import Panel


def performance_of(look: Look) -> tuple[Performance | None, dict[str, Any]]:
    """Say how the champion does, and gather what a page draws of it.

    Returns:
        None where no row that it scored has matured or can be estimated.
    """
    champion, model = look.champion, look.model
    if champion is None:
        return None, {}
    scored = look.of_version(champion.version)
    estimated, estimated_rows = _estimated(look, scored[scored["label_state"] == "pending"])
    rows = matured(scored)
    if rows.empty:
        return None, {"estimated": _told(estimated, estimated_rows)}
    own = measured(look, rows, {"champion": "model_score", "naive": "naive_score"})
    panel = _panel(own, confidence=model.monitor.performance.confidence)
    previous, page_of_previous = _previous(look, rows)
    slices, small = _slices(look, own)
    decides = model.deciding_metric
    figures = panel.estimates("champion") if panel else {}
    below = _is_below(figures.get(decides), champion.judged, own, look)
    found = Performance(
        metric=decides,
        greater_is_better=bool(own.metrics[decides].greater_is_better),
        rows=len(rows),
        units=own.units,
        start=rows["prediction_time"].min().to_pydatetime(),
        end=rows["prediction_time"].max().to_pydatetime(),
        figures=figures,
        naive=panel.estimates("naive") if panel else {},
        previous=previous,
        previous_version=None if previous is None else look.live.previous,
        judged=champion.judged,
        against_naive=_gap(panel, decides),
        below_bound=below,
        slices=slices,
        estimated=estimated,
        estimated_rows=estimated_rows,
        missing={**_missing(own, panel), **small},
        sentence="",
    )
    told = found.model_copy(update={"sentence": _sentence(found, own, look)})
    page = {**_curves(own, binary=model.problem == "binary"), **page_of_previous}
    return told, {**page, "estimated": _told(estimated, estimated_rows)}


def _panel(own: Measured, *, confidence: float) -> Panel | None:
    if own.draws is None:
        return None
    return compare(own.players, metrics=own.metrics, draws=own.draws, confidence=confidence)


def _gap(panel: Panel | None, metric: str) -> Difference | None:
    if panel is None or not panel.has(metric, "champion", "naive"):
        return None
    return panel.difference(metric, better="champion", than="naive")


def _missing(own: Measured, panel: Panel | None) -> dict[str, str]:
    if panel is None:
        return {"every figure": own.too_few}
    return {
        f"{metric} of the {player}": reason
        for player, reasons in panel.missing.items()
        for metric, reason in reasons.items()
    }


def _is_below(own: Estimate | None, judged: Estimate | None, rows: Measured, look: Look) -> bool:
    """Whether even the better end of the interval is worse than the worse end of the judged one."""
    if own is None or judged is None or rows.units < look.model.monitor.performance.least_units:
        return False
    if rows.metrics[look.model.deciding_metric].greater_is_better:
        return own.high < judged.low
    return own.low > judged.high


def _previous(look: Look, rows: pd.DataFrame) -> tuple[dict[str, Estimate] | None, dict[str, Any]]:
    """The previous champion's figures on the rows that both scored."""
    version = look.live.previous
    if version is None:
        return None, {}
    other = look.of_version(version)[["entity", "night", "model_score"]]
    both = rows.merge(other, on=["entity", "night"], suffixes=("", "_previous"))
    if both.empty:
        return None, {}
    columns = {"champion": "model_score", "previous": "model_score_previous"}
    own = measured(look, both, columns)
    panel = _panel(own, confidence=look.model.monitor.performance.confidence)
    if panel is None:
        return None, {}
    figures = {name: panel.estimates(name) for name in columns}
    loss = _losses(own, binary=look.model.problem == "binary")
    page = {
        "version": version,
        "rows": len(both),
        "days": own.days,
        "loss": loss["previous"],
        "champion": {n: e.model_dump(mode="json") for n, e in figures["champion"].items()},
    }
    return figures["previous"], {"previous": page}


# ---------------------------------------------------------------------------------------- slices


def _slices(look: Look, own: Measured) -> tuple[dict[str, Estimate], dict[str, str]]:
    decides, watch = look.model.deciding_metric, look.model.monitor.performance
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    for feature in watch.slices:
        if own.draws is None or feature not in look.entities:
            missing[feature] = own.too_few or "this feature is not in the nights' features"
            continue
        groups = measure_groups(
            own.players["champion"],
            with_groups(look, own.frame, feature),
            metrics={decides: own.metrics[decides]},
            draws=own.draws,
            confidence=watch.confidence,
            least_rows=LEAST_ROWS,
        )
        shown = largest(groups)
        if few := len(groups) - len(shown):
            missing[feature] = f"the {few} smallest slices are left out, beyond {MOST_GROUPS}"
        for value, group in shown.items():
            figures |= {f"{feature}={value}": one for one in group.figures.values()}
            missing |= {f"{feature}={value}": why for why in group.missing.values()}
    return figures, missing


# -------------------------------------------------------------------------------------- estimate


def _estimated(look: Look, pending: pd.DataFrame) -> tuple[Estimate | None, int]:
    """The deciding metric as the scores themselves expect it, before labels mature."""
    metric = look.model.deciding_metric
    if pending.empty or look.model.problem != "binary":
        return None, 0
    days = local_days(pending["prediction_time"], zone=look.model.zone)
    unit = unit_numbers(days.dt.strftime("%Y-%m-%d").to_numpy(dtype=str))[0]
    # One day alone says nothing of other days: its interval is that of its rows, and narrower.
    unit = unit if unit.max() else np.arange(len(pending))
    try:
        found = estimate_performance(
            pending["model_score"].to_numpy(dtype=np.float64),
            unit=unit,
            metrics={metric: metrics_of(look.model, look.frozen.files)[metric]},
            threshold=look.champion.threshold if look.champion else None,
            confidence=look.model.monitor.performance.confidence,
            seed=look.model.train.seed,
        )
    except EvidenceError:
        return None, 0
    return found[metric].estimate, len(pending)


def _told(found: Estimate | None, rows: int) -> dict[str, Any]:
    return {"rows": rows, "figure": None if found is None else found.model_dump(mode="json")}


# ---------------------------------------------------------------------------------- for a person


def _sentence(found: Performance, own: Measured, look: Look) -> str:
    metric, watch = found.metric, look.model.monitor.performance
    figure = found.figures.get(metric)
    days = "1 day" if found.units == 1 else f"{found.units} days"
    stands = f"on {found.rows:,} matured rows of {days}"
    mark = _selective(look.model)
    if own.draws is None:
        return f"{_plainly(own, metric)} {stands}{mark}: no verdict yet, {own.too_few}"
    if figure is None:
        return f"no {metric} {stands}{mark}: {found.missing[f'{metric} of the champion']}"
    told = f"{metric} {_words(figure)} {stands}{mark}"
    if (naive := found.naive.get(metric)) is not None:
        told += f", the naive rule {naive.value:.4f}"
    if found.judged is None:
        return f"{told}; what it was judged by at its promotion is not known"
    judged = f"it was judged at {_words(found.judged)}"
    if found.units < watch.least_units:
        return f"{told}; {judged}: too few days for a verdict, {watch.least_units} are needed"
    verdict = "below its bound" if found.below_bound else "within its bound"
    return f"{told}; {judged}: {verdict}"


def _plainly(own: Measured, metric: str) -> str:
    """The figure by itself, where there are too few days for an interval."""
    try:
        figures = {name: own.metrics[metric].of(rows) for name, rows in own.players.items()}
    except EvidenceError:
        return f"no {metric}"
    return f"{metric} {figures['champion']:.4f}, the naive rule {figures['naive']:.4f},"


def _selective(model: ModelDefinition) -> str:
    if not model.label.selective:
        return ""
    return ", selective: labels come after a positive decision only"


def _words(figure: Estimate) -> str:
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


def _curves(own: Measured, *, binary: bool) -> dict[str, Any]:
    players = own.players.items()
    return {
        "days": own.days,
        "rows": np.bincount(own.players["champion"].unit, minlength=own.units).tolist(),
        "loss": _losses(own, binary=binary),
        "reliability": {name: curves.reliability(rows, binary=binary) for name, rows in players},
    }


def _losses(own: Measured, *, binary: bool) -> dict[str, list[float]]:
    return {n: curves.loss_by_unit(rows, binary=binary) for n, rows in own.players.items()}
