"""A connection that Airflow itself wrote is found by whoever is not Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from tests.fixtures.mlflow import free_port
from tradewind.errors import UnknownConnectionError
from tradewind.settings import load_settings
from tradewind.stores import airflow_store, connections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradewind.settings import Settings

KEY = Fernet.generate_key().decode()


@pytest.fixture
def stored(airflow_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a connection that Airflow encrypted and keeps."""
    from airflow.configuration import conf
    from airflow.models import crypto
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    monkeypatch.setenv(airflow_store.FERNET_KEY, KEY)
    assert conf.get("core", "fernet_key") == KEY
    crypto.get_fernet.cache_clear()
    connection = Connection(
        conn_id="shop",
        conn_type="postgres",
        host="db.example",
        login="ann",
        password="p@ss/word",
        schema="sales",
        port=5433,
        extra='{"sslmode": "require"}',
    )
    assert connection._password != "p@ss/word"
    with create_session() as session:
        session.add(connection)
    yield "shop"
    with create_session() as session:
        session.delete(session.merge(connection))
    crypto.get_fernet.cache_clear()


def told(airflow_db: str, **more: str) -> Settings:
    address = airflow_db.replace("postgresql://", "postgresql+psycopg2://")
    return load_settings({airflow_store.DATABASE: address, airflow_store.FERNET_KEY: KEY, **more})


def test_a_connection_of_airflows_store_is_found_from_a_shell(airflow_db: str, stored: str) -> None:
    assert connections.postgres_dsn(stored, settings=told(airflow_db)) == (
        "postgresql://ann:p%40ss%2Fword@db.example:5433/sales?sslmode=require"
    )


def test_the_environment_wins_over_the_store(airflow_db: str, stored: str) -> None:
    mine = told(airflow_db, AIRFLOW_CONN_SHOP="postgres://me@elsewhere/sales")
    assert connections.resolve(stored, settings=mine).host == "elsewhere"


def test_a_name_that_the_store_has_not_is_unknown(airflow_db: str, stored: str) -> None:
    assert not connections.is_defined("shoe", settings=told(airflow_db))


def test_the_wrong_key_is_said_and_no_password_is_shown(
    airflow_db: str, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = told(airflow_db, **{airflow_store.FERNET_KEY: Fernet.generate_key().decode()})
    assert not connections.is_defined(stored, settings=other)
    assert "is not the key that it was written with" in caplog.text


def test_a_store_that_does_not_answer_is_said_and_the_name_is_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dead = f"postgresql+psycopg2://airflow@127.0.0.1:{free_port()}/airflow"
    settings = load_settings({airflow_store.DATABASE: dead, "TRADEWIND_HOME": str(tmp_path)})
    with pytest.raises(UnknownConnectionError, match=rf"in {tmp_path}/local\.env"):
        connections.resolve("shop", settings=settings)
    assert "Airflow's store cannot be asked for 'shop'" in caplog.text


def test_a_task_asks_airflow_and_not_its_database() -> None:
    inside = {airflow_store.DATABASE: "airflow-db-not-allowed:///"}
    assert airflow_store.stored_connection("shop", inside) is None
