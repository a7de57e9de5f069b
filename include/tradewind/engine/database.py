"""One DuckDB for one piece of work: on disk, bounded in memory, closed to the outside.

The SQL that runs here comes from a model's folder, so it sees what is loaded for it and nothing
else: no file, no network, no extension to fetch, no clock.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

# What asks for the time gets the moment that the relations are cut at: a feature that reads the
# wall clock would otherwise differ between training and serving.
_CLOCKS = (
    "now",
    "today",
    "current_date",
    "current_timestamp",
    "get_current_timestamp",
    "transaction_timestamp",
)


@contextmanager
def open_database(*, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in a folder of its own; both are gone afterwards.

    Args:
        memory: What it may hold before it goes to disk, such as `2GB`.
        threads: How many threads a query may use.
    """
    with tempfile.TemporaryDirectory(prefix="tradewind-duckdb-") as folder:
        connection = duckdb.connect(
            str(Path(folder) / "work.duckdb"),
            config={
                "memory_limit": memory.replace(" ", ""),
                "threads": threads,
                "temp_directory": str(Path(folder) / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            _close_to_the_outside(connection)
            yield connection
        finally:
            connection.close()


def quoted(name: str) -> str:
    """A name as SQL's identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _close_to_the_outside(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    for clock in _CLOCKS:
        connection.execute(f"CREATE MACRO {clock}() AS getvariable('as_of')::TIMESTAMPTZ")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")
