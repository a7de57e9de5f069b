"""The figures by which harm would be seen, on the champion's matured rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.moments import days_before
from tradewind.nights import HarmIndicator
from tradewind.stages._measuring import LEAST_ROWS, Measured, has_values, measured
from tradewind.stages._watching import Look, matured
from tradewind.stats.groups import HARM
from tradewind.stats.panel import compare
from tradewind.stores.events import RESUMED

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from tradewind.definition.governance import Indicator
    from tradewind.nights import HarmState
    from tradewind.records import Estimate

_LIFTS_LESS = {"feature", "breach"}
_ROW = ["entity", "night"]


def indicators_of(look: Look) -> list[HarmIndicator]:
    """Hold every declared indicator against its limit; none where none is declared."""
    review = look.model.harm_review
    if review is None or look.champion is None:
        return []
    rows = matured(look.of_version(look.champion.version))
    # A person who resumes the model has seen what was before, and is not overruled by it.
    resumed = _resumed(look)
    rows = rows if resumed is None else rows[rows["night"] > resumed]
    return [_indicator(look, name, one, rows) for name, one in review.indicators.items()]


def _resumed(look: Look) -> datetime | None:
    """When a person last brought the model back, if somebody did."""
    known = look.stores.ledger.events(
        model=look.model.name, kind=RESUMED, as_of=look.as_of, newest_first=True
    )
    return next((one.as_of for one in known if not _LIFTS_LESS & one.payload.keys()), None)


def _indicator(look: Look, name: str, declared: Indicator, rows: pd.DataFrame) -> HarmIndicator:
    window = declared.window or look.model.monitor.performance.window
    recent = rows[rows["night"] > days_before(look.as_of, window, look.model)]
    own = recent[_is_in(look, recent, declared)] if len(recent) else recent
    figure, days, missing = _figure(look, declared, own)
    state = _state(declared, figure)
    words = missing if figure is None else _words(figure, declared, rows=len(own), days=days)
    return HarmIndicator(
        name=name,
        metric=declared.metric,
        where=declared.group,
        rows=len(own),
        units=days,
        figure=figure,
        state=state,
        then=declared.then,
        sentence=f"{name}: {declared.metric.replace('_', ' ')} of {declared.group} {words}",
    )


def _is_in(look: Look, rows: pd.DataFrame, declared: Indicator) -> pd.Series:
    """Whether each row's entity has every value that makes the group; shape (rows,)."""
    columns = list(declared.where)
    known = look.entities[[*_ROW, *columns]]
    found = rows[_ROW].merge(known, on=_ROW, how="left").set_index(rows.index)
    return found["night"].notna() & has_values(found, declared.where, look.model)


def _figure(
    look: Look, declared: Indicator, rows: pd.DataFrame
) -> tuple[Estimate | None, int, str]:
    """The figure with its interval, of how many days; or why there is none."""
    if len(rows) < LEAST_ROWS:
        return None, 0, f"cannot be said: {len(rows):,} matured rows, and {LEAST_ROWS} are needed"
    own: Measured = measured(look, rows, {"champion": "model_score"})
    if own.draws is None:
        return None, own.units, f"cannot be said: {own.too_few}"
    panel = compare(
        own.players,
        metrics={declared.metric: HARM[look.model.problem][declared.metric]},
        draws=own.draws,
        confidence=look.model.monitor.performance.confidence,
    )
    figure = panel.estimates("champion").get(declared.metric)
    missing = panel.missing["champion"].get(declared.metric, "")
    return figure, own.units, f"cannot be said: {missing}"


def _state(declared: Indicator, figure: Estimate | None) -> HarmState:
    if figure is None:
        return "unknown"
    return "harm" if declared.is_harm(figure.low, figure.high) else "within"


def _words(figure: Estimate, declared: Indicator, *, rows: int, days: int) -> str:
    return (
        f"is {figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g}) on {rows:,} matured rows "
        f"of {days} days; {declared.limit} is declared"
    )
