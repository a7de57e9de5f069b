"""SQL as DuckDB's own parser understands it: the nodes of its tree, and the lines they stand in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


def tree_of(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """The parse tree of a SELECT; its `error` is true where it is none, `error_message` says why.

    Args:
        connection: Any; nothing is run.
        sql: The statement.
    """
    row = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()[0]
    tree: dict[str, Any] = json.loads(row[0])
    return tree


def nodes_of(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a tree, each before those in it."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    for part in tree if isinstance(tree, list) else ():
        yield from nodes_of(part)


def line_of(sql: str, node: dict[str, Any]) -> int:
    """The line of a node, from 1; the first where the parser does not say."""
    # The place is counted in bytes; the largest number there is stands for none.
    text, place = sql.encode(), int(node.get("query_location", 0))
    return text.count(b"\n", 0, place) + 1 if place < len(text) else 1
