"""A night's entities with their features: whatever is wrong with single rows, each has one.

A training refuses rows that cannot be; a night must serve them. So what is wrong is mended in the
plainest way and said, and the fallback decides.
"""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.engine import features, relations
from tradewind.engine.database import quoted
from tradewind.engine.delivered import REASONS
from tradewind.engine.features import ROWS
from tradewind.engine.identifiers import listed
from tradewind.engine.selection import PREDICTION_TIME
from tradewind.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as pads

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition

log = logging.getLogger(__name__)

SET_ASIDE = "set_aside"
"""The column that says why validation set an entity's row aside; null for a sound one."""
_BATCH_ROWS = 100_000
_ASIDE = "__aside"


def fill(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    rows: Mapping[str, pads.Dataset],
    *,
    after: datetime,
    as_of: datetime,
) -> bool:
    """Load the sources and put a night's entities into `ROWS`, one row each.

    Args:
        connection: An empty database.
        frozen: Whose SQL gives the rows.
        rows: By source.
        after: Prediction times up to here are the night's before.
        as_of: The night.

    Returns:
        Whether rows had to be mended: without a key or a time they are left out, of several of one
        entity the first stays, and a number that is not finite becomes unknown.

    Raises:
        DefinitionError: The SQL does not give what is declared.
    """
    relations.load(connection, frozen, rows)
    features.select_night(connection, frozen, after=after, as_of=as_of)
    try:
        features.check_rows(connection, frozen)
    except DataError as error:
        log.warning("rows of the night are mended: %s", error)
        _mend(connection, frozen.model)
        return True
    return False


def keys(connection: duckdb.DuckDBPyConnection, model: ModelDefinition) -> pa.Table:
    """The entity key of each row."""
    return connection.sql(f"SELECT {listed(model.entity_key)} FROM {ROWS}").to_arrow_table()


def set_aside(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    quarantine: Mapping[str, pads.Dataset],
    *,
    sound: pa.Table,
) -> pa.Table:
    """Those of the rows that are not among the sound ones, and why.

    Args:
        connection: Filled from all rows, those that validation set aside among them.
        frozen: The definition.
        quarantine: The rows set aside, by source, with their reasons.
        sound: The entity keys that there are without them.

    Returns:
        The columns of `ROWS`, and `set_aside`.
    """
    model, key = frozen.model, listed(frozen.model.entity_key)
    connection.register("__sound", sound)
    connection.execute(
        f"CREATE TABLE {_ASIDE} AS SELECT rows.*, NULL::VARCHAR AS {SET_ASIDE} FROM {ROWS} AS rows "
        f"ANTI JOIN __sound USING ({key})"
    )
    for rows in quarantine.values():
        if {*model.entity_key} <= {*rows.schema.names}:
            connection.register("__quarantine", rows)
            connection.execute(
                f"UPDATE {_ASIDE} SET {SET_ASIDE} = why FROM (SELECT {key}, "
                "'set aside by validation: ' || "
                f"array_to_string(any_value({REASONS}), '; ') AS why "
                f"FROM __quarantine GROUP BY {key}) AS found WHERE {_same(model)}"
            )
            connection.unregister("__quarantine")
    names = ", ".join(quarantine)
    connection.execute(
        f"UPDATE {_ASIDE} SET {SET_ASIDE} = 'set aside by validation: a row of ' || $1 "
        f"WHERE {SET_ASIDE} IS NULL",
        [names],
    )
    return connection.sql(f"SELECT * FROM {_ASIDE}").to_arrow_table()


def read(
    connection: duckdb.DuckDBPyConnection, model: ModelDefinition, aside: pa.Table | None
) -> pa.RecordBatchReader:
    """A night's rows, batch by batch: the columns of `ROWS`, and `set_aside`; in the night's order.

    Args:
        connection: Filled.
        model: Names the key.
        aside: Rows that validation set aside, if there are some.
    """
    query = f"SELECT *, NULL::VARCHAR AS {SET_ASIDE} FROM {ROWS}"
    if aside is not None and aside.num_rows:
        connection.register("__set_aside", aside)
        query += " UNION ALL BY NAME SELECT * FROM __set_aside"
    return connection.sql(f"SELECT * FROM ({query}) {order(model)}").to_arrow_reader(_BATCH_ROWS)


def align(
    connection: duckdb.DuckDBPyConnection, model: ModelDefinition, night: pads.Dataset
) -> pa.RecordBatchReader:
    """Another definition's rows in the place of a night's, one for one; null where it has none.

    Args:
        connection: Filled by that definition.
        model: That definition's.
        night: The night's rows in the lake, with the same entity key.

    Returns:
        The night's key, times and `set_aside`, the other definition's features, and `__found`.
    """
    kept = dict.fromkeys([*model.entity_key, "event_time", PREDICTION_TIME, SET_ASIDE])
    own = [name for name in model.features.types if name not in kept]
    # Never `SELECT *`: a feature of the same name is each definition's own.
    columns = [f"night.{quoted(name)}" for name in kept]
    columns += [f"own.{quoted(name)}" for name in own]
    connection.register("__night", night)
    return connection.sql(
        f"SELECT {', '.join(columns)}, own.event_time IS NOT NULL AS __found FROM __night AS night "
        f"LEFT JOIN {ROWS} AS own ON {_matching(model)} {order(model, of='night.')}"
    ).to_arrow_reader(_BATCH_ROWS)


def order(model: ModelDefinition, *, of: str = "") -> str:
    """By prediction time and key: the order in which a night's rows lie in the lake."""
    names = dict.fromkeys([PREDICTION_TIME, *model.entity_key])
    return "ORDER BY " + ", ".join(f"{of}{quoted(name)}" for name in names)


def _same(model: ModelDefinition) -> str:
    return " AND ".join(
        f"{_ASIDE}.{quoted(name)} = found.{quoted(name)}" for name in model.entity_key
    )


def _matching(model: ModelDefinition) -> str:
    return " AND ".join(f"night.{quoted(name)} = own.{quoted(name)}" for name in model.entity_key)


def _mend(connection: duckdb.DuckDBPyConnection, model: ModelDefinition) -> None:
    kinds = model.features.types.items()
    finite = [
        f"CASE WHEN isfinite({quoted(name)}) THEN {quoted(name)} END AS {quoted(name)}"
        for name, kind in kinds
        if kind == "numeric" and name not in model.entity_key
    ]
    replaced = f"REPLACE ({', '.join(finite)})" if finite else ""
    named = [*model.entity_key, "event_time", PREDICTION_TIME]
    whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in named)
    key = listed(model.entity_key)
    connection.execute(
        f"CREATE OR REPLACE TABLE {ROWS} AS SELECT DISTINCT ON ({key}) * {replaced} FROM {ROWS} "
        f"WHERE {whole} ORDER BY ALL"
    )
