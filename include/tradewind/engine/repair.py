"""Declared repairs, made in DuckDB between the snapshot and its validation.

A repaired cell keeps what it was in `<column>__raw`, and which repair changed it is marked beside
the row, so that every single one can be counted and listed. Repairs run in their order, each on
what the ones before it left. A condition that is NULL repairs nothing.

A repair may look at other rows (`lag(temp) OVER …`), but only back in time: a live run does not
have the rows that come later. `prove_lookback` cuts the source at moments and asks for the same
cells again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types, expression_of, listed, require_columns
from tradewind.engine.steady import require_steady
from tradewind.errors import DefinitionError, LeakError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from tradewind.definition.sources import Repair

_OTHER_ROWS = re.compile(r"\b(over|select)\b", re.IGNORECASE)
# Moments at which a repair that looks at other rows is tried again: as many where it repaired
# something as where it may not have.
_MOMENTS = 5


def raw_column(column: str) -> str:
    """Where a repaired column's own values are kept."""
    return f"{column}__raw"


def mark(number: int) -> str:
    """The column that says whether a repair (by its place among its source's) changed the row."""
    return f"__repair_{number}"


def repaired_query(
    connection: duckdb.DuckDBPyConnection, relation: str, *, source: str, repairs: Sequence[Repair]
) -> str:
    """The SELECT that repairs a relation: its columns, the raw ones and the marks.

    Args:
        connection: Where the relation is.
        relation: What to repair, as SQL: a name, or a SELECT in parentheses.
        source: The source's name, for messages.
        repairs: Those of this source, in their order.

    Raises:
        SchemaChangedError: A repaired column is not there.
        DefinitionError: An expression is wrong, or would change its column's type.
    """
    types = column_types(connection, f"SELECT * FROM {relation}")  # noqa: S608 -- quoted
    columns = [item.column for item in repairs]
    require_columns(columns, types, source=source, needed_by="`repair`")
    keep = [f"{quoted(name)} AS {quoted(raw_column(name))}" for name in dict.fromkeys(columns)]
    query = f"SELECT {', '.join(['*', *keep])} FROM {relation}"  # noqa: S608 -- quoted
    for number, item in enumerate(repairs):
        query = _repaired_once(query, item, number)
        _refuse_another_type(connection, query, item, types[item.column])
    return query


def _repaired_once(query: str, repair: Repair, number: int) -> str:
    column = quoted(repair.column)
    return f"""
        SELECT * EXCLUDE (__new) REPLACE (__new AS {column}),
               __new IS DISTINCT FROM {column} AS {mark(number)}
        FROM (SELECT *, CASE WHEN ({repair.when}
              ) THEN ({repair.set}
              ) ELSE {column} END AS __new FROM ({query}))
    """  # noqa: S608 -- the owner's own expressions, as declared


def _refuse_another_type(
    connection: duckdb.DuckDBPyConnection, query: str, repair: Repair, declared: str
) -> None:
    place = place_of(repair)
    with expression_of(place):
        require_steady(connection, f"SELECT ({repair.when}\n), ({repair.set}\n)")
        found = column_types(connection, query)[repair.column]
    if found != declared:
        raise DefinitionError(
            f"{place}: `set: {repair.set}` would turn {declared} into {found}; "
            f"write it as CAST(... AS {declared})"
        )


def place_of(repair: Repair) -> str:
    """How messages name a repair."""
    return f"model.yaml: repair of {repair.source}.{repair.column}"


def prove_lookback(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    *,
    repairs: Sequence[Repair],
    time_column: str | None,
) -> int:
    """Repair again with everything after a moment cut away, and expect the same cells.

    Args:
        connection: Where the table is.
        table: The repaired source, as SQL, with its raw columns and marks.
        repairs: Those of this source, in their order.
        time_column: Of the source; a reference table has none and is always whole.

    Returns:
        How many moments were tried; 0 where no repair looks at other rows.

    Raises:
        LeakError: A repair depends on rows that come after the one it repairs.
    """
    numbers = [n for n, item in enumerate(repairs) if _OTHER_ROWS.search(item.when + item.set)]
    if not numbers or time_column is None:
        return 0
    time = quoted(time_column)
    moments = _moments(connection, table, time=time, numbers=numbers)
    query = _cut_and_repaired(connection, table, time=time, repairs=repairs)
    for at in moments:
        _refuse_a_difference(connection, table, query, at, [repairs[n] for n in numbers])
    return len(moments)


def _moments(
    connection: duckdb.DuckDBPyConnection, table: str, *, time: str, numbers: Sequence[int]
) -> list[datetime]:
    repaired = " OR ".join(mark(number) for number in numbers)
    rows = connection.execute(
        f"""
        (SELECT DISTINCT {time} FROM {table} WHERE {repaired} ORDER BY 1 LIMIT {_MOMENTS})
        UNION
        SELECT unnest(quantile_disc({time}, [0.1, 0.3, 0.5, 0.7, 0.9])) FROM {table}
        ORDER BY 1
        """  # noqa: S608 -- quoted
    ).fetchall()
    return [row[0] for row in rows if row[0] is not None]


def _cut_and_repaired(
    connection: duckdb.DuckDBPyConnection, table: str, *, time: str, repairs: Sequence[Repair]
) -> str:
    columns = list(dict.fromkeys(item.column for item in repairs))
    added = [raw_column(name) for name in columns] + [mark(n) for n in range(len(repairs))]
    back = ", ".join(f"{quoted(raw_column(name))} AS {quoted(name)}" for name in columns)
    relation = (
        f"(SELECT * EXCLUDE ({listed(added)}) REPLACE ({back}), rowid AS __row FROM {table} "  # noqa: S608 -- quoted
        f"WHERE {time} <= getvariable('cut_at'))"
    )
    return repaired_query(connection, relation, source=repairs[0].source, repairs=repairs)


def _refuse_a_difference(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    query: str,
    at: datetime,
    repairs: Sequence[Repair],
) -> None:
    connection.execute("SET VARIABLE cut_at = ?", [at])
    for item in repairs:
        column = quoted(item.column)
        [(cells,)] = connection.execute(
            f"SELECT count(*) FROM ({query}) AS cut JOIN {table} AS whole "  # noqa: S608 -- quoted
            f"ON cut.__row = whole.rowid WHERE cut.{column} IS DISTINCT FROM whole.{column}"
        ).fetchall()
        if cells:
            raise LeakError(
                f"{place_of(item)}: with every row after {at.isoformat()} cut away, {cells:,} "
                f"cells come out differently: the repair looks at rows of the future. Look back "
                f"only (lag, not lead)"
            )
