"""The one idle connection: used again where it may be, and by nobody else."""

from __future__ import annotations

import os
from contextlib import closing

import psycopg2
import pytest

from tradewind.errors import LedgerError
from tradewind.stores.ledger_database import LedgerDatabase


def backend(database: LedgerDatabase) -> int:
    """The server's process behind the next transaction."""
    with database.transaction() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [found] = cursor.fetchone() or (0,)
    return int(found)


@pytest.fixture
def database(ledger_dsn: str) -> LedgerDatabase:
    return LedgerDatabase(ledger_dsn)


def test_the_next_operation_uses_the_connection_of_the_last(database: LedgerDatabase) -> None:
    assert backend(database) == backend(database)


def test_one_within_another_has_its_own_and_one_is_kept(
    database: LedgerDatabase, ledger_dsn: str
) -> None:
    with database.transaction():
        backend(database)
    with closing(psycopg2.connect(ledger_dsn)) as other, other.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tradewind'"
            " AND datname = current_database()"
        )
        assert cursor.fetchone() == (1,)


def test_a_connection_that_the_server_closed_is_opened_again(
    database: LedgerDatabase, ledger_dsn: str
) -> None:
    lost = backend(database)
    with closing(psycopg2.connect(ledger_dsn)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", (lost,))
        assert cursor.fetchone() == (True,)
    assert backend(database) != lost


def test_what_failed_leaves_nothing_behind(database: LedgerDatabase) -> None:
    with pytest.raises(LedgerError, match="syntax"), database.transaction() as cursor:
        cursor.execute("SELECT FROM FROM")
    with database.transaction() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        assert cursor.fetchone() == ("1min",)


def test_a_forked_process_leaves_its_parents_alone(database: LedgerDatabase) -> None:
    parents = backend(database)
    child = os.fork()
    if not child:
        # Whatever happens, this process is not to go on as if it were the test's.
        try:
            os._exit(0 if backend(database) != parents else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert backend(database) == parents
