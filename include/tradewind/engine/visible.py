"""What SQL from a model's folder may read: the relations made for it, and nothing beneath them.

DuckDB has no owner's rights for views: whoever may read a view may read its tables. So the SQL is
read as DuckDB's own parser understands it, and each place it takes rows from must be known: names
spelt in another case, or put together from pieces for a function to look up, are seen as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.definition.problems import nearest
from tradewind.engine.steady import why_unsteady
from tradewind.engine.syntax import line_of, nodes_of, tree_of
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import duckdb

# They make rows of their arguments alone. Others look up tables by a text (query, query_table), or
# tell of what is stored (duckdb_tables, pragma_storage_info).
_TABLE_FUNCTIONS = ("generate_series", "range", "unnest")
_SHOW = "SHOW_REF"


def require_visible(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    relations: Collection[str],
    place: Callable[[int], str],
) -> None:
    """Refuse SQL that reads anything but given relations and its own subqueries, or is unsteady.

    Args:
        connection: Any; its parser is used, and nothing is run.
        sql: One SELECT without mistakes of grammar.
        relations: What it may read.
        place: Makes the beginning of a message of a line number.

    Raises:
        DefinitionError: It reads something else; each such place has its line.
    """
    tree = tree_of(connection, sql)
    if tree["error"]:
        raise DefinitionError(f"{place(1)}: expected one SELECT: {tree['error_message']}")
    nodes = list(nodes_of(tree))
    own = {entry["key"] for node in nodes for entry in node.get("cte_map", {}).get("map", ())}
    visible = {*map(str.casefold, [*relations, *own])}
    problems = [
        f"{place(line_of(sql, node))}: {said}"
        for node in nodes
        if (said := _foreign(node, relations, visible=visible) or why_unsteady(node))
    ]
    if problems:
        raise DefinitionError(problems)


def _foreign(
    node: dict[str, Any], relations: Collection[str], *, visible: Collection[str]
) -> str | None:
    """Why a node of the tree may not be read from; None where it may, or is no source of rows."""
    kind = node.get("type")
    if kind == "BASE_TABLE":
        name = ".".join(filter(None, (node["catalog_name"], node["schema_name"])))
        if name:
            return f"{name}.{node['table_name']} is not for a model to read: name its source alone"
        if node["table_name"].casefold() not in visible:
            hint = nearest(node["table_name"], relations)
            return f"there is no relation {node['table_name']!r}{hint}"
    if kind == "TABLE_FUNCTION":
        name = node["function"].get("function_name", "")
        if name.casefold() not in _TABLE_FUNCTIONS:
            return f"rows of {name}() are not for a model to read{nearest(name, _TABLE_FUNCTIONS)}"
    return "SHOW, DESCRIBE and SUMMARIZE are not for a model to read" if kind == _SHOW else None
