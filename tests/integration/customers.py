"""The customers of the small shop as a table of the running platform's source database."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from tests.stages.nightly import DAY, DEFINITION, FIRST_DAY, customers


def sources_of(table: str) -> dict[str, Any]:
    """What a model that reads them from there says of its sources."""
    source = {**DEFINITION["sources"]["customers"], "kind": "postgres", "connection": "demo"}
    del source["pattern"]
    return {"customers": {**source, "table": table}}


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
