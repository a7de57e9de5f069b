"""The pinned rows: whole days of a feature set, named by their digest, on which nobody learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.definition.moments import midnight
from tradewind.errors import EvidenceError
from tradewind.stores.digests import table_digest

if TYPE_CHECKING:
    from datetime import date

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import FeatureSet
    from tradewind.stores.stores import Stores

PENDING = "pending"


def pinned_uri(digest: str) -> str:
    """Where rows of this digest lie in the lake."""
    return f"pinned/{digest}.parquet"


def days_of(table: pa.Table, model: ModelDefinition, *, start: date, end: date) -> pa.Table:
    """The rows of a feature set whose prediction times lie in some local days.

    Args:
        table: A feature set.
        model: Whose midnights begin the days.
        start: The first day.
        end: The day after the last one.
    """
    times = table["prediction_time"]
    first, after = (pa.scalar(midnight(day, model)).cast(times.type) for day in (start, end))
    return table.filter(pc.and_(pc.greater_equal(times, first), pc.less(times, after)))


def labelled(table: pa.Table, model: ModelDefinition) -> pa.Table:
    """What is pinned of some rows: those with a label, in an order and with columns of their own.

    Returns:
        The entity key, `event_time`, `prediction_time`, the features, `label` and
        `label_known_at`, by prediction time and key: the same rows have the same digest, whatever
        they were taken from.
    """
    known = table.filter(pc.is_valid(table["label"]))
    named = ["event_time", "prediction_time", *model.features.types, "label", "label_known_at"]
    ordered = [(name, "ascending") for name in ("prediction_time", *model.entity_key)]
    columns = [*dict.fromkeys([*model.entity_key, *named])]
    return known.sort_by(ordered).select(columns).replace_schema_metadata(None)


def stored(model: ModelDefinition, feature_set: FeatureSet, *, stores: Stores) -> pa.Table:
    """The rows that a definition pins.

    Where the lake has lost them, or is a new one, those of the feature set are pinned in their
    place if they are the same: the digest says so.

    Args:
        model: Declares digest and days.
        feature_set: Of this run.
        stores: The lake.

    Raises:
        EvidenceError: Nothing is pinned, or the rows are not to be had.
    """
    asked = model.gates.benchmark
    if asked.pinned is None or asked.days is None:
        raise EvidenceError(f"{model.name}: no rows are pinned")
    uri = pinned_uri(asked.pinned)
    if stores.lake.exists(uri):
        return stores.lake.read_table(uri)
    start, end = asked.days
    table = stores.lake.read_table(feature_set.uri)
    found = labelled(days_of(table, model, start=start, end=end), model)
    if table_digest(found) != asked.pinned:
        raise EvidenceError(
            f"{model.name}: the lake has no {uri}, and the {len(found):,} rows of {start} to {end} "
            f"in this run's feature set have another digest, {table_digest(found)}: bring the file "
            f"back, or pin anew with `tradewind pin {model.name} --start {start} --end {end}`"
        )
    stores.lake.write_parquet(uri, found)
    return found
