"""The databases and roles of the local platform: one per purpose, and nobody a superuser."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from tradewind.local.credentials import keep

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import cursor

    from tradewind.local.postgres import Postgres

# Who owns which database. `tradewind_owner` makes the ledger's tables; `tradewind`, as which
# everything else speaks to the ledger, may do only what those tables grant it.
OWNERS = {"airflow": "airflow", "mlflow": "mlflow", "ledger": "tradewind_owner", "demo": "demo"}
GUESTS = {"ledger": "tradewind"}
ROLES = (*OWNERS.values(), *GUESTS.values())
# Their commits need not wait for the disk one by one. The server has one log, so a commit of the
# ledger (which waits) takes all before it along: no alias in MLflow is ever behind its event.
_RELAXED = ("airflow", "mlflow")


@dataclass(frozen=True)
class Databases:
    """The roles' passwords and addresses on one server.

    Attributes:
        server: Where they live.
        secrets: The folder of the passwords.
    """

    server: Postgres
    secrets: Path

    def password(self, role: str) -> str:
        """The role's password, made on first use."""
        return keep(self.secrets / f"postgres-{role}")

    def dsn(self, database: str, *, role: str | None = None, driver: str = "") -> str:
        """The address of a database for a role; for its owner by default."""
        name = role or OWNERS[database]
        password = self.password(name)
        return self.server.dsn(database, role=name, password=password, driver=driver)

    def provide(self) -> None:
        """Make roles, passwords and databases what they should be; twice is as good as once."""
        with closing(psycopg2.connect(self.server.superuser_dsn())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for role in ROLES:
                    provide_role(cursor, role, password=self.password(role))
                for database, owner in OWNERS.items():
                    provide_database(cursor, database, owner=owner, guest=GUESTS.get(database))
                for database in _RELAXED:
                    name = sql.Identifier(database)
                    cursor.execute(
                        sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name)
                    )


def provide_role(cursor: cursor, role: str, *, password: str) -> None:
    """Make a role that may log in and nothing else, with this password."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    statement = sql.SQL(f"{verb} ROLE {{}} {rights} PASSWORD {{}}")
    cursor.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def provide_database(
    cursor: cursor, database: str, *, owner: str, guest: str | None = None
) -> None:
    """Make a database unless it is there; only its owner and its guest may connect."""
    name = sql.Identifier(database)
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
    if not cursor.fetchone():
        make = sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(owner))
        cursor.execute(make)
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    if guest:
        allow = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(guest))
        cursor.execute(allow)
