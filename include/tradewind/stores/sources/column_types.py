"""The types of columns: as a definition writes them, as Arrow has them, as a part records them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

MOMENT = pa.timestamp("us", "UTC")
_DECLARABLE: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMPTZ": MOMENT,
}
_RECORDED: dict[str, pa.DataType] = {
    str(kind): kind
    for kind in (
        *_DECLARABLE.values(),
        *(pa.int8(), pa.int16(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.binary(), pa.null()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    )
}
_DECIMAL = re.compile(r"decimal128\((\d+), (-?\d+)\)")


def declared_types(types: Mapping[str, str]) -> dict[str, pa.DataType]:
    """A source's declared types, by column."""
    return {column: _DECLARABLE[name] for column, name in types.items()}


def recorded_type(name: str) -> pa.DataType | None:
    """The type that a part records under `name`; None for a nested one, which has no short name."""
    decimal = _DECIMAL.fullmatch(name)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _RECORDED.get(name)


def recorded_schema(columns: Mapping[str, str]) -> pa.Schema | None:
    """The schema that a part records; None where it has no columns, or a nested one."""
    kinds = {name: recorded_type(text) for name, text in columns.items()}
    return pa.schema(list(kinds.items())) if kinds and all(kinds.values()) else None


def canonical(kind: pa.DataType) -> pa.DataType:
    """The one form in which a type is kept: moments in microseconds, text as plain text.

    How precise a writer's clock is and how its text is encoded says nothing of the data, and
    differs between the writers of one source.
    """
    t = pa.types
    if t.is_dictionary(kind):
        return canonical(kind.value_type)
    if t.is_large_string(kind) or t.is_string_view(kind):
        return pa.string()
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    return pa.date32() if t.is_date64(kind) else kind


def widens(found: pa.DataType, held: pa.DataType) -> bool:
    """Whether every value of `found` is one of `held` too: a smaller number of the same kind."""
    t = pa.types
    if t.is_null(found):
        return True
    if t.is_integer(found) and t.is_integer(held):
        return bool(t.is_signed_integer(found) and found.bit_width <= held.bit_width)
    if t.is_integer(found) and t.is_float64(held):
        return True
    floats = t.is_floating(found) and t.is_floating(held)
    return bool(floats and found.bit_width <= held.bit_width)
