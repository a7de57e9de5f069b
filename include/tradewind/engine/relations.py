"""What a model's SQL may see: its sources, each cut at the moment that the work stands at.

A source gives one relation with its own columns and when each row became known, and one more for
every group of late columns. All of them are views that show what was known at `as_of`; moving the
cut is setting one variable, so that a proof may move it many times over the same loaded rows.
"""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest
from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types, expression_of
from tradewind.engine.visible import require_visible
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as pads

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Source

HIDDEN = "__loaded"
"""The schema of the uncut tables; SQL of a model that reads it is refused (`engine.visible`)."""
RAW = "__raw"
"""Ends the column with what a repaired cell was before; not for features to see."""

_CUT = "<= getvariable('as_of')::TIMESTAMPTZ"


def load(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    rows: Mapping[str, pa.Table | pads.Dataset],
) -> None:
    """Load sources and make their relations, in which nothing is known until `cut` is called.

    Args:
        connection: A database with none of them in it.
        frozen: Declares the sources.
        rows: By source; a source that is not among them gets no relation.

    Raises:
        DefinitionError: A declared column is not in the source, or a `known_at` cannot be computed
            over its columns.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {HIDDEN}")
    connection.execute("SET VARIABLE horizon = $1::INTERVAL", [frozen.model.horizon])
    for name, table in rows.items():
        source = frozen.model.sources[name]
        _require_columns(frozen, name, table.schema.names)
        _fill(connection, frozen, name, table, verb=f"CREATE TABLE {_table(name)} AS")
        for statement in _views(name, source, _own(table)):
            connection.execute(statement)


def replace(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    name: str,
    rows: pa.Table | pads.Dataset,
) -> None:
    """Put other rows, of the same columns, into a source that was loaded before."""
    connection.execute(f"TRUNCATE {_table(name)}")
    _fill(connection, frozen, name, rows, verb=f"INSERT INTO {_table(name)}")


def cut(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Let every relation show what was known at this moment, which is `as_of` in SQL."""
    connection.execute("SET VARIABLE as_of = $1::TIMESTAMPTZ", [moment])


def relation_names(source: str, spec: Source) -> list[str]:
    """The relations that a source gives."""
    return [source, *(f"{source}_{late}" for late in spec.late)]


def relations_of(model: ModelDefinition) -> list[str]:
    """All that the SQL of a model may read."""
    return [name for source, spec in model.sources.items() for name in relation_names(source, spec)]


def _fill(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    name: str,
    rows: pa.Table | pads.Dataset,
    *,
    verb: str,
) -> None:
    connection.register("__arriving", rows)
    selected = [quoted(column) for column in _own(rows)]
    for alias, where, expression in _known_at(name, frozen.model.sources[name]):
        place = frozen.place(where)
        with expression_of(place):
            query = f"SELECT ({expression}\n) AS known_at FROM __arriving"
            kind = column_types(connection, query)["known_at"]
        if not kind.startswith(("TIMESTAMP", "DATE")):
            raise DefinitionError(f"{place}: this is {kind}, and a moment is expected")
        _require_own_columns(connection, expression, place)
        selected.append(f"({expression}\n)::TIMESTAMPTZ AS {quoted(alias)}")
    with expression_of(frozen.place(f"sources.{name}", "known_at")):
        connection.execute(f"{verb} SELECT {', '.join(selected)} FROM __arriving")
    connection.unregister("__arriving")


def _require_own_columns(
    connection: duckdb.DuckDBPyConnection, expression: str, place: str
) -> None:
    query = f"SELECT ({expression}\n)"
    require_visible(connection, query, relations=(), place=lambda _: place)


def _own(rows: pa.Table | pads.Dataset) -> list[str]:
    return [column for column in rows.schema.names if not column.endswith(RAW)]


def _table(name: str) -> str:
    return f"{HIDDEN}.{quoted(name)}"


def _known_at(name: str, source: Source) -> list[tuple[str, str, str]]:
    """Of the row and of each late group: its hidden column, its place in the YAML, its SQL."""
    found = []
    row = source.known_at or (source.time_column and quoted(source.time_column))
    if row:
        found.append(("__known_at", f"sources.{name}.known_at", row))
    for late, group in source.late.items():
        where = f"sources.{name}.late.{late}.known_at"
        found.append((f"__known_at_{late}", where, group.known_at))
    return found


def _views(name: str, source: Source, columns: list[str]) -> list[str]:
    table = _table(name)
    late_columns = {column for group in source.late.values() for column in group.columns}
    own = [quoted(c) for c in columns if c not in late_columns and c != "known_at"]
    if source.known_at or source.time_column:
        statements = [_view(name, [*own, "__known_at AS known_at"], table, known="__known_at")]
    else:
        # A reference table that does not say since when: always known.
        kept = [*own, "known_at"] if "known_at" in columns else own
        statements = [f"CREATE VIEW {quoted(name)} AS SELECT {', '.join(kept)} FROM {table}"]
    carried = dict.fromkeys([*source.key, *([source.time_column] if source.time_column else [])])
    for late, group in source.late.items():
        known = quoted(f"__known_at_{late}")
        shown = [*map(quoted, [*carried, *group.columns]), f"{known} AS known_at"]
        statements.append(_view(f"{name}_{late}", shown, table, known=known))
    return statements


def _view(name: str, columns: list[str], table: str, *, known: str) -> str:
    selected = ", ".join(columns)
    return f"CREATE VIEW {quoted(name)} AS SELECT {selected} FROM {table} WHERE {known} {_CUT}"


def _require_columns(frozen: FrozenDefinition, name: str, columns: list[str]) -> None:
    source = frozen.model.sources[name]
    declared = {f"sources.{name}.key": source.key}
    if source.time_column:
        declared[f"sources.{name}.time_column"] = [source.time_column]
    for late, group in source.late.items():
        declared[f"sources.{name}.late.{late}.columns"] = group.columns
    problems = [
        f"{frozen.place(where)}: the source has no column {column!r}{nearest(column, columns)}"
        for where, wanted in declared.items()
        for column in wanted
        if column not in columns
    ]
    if problems:
        raise DefinitionError(problems)
