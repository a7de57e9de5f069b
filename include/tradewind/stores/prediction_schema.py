"""The prediction log's columns: of the nights and of what is served on line alike.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOMENT = pa.timestamp("us", tz="UTC")
_REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.string()),
        ("effect", pa.float64()),
        ("words", pa.string()),
    ]
)
REASONS = pa.list_(_REASON)
"""A row's reasons, the greatest effect first."""
_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    # The JSON list of the entity key's values, as `entity_texts` writes it; null where a request
    # lacked them.
    ("entity", pa.string()),
    ("event_time", _MOMENT),
    ("prediction_time", _MOMENT),
    ("as_of", _MOMENT),
    # Null where no version decided.
    ("version", pa.int64()),
    ("alias", pa.string()),
    ("score", pa.float64()),
    ("decision", pa.int64()),
    # champion, canary, shadow, fallback or control.
    ("source", pa.string()),
    ("fallback_reason", pa.string()),
    ("model_score", pa.float64()),
    ("naive_score", pa.float64()),
    ("reasons", REASONS),
    ("feature_digest", pa.string()),
    ("caller", pa.string()),
    ("latency_ms", pa.float64()),
)
PREDICTION_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _FIELDS)


def prediction_schema() -> pa.Schema:
    """The columns with their Arrow types, in their order; every moment in microseconds of UTC."""
    return pa.schema(_FIELDS)


def prediction_table(columns: Mapping[str, Any], *, rows: int) -> pa.Table:
    """The log's table of these columns.

    Args:
        columns: By name: one value for all rows, or one a row; what is not given is null.
        rows: How many rows.
    """
    arrays = []
    for name, kind in _FIELDS:
        told = columns.get(name)
        if isinstance(told, pa.Array | pa.ChunkedArray):
            arrays.append(told)
            continue
        each = told if pd.api.types.is_list_like(told) else [told] * rows
        arrays.append(pa.array(each, type=kind, from_pandas=True))
    return pa.table(arrays, schema=prediction_schema())


def entity_texts(frame: pd.DataFrame, key: Mapping[str, str]) -> list[str] | None:
    """Each row's entity: the JSON list of its key's values, in the key's order.

    Moments are written in UTC to the microsecond, so that a request's text and a table's column
    give one and the same entity.

    Args:
        frame: Rows with the key's columns.
        key: By column, `moment` or `value`; see `key_kinds`.

    Returns:
        One text a row; None where a column of the key is not there.
    """
    if not key or any(name not in frame.columns for name in key):
        return None
    columns = [_key_column(frame[name], kind) for name, kind in key.items()]
    return [json.dumps(row, default=str) for row in zip(*columns, strict=True)]


def key_kinds(frame: pd.DataFrame, key: list[str]) -> dict[str, str]:
    """What each column of an entity key holds: `moment` or `value`."""
    moments = {name: pd.api.types.is_datetime64_any_dtype(frame[name]) for name in key}
    return {name: "moment" if moments[name] else "value" for name in key}


def _key_column(column: pd.Series, kind: str) -> list[Any]:
    if kind == "moment":
        moments = pd.to_datetime(column, utc=True)
        return moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").astype(object).tolist()
    return [_whole(value) for value in column.astype(object).tolist()]


def _whole(value: Any) -> Any:
    # A whole number may have come as a float, out of a column with gaps or out of JSON.
    return int(value) if isinstance(value, float) and value.is_integer() else value
