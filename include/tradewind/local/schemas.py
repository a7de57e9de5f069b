"""Bringing the databases' schemas up to date, once per version: to look at every start is dear."""

from __future__ import annotations

import importlib.metadata
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2

from tradewind.local import airflow_services, mlflow_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradewind.local.databases import Databases


def upgrade(
    databases: Databases,
    stamps: Path,
    *,
    airflow: Mapping[str, str],
    mlflow: Mapping[str, str],
    echo: Callable[[str], None],
) -> None:
    """Migrate Airflow's, MLflow's and the ledger's databases, side by side, where they are not.

    Args:
        databases: Where they live.
        stamps: Folder of the notes about which version was migrated to which revision.
        airflow: Environment of Airflow's processes.
        mlflow: Environment of the MLflow server.
        echo: Told what is migrated.

    Raises:
        PlatformError: A migration failed.
    """
    with ThreadPoolExecutor(max_workers=3) as pool:
        steps = [
            pool.submit(_once, databases, "airflow", "apache-airflow", stamps, echo,
                        lambda: airflow_services.upgrade_schema(airflow)),
            pool.submit(_once, databases, "mlflow", "mlflow", stamps, echo,
                        lambda: mlflow_server.upgrade_schema(mlflow)),
            pool.submit(_upgrade_ledger, databases),
        ]  # fmt: skip
        for step in steps:
            step.result()


def _once(
    databases: Databases,
    database: str,
    package: str,
    stamps: Path,
    echo: Callable[[str], None],
    migrate: Callable[[], None],
) -> None:
    stamp = stamps / f"{database}.schema.json"
    version = importlib.metadata.version(package)
    revisions = _revisions(databases.dsn(database))
    if revisions and _read(stamp) == {"version": version, "revisions": revisions}:
        return
    echo(f"preparing the database of {package} {version}")
    migrate()
    revisions = _revisions(databases.dsn(database))
    stamp.write_text(json.dumps({"version": version, "revisions": revisions}) + "\n")


def _revisions(dsn: str) -> list[str]:
    """What the database itself says it is at: a stamp alone would outlive its database."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return []
        cursor.execute("SELECT version_num FROM alembic_version ORDER BY 1")
        return [str(row[0]) for row in cursor.fetchall()]


def _read(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _upgrade_ledger(databases: Databases) -> None:
    from tradewind.stores import ledger

    ledger.migrate(databases.dsn("ledger"), app_role="tradewind")
