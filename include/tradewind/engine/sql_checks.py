"""Binds what model.yaml says in SQL to the sources' real columns; nothing of it is run.

Each source stands there as an empty table with the right columns, so that DuckDB itself says what
is wrong. Repairs and expectations see the sources as validation does: whole, with what a repaired
cell was before.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from tradewind.definition.problems import nearest
from tradewind.engine.database import open_database, quoted
from tradewind.engine.identifiers import listed
from tradewind.engine.relations import cut
from tradewind.engine.repair import mark, place_of, raw_column, repaired_query
from tradewind.engine.sql_errors import Names, explained
from tradewind.engine.steady import require_steady
from tradewind.errors import DefinitionError
from tradewind.stores.expectations import columns_of, is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Expectation, Repair, Source
    from tradewind.definition.yaml_lines import KeyPath

    Schemas = Mapping[str, pa.Schema]
    Found = Iterator[tuple[KeyPath, str]]

CHECKING_MEMORY = "500MB"
ANY_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
TIME = re.compile(r"^(TIMESTAMP|DATE)")


def expression_problems(model: ModelDefinition, schemas: Schemas) -> Found:
    """Bind the expressions of sources and repairs, and what expectations look at.

    Args:
        model: The definition.
        schemas: Columns by source; what needs others is passed over.

    Yields:
        The path in model.yaml and what is wrong there.
    """
    with open_database(memory=CHECKING_MEMORY, threads=1) as connection:
        connection.execute("CREATE SCHEMA given")
        cut(connection, ANY_MOMENT)
        for name, schema in schemas.items():
            connection.register("arriving", schema.empty_table())
            connection.execute(f"CREATE TABLE {_given(name)} AS FROM arriving")
            connection.unregister("arriving")
            yield from _known_at_problems(connection, name, model.sources[name])
            yield from _repair_problems(connection, name, model.repair)
        for place, item in enumerate(model.validate_.expectations):
            at: KeyPath = ("validate", "expectations", place)
            if item.on is None and len(schemas) == len(model.sources):
                yield from _query_problems(connection, item, at, model)
            elif item.on is not None and item.on in schemas:
                available = columns_in(connection, quoted(item.on))
                yield from _argument_problems(item, at, available)
            yield from _reference_problems(connection, item, at, schemas)


def type_of(connection: duckdb.DuckDBPyConnection, expression: str, relation: str) -> str:
    """The DuckDB type of an expression over a relation.

    Raises:
        duckdb.Error: It cannot be computed there.
    """
    require_steady(connection, f"SELECT ({expression}\n)")
    query = f"DESCRIBE SELECT ({expression}\n) AS it FROM {relation}"  # noqa: S608 -- the owner's own
    return str(connection.execute(query).fetchall()[0][1])


def columns_in(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """The columns of a table or view and their DuckDB types."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def _given(name: str) -> str:
    return f"given.{quoted(name)}"


# --------------------------------------------------------------------------------------- sources


def _known_at_problems(connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> Found:
    expressions: list[tuple[KeyPath, str]] = [
        (("sources", name, "late", late, "known_at"), group.known_at)
        for late, group in source.late.items()
    ]
    if source.known_at is not None:
        expressions.append((("sources", name, "known_at"), source.known_at))
    columns = list(columns_in(connection, _given(name)))
    for path, expression in expressions:
        try:
            kind = type_of(connection, expression, _given(name))
        except duckdb.Error as error:
            yield path, explained(error, Names([], columns)).text
            continue
        if not TIME.match(kind):
            yield path, f"this is {kind}, and a time is expected"


# --------------------------------------------------------------------------------------- repairs


def _repair_problems(
    connection: duckdb.DuckDBPyConnection, name: str, repairs: list[Repair]
) -> Found:
    """Check a source's repairs in their order, and make its relation of the sound ones."""
    sound: list[Repair] = []
    columns = list(columns_in(connection, _given(name)))
    for place, item in enumerate(repairs):
        if item.source != name:
            continue
        problem = _repair_problem(connection, item, after=sound, columns=columns)
        if problem is None:
            sound.append(item)
        else:
            yield ("repair", place, problem[0]), problem[1]
    query = repaired_query(connection, _given(name), source=name, repairs=sound)
    marks = f"EXCLUDE ({listed(mark(n) for n in range(len(sound)))})" if sound else ""
    # What looks at the column of a wrong repair is not wrong itself.
    wrong = {item.column for item in repairs if item.source == name} & set(columns)
    wrong -= {item.column for item in sound}
    marks += "".join(f", {quoted(each)} AS {quoted(raw_column(each))}" for each in sorted(wrong))
    connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT * {marks} FROM ({query})")  # noqa: S608 -- quoted


def _repair_problem(
    connection: duckdb.DuckDBPyConnection,
    repair: Repair,
    *,
    after: list[Repair],
    columns: list[str],
) -> tuple[str, str] | None:
    """The key that is wrong and why, if one is."""
    table = _given(repair.source)
    if repair.column not in columns:
        said = f"the source has no column {repair.column!r}{nearest(repair.column, columns)}"
        return "column", said
    before = f"({repaired_query(connection, table, source=repair.source, repairs=after)})"
    try:
        condition = type_of(connection, repair.when, before)
        type_of(connection, repair.set, before)
        query = repaired_query(connection, table, source=repair.source, repairs=[*after, repair])
        connection.execute(f"EXPLAIN {query}")
    except duckdb.Error as error:
        key = "when" if _fails(connection, repair.when, before) else "set"
        return key, explained(error, Names([], columns)).text
    except DefinitionError as error:
        if isinstance(error.__cause__, duckdb.Error):
            return "set", explained(error.__cause__, Names([], columns)).text
        return "set", str(error).removeprefix(f"{place_of(repair)}: ")
    if condition != "BOOLEAN":
        return "when", f"this is {condition}, and a condition is expected"
    return None


def _fails(connection: duckdb.DuckDBPyConnection, expression: str, relation: str) -> bool:
    try:
        type_of(connection, expression, relation)
    except duckdb.Error:
        return True
    return False


# ---------------------------------------------------------------------------------- expectations


def _argument_problems(item: Expectation, at: KeyPath, available: Mapping[str, str]) -> Found:
    for column in columns_of(item) or []:
        if column not in available:
            what = f"the source {item.on}" if item.on else "the query"
            said = f"{what} has no column {column!r}{nearest(column, available)}"
            yield (*at, "args", *_argument_of(item, column)), said


def _argument_of(item: Expectation, column: str) -> KeyPath:
    """Which argument names a column; nothing where it is inside a condition."""
    for name, value in item.args.items():
        if value == column:
            return (name,)
        if isinstance(value, list) and column in value:
            return (name, value.index(column))
    return ()


def _query_problems(
    connection: duckdb.DuckDBPyConnection, item: Expectation, at: KeyPath, model: ModelDefinition
) -> Found:
    columns = [column for name in model.sources for column in columns_in(connection, quoted(name))]
    try:
        require_steady(connection, item.sql or "")
        described = connection.execute(f"DESCRIBE {item.sql}").fetchall()
    except duckdb.Error as error:
        yield (*at, "sql"), explained(error, Names(model.sources, columns)).text
        return
    yield from _argument_problems(item, at, {row[0]: row[1] for row in described})


def _reference_problems(
    connection: duckdb.DuckDBPyConnection, item: Expectation, at: KeyPath, schemas: Schemas
) -> Found:
    for name, value in item.args.items():
        if is_reference(value) and value["source"] in schemas:
            source, column = value["source"], str(value["column"])
            available = columns_in(connection, quoted(source))
            if column not in available:
                said = f"the source {source} has no column {column!r}{nearest(column, available)}"
                yield (*at, "args", name, "column"), said
