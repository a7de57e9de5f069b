"""What the sources held of one entity when it was predicted, and what became of it since.

The night's own files are read, cut at the prediction time as features.sql saw them; the rows that
validation set aside are among them, with the reason. A relation's rows are the entity's where they
have its values in the columns of their key: the key's own, and then those of its rows found so far,
so that a flight leads to its plane. Rows that a feature takes together by the thousand are counted.
"""

# ruff: noqa: S608 -- identifiers are quoted, values are parameters

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tradewind.engine import relations
from tradewind.engine.database import open_database, quoted
from tradewind.engine.delivered import REASONS
from tradewind.engine.identifiers import column_types, listed, plain
from tradewind.engine.labels import label_states
from tradewind.engine.relations import RAW
from tradewind.engine.selection import select_of
from tradewind.engine.syntax import nodes_of, tree_of
from tradewind.explanation import ExplainedLabel, RawRow, RawRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import NightInputs
    from tradewind.stores.stores import Stores

SHOWN = 3
"""Rows of a relation that are shown at most."""
PERSONAL = "(personal: not shown)"
_OF_ROW = ("known_at", REASONS)


def personal_columns(model: ModelDefinition) -> frozenset[str]:
    """The columns, of sources and of features, whose values no story shows.

    The one place that decides it: those that a source declares as personal, hashed ones with them,
    and the features of the same names.
    """
    return model.personal_columns


def shown_value(model: ModelDefinition, column: str, value: Any) -> str | None:
    """A value as text, unless it is personal."""
    if column in personal_columns(model):
        return PERSONAL
    told = plain({column: value})[column]
    return None if told is None else str(told).lower() if isinstance(told, bool) else str(told)


@dataclass
class _Search:
    """The rows of one entity, while they are looked for.

    Attributes:
        known: What is known of the entity so far, by column.
    """

    connection: duckdb.DuckDBPyConnection
    frozen: FrozenDefinition
    known: dict[str, Any]
    found: dict[str, RawRows] = field(default_factory=dict)

    def look(self, source: str, relation: str) -> None:
        """Find a relation's rows; those of its whole key add to what is known."""
        spec = self.frozen.model.sources[source]
        types = column_types(self.connection, f"SELECT * FROM {quoted(relation)}")
        by = [name for name in spec.key if name in self.known]
        rows = self._count(relation, types, by)
        if not rows and spec.time_column in by:
            # Not its very moment: what was newest then.
            by = [name for name in by if name != spec.time_column]
            rows = self._count(relation, types, by)
        newest = spec.time_column or ("known_at" if "known_at" in types else None)
        shown = self._rows(source, relation, types, by, newest) if by else []
        if relation == source and by == spec.key and rows == 1:
            self.known = {**shown[0], **self.known}
        self.found[relation] = RawRows(
            relation=relation,
            by=by,
            rows=rows if by else 0,
            known=self._count(relation, types, []),
            shown=[self._told(source, relation, row) for row in shown],
        )

    def _where(self, types: Mapping[str, str], by: list[str]) -> tuple[str, list[Any]]:
        same = [f"{quoted(name)} = TRY_CAST(? AS {types[name]})" for name in by]
        return " AND ".join(same) or "true", [self.known[name] for name in by]

    def _count(self, relation: str, types: Mapping[str, str], by: list[str]) -> int:
        where, values = self._where(types, by)
        query = f"SELECT count(*) FROM {quoted(relation)} WHERE {where}"
        return int(self.connection.execute(query, values).fetchall()[0][0])

    def _rows(
        self,
        source: str,
        relation: str,
        types: Mapping[str, str],
        by: list[str],
        newest: str | None,
    ) -> list[dict[str, Any]]:
        where, values = self._where(types, by)
        first = f"{quoted(newest)} DESC, " if newest else ""
        order = f"{first}{listed(self.frozen.model.sources[source].key)}"
        query = f"SELECT * FROM {quoted(relation)} WHERE {where} ORDER BY {order} LIMIT {SHOWN}"
        table = self.connection.sql(query, params=values).to_arrow_table()
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _told(self, source: str, relation: str, row: Mapping[str, Any]) -> RawRow:
        model = self.frozen.model
        values = {name: value for name, value in row.items() if name not in _OF_ROW}
        reasons = row.get(REASONS)
        repaired = self._repaired(source, row) if relation == source else {}
        return RawRow(
            values={name: shown_value(model, name, value) for name, value in values.items()},
            known_at=row.get("known_at"),
            repaired={name: shown_value(model, name, was) for name, was in repaired.items()},
            set_aside="; ".join(reasons) if reasons else None,
        )

    def _repaired(self, source: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """What repaired cells of a row were before."""
        files, key = quoted(_files(source)), self.frozen.model.sources[source].key
        types = column_types(self.connection, f"SELECT * FROM {files}")
        cells = [name for name in row if f"{name}{RAW}" in types]
        if not cells:
            return {}
        same = " AND ".join(
            f"{quoted(name)} IS NOT DISTINCT FROM TRY_CAST(? AS {types[name]})" for name in key
        )
        told = self.connection.execute(
            f"SELECT {listed(f'{name}{RAW}' for name in cells)} FROM {files} WHERE {same} LIMIT 1",
            [row[name] for name in key],
        ).fetchall()
        before = dict(zip(cells, told[0], strict=True)) if told else {}
        return {name: was for name, was in before.items() if was != row[name]}


def raw_rows(
    frozen: FrozenDefinition,
    inputs: NightInputs,
    entity: Mapping[str, Any],
    *,
    at: datetime,
    stores: Stores,
) -> list[RawRows]:
    """What each relation that features.sql reads held of an entity.

    Args:
        frozen: The definition whose features were scored.
        inputs: What the night saw.
        entity: Its key's values by column.
        at: Its prediction time; what became known later is not seen.
        stores: The lake.

    Returns:
        In the order in which the sources are declared.

    Raises:
        LakeError: A file of the night is gone.
        DefinitionError: The definition does not fit the night's files.
    """
    model = frozen.model
    with _opened(frozen, inputs, stores=stores) as connection:
        relations.cut(connection, at)
        read = _relations_read(connection, frozen)
        search = _Search(connection, frozen, dict(entity))
        waiting = [
            (source, name)
            for source, spec in model.sources.items()
            for name in relations.relation_names(source, spec)
            if name in read
        ]
        # First those whose whole key is known: what they hold may be the key of another.
        for source, relation in sorted(
            waiting, key=lambda one: not {*model.sources[one[0]].key} <= {*entity}
        ):
            search.look(source, relation)
    return [search.found[relation] for _, relation in waiting]


def label_of(
    frozen: FrozenDefinition,
    inputs: NightInputs,
    entity: pa.Table,
    *,
    event: datetime,
    looked: datetime,
    stores: Stores,
) -> ExplainedLabel:
    """What a night knows of the label of an entity.

    Args:
        frozen: Says what the label is.
        inputs: What that night saw.
        entity: One row: its key.
        event: When it happened.
        looked: The night.
        stores: The lake.

    Raises:
        LakeError: A file of the night is gone.
        DataError: Labels of that night are not what they should be.
    """
    manifest, moment = stores.lake.read_json(inputs.uri), pa.timestamp("us", "UTC")
    entity = entity.append_column("event_time", pa.array([event], moment))
    owner = next(
        name
        for name, spec in frozen.model.sources.items()
        if frozen.model.label.relation in relations.relation_names(name, spec)
    )
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        relations.load(connection, frozen, {owner: stores.lake.dataset([manifest[owner]])})
        [row] = label_states(connection, frozen, entity, as_of=looked).to_pylist()
    label, told = row["label"], frozen.model.label.expression
    shown = shown_value(frozen.model, told, label)
    return ExplainedLabel(
        state=row["label_state"], label=shown, known_at=row["label_known_at"], looked=looked
    )


@contextmanager
def _opened(
    frozen: FrozenDefinition, inputs: NightInputs, *, stores: Stores
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the model's relations over all rows of a night, those set aside with them."""
    manifest, files = stores.lake.read_json(inputs.uri), {}
    for name in frozen.model.sources:
        if name in manifest:
            aside = [inputs.quarantine[name]] if name in inputs.quarantine else []
            files[name] = stores.lake.dataset([manifest[name], *aside])
    resources = frozen.model.resources
    with open_database(memory=resources.memory, threads=resources.threads) as connection:
        relations.load(connection, frozen, files)
        for name, rows in files.items():
            connection.register(_files(name), rows)
        yield connection


def _files(source: str) -> str:
    """What a source's rows are called as they lie in the lake, with what was repaired."""
    return f"__files_{source}"


def _relations_read(connection: duckdb.DuckDBPyConnection, frozen: FrozenDefinition) -> set[str]:
    """The relations that features.sql takes rows from, of those that there are."""
    tree = tree_of(connection, select_of(connection, frozen))
    named = {
        node["table_name"].casefold()
        for node in nodes_of(tree)
        if node.get("type") == "BASE_TABLE" and not node["schema_name"]
    }
    there = {str(row[0]) for row in connection.execute("SHOW TABLES").fetchall()}
    every = relations.relations_of(frozen.model)
    return {name for name in every if name.casefold() in named and name in there}
