"""Databases that all tests of ingestion share: each test has a source of its own in them."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from tradewind.local.databases import GUESTS, OWNERS, Databases, provide_database


def _create(server: Databases, name: str, *, owner: str, guest: str | None, template: str) -> None:
    with closing(psycopg2.connect(server.server.superuser_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            provide_database(cursor, name, owner=owner, guest=guest, template=template)


@pytest.fixture(scope="session")
def source_database(postgres: Databases) -> str:
    """The address of a database for source tables, as its owner."""
    _create(postgres, "sources", owner="demo", guest=None, template="")
    return postgres.dsn("sources", role="demo")


@pytest.fixture(scope="session")
def _ledger_of_many(postgres: Databases, _ledger_template: str) -> str:
    _create(
        postgres,
        "ledger_of_many",
        owner=OWNERS["ledger"],
        guest=GUESTS["ledger"],
        template=_ledger_template,
    )
    return postgres.dsn("ledger_of_many", role=GUESTS["ledger"])


@pytest.fixture
def shared_ledger(_ledger_of_many: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a ledger that holds other tests' parts, of other sources, too."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LEDGER", _ledger_of_many)
