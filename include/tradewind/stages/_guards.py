"""Two versions on the same matured rows, night after night: a promotion's probation, and the arms.

The sums of each day are kept with the look, because a comparison counts every day since it began,
and the labels of the oldest are no longer read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.learning.splits import local_days
from tradewind.nights import Arm, Guard, ReadySegment
from tradewind.stages._measuring import LEAST_ROWS, with_groups
from tradewind.stages._watching import FALLBACK, Look, matured
from tradewind.stats.sequential import (
    LEAST_UNITS,
    Comparison,
    PairedUnits,
    by_unit,
    compare_so_far,
)

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.sequential import Side

Days = dict[str, tuple[float, float]]
"""By local day: the sum of the rows' differences of loss, and the number of rows."""
Carried = Mapping[str, Days]
"""The days of each comparison, as the look before this one left them."""
_PREVIOUS = "previous:"
_TINY = 1e-15
_SHOWN = 8


@dataclass(frozen=True)
class Watch:
    """A comparison, its days, and where the first of the two does better or worse.

    Attributes:
        key: Names the comparison, so that the next look goes on with its days.
        groups: Feature, value, rows, and the first one's loss above the second's, a row.
    """

    key: str
    guard: Guard
    days: Days
    groups: list[dict[str, Any]]


def loss_name(model: ModelDefinition) -> str:
    """The loss of a row by which two versions are compared: that of the deciding metric, if any."""
    if model.problem == "binary":
        return "brier" if model.deciding_metric == "brier" else "log_loss"
    return "absolute_error" if model.deciding_metric == "mae" else "squared_error"


def loss_of(label: np.ndarray, score: np.ndarray, *, name: str) -> np.ndarray:
    """The loss of each row, shape (rows,); see `loss_name`."""
    if name == "log_loss":
        likely = np.where(label == 1, score, 1 - score)
        return np.asarray(-np.log(np.clip(likely, _TINY, 1.0)))
    gap = np.abs(label - score)
    return np.asarray(gap if name == "absolute_error" else gap**2)


def probation_of(look: Look, carried: Carried) -> Watch | None:
    """Watch a promotion against the champion before it; None once its probation is over.

    Only whether it is worse is asked, and the days on which it was judged tell how much days vary:
    so it was measured what is found how soon (`benchmarks/rollback.py`).
    """
    champion, previous = look.champion, look.live.previous
    if champion is None or champion.since is None or previous is None:
        return None
    if look.as_of >= champion.since + look.model.promotion.probation:
        return None
    return _watch(
        look,
        champion.version,
        previous,
        carried,
        since=champion.since,
        before=judged_before(look, champion.version, previous),
        side="first_worse",
    )


def arms_of(look: Look, carried: Carried) -> dict[str, Watch]:
    """Watch every arm against the champion."""
    champion = look.champion
    if champion is None:
        return {}
    arms = [arm for arm in look.live.arms if not arm.name.startswith(_PREVIOUS)]
    return {arm.name: _arm(look, arm, champion.version, carried) for arm in arms}


def _arm(look: Look, arm: Arm, champion: int, carried: Carried) -> Watch:
    since = arm.since
    if look.champion is not None and look.champion.since is not None:
        since = max(since, look.champion.since)
    before, error = judged_before(look, arm.version, champion), look.model.promotion.error
    return _watch(
        look,
        arm.version,
        champion,
        carried,
        since=since,
        before=before,
        error=error if before is not None else error / 2,
    )


def _watch(
    look: Look,
    first: int,
    second: int,
    carried: Carried,
    *,
    since: datetime,
    before: PairedUnits | None = None,
    error: float | None = None,
    side: Side = "both",
) -> Watch:
    model, name = look.model, loss_name(look.model)
    both = _paired(look, first, second, since=since)
    difference = loss_of(both["truth"].to_numpy(), both["score"].to_numpy(), name=name) - loss_of(
        both["truth"].to_numpy(), both["other"].to_numpy(), name=name
    )
    key = f"{first} against {second} since {since.isoformat()}"
    days = _days(look, both, difference, carried.get(key, {}))
    horizon = max(1, model.promotion.probation // timedelta(days=1))
    error = model.promotion.error if error is None else error
    found = compare_so_far(_units(days), error=error, horizon=horizon, side=side, before=before)
    guard = Guard(
        first=first,
        second=second,
        metric=name,
        units=found.units,
        rows=found.rows,
        mean_difference=found.mean_difference,
        low=_finite(found.low),
        high=_finite(found.high),
        state=found.state,
        error=found.error,
        detectable=_finite(found.detectable),
        sentence=_named(found, first, second),
    )
    return Watch(key, guard, days, _groups(look, both, difference))


def judged_before(look: Look, first: int, second: int) -> PairedUnits | None:
    """The days on which the first was judged beside the second, before it was let in.

    They tell a comparison of both sides how much days vary. An arm that was judged beside another
    champion, or by another loss, is compared at half the declared error instead. Measured as in
    `benchmarks/rollback.py` (halves of the same months, log loss, looked at every night), of a
    declared 5 %: within the 28 nights of a probation 1.1 % with the days before and 4.0 % without
    are decided, 2.7 % at half the error; within 56 nights 5.6, 8.9 and 5.9 %.

    Returns:
        None where there is no such judgement, or it has too few days to tell.
    """
    uri = next(
        (
            one.tags.get("evaluation_uri")
            for one in look.stores.registry.versions(look.model.name)
            if one.version == first
        ),
        None,
    )
    if uri is None or not look.stores.lake.exists(uri):
        return None
    judged = look.stores.lake.read_json(uri)
    page, other = judged["page"], judged["evidence"]["champion_version"]
    kept_as = "log_loss" if page["binary"] else "absolute_error"
    losses = page["loss"]
    if other != second or "champion" not in losses or loss_name(look.model) != kept_as:
        return None
    rows = np.array(page["rows"], dtype=np.float64)
    gap = np.array(losses["candidate"]) - np.array(losses["champion"])
    return PairedUnits(gap * rows, rows) if len(rows) >= LEAST_UNITS else None


def _paired(look: Look, first: int, second: int, *, since: datetime) -> pd.DataFrame:
    """Matured rows that both scored, since a moment."""
    columns = ["entity", "night", "prediction_time", "label", "model_score"]
    own = matured(look.of_version(first))[columns]
    own = own[own["prediction_time"] > since]
    other = look.of_version(second)[["entity", "night", "model_score"]]
    both = own.merge(other, on=["entity", "night"], suffixes=("", "_other"))
    return both.assign(
        truth=both["label"].astype("float64"),
        score=both["model_score"].astype("float64"),
        other=both["model_score_other"].astype("float64"),
    )


def _days(look: Look, both: pd.DataFrame, difference: np.ndarray, carried: Days) -> Days:
    """The sums of every day: as they were kept where the day is no longer watched whole."""
    names = local_days(both["prediction_time"], zone=look.model.zone).dt.strftime("%Y-%m-%d")
    fresh: Days = {}
    if len(both):
        units = by_unit(difference, names.to_numpy(dtype=str))
        pairs = zip(units.sums.tolist(), units.rows.tolist(), strict=True)
        fresh = dict(zip(sorted(set(names)), pairs, strict=True))
    first = min((one.start for one in look.nights), default=look.as_of)
    whole = (first.astimezone(look.model.zone) + timedelta(days=1)).strftime("%Y-%m-%d")
    kept = {day: (sums[0], sums[1]) for day, sums in carried.items() if day < whole}
    return {**{day: sums for day, sums in fresh.items() if day not in kept}, **kept}


def _units(days: Days) -> PairedUnits:
    pairs = np.array([days[day] for day in sorted(days)], dtype=np.float64).reshape(-1, 2)
    return PairedUnits(pairs[:, 0], pairs[:, 1])


def _groups(look: Look, both: pd.DataFrame, difference: np.ndarray) -> list[dict[str, Any]]:
    """Where the first does better, and where worse, in groups of every feature at hand."""
    found = []
    features = [name for name in look.model.features.types if name in look.entities]
    for feature in features if len(both) else []:
        groups = with_groups(look, both, feature)
        names, place = np.unique(groups, return_inverse=True)
        rows = np.bincount(place)
        means = np.bincount(place, difference) / rows
        found += [
            {"feature": feature, "value": str(name), "rows": int(count), "difference": float(mean)}
            for name, count, mean in zip(names, rows, means, strict=True)
            if count >= LEAST_ROWS
        ]
    ranked = sorted(found, key=lambda one: (one["difference"], one["feature"], one["value"]))
    return ranked if len(ranked) <= 2 * _SHOWN else ranked[:_SHOWN] + ranked[-_SHOWN:]


def _named(found: Comparison, first: int, second: int) -> str:
    told = found.sentence.replace("The first model", f"Version {first}", 1)
    told = told.replace("the second", f"version {second}", 1)
    return told.replace("Neither model", f"Neither version {first} nor version {second}", 1)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# ------------------------------------------------------------------------------------- readiness


@dataclass(frozen=True)
class Readiness:
    """The readiness test of one segment.

    Attributes:
        key: Names the comparison, as of a `Watch`.
    """

    key: str
    segment: ReadySegment
    rows: int
    passed: bool
    sentence: str
    days: Days


def readiness_of(look: Look, carried: Carried) -> list[Readiness]:
    """Test values that training never saw: does the model do better there than the naive rule?

    Rows of such a value are on fallback; the model's score of them is in the log all the same.
    """
    champion, model = look.champion, look.model
    if champion is None or champion.loaded is None or model.score.unseen != "fallback":
        return []
    known = champion.loaded.scorer.known
    rows = matured(look.sound(look.rows)) if len(look.rows) else look.rows
    if known is None or rows.empty:
        return []
    fell = rows[(rows["source"] == FALLBACK) & rows["model_score"].notna()]
    ready = {(one.feature, one.value) for one in look.live.ready}
    found = []
    for feature, seen in known.categories.items():
        if seen is None or feature not in look.entities or fell.empty:
            continue
        values = with_groups(look, fell, feature)
        for value in sorted({*values.tolist()} - seen - {"none"}):
            if (feature, value) not in ready:
                segment = ReadySegment(feature=feature, value=value)
                found.append(_tested(look, segment, fell[values == value], carried))
    return found


def _tested(look: Look, segment: ReadySegment, rows: pd.DataFrame, carried: Carried) -> Readiness:
    asked, name = look.model.score.new_segments, loss_name(look.model)
    truth = rows["label"].to_numpy(dtype=np.float64)
    model_loss = loss_of(truth, rows["model_score"].to_numpy(dtype=np.float64), name=name)
    naive_loss = loss_of(truth, rows["naive_score"].to_numpy(dtype=np.float64), name=name)
    version = look.champion.version if look.champion else 0
    key = f"{version} against the rule where {segment.feature}={segment.value}"
    days = _days(look, rows, model_loss - naive_loss, carried.get(key, {}))
    count = int(sum(one for _, one in days.values()))
    if count < asked.labels:
        told = f"{count} labels, and {asked.labels} are needed"
        return Readiness(key, segment, count, passed=False, sentence=told, days=days)
    found = compare_so_far(_units(days), error=asked.error)
    told = found.sentence.replace("The first model", "The model", 1)
    told = told.replace("the second", "the naive rule", 1).replace("Neither model", "Neither", 1)
    passed = found.state == "first_better"
    return Readiness(key, segment, count, passed=passed, sentence=told, days=days)
