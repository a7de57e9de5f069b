"""The vital figures of a source's columns: what is missing, how many values, from what to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

_FIGURES = 4


def vitals(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
    """Look at every column of a relation, in one pass over it.

    Args:
        connection: Where it is.
        relation: Its name, as SQL.

    Returns:
        For each column its `column`, `type`, `nulls`, `null_share`, `distinct` values and, as text,
        `smallest` and `largest`.
    """
    types = column_types(connection, f"SELECT * FROM {relation}")  # noqa: S608 -- quoted
    asked = ", ".join(expression for name in types for expression in _expressions(quoted(name)))
    [row] = connection.execute(f"SELECT count(*), {asked} FROM {relation}").fetchall()  # noqa: S608 -- quoted
    rows, figures = row[0], list(_in_fours(row[1:]))
    return [
        _of_column(name, kind, rows, *own)
        for (name, kind), own in zip(types.items(), figures, strict=True)
    ]


def _expressions(column: str) -> Iterable[str]:
    return (
        f"count({column})",
        f"count(DISTINCT {column})",
        f"CAST(min({column}) AS VARCHAR)",
        f"CAST(max({column}) AS VARCHAR)",
    )


def _in_fours(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    return (values[start : start + _FIGURES] for start in range(0, len(values), _FIGURES))


def _of_column(
    name: str, kind: str, rows: int, filled: int, distinct: int, low: str | None, high: str | None
) -> dict[str, Any]:
    return {
        "column": name,
        "type": kind,
        "nulls": rows - filled,
        "null_share": (rows - filled) / rows if rows else None,
        "distinct": distinct,
        "smallest": low,
        "largest": high,
    }
