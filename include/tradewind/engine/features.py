"""Feature sets: what features.sql selects as of a moment, checked, typed, beside its label."""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from tradewind.engine import python_features, relations
from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types, expression_of, listed
from tradewind.engine.selection import (
    PREDICTION_TIME,
    output_columns,
    require_features,
    select_of,
    typed_columns,
)
from tradewind.engine.visible import require_visible
from tradewind.errors import DataError, DefinitionError, EmptyIntervalError, LabelError

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition

__all__ = ["build", "output_columns", "rows_at"]

# Beside the relations, because a view resolves names in its own schema first.
_SELECTED = "__selected"
_ROWS = f"{relations.HIDDEN}.__rows"
_LABELS = f"{relations.HIDDEN}.__labels"
_EXAMPLES = 3


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
    if not _count(connection, _ROWS):
        since = f" since {start.isoformat()}" if start else ""
        raise EmptyIntervalError(
            f"{frozen.sql_place()} gives no row{since} as of {as_of.isoformat()}: ask for a "
            "wider window or a later as-of, or look at the sources' rows and `known_at`"
        )
    _check(connection, frozen)
    _find_labels(connection, frozen)
    return _with_labels(connection, frozen)


def rows_at(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, *, moment: datetime
) -> pa.Table:
    """Build the rows of one prediction time from what was known by then, without labels.

    Returns:
        The same columns, types and order as `build`, up to the features; perhaps no row.
    """
    relations.cut(connection, moment)
    _select(connection, frozen, condition=f"{PREDICTION_TIME} = getvariable('as_of')")
    return connection.sql(_ordered(f"SELECT * FROM {_ROWS}", frozen.model)).to_arrow_table()


def _window(
    connection: duckdb.DuckDBPyConnection, model: ModelDefinition, start: datetime | None
) -> str:
    # A row without a time is not passed over here: the checks will say so.
    condition = f"coalesce({PREDICTION_TIME} <= getvariable('as_of'), true)"
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
                f"CREATE OR REPLACE TABLE {_ROWS} AS "
                f"SELECT {columns} FROM {query} WHERE {condition}"
            )
    except duckdb.OutOfMemoryException as error:
        raise DefinitionError(
            f"{frozen.place('resources.memory')}: {frozen.model.resources.memory} is too little "
            f"for {frozen.model.features.sql}, even with what could go to disk: give it more"
        ) from error


def _through_python(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> str:
    known = f"coalesce({PREDICTION_TIME} <= getvariable('as_of'), true)"
    selected = connection.sql(
        f"SELECT * FROM {_SELECTED} WHERE {known} ORDER BY {PREDICTION_TIME}, "
        f"{listed(frozen.model.entity_key)}"
    ).to_arrow_table()
    connection.register("__from_python", python_features.apply(frozen, selected))
    require_features(column_types(connection, "SELECT * FROM __from_python"), frozen)
    return "__from_python"


# ---------------------------------------------------------------------------------------- checks


def _check(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> None:
    model = frozen.model
    key, file = listed(model.entity_key), frozen.sql_place()
    empty = " OR ".join(f"{quoted(name)} IS NULL" for name in [*model.entity_key, "event_time"])
    found = _examples(connection, f"SELECT {key}, event_time FROM {_ROWS} WHERE {empty}")
    if found:
        raise DataError(f"{file}: rows without a key or an event time: {found}")
    found = _examples(
        connection, f"SELECT {key}, count(*) AS rows FROM {_ROWS} GROUP BY ALL HAVING count(*) > 1"
    )
    if found:
        raise DataError(
            f"{file}: one row for each entity is expected, and there are several of {found}: a "
            "join finds more than one partner, or entity_key lacks a column"
        )
    found = _examples(
        connection,
        f"SELECT {key}, event_time, {PREDICTION_TIME} FROM {_ROWS} "
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
    row = connection.execute(f"SELECT {counts} FROM {_ROWS}").fetchall()[0]
    bad = {name: count for name, count in zip(numeric, row, strict=True) if count}
    if bad:
        name, count = next(iter(bad.items()))
        rows = f"SELECT {listed(frozen.model.entity_key)}, {quoted(name)} FROM {_ROWS} "
        found = _examples(connection, f"{rows} WHERE NOT isfinite({quoted(name)})")
        raise DataError(
            f"{frozen.sql_place()}: {name} is not a finite number on {count} rows, such as "
            f"{found}: divide by nullif(…, 0), and leave unknown what is unknown (NULL)"
        )


def _examples(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    rows = connection.sql(f"SELECT * FROM ({query}) ORDER BY ALL LIMIT {_EXAMPLES}")
    return "; ".join(
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in rows.to_arrow_table().to_pylist()
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(row[0])


# ---------------------------------------------------------------------------------------- labels


def _find_labels(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> None:
    model, label = frozen.model, frozen.model.label
    kind = "DOUBLE" if model.problem == "regression" else "BOOLEAN"
    key = listed(model.entity_key)
    require_visible(
        connection,
        f"SELECT ({label.expression}\n)",
        relations=relations.relations_of(model),
        place=lambda _: frozen.place("label.expression"),
    )
    with expression_of(frozen.place("label")):
        connection.execute(
            f"CREATE OR REPLACE TABLE {_LABELS} AS SELECT * FROM ("
            f"SELECT {key}, ({label.expression}\n)::{kind} AS label, known_at AS label_known_at "
            f"FROM {quoted(label.relation)}) WHERE label IS NOT NULL"
        )
    found = _examples(connection, f"SELECT {key} FROM {_LABELS} GROUP BY ALL HAVING count(*) > 1")
    if found:
        raise LabelError(f"{label.relation} has more than one label of {found}")
    if kind == "DOUBLE":
        found = _examples(connection, f"SELECT {key} FROM {_LABELS} WHERE NOT isfinite(label)")
        if found:
            raise LabelError(f"the label of {found} is not a finite number")


def _with_labels(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> pa.Table:
    model = frozen.model
    connection.execute("SET VARIABLE expires_after = $1::INTERVAL", [model.label.expires_after])
    query = (
        "SELECT features.*, label, label_known_at, CASE WHEN label IS NOT NULL THEN 'known' "
        "WHEN event_time + getvariable('expires_after') < getvariable('as_of') THEN 'expired' "
        f"ELSE 'pending' END AS label_state FROM {_ROWS} AS features "
        f"LEFT JOIN {_LABELS} USING ({listed(model.entity_key)})"
    )
    return connection.sql(_ordered(query, model)).to_arrow_table()


def _ordered(query: str, model: ModelDefinition) -> str:
    return f"{query} ORDER BY {listed(dict.fromkeys([PREDICTION_TIME, *model.entity_key]))}"
