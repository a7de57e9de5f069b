"""What became of an entity, as of a moment: its label, and since when, or why there is none.

The one place that says what a label is. A training set and a nightly look ask here alike, so that a
model is watched by the very truth that it was trained on.
"""

# ruff: noqa: S608 -- identifiers are quoted, values are variables and parameters

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.engine import relations
from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types, examples_of, expression_of, listed
from tradewind.engine.visible import require_visible
from tradewind.errors import LabelError

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition

_LABELS = f"{relations.HIDDEN}.__labels"
_PREDICTED = "__predicted"


def label_states(
    connection: duckdb.DuckDBPyConnection,
    frozen: FrozenDefinition,
    predicted: pa.Table,
    *,
    as_of: datetime,
) -> pa.Table:
    """Say of each predicted entity what is known of its label at a moment.

    Args:
        connection: Holds the model's relations; they are cut at `as_of` and stay so.
        frozen: The definition.
        predicted: The entity key and `event_time` of each entity, and whatever is to be carried
            along; one row an entity.
        as_of: A label that became known later is not seen.

    Returns:
        The same rows in the same order, with `label` (bool; double for a regression),
        `label_known_at` and `label_state` as in a feature set: `known`, `pending`, or `expired`
        where it can no longer come.

    Raises:
        LabelError: An entity has two labels, or one that is no finite number.
        DefinitionError: The label's expression is wrong.
    """
    relations.cut(connection, as_of)
    find_labels(connection, frozen)
    places = pa.array(range(predicted.num_rows), pa.int64())
    connection.register(_PREDICTED, predicted.append_column("__place", places))
    query = with_labels(connection, frozen, _PREDICTED)
    found = connection.sql(f"SELECT * EXCLUDE (__place) FROM ({query}) ORDER BY __place")
    table = found.to_arrow_table()
    connection.unregister(_PREDICTED)
    return table


def count_orphans(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, predicted: pa.Table
) -> int:
    """Count labels, known at the moment of the last `label_states`, that nobody predicted.

    Those count whose row lies between the first and the last predicted event; where the label's
    relation has no time column, those that became known since the first.
    """
    if not predicted.num_rows:
        return 0
    connection.register(_PREDICTED, predicted)
    labels = f"FROM {_LABELS} AS labels ANTI JOIN {_PREDICTED} AS predicted"
    row = connection.execute(
        f"SELECT count(*) {labels} USING ({listed(frozen.model.entity_key)}) "
        f"WHERE __at BETWEEN (SELECT min(event_time) FROM {_PREDICTED}) "
        f"AND coalesce((SELECT max(event_time) FROM {_PREDICTED} WHERE __timed), "
        "getvariable('as_of'))"
    ).fetchall()[0]
    connection.unregister(_PREDICTED)
    return int(row[0])


def find_labels(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> None:
    """Gather every label that is known at the cut.

    Raises:
        LabelError: An entity has two labels, or one that is no finite number.
        DefinitionError: The label's expression is wrong.
    """
    model, label = frozen.model, frozen.model.label
    kind = "DOUBLE" if model.problem == "regression" else "BOOLEAN"
    require_visible(
        connection,
        f"SELECT ({label.expression}\n)",
        relations=relations.relations_of(model),
        place=lambda _: frozen.place("label.expression"),
    )
    with expression_of(frozen.place("label")):
        connection.execute(
            f"CREATE OR REPLACE TABLE {_LABELS} AS SELECT * FROM ("
            f"SELECT {listed(model.entity_key)}, ({label.expression}\n)::{kind} AS label, "
            f"known_at AS label_known_at, {_event(connection, frozen)} "
            f"FROM {quoted(label.relation)}) WHERE label IS NOT NULL"
        )
    _require_one_each(connection, frozen, kind=kind)


def with_labels(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, rows: str) -> str:
    """The query that puts the labels found last beside rows, with the state of each.

    Args:
        connection: Where `find_labels` was called.
        frozen: The definition.
        rows: A relation with the entity key and `event_time`.
    """
    model = frozen.model
    connection.execute("SET VARIABLE expires_after = $1::INTERVAL", [model.label.expires_after])
    return (
        "SELECT features.*, label, label_known_at, CASE WHEN label IS NOT NULL THEN 'known' "
        "WHEN event_time + getvariable('expires_after') < getvariable('as_of') THEN 'expired' "
        f"ELSE 'pending' END AS label_state FROM {rows} AS features "
        f"LEFT JOIN {_LABELS} USING ({listed(model.entity_key)})"
    )


def _event(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> str:
    """When the labelled thing happened, as far as its relation says so, else when it was known."""
    relation = frozen.model.label.relation
    sources = frozen.model.sources.items()
    owner = next(spec for name, spec in sources if relation in relations.relation_names(name, spec))
    time = owner.time_column
    if time and time in column_types(connection, f"SELECT * FROM {quoted(relation)}"):
        return f"{quoted(time)}::TIMESTAMPTZ AS __at, true AS __timed"
    return "known_at AS __at, false AS __timed"


def _require_one_each(
    connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition, *, kind: str
) -> None:
    key, relation = listed(frozen.model.entity_key), frozen.model.label.relation
    twice = f"SELECT {key} FROM {_LABELS} GROUP BY ALL HAVING count(*) > 1"
    if found := examples_of(connection, twice):
        raise LabelError(f"{relation} has more than one label of {found}")
    if kind == "DOUBLE":
        endless = f"SELECT {key} FROM {_LABELS} WHERE NOT isfinite(label)"
        if found := examples_of(connection, endless):
            raise LabelError(f"the label of {found} is not a finite number")
