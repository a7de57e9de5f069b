"""The small shop on the running platform: its customers as a table, and models that read them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import yaml
from psycopg2.extras import execute_values

from tests.stages.nightly import DAY, DEFINITION, FIRST_DAY, SQL, customers

if TYPE_CHECKING:
    from tests.integration.conftest import RunningPlatform


def sources_of(table: str) -> dict[str, Any]:
    """What a model that reads them from there says of its sources."""
    source = {**DEFINITION["sources"]["customers"], "kind": "postgres", "connection": "demo"}
    del source["pattern"]
    return {"customers": {**source, "table": table}}


def declare(platform: RunningPlatform, model: str, *, table: str, **said: Any) -> None:
    """Write the folder of a model that reads the table."""
    folder = platform.settings.config_dir / "models" / model
    folder.mkdir()
    (folder / "features.sql").write_text(SQL)
    body = {**DEFINITION, "name": model, "sources": sources_of(table), **said}
    (folder / "model.yaml").write_text(yaml.safe_dump(body))


def load(dsn: str, table: str, *, days: int) -> None:
    """Make the table, with the customers of these first days."""
    every = [FIRST_DAY + number * DAY for number in range(days)]
    rows = [tuple(row.values()) for one in every for row in customers(one)]
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {table} (customer text, renewal_at timestamptz, plan text, "
            "visits double precision, churned boolean)"
        )
        execute_values(cursor, f"INSERT INTO {table} VALUES %s", rows)
