"""Which parts of which source were observed when: the lake's index, in the ledger's database.

An observation is never changed or removed. What was known of a day at some moment is the newest
observation whose `as_of` is not after it, so a run that stands in the past sees what it saw then.
"""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extras import execute_values

from tradewind.errors import LedgerError, SourceUnavailableError
from tradewind.records import Part
from tradewind.stores.connections import connect_postgres, postgres_dsn
from tradewind.stores.ledger_database import LedgerDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from tradewind.settings import Settings

_COLUMNS = (
    "as_of", "source_id", "day", "change_token", "digest", "uri", "rows",
    "min_event_time", "max_event_time", "columns",
)  # fmt: skip
_WRITTEN = ", ".join(_COLUMNS)
_READ = f"recorded_at, {_WRITTEN}"
# Newest first: of two observations for the same moment the later one counts.
_KNOWN = f"""
    SELECT DISTINCT ON (day) {_READ} FROM parts
    WHERE source_id = %(source)s AND as_of <= %(as_of)s
      AND (%(since)s::date IS NULL OR day >= %(since)s)
      AND (%(until)s::date IS NULL OR day < %(until)s)
      AND (rows > 0 OR NOT %(with_rows)s)
    ORDER BY day, as_of DESC, id DESC
"""  # noqa: S608 -- put together from the constants above
_LATER = f"""
    SELECT {_READ} FROM parts WHERE source_id = %(source)s AND as_of > %(as_of)s
    ORDER BY as_of, id
"""  # noqa: S608 -- idem
# Of two for the same moment the later one counts.
_OBSERVED = f"""
    SELECT DISTINCT ON (source_id, day, as_of) {_READ} FROM parts
    ORDER BY source_id, day, as_of, id DESC
"""  # noqa: S608 -- idem


class Catalog:
    """The observations of all sources.

    Args:
        settings: Name the connection to the ledger's database.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        dsn = postgres_dsn(settings.ledger_connection, settings=settings)
        self._database = LedgerDatabase(dsn)

    @classmethod
    def open(cls, settings: Settings) -> Catalog:
        """The catalog in the settings' ledger; connects when it is used.

        Raises:
            UnknownConnectionError: The settings' ledger connection is not defined.
        """
        return cls(settings)

    def observe(self, parts: Sequence[Part]) -> list[Part]:
        """Record observations, all or none.

        Args:
            parts: What was observed. Their `recorded_at` is not looked at: the database says it.

        Returns:
            The same parts with the `recorded_at` that they got.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        if not parts:
            return []
        rows = [_row(part) for part in parts]
        with self._database.transaction() as cursor:
            insert = f"INSERT INTO parts ({_WRITTEN}) VALUES %s"  # noqa: S608 -- constants
            execute_values(cursor, insert, rows, page_size=1000)
            cursor.execute("SELECT now()")  # the transaction's own time, which the rows carry
            recorded_at = cursor.fetchall()[0][0]
        return [part.model_copy(update={"recorded_at": recorded_at}) for part in parts]

    def parts(
        self,
        source_id: str,
        *,
        as_of: datetime,
        since: date | None = None,
        until: date | None = None,
        with_rows: bool = False,
    ) -> list[Part]:
        """What was known of a source at a moment: by day, the newest observation not after it.

        Args:
            source_id: The source.
            as_of: The moment.
            since: First day; all where nothing is said.
            until: The day after the last one.
            with_rows: Whether observations of no rows are passed over: a day's newest one that has
                some counts then.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        asked = {"as_of": as_of, "since": since, "until": until, "with_rows": with_rows}
        return self._select(_KNOWN, {"source": source_id, **asked})

    def later(self, source_id: str, *, as_of: datetime) -> list[Part]:
        """Every observation made for a moment after `as_of`, the oldest first.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        return self._select(_LATER, {"source": source_id, "as_of": as_of})

    def observed(self) -> list[Part]:
        """Every observation of every source that counts for some moment, by source, day and moment.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        return self._select(_OBSERVED, {})

    def newest_as_of(self, source_id: str) -> datetime | None:
        """The latest moment for which anything of a source was observed; None when nothing was.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        with self._database.transaction() as cursor:
            cursor.execute("SELECT max(as_of) FROM parts WHERE source_id = %s", (source_id,))
            newest: datetime | None = cursor.fetchall()[0][0]
            return newest

    @contextmanager
    def exclusive(self, source_id: str) -> Iterator[None]:
        """Let one process at a time observe a source; the next one finds what it brought in.

        The lock lives as long as the connection, so a killed process leaves none.

        Raises:
            LedgerError: The ledger's database does not answer.
        """
        name = self._settings.ledger_connection
        try:
            connection = connect_postgres(
                name, application_name="tradewind ingest lock", settings=self._settings
            )
        except SourceUnavailableError as error:
            raise LedgerError(f"the ledger does not answer: {error}") from error
        with closing(connection):
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    key = f"tradewind source {source_id}"
                    cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (key,))
            except psycopg2.Error as error:
                raise LedgerError(f"the ledger does not answer: {error}".strip()) from error
            yield

    def _select(self, query: str, values: dict[str, Any]) -> list[Part]:
        with self._database.transaction() as cursor:
            cursor.execute(query, values)
            names = ("recorded_at", *_COLUMNS)
            return [Part.model_validate(dict(zip(names, row, strict=True))) for row in cursor]


def _row(part: Part) -> tuple[Any, ...]:
    fields = {**dict(part), "columns": json.dumps(part.columns)}
    return tuple(fields[name] for name in _COLUMNS)
