"""Schemas are migrated once per version."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tradewind.local import schemas

if TYPE_CHECKING:
    from pathlib import Path


class OneDatabase:
    """A server with a single database, whatever it is asked for."""

    def __init__(self, dsn: str) -> None:
        self.address = dsn

    def dsn(self, _: str) -> str:
        return self.address


def execute(dsn: str, statement: str) -> None:
    with closing(psycopg2.connect(dsn)) as connection, connection:
        connection.cursor().execute(statement)


@pytest.fixture
def upgrade(empty_database: str, tmp_path: Path):
    """Upgrades the database with a migration of our own; returns how often that ran."""
    runs = []

    def migrate() -> None:
        runs.append(1)
        execute(
            empty_database,
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num text);"
            "TRUNCATE alembic_version; INSERT INTO alembic_version VALUES ('abc')",
        )

    def run() -> int:
        database = OneDatabase(empty_database)
        schemas._once(database, "airflow", "pytest", tmp_path, lambda _: None, migrate)
        return len(runs)

    return run


def test_an_upgraded_schema_is_not_looked_at_again(upgrade):
    assert upgrade() == 1
    assert upgrade() == 1


def test_another_version_of_the_program_migrates_again(upgrade, tmp_path: Path):
    upgrade()
    stamp = tmp_path / "airflow.schema.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "version": "0.1"}))
    assert upgrade() == 2


def test_a_new_database_is_migrated_whatever_the_stamp_says(upgrade, empty_database: str):
    upgrade()
    execute(empty_database, "DROP TABLE alembic_version")
    assert upgrade() == 2
