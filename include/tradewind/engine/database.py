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

_NOW = "getvariable('as_of')::TIMESTAMPTZ"
# What asks for the time gets the moment that the relations are cut at: a feature that reads the
# wall clock would otherwise differ between training and serving. Each has the type of DuckDB's own.
CLOCKS = {
    "now": f"() AS {_NOW}",
    "current_timestamp": f"() AS {_NOW}",
    "get_current_timestamp": f"() AS {_NOW}",
    "transaction_timestamp": f"() AS {_NOW}",
    "today": f"() AS {_NOW}::DATE",
    "current_date": f"() AS {_NOW}::DATE",
    "get_current_time": f"() AS {_NOW}::TIMETZ",
    # Behind the words `localtime` and `localtimestamp`.
    "current_localtime": f"() AS {_NOW}::TIMESTAMP::TIME",
    "current_localtimestamp": f"() AS {_NOW}::TIMESTAMP",
    # The age of one moment is counted to the midnight before now.
    "age": f"(moment) AS system.main.age({_NOW}::DATE::TIMESTAMPTZ, moment), "
    "(later, earlier) AS system.main.age(later, earlier)",
}
"""Functions that tell the time, as macros that say the as-of moment."""


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
    connection.begin()  # or each of them is written to the file by itself
    for clock, macro in CLOCKS.items():
        connection.execute(f"CREATE MACRO {clock}{macro}")
    connection.commit()
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")
