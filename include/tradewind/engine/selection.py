"""The columns that features.sql must give, no more and no less, each as its declared type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from tradewind.definition.problems import nearest
from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types
from tradewind.engine.relations import relations_of
from tradewind.engine.visible import require_visible
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition

PREDICTION_TIME = "prediction_time"

_NUMBER = re.compile(r"^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL.*)$")
_WHOLE = re.compile(r"^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$")
_TEXT = re.compile(r"^(VARCHAR|ENUM.*|BOOLEAN)$")
_SQL_TYPE = {"numeric": "DOUBLE", "categorical": "VARCHAR", "boolean": "BOOLEAN"}


def select_of(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> str:
    """The one SELECT of the features' file, perhaps with a semicolon at its end.

    Raises:
        DefinitionError: It is none, or several statements, or reads what is hidden from it.
    """
    try:
        statements = connection.extract_statements(frozen.sql)
    except duckdb.Error as error:
        raise sql_problem(frozen, error) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(each.type.name for each in statements) or "nothing"
        raise DefinitionError(f"{frozen.sql_place(1)}: expected one SELECT, found {found}")
    require_visible(
        connection, frozen.sql, relations=relations_of(frozen.model), place=frozen.sql_place
    )
    return frozen.sql


def output_columns(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition
) -> dict[str, str]:
    """The columns of features.sql and their DuckDB types, bound to the relations and not run.

    Raises:
        DefinitionError: The SQL is wrong, or gives other columns or types than are declared.
    """
    query = select_of(connection, frozen)
    try:
        columns = column_types(connection, query)
    except duckdb.Error as error:
        raise sql_problem(frozen, _with_line(connection, query) or error) from error
    require_features(columns, frozen, before_python=frozen.model.features.python is not None)
    return columns


def _with_line(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Error | None:
    """The same error once more: DuckDB says which line is wrong only of what it executes."""
    try:
        connection.execute(f"EXPLAIN {query}").fetchall()
    except duckdb.Error as error:
        return error
    return None


def sql_problem(frozen: FrozenDefinition, error: duckdb.Error) -> DefinitionError:
    """DuckDB's error as a line about the features' file."""
    said, _, place = str(error).partition("\n\nLINE ")
    line = place.partition(":")[0]
    said = " ".join(said.split())
    where = frozen.sql_place(int(line) if line.isdigit() else 1)
    return DefinitionError(f"{where}: {said}")


def require_features(
    columns: dict[str, str], frozen: FrozenDefinition, *, before_python: bool = False
) -> None:
    """Hold a query's columns against the declaration.

    Args:
        columns: DuckDB types by name.
        frozen: Says which there must be.
        before_python: A function comes after the SQL: it may use columns of its own, and adds
            features that are not there yet.

    Raises:
        DefinitionError: One is missing, undeclared or of a wrong type; all of them are named.
    """
    model = frozen.model
    times = [*model.entity_key, model.event_time, PREDICTION_TIME]
    given = [*model.features.types, *model.features.protected]
    wanted = dict.fromkeys(times if before_python else [*times, *given])
    problems = [
        f"{_place(name, frozen)}: the SELECT gives no column {name!r}{nearest(name, columns)}"
        for name in wanted
        if name not in columns
    ]
    if not before_python:
        problems += _undeclared(columns, frozen, wanted=list(wanted))
        problems += _mistyped(columns, frozen)
    problems += [
        f"{_place(name, frozen)}: {name} is {columns[name]}, and must be a TIMESTAMPTZ"
        for name in (model.event_time, PREDICTION_TIME)
        if not columns.get(name, "TIMESTAMP").startswith(("TIMESTAMP", "DATE"))
    ]
    if problems:
        raise DefinitionError(problems)


def typed_columns(model: ModelDefinition) -> list[str]:
    """The select list of a feature set: key, times, features as declared, protected columns.

    A protected column that is no feature is carried as text, to be watched, and no model sees it.
    """
    types = model.features.types
    expressions = {key: quoted(key) for key in model.entity_key}
    expressions |= {
        "event_time": f"{quoted(model.event_time)}::TIMESTAMPTZ",
        PREDICTION_TIME: f"{PREDICTION_TIME}::TIMESTAMPTZ",
    }
    expressions |= {name: f"{quoted(name)}::{_SQL_TYPE[kind]}" for name, kind in types.items()}
    others = [name for name in model.features.protected if name not in expressions]
    expressions |= {name: f"{quoted(name)}::VARCHAR" for name in others}
    return [f"{expression} AS {quoted(name)}" for name, expression in expressions.items()]


def _undeclared(
    columns: dict[str, str], frozen: FrozenDefinition, *, wanted: list[str]
) -> list[str]:
    missing = [name for name in wanted if name not in columns]
    return [
        f"{_place(name, frozen)}: column {name!r} is neither key nor time nor declared in "
        f"features.types{nearest(name, missing) if missing else ': drop it, or declare it there'}"
        for name in columns
        if name not in wanted
    ]


def _mistyped(columns: dict[str, str], frozen: FrozenDefinition) -> list[str]:
    return [
        f"{_place(name, frozen)}: {name} is declared {kind}, and the SELECT gives {columns[name]}"
        for name, kind in frozen.model.features.types.items()
        if name in columns and not _suits(columns[name], kind)
    ]


def _suits(sql_type: str, kind: str) -> bool:
    if kind == "numeric":
        return _NUMBER.match(sql_type) is not None
    if kind == "categorical":
        return (_TEXT.match(sql_type) or _WHOLE.match(sql_type)) is not None
    return sql_type == "BOOLEAN"


def _place(name: str, frozen: FrozenDefinition) -> str:
    """Where a column stands in the SELECT's text: its last mention, the top where there is none."""
    mentions = [*re.finditer(rf"\b{re.escape(name)}\b", frozen.sql)]
    line = frozen.sql.count("\n", 0, mentions[-1].start()) + 1 if mentions else 1
    return frozen.sql_place(line)
