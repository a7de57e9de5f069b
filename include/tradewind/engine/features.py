"""Feature sets: what features.sql selects as of a moment, checked, typed, beside its label."""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from tradewind.engine import labels, python_features, relations
from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types, examples_of, expression_of, listed
from tradewind.engine.selection import (
    PREDICTION_TIME,
    output_columns,
    require_features,
    select_of,
    typed_columns,
)
from tradewind.errors import DataError, DefinitionError, EmptyIntervalError

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition

__all__ = ["ROWS", "build", "check_rows", "output_columns", "rows_at", "select_night"]

# Beside the relations, because a view resolves names in its own schema first.
_SELECTED = "__selected"
ROWS = f"{relations.HIDDEN}.__rows"
"""The table of the rows selected last."""


def build(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    *,
    as_of: datetime,
    start: datetime | None = None,
) -> pa.Table:
    """Build the feature set as it stood at a moment.

    Args:
        connection: Holds the model's relations; they are cut at `as_of` and stay so.
        frozen: The definition.
        as_of: Rows whose prediction time is later are not in it; labels known later are not.
        start: Rows of earlier events are not in it.

    Returns:
        The entity key, event_time, prediction_time, every declared feature (numeric: double,
        categorical: string, boolean: bool), label (bool; double for a regression), label_known_at
        and label_state (`known`, `pending`, or `expired` where it can no longer come), ordered by
        prediction time and key. Times are in UTC, in microseconds.

    Raises:
        DefinitionError: The SQL, the function after it or the label's expression is wrong.
        EmptyIntervalError: There is no row.
        DataError: Keys are missing or not unique, or a feature is not finite.
    """
    relations.cut(connection, as_of)
    output_columns(connection, frozen)
    _select(connection, frozen, condition=_window(connection, frozen.model, start))
    if not _count(connection, ROWS):
        since = f" since {start.isoformat()}" if start else ""
        raise EmptyIntervalError(
            f"{frozen.sql_place()} gives no row{since} as of {as_of.isoformat()}: ask for a "
            "wider window or a later as-of, or look at the sources' rows and `known_at`"
        )
    check_rows(connection, frozen)
    labels.find_labels(connection, frozen)
    query = labels.with_labels(connection, frozen, ROWS)
    return connection.sql(_ordered(query, frozen.model)).to_arrow_table()


def rows_at(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, *, moment: datetime
) -> pa.Table:
    """Build the rows of one prediction time from what was known by then, without labels.

    Returns:
        The same columns, types and order as `build`, up to the features; perhaps no row.
    """
    relations.cut(connection, moment)
    _select(connection, frozen, condition=f"{PREDICTION_TIME} = getvariable('as_of')")
    return connection.sql(_ordered(f"SELECT * FROM {ROWS}", frozen.model)).to_arrow_table()


def select_night(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    *,
    after: datetime,
    as_of: datetime,
) -> None:
    """Put a night's rows into `ROWS`: those predicted in (after, as_of], without labels.

    Args:
        connection: Holds the model's relations; they are cut at `as_of` and stay so.
        frozen: The definition.
        after: Prediction times up to here are the night's before.
        as_of: The night.

    Raises:
        DefinitionError: The SQL or the function after it is wrong.
    """
    relations.cut(connection, as_of)
    output_columns(connection, frozen)
    connection.execute("SET VARIABLE after = $1::TIMESTAMPTZ", [after])
    # A row without a time is not passed over here: the checks will say so.
    condition = f"coalesce({PREDICTION_TIME} > getvariable('after'), true)"
    _select(connection, frozen, condition=f"{condition} AND {_known()}")


def _known() -> str:
    return f"coalesce({PREDICTION_TIME} <= getvariable('as_of'), true)"


def _window(
    connection: duckdb.DuckDBPyConnection, model: ModelDefinition, start: datetime | None
) -> str:
    # A row without a time is not passed over here: the checks will say so.
    condition = _known()
    if start is not None:
        connection.execute("SET VARIABLE start = $1::TIMESTAMPTZ", [start])
        event = f"{quoted(model.event_time)}::TIMESTAMPTZ"
        condition += f" AND coalesce({event} >= getvariable('start'), true)"
    return condition


def _select(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, *, condition: str
) -> None:
    """Fill the table of rows with what is selected under a condition on its columns."""
    # A view, not a subquery: the text may end in a semicolon or a comment.
    connection.execute(f"CREATE OR REPLACE VIEW {_SELECTED} AS {select_of(connection, frozen)}")
    with_python = frozen.model.features.python is not None
    query = _through_python(connection, frozen) if with_python else _SELECTED
    columns = ", ".join(typed_columns(frozen.model))
    try:
        with expression_of(frozen.sql_place()):
            connection.execute(
                f"CREATE OR REPLACE TABLE {ROWS} AS SELECT {columns} FROM {query} WHERE {condition}"
            )
    except duckdb.OutOfMemoryException as error:
        raise DefinitionError(
            f"{frozen.place('resources.memory')}: {frozen.model.resources.memory} is too little "
            f"for {frozen.model.features.sql}, even with what could go to disk: give it more"
        ) from error


def _through_python(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> str:
    selected = connection.sql(
        f"SELECT * FROM {_SELECTED} WHERE {_known()} ORDER BY {PREDICTION_TIME}, "
        f"{listed(frozen.model.entity_key)}"
    ).to_arrow_table()
    connection.register("__from_python", python_features.apply(frozen, selected))
    require_features(column_types(connection, "SELECT * FROM __from_python"), frozen)
    return "__from_python"


# ---------------------------------------------------------------------------------------- checks


def check_rows(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> None:
    """Hold that the rows selected last are entities with features.

    Raises:
        DataError: Keys are missing or not unique, or a feature is not finite.
        DefinitionError: A prediction time is not the declared horizon before its event.
    """
    model = frozen.model
    key, file = listed(model.entity_key), frozen.sql_place()
    empty = " OR ".join(f"{quoted(name)} IS NULL" for name in [*model.entity_key, "event_time"])
    found = examples_of(connection, f"SELECT {key}, event_time FROM {ROWS} WHERE {empty}")
    if found:
        raise DataError(f"{file}: rows without a key or an event time: {found}")
    found = examples_of(
        connection, f"SELECT {key}, count(*) AS rows FROM {ROWS} GROUP BY ALL HAVING count(*) > 1"
    )
    if found:
        raise DataError(
            f"{file}: one row for each entity is expected, and there are several of {found}: a "
            "join finds more than one partner, or entity_key lacks a column"
        )
    found = examples_of(
        connection,
        f"SELECT {key}, event_time, {PREDICTION_TIME} FROM {ROWS} "
        f"WHERE {PREDICTION_TIME} IS DISTINCT FROM event_time - getvariable('horizon')",
    )
    if found:
        raise DefinitionError(
            f"{file}:1: prediction_time must be {model.event_time} - getvariable('horizon'), "
            f"which is {model.horizon}; it is not for {found}"
        )
    _check_finite(connection, frozen)


def _check_finite(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> None:
    numeric = [name for name, kind in frozen.model.features.types.items() if kind == "numeric"]
    if not numeric:
        return
    counts = ", ".join(f"count_if(NOT isfinite({quoted(name)}))" for name in numeric)
    row = connection.execute(f"SELECT {counts} FROM {ROWS}").fetchall()[0]
    bad = {name: count for name, count in zip(numeric, row, strict=True) if count}
    if bad:
        name, count = next(iter(bad.items()))
        rows = f"SELECT {listed(frozen.model.entity_key)}, {quoted(name)} FROM {ROWS} "
        found = examples_of(connection, f"{rows} WHERE NOT isfinite({quoted(name)})")
        raise DataError(
            f"{frozen.sql_place()}: {name} is not a finite number on {count} rows, such as "
            f"{found}: divide by nullif(…, 0), and leave unknown what is unknown (NULL)"
        )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(row[0])


def _ordered(query: str, model: ModelDefinition) -> str:
    return f"{query} ORDER BY {listed(dict.fromkeys([PREDICTION_TIME, *model.entity_key]))}"
