"""The demo `employment`: people of the census in Massachusetts, 2015 to 2018, and its definition.

The rows come with the package nannyml (Apache-2.0; the census' own data are free), which is
fetched with its hash checked and without its dependencies, and never imported: its files are read,
and it is thrown away. Where it cannot be had (it is for Python below 3.13) nothing is changed, and
the definition stays where no one reads it.

The census knows the year in which a person was asked and no day, so that one is drawn: a hash of
the person's answers names it, the same each time. They are taken to be asked at noon.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg2
import pyarrow.parquet as pq

from tradewind.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.settings import Settings

MODEL = "employment"
TABLE = "people"
ZONE = ZoneInfo("America/New_York")
ANSWERS = (
    *("agep", "schl", "mar", "relp", "dis", "esp", "cit", "mig", "mil", "anc", "nativity"),
    *("dear", "deye", "drem", "sex", "rac1p"),
)
"""The census' own names and codes (American Community Survey, PUMS data dictionary)."""
_COLUMNS = ("id", "year", *ANSWERS, "employed")
_FILES = ("reference", "analysis", "analysis_target")
_REQUIREMENTS = Path("requirements") / "employment.txt"
_DATA = Path("nannyml") / "datasets" / "data"
_NOON = 12
_MARK = "employment_MA of nannyml 0.13.1, with days drawn by their answers"
"""The table's comment: whose is another is made anew."""
_TAIL = 600


@dataclass(frozen=True)
class Loaded:
    """What was found or done.

    Attributes:
        loaded: False when the table was there already.
        rows: Its rows.
        folder: The definition, where it is read from now on.
    """

    loaded: bool
    rows: int
    folder: Path


def provide(settings: Settings, dsn: str, *, echo: Callable[[str], None] = print) -> Loaded:
    """Bring the people into the demo database, then the definition among the models.

    Args:
        settings: The clone.
        dsn: The demo database, as the role that owns it.
        echo: Told what is being done.

    Raises:
        PlatformError: The package cannot be had with this Python, or holds something else; there
            is then no table and no definition that was not there before.
    """
    rows = rows_there(dsn)
    loaded = rows is None
    if rows is None:
        with tempfile.TemporaryDirectory(prefix="tradewind_") as folder:
            echo(f"fetching the data of {MODEL}")
            rows = load(dsn, fetch(settings.root / _REQUIREMENTS, into=Path(folder)))
            echo(f"  {TABLE}: {rows:,} rows")
    return Loaded(loaded=loaded, rows=rows, folder=link(settings.config_dir))


def fetch(requirements: Path, *, into: Path) -> Path:
    """Install the package into a folder of its own, its hash checked and nothing else with it.

    Returns:
        The folder of its data files.

    Raises:
        PlatformError: This Python cannot install it, or there is nothing to install it with.
    """
    asked = ["--quiet", "--no-deps", "--require-hashes", "--target", into, "-r", requirements]
    done = subprocess.run(
        [*map(str, (*_installer(), *asked))], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise PlatformError(
            f"the data of {MODEL} cannot be had with Python {sys.version_info.major}."
            f"{sys.version_info.minor} (their package is for Python below 3.13), and the model "
            f"stays away: {done.stderr.strip()[-_TAIL:]}"
        )
    return into / _DATA


def rows_there(dsn: str) -> int | None:
    """Count the people, if these very ones are in the database; None where they are not."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", (f"public.{TABLE}",))
        (said,) = cursor.fetchone() or (None,)
        if said != _MARK:
            return None
        cursor.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608 -- a name of our own
        return int((cursor.fetchone() or (0,))[0])


def load(dsn: str, data: Path) -> int:
    """Fill the table of people, all of it or nothing.

    Args:
        dsn: The demo database, as the role that owns it.
        data: The folder of the package's data files.

    Returns:
        How many there are.

    Raises:
        PlatformError: A file is missing, or has other columns.
    """
    answers = ", ".join(f"{name} integer NOT NULL" for name in (*ANSWERS, "employed"))
    columns = f"id integer PRIMARY KEY, year integer NOT NULL, {answers}"
    with closing(psycopg2.connect(dsn, application_name="tradewind demo")) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
            cursor.execute(f"CREATE TABLE {TABLE} ({columns}, asked_at timestamptz NOT NULL)")
            cursor.copy_expert(f"COPY {TABLE} FROM STDIN (FORMAT csv, FREEZE)", _csv(data))
            rows = int(cursor.rowcount)
            cursor.execute(f"CREATE INDEX ON {TABLE} (asked_at)")
            cursor.execute(f"COMMENT ON TABLE {TABLE} IS %s", (_MARK,))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {TABLE}")
    return rows


def link(config_dir: Path) -> Path:
    """Put the definition among the models, as a link to the demo's own folder.

    Raises:
        PlatformError: Another model has its name.
    """
    place, demo = config_dir / "models" / MODEL, config_dir / "demos" / MODEL
    if place.is_symlink() and not place.exists():
        place.unlink()
    if not place.exists():
        place.symlink_to(Path("..") / "demos" / MODEL, target_is_directory=True)
    if place.resolve() != demo.resolve():
        raise PlatformError(f"{place} is there already, and is not the demo's: give it way")
    return place


def asked_at(line: str, year: int) -> datetime:
    """Draw the noon at which a person was asked, by a hash of all that they said.

    Args:
        line: The person, as a line of values.
        year: The year in which they were asked.
    """
    days = (datetime(year + 1, 1, 1, tzinfo=ZONE) - datetime(year, 1, 1, tzinfo=ZONE)).days
    drawn = int.from_bytes(hashlib.blake2b(line.encode(), digest_size=8).digest(), "big") % days
    first = datetime(year, 1, 1, _NOON, tzinfo=ZONE)
    return (first + timedelta(days=drawn)).astimezone(UTC)


def people(data: Path) -> Iterator[list[int]]:
    """Read every person: id, year, answers, and whether they work.

    Raises:
        PlatformError: A file is missing, or has other columns.
    """
    try:
        known, later, truth = (_columns(data / f"employment_MA_{name}.pq") for name in _FILES)
        of_later = dict(zip(truth["id"], truth["employed"], strict=True))
        later["employed"] = [of_later[person] for person in later["id"]]
        for part in (known, later):
            for row in zip(*(part[name] for name in _COLUMNS), strict=True):
                yield [int(value) for value in row]
    except (OSError, KeyError, ValueError) as error:
        raise PlatformError(f"the data of {MODEL} are not what they were: {error!r}") from error


def _columns(path: Path) -> dict[str, list[object]]:
    table = pq.read_table(path)
    return {name.lower(): table.column(name).to_pylist() for name in table.column_names}


def _csv(data: Path) -> io.StringIO:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for person in people(data):
        line = ",".join(map(str, person))
        writer.writerow([*person, asked_at(line, person[1]).isoformat()])
    text.seek(0)
    return text


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise PlatformError("neither pip nor uv is there to fetch a package with")
    return [uv, "pip", "install", "--python", sys.executable]
