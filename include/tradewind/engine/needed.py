"""Which columns of each source a definition uses: what it does not use is never read.

The features' SQL and every other expression are read as DuckDB's own parser understands them, from
the files alone: what is needed must be known while a source is down, and say the same whatever
columns somebody adds to it. So a name without a table before it counts for every source that the
same SELECT reads from. Too many names cost nothing, since only columns that exist are read; where
it cannot be told (`SELECT *`, a row taken whole, a pivot), all columns are needed, and it is said.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradewind.engine.database import open_database
from tradewind.engine.relations import RAW, relation_names
from tradewind.engine.syntax import line_of, nodes_of, tree_of
from tradewind.stores.expectations import columns_of, is_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import duckdb

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.sources import Expectation, Source

_MEMORY = "200MB"
_ON_THE_TABLE, _ON_COLUMNS = "expect_table_", "expect_table_column"
"""How the names of expectations begin that look at no column, or at which there are."""


@dataclass(frozen=True)
class Needed:
    """What is needed of one source.

    Attributes:
        columns: Names, in small letters, some of which may be no columns; None for all there are.
        because: Where it is said that all are needed, and by what; empty otherwise.
    """

    columns: frozenset[str] | None
    because: str = ""


def needed_columns(frozen: FrozenDefinition) -> dict[str, Needed]:
    """What a definition uses of each of its sources: keys, times, and all that its SQL names."""
    with open_database(memory=_MEMORY, threads=1) as connection:
        uses = _Uses(connection, frozen.model)
        for name, spec in frozen.model.sources.items():
            _of_source(uses, name, spec, frozen)
        for place, item in enumerate(frozen.model.repair):
            where = frozen.place("repair", place)
            uses.add(item.source, [item.column])
            uses.expression(item.source, item.when, where)
            uses.expression(item.source, item.set, where)
        for place, asked in enumerate(frozen.model.validate_.expectations):
            _of_expectation(uses, asked, frozen.place("validate.expectations", place))
        label = frozen.model.label
        owner = uses.owners.get(label.relation.casefold())
        if owner is not None:
            uses.add(owner, frozen.model.entity_key)
            uses.expression(owner, label.expression, frozen.place("label.expression"))
        if frozen.model.features.sql in frozen.files:
            uses.query(frozen.sql, frozen.sql_place)
        else:
            uses.all_of(uses.owners.values(), frozen.place("features.sql"), "there is none")
    return uses.needed()


def _of_source(uses: _Uses, name: str, spec: Source, frozen: FrozenDefinition) -> None:
    uses.add(name, [*spec.key, *([spec.time_column] if spec.time_column else [])])
    # Rows can be erased by whom they are of as long as that stands in them.
    uses.add(name, spec.subjects.values())
    if spec.known_at:
        uses.expression(name, spec.known_at, frozen.place(f"sources.{name}.known_at"))
    for late, group in spec.late.items():
        uses.add(name, group.columns)
        where = frozen.place(f"sources.{name}.late.{late}.known_at")
        uses.expression(name, group.known_at, where)


def _of_expectation(uses: _Uses, asked: Expectation, where: str) -> None:
    for value in asked.args.values():
        if is_reference(value):
            uses.add(str(value["source"]), [str(value["column"])])
    if asked.sql is not None:
        uses.query(asked.sql, lambda _: where)
    elif asked.on is not None:
        columns = _looked_at(asked)
        if columns is None:
            uses.all_of([asked.on], where, f"{asked.expect} looks at every column")
        else:
            uses.add(asked.on, columns)


def _looked_at(asked: Expectation) -> list[str] | None:
    """The columns of an expectation; None where it may look at all of them."""
    if asked.expect.startswith(_ON_COLUMNS):
        named = asked.args.get("column_set")
        some = asked.args.get("exact_match") is False and isinstance(named, list)
        return [str(name) for name in named or ()] if some else None
    columns = columns_of(asked)
    return columns if columns or asked.expect.startswith(_ON_THE_TABLE) else None


@dataclass
class _Uses:
    """What was found so far.

    Attributes:
        owners: The source of each relation, by its name in small letters.
    """

    connection: duckdb.DuckDBPyConnection
    model: ModelDefinition
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    whole: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.owners = {
            relation.casefold(): name
            for name, spec in self.model.sources.items()
            for relation in relation_names(name, spec)
        }

    def needed(self) -> dict[str, Needed]:
        return {
            name: Needed(None, self.whole[name])
            if name in self.whole
            else Needed(frozenset(self.names[name]))
            for name in self.model.sources
        }

    def add(self, source: str, columns: Iterable[str]) -> None:
        for column in columns:
            name = column.casefold()
            # What a repaired cell was before belongs to its column.
            self.names[source] |= {name, name.removesuffix(RAW)}

    def all_of(self, sources: Iterable[str], where: str, why: str) -> None:
        for source in sources:
            self.whole.setdefault(source, f"{where}: {why}")

    def expression(self, source: str, text: str, where: str) -> None:
        """An expression over a source's own columns."""
        tree = tree_of(self.connection, f"SELECT ({text}\n)")
        nodes = list(nodes_of(tree))
        if tree["error"] or any(_takes_rows_whole(node) for node in nodes):
            self.all_of([source], where, "it cannot be told which columns this reads")
        if any(node.get("type") == "BASE_TABLE" for node in nodes):
            self.all_of(self.owners.values(), where, "an expression that reads other rows")
        self.add(source, _mentioned(nodes))

    def query(self, text: str, place: Any) -> None:
        """A SELECT over the relations."""
        tree = tree_of(self.connection, text)
        nodes = list(nodes_of(tree))
        if tree["error"]:
            self.all_of(self.owners.values(), place(1), "this is no SELECT")
            return
        for node in nodes:
            if node.get("type") == "SELECT_NODE":
                self._select(node, text, place, _aliases(nodes, self.owners))

    def _select(
        self, node: dict[str, Any], text: str, place: Any, aliases: Mapping[str, set[str]]
    ) -> None:
        tables = [t for t in _own(node["from_table"]) if t.get("type") == "BASE_TABLE"]
        read = {t["table_name"].casefold() for t in tables} & self.owners.keys()
        sources = {self.owners[relation] for relation in read}
        # Those of a star are the relation's: a late one shows nothing but what is needed anyway.
        starred = {self.owners[relation] for relation in read if relation in self.model.sources}
        for own in _own({**node, "cte_map": None}):
            if why := _takes_rows_whole(own):
                which = own.get("relation_name", "").casefold()
                of = starred & aliases.get(which, set()) if which else starred
                self.all_of(of, place(line_of(text, own)), why)
        if any(table["column_name_alias"] for table in tables):
            self.all_of(sources, place(line_of(text, node)), "columns are named anew, by place")
        # A subquery may name what is around it; a CTE of its own may not.
        for names in _columns(nodes_of({**node, "cte_map": None})):
            stands_for = aliases.get(names[0].casefold())
            if stands_for and len(names) == 1:
                self.all_of(starred & stands_for, place(1), f"`{names[0]}` is a row, whole")
            is_of_table = stands_for is not None and len(names) > 1
            for source in sources & (stands_for or set()) if is_of_table else sources:
                self.add(source, names[1:] if is_of_table else names)


def _own(tree: Any) -> Iterator[dict[str, Any]]:
    """The nodes of a SELECT that are not those of another one within it."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    for part in tree if isinstance(tree, list) else ():
        if not (isinstance(part, dict) and part.get("type") == "SELECT_NODE"):
            yield from _own(part)


def _takes_rows_whole(node: dict[str, Any]) -> str | None:
    """Why a node may read columns that it does not name; None where it does not."""
    kind = node.get("type")
    if node.get("class") == "STAR":
        return "`*` reads every column"
    if kind == "POSITIONAL_REFERENCE":
        return f"#{node.get('index')} is a column by its place"
    if "ref_type" in node and node["ref_type"] == "NATURAL":
        return "a NATURAL JOIN reads every column"
    if kind in {"PIVOT", "SHOW_REF"}:
        return f"a {kind.partition('_')[0]} reads every column"
    return None


def _aliases(nodes: Iterable[dict[str, Any]], owners: Mapping[str, str]) -> dict[str, set[str]]:
    """What every name of a table in a statement may stand for: sources, or none of them."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        # Only what rows are taken from has names for its columns.
        if "column_name_alias" in node:
            name = str(node.get("table_name", "")).casefold()
            known = {owners[name]} if name in owners else set()
            found[node["alias"].casefold() or name] |= known
    return dict(found)


def _mentioned(nodes: Iterable[dict[str, Any]]) -> Iterator[str]:
    for names in _columns(nodes):
        yield from names


def _columns(nodes: Iterable[dict[str, Any]]) -> Iterator[list[str]]:
    """What columns are called where they are read, in parts."""
    for node in nodes:
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"]
        for name in node.get("using_columns") or ():
            yield [name]
