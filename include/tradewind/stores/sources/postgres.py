"""A table or view in PostgreSQL, read with server-side `COPY` in bounded memory.

All that one reader asks is answered from one snapshot of the database (REPEATABLE READ, read only),
so the change tokens and the rows belong together. The table's name is quoted, so its case counts.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import psycopg2
import pyarrow as pa
from psycopg2 import errors, sql
from pyarrow import csv

from tradewind.errors import DataError, SchemaChangedError, SourceUnavailableError
from tradewind.stores.connections import connect_postgres, resolve
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import drift
from tradewind.stores.sources.base import Rows, SourceReader, by_day, midnight, ordered
from tradewind.stores.sources.column_types import MOMENT
from tradewind.stores.sources.drift import WAY_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg2.extensions import connection as postgres_connection

    from tradewind.definition.sources import PostgresSource
    from tradewind.settings import Settings
    from tradewind.stores.sources.intake import Intake

_log = logging.getLogger(__name__)

# By PostgreSQL's own type numbers, which never change. All else comes as its text.
_ARROW_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    **dict.fromkeys((20, 21, 23, 26), pa.int64()),
    **dict.fromkeys((700, 701, 1700), pa.float64()),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: MOMENT,
}
# How values are spelled does not depend on the server's settings, nor days on its time zone.
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "30min",
    "lock_timeout": "1min",
}
_IN_MEMORY_BYTES = 32 * 2**20
_BLOCK_BYTES = 2**22
_COPY = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)")


class PostgresReader(SourceReader):
    """A PostgreSQL table or view; connects when it is first asked."""

    spec: PostgresSource

    def __init__(self, name: str, intake: Intake, *, settings: Settings) -> None:
        super().__init__(name, intake)
        self._settings = settings
        self._connection: postgres_connection | None = None

    @cached_property
    def place(self) -> str:
        """Table, host and connection."""
        found = resolve(self.spec.connection, settings=self._settings)
        host = found.extra.get("host") or found.host or "localhost"
        return f"table {self.spec.table} at {host}, connection {self.spec.connection!r}"

    def columns(self) -> dict[str, pa.DataType]:
        """Arrow types by column: every integer as int64, numeric as float64, others as text."""
        return self.intake.types(self._columns)

    @cached_property
    def _columns(self) -> dict[str, pa.DataType]:
        """Those that are read, as they are read."""
        found = {
            name: self.declared.get(name, _ARROW_TYPES.get(number, pa.string()))
            for name, number in self._described
        }
        self.check(found)
        updated = self.spec.updated_column
        drift.require([updated] if updated else [], found, where=self.where)
        return {name: kind for name, kind in found.items() if self.intake.takes(name)}

    @cached_property
    def _described(self) -> list[tuple[str, int]]:
        with self._cursor() as cursor:
            cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(self._table))
            return [(column.name, column.type_code) for column in cursor.description or ()]

    def earliest(self) -> date | None:
        """The day of the least time."""
        self.columns()  # a column that is not there is named by its own error
        query = sql.SQL("SELECT min({})::date FROM {}").format(self._time, self._table)
        with self._cursor() as cursor:
            cursor.execute(query)
            first: date | None = cursor.fetchall()[0][0]
            return first

    def tokens(self, since: date | None, until: datetime) -> dict[date, str]:
        """Count and greatest `updated_column`, or count and sum of the rows' hashes, in one query.

        The names and types of the columns that are read are in every token, so that a renamed one
        is noticed; of what is not read nothing is.
        """
        self.columns()
        read = [(name, number) for name, number in self._described if name in self._columns]
        schema = json_digest(read)[:8]
        day = sql.SQL("NULL::date") if self.is_reference else sql.SQL("{}::date").format(self._time)
        query = sql.SQL(
            "SELECT {day}, count(*), {state} FROM {table} AS tradewind_row WHERE {within}"
            " GROUP BY 1"
        ).format(
            day=day,
            state=self._state,
            table=self._read,
            within=self._within(since, _after(until)),
        )
        with self._cursor() as cursor:
            cursor.execute(query)
            found = {day: self._stored(f"{count}:{state}:{schema}") for day, count, state in cursor}
        if self.is_reference:
            return {until.date(): found.get(None, self._stored(f"0::{schema}"))}
        return found

    def read_days(
        self,
        days: Sequence[date],
        *,
        held: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[date, Rows]]:
        """One `COPY` for each run of consecutive days, ordered by day and key."""
        self.columns()
        if self.is_reference:
            with self._copied(None, None) as rows:
                yield days[0], self._taken_in(rows)
            return
        self._warn_of_rows_without_time()
        for first, last in _runs(sorted(days)):
            with self._copied(first, last + timedelta(days=1)) as rows:
                for day, of_day in by_day(rows, str(self.spec.time_column)):
                    yield day, self._taken_in(of_day)

    def sample(self, most: int) -> pa.Table:
        """The first rows that the server comes upon."""
        self.columns()
        with self._copied(None, None, most=most) as rows:
            return self.intake.of_table(pa.Table.from_batches(rows.batches, schema=rows.schema))

    def holds(self, column: str, value: str) -> bool:
        """One look-up of the value, over the whole table."""
        drift.require([column], [name for name, _ in self._described], where=self.where)
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {}::text = {})").format(
            self._table, sql.Identifier(column), sql.Literal(value)
        )
        with self._cursor() as cursor:
            cursor.execute(query)
            return bool(cursor.fetchall()[0][0])

    def _taken_in(self, rows: Rows) -> Rows:
        """What is stored of a day's rows: held in memory to be ordered anew where some is hashed.

        In the order of what was hashed it would tell which hash is the first of the alphabet.
        """
        if not self.intake.hashed:
            return rows
        read = pa.Table.from_batches(rows.batches, schema=rows.schema)
        stored = ordered(self.intake.of_table(read), self.spec.key)
        return Rows(stored.schema, iter(stored.to_batches()))

    def _stored(self, token: str) -> str:
        return self.intake.key.token(token) if self.intake.hashed else token

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.spec.table.split("."))

    @property
    def _read(self) -> sql.Composable:
        """The table, or what is read of it where a hash over whole rows is computed."""
        if self.intake.is_whole or self.spec.updated_column is not None:
            return self._table
        names = sql.SQL(", ").join(map(sql.Identifier, self._columns))
        return sql.SQL("(SELECT {} FROM {})").format(names, self._table)

    @property
    def _time(self) -> sql.Identifier:
        return sql.Identifier(str(self.spec.time_column))

    @property
    def _state(self) -> sql.Composable:
        if self.spec.updated_column is not None:
            return sql.SQL("max({})::text").format(sql.Identifier(self.spec.updated_column))
        # A sum, unlike an exclusive or, also tells two equal rows from none.
        return sql.SQL("sum(hashtextextended(tradewind_row::text, 0)::numeric)")

    def _within(self, since: date | None, until: date | None) -> sql.Composable:
        if self.is_reference:
            return sql.SQL("true")
        bounds = [sql.SQL("{} IS NOT NULL").format(self._time)]
        for sign, day in ((">=", since), ("<", until)):
            if day is not None:
                moment = sql.Literal(midnight(day))
                bounds.append(sql.SQL(f"{{}} {sign} {{}}").format(self._time, moment))
        return sql.SQL(" AND ").join(bounds)

    def _order(self) -> sql.Composable:
        """By day, key and all else, text by its bytes: the same on every server."""
        known = [name for name in self.spec.key if name in self._columns]
        names = [*known, *(name for name in self._columns if name not in known)]
        numbers = dict(self._described)
        keys = [
            sql.Identifier(name)
            if numbers[name] in _ARROW_TYPES
            else sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(name))
            for name in names
        ]
        day = [] if self.is_reference else [sql.SQL("{}::date").format(self._time)]
        return sql.SQL(", ").join([*day, *keys])

    @contextmanager
    def _copied(
        self, since: date | None, until: date | None, *, most: int | None = None
    ) -> Iterator[Rows]:
        query = sql.SQL("SELECT {} FROM {} WHERE {} {}").format(
            sql.SQL(", ").join(map(sql.Identifier, self._columns)),
            self._table,
            self._within(since, until),
            sql.SQL("LIMIT {}").format(sql.Literal(most))
            if most is not None
            else sql.SQL("ORDER BY {}").format(self._order()),
        )
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
            with self._cursor() as cursor:
                cursor.copy_expert(_COPY.format(query), spool)
                rows = cursor.rowcount
            spool.seek(0)
            schema = pa.schema(list(self._columns.items()))
            yield Rows(schema, self._parsed(spool, schema) if rows else iter(()))

    def _parsed(self, spool: IO[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        # An unquoted nothing is NULL; a quoted one is an empty text.
        convert = csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )
        reading = csv.ReadOptions(
            column_names=schema.names, block_size=_BLOCK_BYTES, use_threads=False
        )
        parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
        try:
            yield from csv.open_csv(
                pa.PythonFile(spool, mode="r"),
                read_options=reading,
                parse_options=parse,
                convert_options=convert,
            )
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.where}: a value has no place in its type: {error}") from error

    def _warn_of_rows_without_time(self) -> None:
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} IS NULL").format(self._table, self._time)
        with self._cursor() as cursor:
            cursor.execute(query)
            count = cursor.fetchall()[0][0]
        if count:
            _log.warning(
                "%s: %s rows have no %s, belong to no day and are left out",
                self.where,
                f"{count:,}",
                self.spec.time_column,
            )

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            self._connection = self._connection or self._connect()
            with self._connection.cursor() as cursor:
                yield cursor
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
            raise SchemaChangedError(f"{self.where}: {_said(error)}: {WAY_OUT}") from error
        except psycopg2.Error as error:
            raise SourceUnavailableError(
                f"{self.where} does not answer: {_said(error)}; a retry may help once it does"
            ) from error

    def _connect(self) -> postgres_connection:
        try:
            connection = connect_postgres(
                self.spec.connection, application_name="tradewind ingest", settings=self._settings
            )
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{self.where} does not answer: {error}") from error
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            for name, value in _SESSION.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        return connection


def _said(error: psycopg2.Error) -> str:
    """The first line: what follows may quote rows."""
    primary = error.diag.message_primary or (str(error).strip() or type(error).__name__)
    return primary.splitlines()[0]


def _after(until: datetime) -> date:
    """The day after the last one that begins before `until`."""
    return until.date() if until == midnight(until.date()) else until.date() + timedelta(days=1)


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last of each run of consecutive days."""
    start = 0
    for position, day in enumerate(days):
        following = days[position + 1] if position + 1 < len(days) else None
        if following != day + timedelta(days=1):
            yield days[start], day
            start = position + 1
