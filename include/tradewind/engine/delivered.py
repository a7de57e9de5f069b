"""The sources as they stood at a moment, repaired: what validation looks at and what goes on.

For each source there are, in DuckDB:

* `delivered.<source>`: every row known at the moment, repaired, ordered by time and key;
* `set_aside.<source>`: the rows that validation set aside, with the reasons;
* `seen.<source>`: the rows that are left, with their row number `__row`, and with late columns
  still empty where they were not known yet;
* `<source>`: the same without the row number; what expectations in SQL read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tradewind.engine.database import quoted
from tradewind.engine.identifiers import expression_of, listed, plain, require_columns
from tradewind.engine.repair import mark, prove_lookback, raw_column, repaired_query
from tradewind.engine.steady import require_steady
from tradewind.errors import EmptyIntervalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb
    import pyarrow.dataset as ds

    from tradewind.definition.sources import Repair, Source

REASONS = "quarantine_reasons"
# How many cells of each repair a report lists.
LISTED = 100


def prepare(connection: duckdb.DuckDBPyConnection, *, as_of: datetime) -> None:
    """Make the places that the sources' tables go to, and set the moment that all stands at."""
    connection.execute("SET VARIABLE as_of = $1::TIMESTAMPTZ", [as_of])
    for schema in ("delivered", "set_aside", "seen"):
        connection.execute(f"CREATE SCHEMA {schema}")


def deliver(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    source: Source,
    *,
    dataset: ds.Dataset,
    repairs: Sequence[Repair],
) -> None:
    """Load a source as it stood at `getvariable('as_of')` and repair it.

    Args:
        connection: Prepared; its variable `as_of` is set.
        name: The source's name in the definition.
        source: Its declaration.
        dataset: Its rows in the lake.
        repairs: Those of this source, in their order.

    Raises:
        SchemaChangedError: A declared column is not among the rows'.
        DefinitionError: An expression of the source or of a repair is wrong.
        EmptyIntervalError: No row was known at that moment.
        LeakError: A repair looks at rows that come later.
    """
    _require_declared(name, source, dataset.schema.names)
    connection.register("arriving", dataset)
    query = repaired_query(connection, "arriving", source=name, repairs=repairs)
    with expression_of(f"model.yaml: sources.{name} (known_at and repair)"):
        require_steady(connection, f"SELECT {_known(source)}{_not_yet_known(source)}")
        connection.execute(
            f"CREATE TABLE {delivered(name)} AS SELECT *{_not_yet_known(source)} "  # noqa: S608 -- quoted
            f"FROM ({query}) WHERE {_known(source)} ORDER BY {_order(source, dataset.schema.names)}"
        )
    connection.unregister("arriving")
    if not count(connection, delivered(name)):
        raise EmptyIntervalError(
            f"source {name}: none of its rows was known at the as-of moment; ask for a later "
            f"as-of, or look at `known_at` in model.yaml"
        )
    prove_lookback(connection, delivered(name), repairs=repairs, time_column=source.time_column)
    connection.execute(f"CREATE TABLE {set_aside(name)} (__row BIGINT, {REASONS} VARCHAR[])")
    _make_visible(connection, name, source, repairs=repairs)


def delivered(name: str) -> str:
    """The table of a source's repaired rows, as SQL."""
    return f"delivered.{quoted(name)}"


def set_aside(name: str) -> str:
    """The table of a source's quarantined row numbers and reasons, as SQL."""
    return f"set_aside.{quoted(name)}"


def seen(name: str) -> str:
    """The rows of a source that are left, with `__row`, as SQL."""
    return f"seen.{quoted(name)}"


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows a relation has."""
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()  # noqa: S608 -- quoted
    return int(rows)


def quarantine(
    connection: duckdb.DuckDBPyConnection, name: str, reasons: Mapping[int, Sequence[str]]
) -> None:
    """Set rows of a source aside: from now on they are not seen, and do not go on.

    Args:
        connection: Where the source was delivered.
        name: The source.
        reasons: Why, by row number.
    """
    rows = pa.table(
        {
            "__row": pa.array(reasons.keys(), pa.int64()),
            REASONS: pa.array(map(list, reasons.values()), pa.list_(pa.string())),
        }
    )
    connection.register("found", rows)
    connection.execute(f"INSERT INTO {set_aside(name)} SELECT * FROM found ORDER BY __row")  # noqa: S608 -- quoted
    connection.unregister("found")


def going_on(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, repairs: Sequence[Repair]
) -> pa.RecordBatchReader:
    """The rows that may be learned from, in order of time and key, with their raw columns."""
    return connection.sql(
        f"SELECT * {_without_marks(source, repairs)} FROM {delivered(name)} "  # noqa: S608 -- quoted
        f"WHERE rowid NOT IN (SELECT __row FROM {set_aside(name)}) ORDER BY rowid"
    ).to_arrow_reader(100_000)


def quarantined(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, repairs: Sequence[Repair]
) -> pa.RecordBatchReader:
    """The rows that were set aside, in order, with the reasons beside each."""
    return connection.sql(
        f"SELECT rows.* {_without_marks(source, repairs)}, {REASONS} "  # noqa: S608 -- quoted
        f"FROM {delivered(name)} AS rows JOIN {set_aside(name)} ON __row = rows.rowid "
        f"ORDER BY __row"
    ).to_arrow_reader(100_000)


def repaired_cells(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, repairs: Sequence[Repair]
) -> list[dict[str, Any]]:
    """What each repair did: `cells`, how many it changed, and the first `LISTED` of them, `listed`.

    A late column's cell that was not known yet is not counted.
    """
    found = []
    for number, item in enumerate(repairs):
        late = [g for g, own in source.late.items() if item.column in own.columns]
        where = " AND NOT ".join([mark(number), *map(_late_mark, late)])
        cells = count(connection, f"{delivered(name)} WHERE {where}")
        rows = connection.sql(
            f"SELECT {listed(source.key)}, {quoted(raw_column(item.column))} AS __raw, "  # noqa: S608 -- quoted
            f"{quoted(item.column)} AS __now FROM {delivered(name)} WHERE {where} "
            f"ORDER BY rowid LIMIT {LISTED}"
        ).to_arrow_table()
        each = [plain(row) for row in rows.to_pylist()]
        told = [{"raw": row.pop("__raw"), "now": row.pop("__now"), "key": row} for row in each]
        found.append({**item.model_dump(), "cells": cells, "listed": told})
    return found


def _require_declared(name: str, source: Source, available: Sequence[str]) -> None:
    late = [column for group in source.late.values() for column in group.columns]
    time = [source.time_column] if source.time_column else []
    for wanted, part in ((source.key, "key"), (time, "time_column"), (late, "late")):
        require_columns(wanted, available, source=name, needed_by=f"`sources.{name}.{part}`")


def _known(source: Source) -> str:
    known_at = source.known_at or (quoted(source.time_column) if source.time_column else None)
    return f"({known_at}\n) <= getvariable('as_of')" if known_at else "true"


def _late_mark(group: str) -> str:
    return quoted(f"__late_{group}")


def _not_yet_known(source: Source) -> str:
    marks = [
        f"coalesce(({late.known_at}\n) > getvariable('as_of'), false) AS {_late_mark(group)}"
        for group, late in source.late.items()
    ]
    return "".join(f", {each}" for each in marks)


def _order(source: Source, columns: Sequence[str]) -> str:
    time = [source.time_column] if source.time_column else []
    # The rest breaks the ties of a key that is not unique: the order never depends on threads.
    return listed(dict.fromkeys([*time, *source.key, *columns]))


def _marks(source: Source, repairs: Sequence[Repair]) -> list[str]:
    late = [f"__late_{group}" for group in source.late]
    return late + [mark(number) for number in range(len(repairs))]


def _without_marks(source: Source, repairs: Sequence[Repair]) -> str:
    marks = _marks(source, repairs)
    return f"EXCLUDE ({listed(marks)})" if marks else ""


def _make_visible(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, *, repairs: Sequence[Repair]
) -> None:
    raw = {item.column for item in repairs}
    hidden = [
        f"CASE WHEN NOT {_late_mark(group)} THEN {quoted(column)} END AS {quoted(column)}"
        for group, late in source.late.items()
        for own in late.columns
        for column in ([own, raw_column(own)] if own in raw else [own])
    ]
    replaced = f"REPLACE ({', '.join(hidden)})" if hidden else ""
    connection.execute(
        f"CREATE VIEW {seen(name)} AS "  # noqa: S608 -- quoted
        f"SELECT * {_without_marks(source, repairs)} {replaced}, rowid AS __row "
        f"FROM {delivered(name)} WHERE rowid NOT IN (SELECT __row FROM {set_aside(name)})"
    )
    connection.execute(
        f"CREATE VIEW {quoted(name)} AS SELECT * EXCLUDE (__row) FROM {seen(name)}"  # noqa: S608 -- quoted
    )
