"""SQL that gives the same for the same rows: no chance, and no clock but the as-of moment.

`open_database` lets what asks for the time have the as-of moment. What is left is refused here:
functions of chance or of the process, and clocks that are called by way of DuckDB's own catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from tradewind.engine.database import CLOCKS
from tradewind.engine.syntax import line_of, nodes_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSTEADY = frozenset(
    {
        # Chance.
        *("random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"),
        *("reservoir_quantile", "approx_quantile"),
        # The process and its history.
        *("current_connection_id", "current_query_id", "current_transaction_id", "txid_current"),
        *("pg_postmaster_start_time", "pg_conf_load_time", "nextval", "currval", "setval"),
    }
)
_BUILT_IN = frozenset({"system", "pg_catalog"})


def require_steady(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse SQL whose result depends on anything but its rows and the as-of moment.

    Args:
        connection: Any; its parser is used, and nothing is run.
        sql: One SELECT. A mistake of grammar is not looked at: DuckDB says more of it itself.

    Raises:
        duckdb.BinderException: It does. The message has DuckDB's own form, with the line, so that
            it is told where and as DuckDB's other errors are.
    """
    tree = tree_of(connection, sql)
    if tree["error"] and tree.get("error_type") != "parser":
        raise duckdb.BinderException(f"Binder Error: {tree['error_message']}")
    for node in nodes_of(tree):
        if (said := why_unsteady(node)) is not None:
            raise duckdb.BinderException(f"Binder Error: {said}\n\nLINE {line_of(sql, node)}: ")


def why_unsteady(node: Mapping[str, Any]) -> str | None:
    """Why what a node of a parse tree gives may change from call to call; None where it may not."""
    if node.get("sample") is not None:
        return "a sample is taken by chance: take rows by a condition on their key, such as a hash"
    kind = node.get("type")
    if kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() == "query":
        return "query() hides what it runs: write the SELECT itself"
    if kind != "FUNCTION":
        return None
    path = [part.lower() for part in node["qualified_name"]["path"]]
    if path[-1] in UNSTEADY:
        return f"{path[-1]}() gives another result each time: the same rows must give the same"
    if path[-1] in CLOCKS and path[0] in _BUILT_IN:
        said = ".".join(path)
        return f"{said}() reads the wall clock: write {path[-1]}() alone, the as-of moment"
    return None
