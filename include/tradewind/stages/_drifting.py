"""Drift: features, predictions and labels of the last nights against the champion's reference."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.definition.moments import days_before
from tradewind.learning.reference import (
    LABEL,
    PREDICTION,
    columns_of,
    drift_days,
    label_column,
    window_nights,
)
from tradewind.stages._watching import FALLBACK, Look, matured
from tradewind.stats.drift import compare_counts
from tradewind.stats.profiles import added

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.nights import ColumnDrift, ScoredNight
    from tradewind.stats.drift import Role
    from tradewind.stats.profiles import FrameProfile
    from tradewind.stats.tallies import Tally

_ROLES: dict[str, Role] = {PREDICTION: "prediction", LABEL: "label"}


def drift_of(look: Look) -> list[ColumnDrift]:
    """Compare the last sound nights, as many as the window has, with the champion's reference.

    Fewer nights than a window are compared too, and never alarm: the level of an alarm is that of
    whole windows. Rows are counted night by night, so that memory does not grow with the window.

    Returns:
        Every column that the reference and the nights both have; none without a reference, or
        without a row in a sound night.
    """
    champion, model = look.champion, look.model
    if champion is None or champion.reference is None:
        return []
    known = champion.reference.profile
    window = _window(look)
    nights = [night for night in window if night.rows]
    counts: dict[str, Tally] = {}
    for night in nights:
        counts = added(counts, known.count(_features(look, night, known)))
    of_window = look.sound(look.rows)
    of_window = of_window[of_window["night"].isin([night.night for night in nights])]
    counts = added(counts, _scores_and_labels(look, of_window, known))
    counts = {name: tally for name, tally in counts.items() if tally.rows}
    if not counts:
        return []
    found = compare_counts(
        known,
        counts,
        window_days=_days(look, window),
        roles=_ROLES,
        effect_floor=model.monitor.drift.difference,
        false_alarms=model.monitor.drift.false_alarms,
    )
    matters = champion.reference.importance
    return [one.model_copy(update={"importance": matters.get(one.column)}) for one in found]


def _window(look: Look) -> list[ScoredNight]:
    """The last sound nights; in place of broken ones, those up to a window further back."""
    drift, broken = look.model.monitor.drift, look.broken_nights
    since = days_before(look.as_of, 2 * drift.window, look.model)
    sound = [one for one in look.nights if one.night > since and one.night not in broken]
    return sound[-window_nights(look.model) :]


def _days(look: Look, nights: list[ScoredNight]) -> int:
    """How many days these nights are; fewer than the window's unless they are all of it."""
    if len(nights) == window_nights(look.model):
        return drift_days(look.model)
    return len(nights) * look.model.score.every // timedelta(days=1)


def _features(look: Look, night: ScoredNight, known: FrameProfile) -> dict[str, Any]:
    """The night's features that the reference knows, without the rows that validation set aside."""
    there = look.stores.lake.dataset([night.features_uri]).schema.names
    loaded = look.champion.loaded if look.champion else None
    features = loaded.metadata["features"] if loaded else {}
    kinds = {
        name: column.kind
        for name, column in known.columns.items()
        if name in there and name in features
    }
    frame = look.stores.lake.read_table(night.features_uri, [*kinds, "set_aside"]).to_pandas()
    return columns_of(frame[frame["set_aside"].isna()], kinds)


def _scores_and_labels(look: Look, rows: pd.DataFrame, known: FrameProfile) -> dict[str, Tally]:
    if look.champion is None or rows.empty:
        return {}
    scored = look.of_version(look.champion.version)
    scored = scored[scored["night"].isin(rows["night"].unique())]
    served = rows[(rows["source"] != "shadow")]
    labelled = matured(served[served["source"] != FALLBACK])
    columns: dict[str, Any] = {}
    if len(scored) and PREDICTION in known.columns:
        columns[PREDICTION] = scored["model_score"].to_numpy(dtype=np.float64)
    if len(labelled) and LABEL in known.columns:
        columns[LABEL] = label_column(labelled)
    return known.count(columns)
