"""Whether a day's columns are still those of the days before it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.errors import SchemaChangedError
from tradewind.stores.sources.column_types import canonical, recorded_type, widens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewind.records import Part

_NO_TYPE = "null"
WAY_OUT = (
    "put it back in the source; or, if the change is meant, declare the column under this source's "
    "`types`, which reads the source afresh"
)


def require_kept(name: str, parts: Sequence[Part]) -> None:
    """Hold that no column of a source's parts is gone, or of another type, in the newest of them.

    A column may be new, and then is empty before; one that is gone was renamed or dropped.

    Raises:
        SchemaChangedError: A column is missing, or has another type.
    """
    if not parts:
        return
    newest = max(parts, key=lambda part: (part.day, part.as_of))
    for part in parts:
        for column, kind in sorted(part.columns.items()):
            now = newest.columns.get(column, "not there")
            # Where a file has no value in a column, its reader cannot tell the column's type.
            if kind != now and _NO_TYPE not in (kind, now):
                raise SchemaChangedError(
                    f"source {name}: column {column!r} is {kind} on {part.day} and {now} on "
                    f"{newest.day}; the source has {', '.join(sorted(newest.columns))} now. Put it "
                    f"back, or name the source's new table in model.yaml"
                )


def fitted(found: pa.Schema, held: Mapping[str, str] | None, *, where: str) -> pa.Schema:
    """The schema that rows are kept in: that of the days before, then any new columns.

    A column of nulls only fits any type, and a narrower number fits a wider one.

    Args:
        found: Of the rows at hand.
        held: Types by column of the days before; None when these are the first.
        where: Source and day, for the message.

    Raises:
        SchemaChangedError: A column is missing, or has another type.
    """
    kinds = {field.name: canonical(field.type) for field in found}
    if held is None:
        return pa.schema(list(kinds.items()))
    for missing in [name for name in held if name not in kinds]:
        raise SchemaChangedError(_missing(missing, held, kinds, where=where))
    kept = [(name, _kept(name, kinds[name], held[name], where=where)) for name in held]
    return pa.schema([*kept, *((name, kinds[name]) for name in kinds if name not in held)])


def recast(batch: pa.RecordBatch, schema: pa.Schema, *, where: str) -> pa.RecordBatch:
    """The rows in a schema that fits them.

    Raises:
        SchemaChangedError: A value has no place in its column's type.
    """
    if batch.schema.equals(schema):
        return batch
    columns = []
    for field in schema:
        column = batch.column(field.name)
        try:
            # Of a moment, what is finer than a microsecond is let go; all else must be exact.
            columns.append(column.cast(field.type, safe=not pa.types.is_timestamp(field.type)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SchemaChangedError(
                f"{where}: column {field.name!r} was {field.type}, and now is {column.type} with "
                f"values that do not fit ({error}): {WAY_OUT}"
            ) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def require(names: Iterable[str], found: Iterable[str], *, where: str) -> None:
    """Hold that the columns a definition names are there.

    Raises:
        SchemaChangedError: One is not.
    """
    there = list(found)
    for name in names:
        if name not in there:
            raise SchemaChangedError(
                f"{where}: there is no column {name!r}, which the definition names; found: "
                f"{', '.join(there)}{_nearest(name, there)}"
            )


def _missing(
    name: str, held: Mapping[str, str], kinds: Mapping[str, pa.DataType], *, where: str
) -> str:
    new = [other for other in kinds if other not in held]
    instead = f"; new there: {', '.join(f'{other} ({kinds[other]})' for other in new)}" * bool(new)
    return (
        f"{where}: column {name!r} ({held[name]}) is missing{instead}"
        f"{_nearest(name, new or kinds)}: {WAY_OUT}"
    )


def _nearest(name: str, there: Iterable[str]) -> str:
    close = get_close_matches(name, list(there), n=1)
    return f"; nearest: {close[0]!r}" if close else ""


def _kept(name: str, found: pa.DataType, held_name: str, *, where: str) -> pa.DataType:
    if str(found) == held_name:
        return found
    held = recorded_type(held_name)
    if held is not None and pa.types.is_null(held):
        return found
    if held is not None and widens(found, held):
        return held
    raise SchemaChangedError(
        f"{where}: column {name!r} was {held_name}, and now is {found}: {WAY_OUT}"
    )
