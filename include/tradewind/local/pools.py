"""The pools that models name: a task whose pool is not there would wait for ever."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2

from tradewind.definition.loader import load_definition, model_folders
from tradewind.errors import DefinitionError, PlatformError
from tradewind.local.airflow_services import run_airflow
from tradewind.stores.airflow_store import database_dsn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# What naming a pool is for: its tasks one at a time, until somebody allows more in Airflow's UI.
_SLOTS = "1"
_WHY = "Named by a model of Tradewind; the number of slots is yours to change."


def provide(
    config_dir: Path, environment: Mapping[str, str], *, echo: Callable[[str], None]
) -> list[str]:
    """Make the pools that the definitions name and Airflow has not; the others stay as they are.

    Args:
        config_dir: Where the definitions are.
        environment: That of Airflow's processes; its database is migrated.
        echo: Told what is made.

    Returns:
        The names of those that were made. Of a pool that is named later Airflow itself warns, on
        the page of the DAG.

    Raises:
        PlatformError: Airflow refuses; says what it said.
    """
    missing = sorted(_named(config_dir) - _known(environment))
    for name in missing:
        echo(f"making Airflow's pool {name} with {_SLOTS} slot")
        run_airflow("pools", "set", name, _SLOTS, _WHY, environment=environment)
    return missing


def _named(config_dir: Path) -> set[str]:
    found = {"default_pool"}
    for folder in model_folders(config_dir).values():
        try:
            found.add(load_definition(folder).model.resources.pool)
        except DefinitionError:
            continue  # Airflow shows what is wrong with it
    return found - {"default_pool"}


def _known(environment: Mapping[str, str]) -> set[str]:
    dsn = database_dsn(environment)
    if dsn is None:
        raise PlatformError("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names no PostgreSQL database")
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pool FROM slot_pool")
        return {str(row[0]) for row in cursor.fetchall()}
