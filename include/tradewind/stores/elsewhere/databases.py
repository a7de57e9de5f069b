"""Every row of a PostgreSQL database: what of a subject stands in it, and taking it out.

Rows are read and held against the needles here. No needle is part of a statement, because a server
writes statements that fail, or take long, into its log.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from tradewind.errors import SourceUnavailableError
from tradewind.stores.connections import connect_postgres
from tradewind.stores.elsewhere.changing import UnchangeableError, changed, changed_text
from tradewind.stores.elsewhere.records import Finding, Searched, Unsearched
from tradewind.stores.elsewhere.rows import AT_ONCE, scan
from tradewind.stores.elsewhere.tables import columns, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection as postgres_connection
    from psycopg2.extensions import cursor as postgres_cursor

    from tradewind.settings import Settings
    from tradewind.stores.elsewhere.tables import Column, Table
    from tradewind.stores.needles import Needles

_LOCK_TIMEOUT = "60s"
# Where a column has no room for more.
_SHORT = "*"
_AGAIN = "it was written again meanwhile: erase once more"
# What the planner remembers of columns: values as they are, of rows that may be gone.
_REMEMBERED = """
    SELECT schemaname, tablename, attname,
           concat_ws(E'\\n', most_common_vals, histogram_bounds, most_common_elems)
    FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Database:
    """One database.

    Attributes:
        conn_id: The name of its connection.
        settings: Where that is found.
        left_out: Tables that are not looked at, as `schema.table`, and why.
        unchanged: Tables that are looked at and not changed here, and why.
    """

    conn_id: str
    settings: Settings
    left_out: Mapping[str, str] = field(default_factory=dict)
    unchanged: Mapping[str, str] = field(default_factory=dict)

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """What there is to look at, how many rows of which columns hold a needle, what is unread.

        Raises:
            SourceUnavailableError: The database does not answer, or somebody holds a table.
        """
        found: list[Finding] = []
        with self._session() as session:
            seen, unsearched = self._tables(session)
            rows = size = 0
            for table in seen:
                hits = scan(session, table, needles)
                rows, size = rows + hits.read, size + hits.bytes
                found += self._findings(table, hits.by_column)
                unsearched += [
                    self._unsearched(f"{table}.{column}", why)
                    for column, why in hits.unread.items()
                ]
            found += self._statistics(self._remembered(session, needles), found)
        whole = Searched(f"database {self.conn_id}, {len(seen)} tables", rows=rows, bytes=size)
        return whole, found, unsearched

    def erase(self, needles: Needles) -> list[Finding]:
        """Take needles out of every column of text, JSON and bytes that may be changed.

        Returns:
            What was found; what is found still says why it is kept.

        Raises:
            SourceUnavailableError: The database does not answer, or somebody holds a table.
        """
        found: list[Finding] = []
        with self._session() as session:
            for table in self._tables(session)[0]:
                found += self._erase(session, table, needles)
            for schema, name, _ in self._remembered(session, needles):
                self._renew(session, sql.Identifier(schema, name))
            why = "the planner remembers it until the table's owner runs ANALYZE"
            kept = [each for each in found if each.kept]
            return found + self._statistics(self._remembered(session, needles), kept, why)

    def _erase(self, session: postgres_connection, table: Table, needles: Needles) -> list[Finding]:
        hits = scan(session, table, needles)
        if not hits.rows:
            return []
        with session, session.cursor() as cursor:
            known = {column.name: column for column in columns(cursor, table)}
        why = {name: known[name].why_kept() for name in hits.by_column if name in known}
        if reason := table.why_kept() or self.unchanged.get(str(table)):
            why = dict.fromkeys(why, reason)
        wanted = {name: known[name] for name, reason in why.items() if not reason}
        places = [place for place, names in hits.rows.items() if wanted.keys() & {*names}]
        for begin in range(0, len(places), AT_ONCE):
            why |= self._change(session, table, wanted, places[begin : begin + AT_ONCE], needles)
        self._renew(session, table.identifier)
        left = scan(session, table, needles).by_column
        return [
            *self._findings(table, hits.by_column - left),
            *self._findings(table, left, why),
        ]

    def _change(
        self,
        session: postgres_connection,
        table: Table,
        wanted: Mapping[str, Column],
        places: list[str],
        needles: Needles,
    ) -> dict[str, str]:
        """Change rows; by column, why some could not be."""
        read = sql.SQL("SELECT ctid::text, {} FROM ONLY {} WHERE ctid = ANY(%s::tid[]) FOR UPDATE")
        chosen = sql.SQL(", ").join(column.selected for column in wanted.values())
        why: dict[str, str] = {}
        with session, session.cursor() as cursor:
            cursor.execute(read.format(chosen, table.identifier), (places,))
            for place, *values in cursor.fetchall():
                at = place
                for column, value in zip(wanted.values(), values, strict=True):
                    try:
                        at = self._put(cursor, table, at, column, value, needles)
                    except UnchangeableError as error:
                        why[column.name] = str(error)
        return why

    def _put(
        self,
        cursor: postgres_cursor,
        table: Table,
        place: str,
        column: Column,
        value: Any,
        needles: Needles,
    ) -> str:
        """Change one value; where the row is then."""
        new = _changed(value, column, needles)
        if new == value:
            return place
        statement = sql.SQL(
            "UPDATE ONLY {} SET {} = %s::{} WHERE ctid = %s::tid RETURNING ctid::text"
        ).format(table.identifier, sql.Identifier(column.name), sql.SQL(column.typed))
        cursor.execute("SAVEPOINT row")
        try:
            cursor.execute(statement, (new, place))
            row = cursor.fetchone()
        except psycopg2.OperationalError:
            raise
        except psycopg2.Error as error:
            cursor.execute("ROLLBACK TO row")
            # By the server's own name for it: its message may quote values.
            raise UnchangeableError(f"the table refuses it ({type(error).__name__})") from None
        cursor.execute("RELEASE row")
        return row[0] if row else place

    def _remembered(
        self, session: postgres_connection, needles: Needles
    ) -> list[tuple[str, str, str]]:
        """The columns of which the planner remembers a needle."""
        with session, session.cursor() as cursor:
            cursor.execute(_REMEMBERED)
            return [
                (schema, table, column)
                for schema, table, column, told in cursor.fetchall()
                if f"{schema}.{table}" not in self.left_out and needles.spans(told.encode())
            ]

    def _renew(self, session: postgres_connection, table: sql.Composable) -> None:
        """Let go of rows as they were, and of what the planner remembers of them."""
        session.autocommit = True
        try:
            with session.cursor() as cursor:
                # To a role that does not own the table this is a warning, and nothing is done.
                cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(table))
        finally:
            session.autocommit = False

    def _tables(self, session: postgres_connection) -> tuple[list[Table], list[Unsearched]]:
        with session, session.cursor() as cursor:
            every = tables(cursor)
        why = {table: self.left_out.get(str(table)) or table.why_unread() for table in every}
        return (
            [table for table, reason in why.items() if not reason],
            [self._unsearched(str(table), reason) for table, reason in why.items() if reason],
        )

    def _findings(
        self, table: Table, counted: Mapping[str, int], why: Mapping[str, str] | None = None
    ) -> list[Finding]:
        """What was found of each column; and, where reasons are asked for, why it is kept."""
        return [
            Finding(
                f"database {self.conn_id}, {table}.{column}",
                count,
                "" if why is None else why.get(column) or _AGAIN,
            )
            for column, count in counted.items()
        ]

    def _statistics(
        self, columns: list[tuple[str, str, str]], rows: list[Finding], why: str = ""
    ) -> list[Finding]:
        """Columns that the planner remembers, but for those whose rows say so themselves."""
        said = {finding.place for finding in rows}
        names = [".".join(column) for column in columns]
        return [
            Finding(f"database {self.conn_id}, the planner's statistics of {name}", 1, why)
            for name in names
            if f"database {self.conn_id}, {name}" not in said
        ]

    def _unsearched(self, what: str, why: str) -> Unsearched:
        return Unsearched(f"database {self.conn_id}, {what}", why)

    @contextmanager
    def _session(self) -> Iterator[postgres_connection]:
        opened = connect_postgres(
            self.conn_id, application_name="tradewind erasure", settings=self.settings
        )
        try:
            with closing(opened) as session:
                with session, session.cursor() as cursor:
                    # Rows that a policy hides are an error, and not left out in silence.
                    cursor.execute(
                        "SELECT set_config('lock_timeout', %s, false),"
                        " set_config('row_security', 'off', false)",
                        (_LOCK_TIMEOUT,),
                    )
                yield session
        except psycopg2.Error as error:
            # Without its message, which may quote values.
            raise SourceUnavailableError(
                f"database {self.conn_id} could not be looked at to the end "
                f"({type(error).__name__}): see that it is up, that nobody holds its tables and "
                "that its role may see every row, and run it again"
            ) from None


def _changed(value: Any, column: Column, needles: Needles) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_changed(each, column, needles) for each in value]
    if isinstance(value, memoryview):
        content = bytes(value)
        new = changed(content, needles)
        return value if new == content else psycopg2.Binary(new)
    text = changed_text(value, needles)
    # What does not fit would be refused.
    return changed_text(value, needles, _SHORT) if 0 < column.size < len(text) else text
