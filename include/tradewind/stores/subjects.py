"""Whom a random token stands for, until they are forgotten.

Everything else (events, forms, logs, command lines) knows the token alone, so that the ledger keeps
the fact of an erasure for good and nothing of whom it was about.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tradewind.errors import RequestError
from tradewind.records import Moment, Record
from tradewind.stores.connections import postgres_dsn
from tradewind.stores.events import as_json
from tradewind.stores.ledger_database import LedgerDatabase, only_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.settings import Settings

ERASING = "tradewind.forget"
"""The ledger's lock under which one erasure at a time is carried out; no model has such a name."""
LONGEST_VALUE = 1000
"""Characters: what names a person is shorter, and the table's index takes no more than twice it."""
_BYTES = 16
_COLUMNS = "token, kind, value, held, asked_at"


class Subject(Record):
    """Somebody who is to be forgotten.

    Attributes:
        token: Random; the reference by which they are spoken of.
        kind: As the sources declare it, such as `customer`.
        value: Their key, as the source holds it.
        held: What the erasure goes by; None before it has begun.
        asked_at: By the database's clock.
    """

    token: str
    kind: str
    value: str
    held: dict[str, Any] | None
    asked_at: Moment

    def __repr__(self) -> str:
        """The token alone: whatever prints a subject prints nothing of whom it is about."""
        return f"Subject({self.token})"

    __str__ = __repr__


class Kept(Record):
    """That somebody is kept, without whom.

    Attributes:
        token: The reference by which they are spoken of.
        kind: As the sources declare it.
        asked_at: By the database's clock.
        begun: Whether their erasure has begun.
    """

    token: str
    kind: str
    asked_at: Moment
    begun: bool


class Subjects:
    """The subjects of one platform that are not forgotten yet.

    Args:
        settings: Name the connection to the ledger's database.
    """

    def __init__(self, settings: Settings) -> None:
        dsn = postgres_dsn(settings.ledger_connection, settings=settings)
        self._database = LedgerDatabase(dsn)

    @classmethod
    def open(cls, settings: Settings) -> Subjects:
        """Those in the settings' ledger; nothing is connected to yet.

        Raises:
            UnknownConnectionError: The settings' ledger connection is not defined.
        """
        return cls(settings)

    def ask(self, kind: str, value: str) -> tuple[str, bool]:
        """Keep somebody until they are forgotten; who is kept already keeps their token.

        Returns:
            The token, and whether it is a new one.

        Raises:
            RequestError: The value is empty, or longer than `LONGEST_VALUE`.
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        if not value or len(value) > LONGEST_VALUE or "\0" in value:
            raise RequestError(
                f"the {kind}'s key has {len(value):,} characters: 1 to {LONGEST_VALUE:,} are "
                "expected, on one line, none of them a zero byte"
            )
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO subjects (token, kind, value) VALUES (%s, %s, %s)"
                " ON CONFLICT (kind, value) DO NOTHING",
                (secrets.token_hex(_BYTES), kind, value),
            )
            is_new = cursor.rowcount > 0
            cursor.execute(
                "SELECT token FROM subjects WHERE kind = %s AND value = %s", (kind, value)
            )
            return str(only_row(cursor)[0]), is_new

    def find(self, token: str) -> Subject | None:
        """Whom a token stands for; None where it stands for nobody, or nobody any more.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        return next(iter(self._select("token = %s", token)), None)

    def begun(self) -> list[Subject]:
        """Those whose erasure has begun and is not done, the oldest first.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        return self._select("held IS NOT NULL")

    def kept(self) -> list[Kept]:
        """That they are kept, each without their key, which is not even read; the oldest first.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT token, kind, asked_at, held IS NOT NULL FROM subjects"
                " ORDER BY asked_at, token"
            )
            rows = cursor.fetchall()
        return [Kept.model_validate(dict(zip(Kept.model_fields, r, strict=True))) for r in rows]

    def hold(self, token: str, held: Mapping[str, Any]) -> None:
        """Keep what an erasure goes by.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE subjects SET held = %s WHERE token = %s", (as_json(held), token))

    def delete(self, token: str) -> None:
        """Let go of somebody; a second time changes nothing.

        Raises:
            LedgerError: The ledger's database does not answer, or its tables are not there.
        """
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM subjects WHERE token = %s", (token,))

    def _select(self, where: str, *values: str) -> list[Subject]:
        with self._database.transaction() as cursor:
            cursor.execute(
                f"SELECT {_COLUMNS} FROM subjects WHERE {where} ORDER BY asked_at, token",  # noqa: S608 -- this module's own words
                values,
            )
            rows = cursor.fetchall()
        return [
            Subject.model_validate(dict(zip(Subject.model_fields, r, strict=True))) for r in rows
        ]
