"""What tables and columns a PostgreSQL database has, by its own catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as postgres_cursor

TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
DOCUMENTS = frozenset({"json", "jsonb"})
# Their values are told by the whole of their text: a part of a number is another number.
_WHOLE = frozenset("NDT")
# Tables, and the copies that materialized views are.
_TABLES = """
    SELECT c.oid, n.nspname, c.relname, c.relkind::text,
           has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname NOT LIKE 'pg\\_toast%%' AND n.nspname NOT LIKE 'pg\\_temp\\_%%'
          AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname, c.relname
"""
# A domain is what it is made of, and an array what it holds.
_COLUMNS = """
    WITH RECURSIVE made AS (
        SELECT a.attnum, a.attname, a.atttypid AS kind, a.atttypmod AS size,
               a.attgenerated <> '' AS computed
        FROM pg_attribute a WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT m.attnum, m.attname, t.typbasetype, t.typtypmod, m.computed
        FROM made m JOIN pg_type t ON t.oid = m.kind WHERE t.typtype = 'd'
    )
    SELECT m.attname, t.typname, t.typcategory, coalesce(e.typname, ''), greatest(m.size - 4, 0),
           m.computed,
           EXISTS (
               SELECT FROM pg_constraint k
               WHERE (k.conrelid = %(table)s AND k.contype IN ('p', 'f')
                      AND m.attnum = ANY(k.conkey))
                  OR (k.confrelid = %(table)s AND k.contype = 'f' AND m.attnum = ANY(k.confkey))
           ),
           has_column_privilege(%(table)s::oid, m.attnum, 'UPDATE')
    FROM made m JOIN pg_type t ON t.oid = m.kind
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
    WHERE t.typtype <> 'd' ORDER BY m.attnum
"""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        kind: Its type, or what its domain is made of.
        category: PostgreSQL's letter for what kind of type that is.
        element: Of an array, the type of what it holds.
        size: The most characters that it takes; 0 where there is no limit.
        is_computed: Whether the server computes it from others.
        is_key: Whether rows are found, or referred to, by it.
        is_writable: Whether this role may change it.
    """

    name: str
    kind: str
    category: str
    element: str
    size: int
    is_computed: bool
    is_key: bool
    is_writable: bool

    @property
    def is_whole(self) -> bool:
        """Whether a needle is the whole of a value, or none of it."""
        return self.category in _WHOLE

    @property
    def selected(self) -> sql.Composable:
        """How its values are read: bytes as they are, arrays of texts as such, all else as text."""
        name = sql.Identifier(self.name)
        if self.kind == "bytea":
            return name
        if self.element in TEXTS | DOCUMENTS:
            return sql.SQL("{}::text[]").format(name)
        return sql.SQL("{}::text").format(name)

    @property
    def typed(self) -> str:
        """What a new value is cast to."""
        return f"{self.element}[]" if self.element else self.kind

    def why_kept(self) -> str:
        """Why nothing in it may be changed; empty where it may."""
        if self.is_key:
            return "it is part of a key: whatever refers to the row would lose it"
        if self.is_computed:
            return "the server computes it from other columns"
        if (self.element or self.kind) not in TEXTS | DOCUMENTS and self.kind != "bytea":
            return f"values of type {self.element or self.kind} are not changed"
        if not self.is_writable:
            return "the connection's role may not change it: the table is for adding to only"
        return ""


@dataclass(frozen=True)
class Table:
    """A table of a database.

    Attributes:
        oid: Its number in the catalog.
        kind: PostgreSQL's letter: `r`, `m` for a materialized view, `f` for one of elsewhere.
        is_readable: Whether this role may read all of it.
    """

    oid: int
    schema: str
    name: str
    kind: str
    is_readable: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def why_kept(self) -> str:
        """Why nothing in it may be changed; empty where its columns say whether it may."""
        return "it is a copy of other tables: refresh the view" if self.kind == "m" else ""

    def why_unread(self) -> str:
        """Why its rows cannot be read; empty where they can."""
        if self.kind == "f":
            return "its rows are in another database"
        return "" if self.is_readable else "the connection's role may not read all of it"

    @property
    def identifier(self) -> sql.Composable:
        """Its name, for a statement."""
        return sql.Identifier(self.schema, self.name)


def tables(cursor: postgres_cursor) -> list[Table]:
    """Every table that is not the server's own, in order."""
    cursor.execute(_TABLES, ())
    return [Table(*row) for row in cursor.fetchall()]


def columns(cursor: postgres_cursor, table: Table) -> list[Column]:
    """The columns of a table, in order; none where it was dropped meanwhile."""
    cursor.execute(_COLUMNS, {"table": table.oid})
    return [Column(*row) for row in cursor.fetchall()]
