"""Binds features.sql and the label to the sources' real columns; nothing of it is run."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from tradewind.definition.problems import nearest
from tradewind.engine import relations
from tradewind.engine.database import open_database, quoted
from tradewind.engine.selection import output_columns, select_of
from tradewind.engine.sql_checks import ANY_MOMENT, CHECKING_MEMORY, columns_in, type_of
from tradewind.engine.sql_errors import Explained, Names, explained
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.yaml_lines import KeyPath

_NUMBER = re.compile(r"^(U?[A-Z]*INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$")


def grammar_problems(frozen: FrozenDefinition) -> list[str]:
    """Whether the features' file is one SELECT, where no source is there to bind it to.

    Returns:
        Problems that begin with the file's name and line.
    """
    with open_database(memory=CHECKING_MEMORY, threads=1) as connection:
        return _grammar(connection, frozen)


def _grammar(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> list[str]:
    try:
        connection.extract_statements(frozen.sql)
        select_of(connection, frozen)
    except duckdb.Error as error:
        return [_line(frozen, explained(error, Names([], [])))]
    except DefinitionError as error:
        return error.problems
    return []


def _line(frozen: FrozenDefinition, found: Explained) -> str:
    return f"{frozen.sql_place(found.line)}: {found.text}"


@contextmanager
def empty_relations(
    frozen: FrozenDefinition, schemas: Mapping[str, pa.Schema]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The relations that the features' SQL sees, with no row in them.

    Args:
        frozen: A definition whose expressions of `known_at` are right.
        schemas: Columns of all its sources.
    """
    with open_database(memory=CHECKING_MEMORY, threads=1) as connection:
        tables = {name: schema.empty_table() for name, schema in schemas.items()}
        relations.load(connection, frozen, tables)
        relations.cut(connection, ANY_MOMENT)
        yield connection


def features_problems(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> list[str]:
    """Bind the SELECT to the relations and hold its columns against the declared features.

    Returns:
        Problems that begin with the file's name and line.
    """
    problems = _grammar(connection, frozen)
    if problems:
        return problems
    try:
        connection.execute(f"EXPLAIN {frozen.sql}")
        output_columns(connection, frozen)
    except DefinitionError as error:
        return error.problems
    except duckdb.Error as error:
        return [_line(frozen, explained(error, _names(connection, frozen)))]
    return []


def label_problems(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition
) -> Iterator[tuple[KeyPath, str]]:
    """Bind the label's expression to its relation, whose rows carry the entity key.

    Yields:
        The path in model.yaml and what is wrong there.
    """
    label, binary = frozen.model.label, frozen.model.problem == "binary"
    available = columns_in(connection, quoted(label.relation))
    for column in frozen.model.entity_key:
        if column not in available:
            said = f"{label.relation} has no column {column!r}{nearest(column, available)}"
            yield ("label", "relation"), f"{said}; its rows carry the whole entity_key"
    try:
        kind = type_of(connection, label.expression, quoted(label.relation))
    except duckdb.Error as error:
        yield ("label", "expression"), explained(error, _names(connection, frozen)).text
        return
    if binary and kind != "BOOLEAN":
        said = f"this is {kind}, and the label of a binary problem is a condition"
        yield ("label", "expression"), f"{said}, such as `minutes > 15`"
    if not binary and not _NUMBER.match(kind):
        yield ("label", "expression"), f"this is {kind}, and a number is expected"


def _names(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> Names:
    names: list[str] = []
    columns: list[str] = []
    elsewhere: dict[str, str] = {}
    for source, spec in frozen.model.sources.items():
        for relation in relations.relation_names(source, spec):
            names.append(relation)
            columns += columns_in(connection, quoted(relation))
        for late, group in spec.late.items():
            elsewhere |= dict.fromkeys(group.columns, f"{source}_{late}")
    sources = frozen.model.sources.values()
    dropped = {name for spec in sources for name in spec.personal_columns("drop")}
    return Names(names, columns, elsewhere, dropped)
