"""The ledger's way to its database: short transactions, time-outs, and one lock per model.

One idle connection is kept for the next operation, by the process that opened it: a forked child
opens its own. The one exception is a promotion, which holds the model's lock on a connection of its
own and writes on that very connection: when it is lost, the lock is lost, and nothing more is
written.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import parse_dsn

from tradewind.errors import LedgerError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from psycopg2.extensions import connection as postgres_connection
    from psycopg2.extensions import cursor as postgres_cursor

# A promotion waits for MLflow, which under load takes seconds; whoever waits for it waits longer.
LOCK_TIMEOUT = "60s"
STATEMENT_TIMEOUT = "90s"
_CONNECT_SECONDS = 10
# A server that says this when it is connected to would say so again; psycopg2 has no code for it.
_REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry")


class LedgerDatabase:
    """The ledger's database, as the role that Tradewind's processes use.

    Args:
        dsn: What libpq connects with.
        held: A connection to work on, in place of a fresh one for each transaction.
    """

    def __init__(self, dsn: str, *, held: postgres_connection | None = None) -> None:
        self._dsn = dsn
        self._held = held
        self._idle: list[tuple[int, postgres_connection]] = []

    @contextmanager
    def transaction(self) -> Iterator[postgres_cursor]:
        """One transaction: committed at the end of the block, rolled back on any error.

        Raises:
            LedgerUnavailableError: The database cannot be reached, or is held up.
            LedgerError: It refuses a statement.
        """
        with self._errors_named():
            if self._held is not None:
                with self._held, self._held.cursor() as cursor:
                    yield cursor
                return
            connection = self._waiting() or self._connect()
            try:
                with connection, connection.cursor() as cursor:
                    yield cursor
            except BaseException:
                connection.close()
                raise
            self._keep(connection)

    @contextmanager
    def locked(self, model: str) -> Iterator[LedgerDatabase]:
        """Hold a model's lock; the value works on the connection that holds it.

        The server lets go when the connection ends, so also when the process dies.

        Raises:
            LedgerUnavailableError: The database cannot be reached, or another holds the lock for
                too long.
        """
        with self._errors_named():
            connection = self._connect()
        with closing(connection):
            with self._errors_named(), connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key(model),))
            yield LedgerDatabase(self._dsn, held=connection)

    def _waiting(self) -> postgres_connection | None:
        """The idle connection, where this process opened it and the server still answers."""
        while self._idle:
            process, connection = self._idle.pop()
            # Its parent's is left alone: to close it here would end it there.
            if process == os.getpid():
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT 1")
                except psycopg2.Error:
                    connection.close()
                else:
                    return connection
        return None

    def _keep(self, connection: postgres_connection) -> None:
        if self._idle:
            connection.close()
        else:
            self._idle.append((os.getpid(), connection))

    def _connect(self) -> postgres_connection:
        connection = psycopg2.connect(
            self._dsn, application_name="tradewind", connect_timeout=_CONNECT_SECONDS
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false),"
                " set_config('statement_timeout', %s, false), set_config('timezone', 'UTC', false)",
                (LOCK_TIMEOUT, STATEMENT_TIMEOUT),
            )
        return connection

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except psycopg2.Error as error:
            kind = LedgerUnavailableError if _may_be_better_later(error) else LedgerError
            raise kind(f"{self._place}: {_explained(error)}") from error

    @property
    def _place(self) -> str:
        parts = parse_dsn(self._dsn)
        return f"the ledger ({parts.get('dbname')!r} at {parts.get('host', 'localhost')})"


def lock_key(model: str) -> int:
    """The number of a model's advisory lock in the ledger's database."""
    digest = hashlib.blake2b(f"tradewind model {model}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def hold_model(cursor: postgres_cursor, model: str) -> None:
    """Take a model's lock until the transaction ends; whoever has it already has it twice."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key(model),))


def now(cursor: postgres_cursor) -> datetime:
    """The database's clock at this statement, which is the only one the ledger goes by."""
    cursor.execute("SELECT clock_timestamp()")
    moment: datetime = only_row(cursor)[0]
    return moment


def only_row(cursor: postgres_cursor) -> tuple[Any, ...]:
    """The next row of a statement that always has one."""
    row = cursor.fetchone()
    if row is None:
        raise LedgerError("the ledger's database gave no row where there is always one")
    return row


def _may_be_better_later(error: psycopg2.Error) -> bool:
    if any(words in str(error) for words in _REFUSED):
        return False
    return isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)


def _explained(error: psycopg2.Error) -> str:
    text = str(error).strip()
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return (
            f"another process has held a lock that this needs for {LOCK_TIMEOUT}; try again later"
        )
    if isinstance(error, psycopg2.errors.UndefinedTable):
        return f"{text.splitlines()[0]}; its tables are made by tradewind.stores.ledger.migrate"
    return text
