"""The proof that features know only the past: recomputed with the future cut away, they are equal.

For a sample of prediction times every source is cut at that very moment, the SQL (and the function
after it) runs again, and the rows of that moment are compared with the feature set's, value by
value. What reads a row or a late column that became known later gives something else, or another
set of rows, whatever its score looks like.

What a sample can miss: a leak that shows in a share `p` of the rows passes unseen through `n`
independent rows with probability (1 - p)^n. 24 moments of one row each find, with 95 %, every leak
that shows in at least 12 % of the moments; 300 rows, one that shows in 1 % of them. Rows of one
moment are seldom independent, so the count of moments is the honest one. A leak through a late
column or a wide aggregate shows in nearly every row.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.engine import relations
from tradewind.engine.features import rows_at
from tradewind.engine.selection import PREDICTION_TIME
from tradewind.errors import LeakError
from tradewind.records import PointInTimeProof

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition

MOMENTS = 24
_ROUNDING = 1e-9


def prove(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    features: pa.Table,
    *,
    moments: int = MOMENTS,
    seed: int = 0,
) -> PointInTimeProof:
    """Recompute a sample of a feature set from what was known at each row's prediction time.

    Args:
        connection: Holds the same relations as when the features were built. They are left cut
            where they were.
        frozen: The definition.
        features: What `build` gave.
        moments: How many prediction times, spread over the window; the newest day and a day on
            which the clocks change (if there is one) come on top.
        seed: Of the sample.

    Returns:
        How many moments and rows were recomputed and found equal.

    Raises:
        LeakError: A row or a value differs: which, and what to do.
    """
    standing_at = _standing_at(connection)
    rows = 0
    chosen = choose_moments(
        features[PREDICTION_TIME], count=moments, seed=seed, zone=frozen.model.zone
    )
    try:
        for moment in chosen:
            built = features.filter(pc.equal(features[PREDICTION_TIME], _scalar(moment)))
            again = rows_at(connection, frozen, moment=moment)
            _require_equal(built.select(again.schema.names), again, frozen, moment=moment)
            rows += len(again)
    finally:
        relations.cut(connection, standing_at)
    return PointInTimeProof(moments=len(chosen), rows=rows)


def choose_moments(
    prediction_times: pa.ChunkedArray, *, count: int, seed: int, zone: ZoneInfo
) -> list[datetime]:
    """Choose prediction times: one out of each of `count` equal stretches of the rows in order.

    Args:
        prediction_times: Of all rows, in any order.
        count: How many stretches.
        seed: Of the draw.
        zone: Whose changes of the clock are looked for.

    Returns:
        Distinct moments in order, one of the newest day and one of a day on which the clocks
        change (where the window holds one) among them; all of them where there are so few.
    """
    times = np.sort(prediction_times.to_numpy().astype("datetime64[us]"))
    if len(np.unique(times)) <= count:
        return [_moment(each) for each in np.unique(times)]
    random = np.random.default_rng(seed)
    stretches = [stretch for stretch in np.array_split(times, count) if len(stretch)]
    days = [_moment(times[-1]), *_clock_changes(_moment(times[0]), _moment(times[-1]), zone)[:1]]
    stretches += [_of_day(times, day, zone) for day in days]
    return sorted({_moment(random.choice(stretch)) for stretch in stretches if len(stretch)})


def _of_day(times: np.ndarray, day: datetime, zone: ZoneInfo) -> np.ndarray:
    midnight = datetime.combine(day.astimezone(zone).date(), time(), tzinfo=zone)
    start, end = (np.datetime64(_naive(m), "us") for m in (midnight, midnight + timedelta(days=1)))
    return times[(times >= start) & (times < end)]


def _clock_changes(first: datetime, last: datetime, zone: ZoneInfo) -> list[datetime]:
    """Days between two moments whose midnights lie in different offsets from UTC."""
    midnight = datetime.combine(first.astimezone(zone).date(), time(), tzinfo=zone)
    days = (midnight + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.utcoffset() != (day + timedelta(days=1)).utcoffset()]


def _require_equal(
    built: pa.Table, again: pa.Table, frozen: FrozenDefinition, *, moment: datetime
) -> None:
    if built.equals(again):
        return
    key = frozen.model.entity_key
    before = {tuple(row[name] for name in key): row for row in built.to_pylist()}
    after = {tuple(row[name] for name in key): row for row in again.to_pylist()}
    _require_the_same_rows(before, after, frozen, moment=moment)
    for entity, row in before.items():
        for feature in frozen.model.features.types:
            if row[feature] != after[entity][feature]:
                raise LeakError(_told(entity, feature, row, after[entity], frozen, moment=moment))
    msg = f"{frozen.sql_place()}: the rows of {_iso(moment)} differ in type or in order"
    raise LeakError(msg)


def _require_the_same_rows(
    before: dict[tuple[Any, ...], Any],
    after: dict[tuple[Any, ...], Any],
    frozen: FrozenDefinition,
    *,
    moment: datetime,
) -> None:
    if before.keys() == after.keys():
        return
    lost = [entity for entity in before if entity not in after]
    entity = (lost or [entity for entity in after if entity not in before])[0]
    what = "is in the feature set and not" if lost else "is not in the feature set, but it is"
    raise LeakError(
        f"{frozen.sql_place()}: the row of {_named(entity, frozen)} {what} there when every "
        f"source is cut at its prediction time, {_iso(moment)}: which rows there are depends on "
        "what became known later. Join late relations with LEFT JOIN and filter on nothing in them"
    )


def _told(
    entity: tuple[Any, ...],
    feature: str,
    before: dict[str, Any],
    after: dict[str, Any],
    frozen: FrozenDefinition,
    *,
    moment: datetime,
) -> str:
    first, second = before[feature], after[feature]
    if _differ_in_rounding_only(first, second):
        advice = (
            "They differ in the last digits only: sums of fractions depend on their order. Sum "
            "whole numbers or DECIMALs, or round the feature"
        )
    else:
        advice = (
            "It uses what became known later: join on known_at <= prediction_time, and aggregate "
            "over such rows only"
        )
    return (
        f"{frozen.sql_place()}: feature {feature} of {_named(entity, frozen)} is {first!r} "
        f"in the feature set, and {second!r} when every source is cut at its prediction time, "
        f"{_iso(moment)}. {advice}"
    )


def _differ_in_rounding_only(first: Any, second: Any) -> bool:
    if not (isinstance(first, float) and isinstance(second, float)):
        return False
    return abs(first - second) <= _ROUNDING * max(abs(first), abs(second))


def _named(entity: tuple[Any, ...], frozen: FrozenDefinition) -> str:
    values = zip(frozen.model.entity_key, entity, strict=True)
    return ", ".join(f"{name}={value}" for name, value in values)


def _standing_at(connection: duckdb.DuckDBPyConnection) -> datetime:
    row = connection.execute("SELECT getvariable('as_of')::TIMESTAMPTZ").fetchall()[0]
    moment: datetime = row[0]
    return moment


def _moment(value: np.datetime64) -> datetime:
    moment: datetime = value.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _scalar(moment: datetime) -> pa.Scalar:
    return pa.scalar(moment, pa.timestamp("us", "UTC"))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
