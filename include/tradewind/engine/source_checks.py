"""Whether the sources have the columns that the definition names; no row is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.definition.problems import nearest
from tradewind.errors import TradewindError
from tradewind.stores.sources import open_source
from tradewind.stores.sources.column_types import declared_types
from tradewind.stores.sources.hashing import HashKey

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
        problems += _no_key(name, source, settings=settings)
        asked.problems += problems
        if not problems:
            asked.schemas[name] = pa.schema(list(_stored(source, columns).items()))
    return asked


def _stored(source: Source, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """What is stored of the columns: those that are dropped are not there, and hashes are text."""
    dropped, hashed = source.personal_columns("drop"), source.personal_columns("hash")
    return {
        name: pa.string() if name in hashed else kind
        for name, kind in columns.items()
        if name not in dropped
    }


def _no_key(name: str, source: Source, *, settings: Settings) -> Iterator[Found]:
    if not source.personal_columns("hash"):
        return
    try:
        HashKey.of(settings)
    except TradewindError as error:
        yield ("sources", name, "personal"), str(error)


def _columns(name: str, source: Source, *, settings: Settings) -> dict[str, pa.DataType]:
    # Asked without its declarations, a source shows what is there, and all that is missing can be
    # said at once.
    nothing: dict[str, object] = {"key": [], "types": {}, "personal": {}, "subjects": {}}
    bare = source.model_copy(update={**nothing, **dict.fromkeys(_NAMED)})
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
    for part in ("types", "personal"):
        yield from (((*at, part, column), column) for column in getattr(source, part))
    yield from (((*at, "subjects", kind), column) for kind, column in source.subjects.items())
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
