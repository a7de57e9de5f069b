"""Whether the sources have the columns that the definition names; no row is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.definition.problems import nearest
from tradewind.errors import TradewindError
from tradewind.stores.sources import open_source
from tradewind.stores.sources.column_types import declared_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source
    from tradewind.definition.yaml_lines import KeyPath
    from tradewind.settings import Settings

Found = tuple["KeyPath", str]
_NAMED = ("time_column", "updated_column")


@dataclass
class SourceColumns:
    """What the sources say of themselves.

    Attributes:
        schemas: By source, of those that answered and have every column that is declared.
        problems: Of the others: the path in model.yaml, and what is wrong.
    """

    schemas: dict[str, pa.Schema] = field(default_factory=dict)
    problems: list[Found] = field(default_factory=list)


def ask_sources(model: ModelDefinition, *, settings: Settings) -> SourceColumns:
    """Ask every source for its columns; one that is down does not keep the others from it."""
    asked = SourceColumns()
    for name, source in model.sources.items():
        try:
            columns = _columns(name, source, settings=settings)
        except TradewindError as error:
            place = "pattern" if source.kind == "files" else "connection"
            asked.problems.append((("sources", name, place), " ".join(str(error).split())))
            continue
        problems = [*_missing(name, source, columns), *_no_time(name, source, columns)]
        asked.problems += problems
        if not problems:
            asked.schemas[name] = pa.schema(list(columns.items()))
    return asked


def _columns(name: str, source: Source, *, settings: Settings) -> dict[str, pa.DataType]:
    # Asked without its declarations, a source shows what is there, and all that is missing can be
    # said at once.
    bare = source.model_copy(update={"key": [], "types": {}, **dict.fromkeys(_NAMED)})
    with open_source(name, bare, settings=settings) as reader:
        found = reader.columns()
    stated = declared_types({c: t for c, t in source.types.items() if c in found})
    return {**found, **stated}


def _missing(name: str, source: Source, columns: dict[str, pa.DataType]) -> Iterator[Found]:
    for path, column in _declared(name, source):
        if column not in columns:
            yield path, f"the source has no column {column!r}{nearest(column, columns)}"


def _declared(name: str, source: Source) -> Iterator[tuple[KeyPath, str]]:
    at: KeyPath = ("sources", name)
    yield from (((*at, "key", place), column) for place, column in enumerate(source.key))
    yield from (((*at, "types", column), column) for column in source.types)
    for key in _NAMED:
        column = getattr(source, key, None)
        if column is not None:
            yield (*at, key), column
    for late, group in source.late.items():
        for place, column in enumerate(group.columns):
            yield (*at, "late", late, "columns", place), column


def _no_time(name: str, source: Source, columns: dict[str, pa.DataType]) -> Iterator[Found]:
    kind = columns.get(source.time_column or "")
    if kind is not None and not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        said = f"{source.time_column} is {kind}, and a time is expected"
        yield ("sources", name, "time_column"), f"{said}: state it under `types` as TIMESTAMPTZ"
