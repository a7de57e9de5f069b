"""The ledger's tables: numbered SQL files, each applied once, in the order of their names.

A file that was applied is never edited: what must change gets a file of its own. Inside the files
`{app_role}` stands for the role that Tradewind's processes use; the tables belong to their owner,
and the role gets what each file grants it, and no more.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import quote_ident

from tradewind.errors import LedgerError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as postgres_connection

FOLDER = Path(__file__).parent

# Any number will do, as long as it is always the same one.
_LOCK = 7_214_030_571
_WAIT = "120s"


def migrate(owner_dsn: str, *, app_role: str, folder: Path = FOLDER) -> None:
    """Bring the ledger's database up to date; a second time changes nothing.

    Each file is one transaction, so that a killed migration leaves whole files only, and an
    advisory lock lets one process at a time in.

    Args:
        owner_dsn: The ledger's database, as the role that owns its tables.
        app_role: The role that Tradewind's processes use; it must exist.
        folder: Where the SQL files are.

    Raises:
        LedgerError: The database cannot be reached, a file that was applied has been edited
            since, or a file fails.
    """
    files = sorted(folder.glob("*.sql"))
    try:
        with closing(psycopg2.connect(owner_dsn, application_name="tradewind migrate")) as link:
            _prepare(link)
            applied = _applied(link)
            for file in files:
                _apply(link, file, app_role=app_role, known=applied.get(file.name))
    except psycopg2.Error as error:
        raise LedgerError(f"the ledger's database cannot be migrated: {error}".strip()) from error


def _prepare(connection: postgres_connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (_WAIT,))
        # Of the session: it is held over all files, and goes with the connection.
        cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        cursor.execute("SELECT to_regclass('schema_migrations')")
        if cursor.fetchone() != (None,):
            return
        cursor.execute(
            "CREATE TABLE schema_migrations (name text PRIMARY KEY, digest text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )


def _applied(connection: postgres_connection) -> dict[str, str]:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT name, digest FROM schema_migrations")
        return dict(cursor.fetchall())


def _apply(
    connection: postgres_connection, file: Path, *, app_role: str, known: str | None
) -> None:
    text = file.read_text(encoding="utf-8")
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    if known == digest:
        return
    if known is not None:
        raise LedgerError(
            f"{file}: this migration was applied to the ledger as {known} and has been edited "
            f"since (now {digest}): put it back, and make the change in a new file"
        )
    statements = text.replace("{app_role}", quote_ident(app_role, connection))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statements)
            cursor.execute(
                "INSERT INTO schema_migrations (name, digest) VALUES (%s, %s)", (file.name, digest)
            )
    except psycopg2.Error as error:
        raise LedgerError(f"{file}: the migration fails: {error}".strip()) from error
