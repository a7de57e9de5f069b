"""What a subject's rows say of the subject: which entities and values are nobody else's."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tradewind.stores.erasing.matching import EntityKey, is_any, text_of
from tradewind.stores.marks import Marks, is_needle
from tradewind.stores.prediction_schema import entity_texts, key_kinds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from tradewind.stores.lake import Lake

_ROWS_AT_ONCE = 65_536
# How a value as it was before a repair is called, beside the repaired one.
_RAW = "__raw"


def marks_of(
    lake: Lake,
    *,
    columns: Collection[str],
    values: Collection[str],
    keys: Mapping[str, Collection[Sequence[str]]],
    personal: Collection[str] = (),
) -> Marks:
    """Find a subject's rows in every part of every source.

    An entity is the subject's alone if no other subject's row has it. A row that names nobody may
    be the same one, observed before it was known whose it is: it counts against that only where it
    stands beside the subject's, or on another day.

    Args:
        lake: Where the rows are.
        columns: Names of the columns that name this kind of subject, in any source.
        values: Texts under which the subject may stand there.
        keys: The entity keys that each model has or had.
        personal: Columns that are declared personal: values of the subject's rows that no other row
            has tell of it wherever they stand.

    Raises:
        LakeError: A file cannot be read.
    """
    named = frozenset(name.casefold() + raw for name in columns for raw in ("", _RAW))
    different = {tuple(key) for told in keys.values() for key in told}
    search = _Search(lake, named, frozenset(values), sorted(different), _folded(personal))
    search.run()
    found = search.alone
    for key in different:
        if len(key) == 1 and key[0].casefold() in named:
            # Also where no row of theirs is left.
            found[key] |= {json.dumps([value]) for value in values}
    return Marks(
        columns=named,
        values=frozenset(values),
        entities={json.dumps([*key]): frozenset(each) for key, each in found.items() if each},
        needles=_needles(values, found, search.own_values),
        keys={model: frozenset(json.dumps([*key]) for key in told) for model, told in keys.items()},
    )


@dataclass
class _Search:
    """Goes over all files twice: for what the subject's rows hold, and for who else holds it.

    Attributes:
        alone: By key, the entities that are the subject's alone.
        own_values: By column, values of the subject's rows that no other row has.
    """

    lake: Lake
    named: frozenset[str]
    values: frozenset[str]
    keys: Sequence[tuple[str, ...]]
    personal: frozenset[str]
    alone: dict[tuple[str, ...], set[str]] = field(default_factory=lambda: defaultdict(set))
    own_values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _met: dict[tuple[str, ...], EntityKey] = field(default_factory=dict)
    # Where the subject has an entity: files, and days of sources.
    _places: dict[tuple[tuple[str, ...], str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )

    def run(self) -> None:
        """Find all of it."""
        paths = [path for path in self.lake.list("sources") if self._names_subjects(path)]
        for path in paths:
            for batch in self._read(path):
                self._collect(path, batch)
        self._met = {key: EntityKey(key, found) for key, found in self.alone.items() if found}
        for path in paths if self._met or self.own_values else []:
            for batch in self._read(path):
                self._strike(path, batch)

    def _names_subjects(self, path: str) -> bool:
        return any(name.casefold() in self.named for name in self.lake.read_schema(path).names)

    def _read(self, path: str) -> Iterator[pa.RecordBatch]:
        wanted = self.named | self.personal | {each.casefold() for key in self.keys for each in key}
        there = self.lake.read_schema(path).names
        columns = [name for name in there if name.casefold() in wanted]
        return self.lake.read_batches(path, rows=_ROWS_AT_ONCE, columns=columns)

    def _collect(self, path: str, batch: pa.RecordBatch) -> None:
        own = self._own(batch)
        if not own.any():
            return
        rows = batch.filter(pa.array(own))
        for key in self.keys:
            for entity in _entities(rows, key):
                self.alone[key].add(entity)
                self._places[key, entity] |= {path, _day_of(path)}
        for name in self._telling(rows):
            self.own_values[name.casefold()] |= _texts(rows[name])

    def _strike(self, path: str, batch: pa.RecordBatch) -> None:
        own = self._own(batch)
        others = batch.filter(pa.array(~own))
        if not others.num_rows:
            return
        for key, told in self._met.items():
            at = told.at(others.schema.names)
            if at is None:
                continue
            same = others.filter(pa.array(told.rows(others, at)))
            nobodys = self._nobodys(same).tolist()
            for entity, is_nobodys in zip(_entities(same, key), nobodys, strict=True):
                if self._counts(path, key, entity, is_nobodys):
                    self.alone[key].discard(entity)
        for name in self._telling(others):
            self.own_values[name.casefold()] -= _texts(others[name])

    def _counts(self, path: str, key: tuple[str, ...], entity: str, is_nobodys: bool) -> bool:  # noqa: FBT001 -- read beside its rows
        """Whether another row with an entity says that it is not the subject's alone."""
        places = self._places[key, entity]
        return not is_nobodys or path in places or _day_of(path) not in places

    def _own(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        found = np.zeros(batch.num_rows, dtype=np.bool_)
        for name in self._naming(batch):
            found |= is_any(batch[name], self.values)
        return found

    def _nobodys(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        found = np.ones(batch.num_rows, dtype=np.bool_)
        for name in self._naming(batch):
            found &= np.asarray(batch[name].is_null())
        return found

    def _naming(self, batch: pa.RecordBatch) -> list[str]:
        return [name for name in batch.schema.names if name.casefold() in self.named]

    def _telling(self, batch: pa.RecordBatch) -> list[str]:
        """Columns whose values may tell of the subject: personal ones, and parts of an entity."""
        told = self.personal | {each.casefold() for key in self.keys for each in key}
        return [
            field.name
            for field in batch.schema
            if field.name.casefold() in told - self.named and _is_spelled(field.type)
        ]


def _day_of(path: str) -> str:
    """The source and day of a part, which may have been observed several times."""
    return path.rpartition("/")[0]


def _entities(rows: pa.RecordBatch, key: Sequence[str]) -> list[str]:
    """The entity of each row; none where the rows lack a column of the key."""
    by_name = {name.casefold(): name for name in rows.schema.names}
    if any(name.casefold() not in by_name for name in key):
        return []
    frame = pa.table({name: rows[by_name[name.casefold()]] for name in key}).to_pandas()
    return entity_texts(frame, key_kinds(frame, [*key])) or []


def _texts(column: pa.Array) -> set[str]:
    values = column.unique().to_pylist()
    return {text for value in values if (text := text_of(value)) is not None}


def _is_spelled(kind: pa.DataType) -> bool:
    """Whether values of a type are written in one way, wherever they stand."""
    t = pa.types
    if t.is_dictionary(kind):
        return _is_spelled(kind.value_type)
    return bool(t.is_integer(kind) or t.is_string(kind) or t.is_large_string(kind))


def _needles(
    values: Collection[str],
    found: Mapping[tuple[str, ...], Collection[str]],
    own_values: Mapping[str, Collection[str]],
) -> tuple[str, ...]:
    texts = {text for each in (values, *own_values.values()) for text in each if is_needle(text)}
    for entity in (entity for each in found.values() for entity in each):
        if is_needle("".join(map(str, json.loads(entity)))):
            texts.add(entity)
    return tuple(sorted(texts))


def _folded(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)
