"""Columns of DuckDB's relations: naming and requiring them, their values as JSON knows them."""

from __future__ import annotations

import math
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from tradewind.definition.problems import nearest
from tradewind.engine.database import quoted
from tradewind.errors import DataError, DefinitionError, SchemaChangedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_EXAMPLES = 3


def listed(names: Iterable[str]) -> str:
    """Identifiers, quoted, with commas between."""
    return ", ".join(quoted(name) for name in names)


def column_types(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query and their DuckDB types, without running it."""
    relation = connection.sql(query)
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


def require_columns(
    wanted: Iterable[str], available: Collection[str], *, source: str, needed_by: str
) -> None:
    """Refuse to go on without the columns that something needs.

    Raises:
        SchemaChangedError: Some are missing; the message has the nearest names that there are.
    """
    missing = [f"{name!r}{nearest(name, available)}" for name in wanted if name not in available]
    if missing:
        raise SchemaChangedError(
            f"source {source} has no column {', nor '.join(missing)}: {needed_by} needs it. Was it "
            f"renamed or dropped? Put it back, or change model.yaml"
        )


@contextmanager
def expression_of(place: str) -> Iterator[None]:
    """Say of DuckDB's errors whose expression they are about.

    Raises:
        DefinitionError: The expression is not valid over the columns that there are.
        DataError: It is, but some row's value cannot be computed.
    """
    try:
        yield
    except duckdb.ProgrammingError as error:
        raise DefinitionError(f"{place}: {_said(error)}") from error
    except duckdb.DataError as error:
        raise DataError(f"{place}: {_said(error)}") from error


def _said(error: duckdb.Error) -> str:
    # What follows is the whole statement, of which the owner wrote but a part.
    return str(error).partition("\n\nLINE")[0].replace("\n", " ")


def examples_of(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The first few rows of a query in words; nothing where it has none."""
    rows = connection.sql(f"SELECT * FROM ({query}) ORDER BY ALL LIMIT {_EXAMPLES}")  # noqa: S608
    return "; ".join(
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in rows.to_arrow_table().to_pylist()
    )


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's values as JSON knows them, times in ISO 8601."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
