"""Airflow's own store of connections, as a shell, a notebook and the UI's pages read it.

A task asks Airflow itself. Everybody else reads the table that `airflow connections add` and the
UI write, with the key that it is encrypted with: importing Airflow for that would take seconds.
"""

from __future__ import annotations

import json
import logging
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
FERNET_KEY = "AIRFLOW__CORE__FERNET_KEY"
_SCHEME = "postgresql+psycopg2://"
_SECONDS_TO_CONNECT = 5
_SELECT = """
    SELECT conn_type, host, schema, login, port, password, is_encrypted, extra, is_extra_encrypted
    FROM connection WHERE conn_id = %s
"""
log = logging.getLogger(__name__)


def database_dsn(environment: Mapping[str, str]) -> str | None:
    """The libpq address of Airflow's database; None where it is not known, or not to be known.

    Inside a task Airflow puts something else in its place: a task asks Airflow.
    """
    address = environment.get(DATABASE, "")
    if not address.startswith(_SCHEME):
        return None
    return "postgresql://" + address.removeprefix(_SCHEME)


def stored_connection(conn_id: str, environment: Mapping[str, str]) -> str | None:
    """A connection of Airflow's store in Airflow's JSON form.

    Args:
        conn_id: Its name.
        environment: Which says where the database is, and the key.

    Returns:
        None where there is none of that name, or no such store can be asked; the log says which.
    """
    dsn = database_dsn(environment)
    if dsn is None:
        return None
    try:
        row = _row(dsn, conn_id)
        return None if row is None else _as_json(row, environment.get(FERNET_KEY, ""))
    except (psycopg2.Error, ValueError) as error:
        log.warning("Airflow's store cannot be asked for %r: %s", conn_id, str(error).strip())
        return None


def _row(dsn: str, conn_id: str) -> tuple[object, ...] | None:
    with (
        closing(psycopg2.connect(dsn, connect_timeout=_SECONDS_TO_CONNECT)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_SELECT, (conn_id,))
        return cursor.fetchone()


def _as_json(row: tuple[object, ...], key: str) -> str:
    kind, host, database, login, port, password, is_encrypted, extra, is_extra_encrypted = row
    return json.dumps(
        {
            "conn_type": kind,
            "host": host,
            "schema": database,
            "login": login,
            "port": port,
            "password": _plain(password, key if is_encrypted else None),
            "extra": _plain(extra, key if is_extra_encrypted else None),
        }
    )


def _plain(value: object, key: str | None) -> str | None:
    if not value or key is None:
        return str(value) if value else None
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 (seldom)

    try:
        keys = MultiFernet([Fernet(one.strip()) for one in key.split(",")])
        return keys.decrypt(str(value).encode()).decode()
    except InvalidToken:
        raise ValueError(f"{FERNET_KEY} is not the key that it was written with") from None
