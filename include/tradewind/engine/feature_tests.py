"""`tests.yaml`: a few source rows, a moment, and the features that must come of them.

    columns:                      # DuckDB types of the columns that the tests give, by source
      flights: {time_hour: TIMESTAMPTZ, carrier: VARCHAR, minute: INTEGER}
    defaults:                     # of every given row, by source
      flights: {carrier: UA, minute: 0}
    tests:
      - name: a gust that nobody noted is none
        as_of: 2013-06-02T00:00:00Z
        given:
          flights: [{time_hour: 2013-06-01T12:00:00Z}]
        expect:
          - {time_hour: 2013-06-01T12:00:00Z, wind_gust: 0}
        rows: 1                   # optional: how many rows there must be in all

Rows are the sources' own: their relations, late columns and `known_at` are made of them as in a
run. What a row does not say is NULL. An expected row names one row by the key's columns in it, and
says of as many columns as it likes what they must hold (numbers to six digits).
"""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import duckdb

from tradewind.definition.frozen import TESTS_FILE
from tradewind.definition.loader import load_definition, shown_folder
from tradewind.definition.moments import parse_moment
from tradewind.definition.problems import nearest
from tradewind.definition.sources import ColumnType
from tradewind.engine import features, relations
from tradewind.engine.database import open_database, quoted
from tradewind.engine.tests_file import TestsFile
from tradewind.errors import DefinitionError, EmptyIntervalError, TradewindError
from tradewind.records import FeatureTests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.yaml_lines import KeyPath

_DIGITS = 1e-6
_TYPES = get_args(get_args(ColumnType)[0])


@dataclass(frozen=True)
class TestOutcome:
    """What one test of a model's SQL found.

    Attributes:
        name: The test's.
        line: Where it begins in tests.yaml.
        differences: One line each; none where it passed.
    """

    __test__ = False  # of a model's SQL: no test for pytest to collect

    name: str
    line: int
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Everything was as expected."""
        return not self.differences


def run_feature_tests(folder: Path) -> list[TestOutcome] | None:
    """Run the tests of a model's folder; no source is needed.

    Args:
        folder: With model.yaml, the SQL and tests.yaml.

    Returns:
        One outcome a test, in the file's order; None where there is no tests.yaml.

    Raises:
        DefinitionError: The definition or tests.yaml itself is wrong.
    """
    frozen = load_definition(folder)
    file = _file_of(frozen, where=shown_folder(folder))
    return None if file is None else list(_outcomes(file, frozen))


def require_passed(frozen: FrozenDefinition) -> FeatureTests | None:
    """Hold that a definition's SQL, and the function after it, do what its tests say.

    Returns:
        How many tests there are, and of which features they say a value; None for no tests.

    Raises:
        DefinitionError: One fails, or tests.yaml itself is wrong; each difference has its line.
    """
    file = _file_of(frozen, where=frozen.model.name)
    if file is None:
        return None
    outcomes = list(_outcomes(file, frozen))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if failed:
        raise DefinitionError(_lines(file, failed, of=len(outcomes)))
    stated = file.stated()
    tested = [name for name in frozen.model.features.types if name in stated]
    return FeatureTests(passed=len(outcomes), tested=tested)


def _lines(file: TestsFile, failed: list[TestOutcome], *, of: int) -> list[str]:
    first = (
        f"{file.where}/{TESTS_FILE}:{failed[0].line}: {len(failed)} of {of} tests of the features "
        f"fail: put the features or what is expected of them right (`tradewind test {file.where}` "
        "runs them, and needs no source)"
    )
    told = []
    for outcome in failed:
        for difference in outcome.differences:
            place, _, said = difference.partition(": ")
            told.append(f"{place}: {outcome.name}: {said}")
    return [first, *told]


def _file_of(frozen: FrozenDefinition, *, where: str) -> TestsFile | None:
    """The tests of a definition, read; `where` is its folder, as messages show it."""
    if TESTS_FILE not in frozen.files:
        return None
    file = TestsFile.read(frozen.files[TESTS_FILE], sources=frozen.model.sources, where=where)
    file.refuse(_unknown_types(file))
    return file


def _unknown_types(file: TestsFile) -> Iterator[tuple[KeyPath, str]]:
    for source, columns in file.columns.items():
        for name, kind in columns.items():
            try:
                duckdb.sqltype(kind)
            except duckdb.Error:
                yield (
                    ("columns", source, name),
                    f"DuckDB has no type {kind!r}{nearest(kind, _TYPES)}",
                )


def _outcomes(file: TestsFile, frozen: FrozenDefinition) -> Iterator[TestOutcome]:
    """Run the tests one after the other, each with its own rows only."""
    with open_database(memory="500MB", threads=1) as connection:
        empty = {
            source: _typed_rows(connection, columns, []) for source, columns in file.columns.items()
        }
        relations.load(connection, frozen, empty)
        for place, test in enumerate(file.tests):
            try:
                differences = _differences(connection, file, frozen, place)
            except (TradewindError, duckdb.Error) as error:
                differences = [f"{file.place('tests', place)}: {error}"]
            yield TestOutcome(str(test["name"]), file.line("tests", place), differences)


def _differences(
    connection: duckdb.DuckDBPyConnection, file: TestsFile, frozen: FrozenDefinition, place: int
) -> list[str]:
    test = file.tests[place]
    for source, columns in file.columns.items():
        rows = _typed_rows(connection, columns, file.rows(test, source))
        relations.replace(connection, frozen, source, rows)
    as_of = parse_moment(str(test["as_of"]), frozen.model)
    try:
        found = features.build(connection, frozen, as_of=as_of).to_pylist()
    except EmptyIntervalError:
        found = []
    differences = []
    if test.get("rows", len(found)) != len(found):
        at = file.place("tests", place, "rows")
        differences.append(f"{at}: {test['rows']} rows expected, {len(found)} found")
    for position, expected in enumerate(test.get("expect") or []):
        at = file.place("tests", place, "expect", position)
        differences += [f"{at}: {each}" for each in _compare(found, expected, frozen)]
    return differences


def _compare(
    found: list[dict[str, Any]], expected: dict[str, Any], frozen: FrozenDefinition
) -> list[str]:
    key = {name: expected[name] for name in frozen.model.entity_key if name in expected}
    named = ", ".join(f"{name}={value}" for name, value in key.items()) or "the one row"
    rows = [row for row in found if all(_same(row[name], key[name]) for name in key)]
    if len(rows) != 1:
        return [f"{named}: {len(rows)} rows found, where one was expected"]
    return [
        _told(named, name, value, rows[0])
        for name, value in expected.items()
        if name not in rows[0] or not _same(rows[0][name], value)
    ]


def _told(named: str, name: str, value: Any, row: dict[str, Any]) -> str:
    if name not in row:
        return f"{named}: the feature set has no column {name!r}{nearest(name, row)}"
    return f"{named}: {name}: expected {_shown(value)}, found {_shown(row[name])}"


def _typed_rows(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, str], rows: list[dict[str, Any]]
) -> pa.Table:
    """Typed rows of plain values, by DuckDB's own reading of each as text."""
    for name in (name for row in rows for name in row if name not in columns):
        raise DefinitionError(f"`columns` says nothing of column {name!r}{nearest(name, columns)}")
    typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE __given ({typed})")
    if rows:
        values = [[_text(row.get(name)) for name in columns] for row in rows]
        places = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO __given VALUES ({places})", values)
    return connection.sql("SELECT * FROM __given").to_arrow_table()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, datetime):
        return not isinstance(expected, type(None)) and found == _as_moment(expected)
    if isinstance(found, bool) or isinstance(expected, bool) or found is None or expected is None:
        return found is expected
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=_DIGITS, abs_tol=_DIGITS)
    return str(found) == str(expected)


def _as_moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return value.isoformat() if isinstance(value, datetime) else repr(value)
