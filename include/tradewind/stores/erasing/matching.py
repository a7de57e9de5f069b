"""Which rows, and which values, are a subject's: whatever type holds them."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tradewind.stores.marks import Marks

ENTITY = "entity"
"""The column, or key, under which an entity is named by the JSON list of its key's values."""
Entity = tuple[str | None, ...]
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})")
_WHOLE_NUMBER = re.compile(r"\A(?:0|-?[1-9][0-9]*)\Z")
_OF_MODELS = {"predictions", "monitoring", "decisions"}


class Matcher:
    """A subject's marks, made ready to be looked for.

    Args:
        marks: They.
    """

    def __init__(self, marks: Marks) -> None:
        self.columns, self.values = marks.columns, marks.values
        self.needles = Needles(marks.needles)
        self._model_keys = marks.keys
        self._keys = {key: EntityKey(json.loads(key), told) for key, told in marks.entities.items()}
        self._spelled: dict[str | None, frozenset[str]] = {}

    @property
    def keys(self) -> Collection[EntityKey]:
        """The entity keys of which the subject has entities."""
        return self._keys.values()

    def names(self, schema: pa.Schema) -> list[str]:
        """The columns that tell whose a row is, or may hold a text."""
        own = {name for key in self.keys if (at := key.at(schema.names)) for name in at}
        return [
            field.name
            for field in schema
            if field.name in own or self.is_named(field.name) or _may_hold_text(field.type)
        ]

    def is_named(self, column: str) -> bool:
        """Whether a column names this kind of subject."""
        return column.casefold() in self.columns

    def rows(self, batch: pa.RecordBatch, *, model: str | None) -> npt.NDArray[np.bool_]:
        """Tell which rows are the subject's.

        Args:
            batch: Rows of any file.
            model: Whose, where that decides what its entities are.
        """
        found = np.zeros(batch.num_rows, dtype=np.bool_)
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if self.is_named(field.name):
                found |= is_any(column, self.values)
            elif field.name == ENTITY:
                found |= is_any(column, self.spelled(model))
        for key in self.keys:
            if names := key.at(batch.schema.names):
                found |= key.rows(batch, names)
        return found

    def is_subjects(self, value: Mapping[str, Any], *, model: str | None, is_row: bool) -> bool:
        """Whether a JSON object names the subject.

        Args:
            value: The object.
            model: Whose, where that decides what its entities are.
            is_row: Whether it is a row: elsewhere a number under a column's name may count
                something, such as the rows of a source that is called as the column is.
        """
        for name, told in value.items():
            if name == ENTITY and isinstance(told, str) and told in self.spelled(model):
                return True
            names_any = self.is_named(name) and (is_row or isinstance(told, str))
            if names_any and text_of(told) in self.values:
                return True
        return any(key.is_in(value) for key in self.keys)

    def spelled(self, model: str | None) -> frozenset[str]:
        """The JSON lists by which a model's files may name the subject's entities."""
        if model not in self._spelled:
            known = self._model_keys.get(model or "", ())
            anyone = model is None or not self._model_keys
            keys = [each for key, each in self._keys.items() if anyone or key in known]
            self._spelled[model] = frozenset(text for key in keys for text in key.spelled())
        return self._spelled[model]


class EntityKey:
    """Entities of one key that are a subject's.

    Args:
        names: The key's columns.
        entities: JSON lists of their values.
    """

    def __init__(self, names: Sequence[str], entities: Iterable[str]) -> None:
        self._names = [*names]
        self._texts = frozenset(entities)
        told = [json.loads(text) for text in self._texts]
        self.entities = frozenset(entity_of(values) for values in told)
        # A moment that is a text in a file is told as it is written there.
        spelled = [*self.entities, *(tuple(text_of(each) for each in values) for values in told)]
        self._allowed = [frozenset(values) for values in zip(*spelled, strict=True)]

    def at(self, columns: Sequence[str]) -> list[str] | None:
        """What a file calls the key's columns; None where it lacks one."""
        by_name = {name.casefold(): name for name in columns}
        own = [name.casefold() for name in self._names]
        return [by_name[name] for name in own] if by_name.keys() >= {*own} else None

    def rows(self, batch: pa.RecordBatch, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell which rows are of one of the entities."""
        found = np.ones(batch.num_rows, dtype=np.bool_)
        for name, allowed in zip(names, self._allowed, strict=True):
            found &= is_any(batch[name], allowed)
        # Each value is one of an entity's; whether all are of the same one is seen now.
        places = np.flatnonzero(found)
        whole = entities(batch.take(pa.array(places)), names)
        found[places] = [each in self.entities for each in whole]
        return found

    def is_in(self, value: Mapping[str, Any]) -> bool:
        """Whether a JSON object holds the key of one of the entities."""
        names = self.at([*value])
        return names is not None and entity_of([value[name] for name in names]) in self.entities

    def spelled(self) -> Iterable[str]:
        """Every JSON list that names one: a number may stand in it as its digits, or as text."""
        yield from self._texts
        for entity in self.entities:
            for parts in itertools.product(*(_forms(part) for part in entity)):
                yield f"[{', '.join(parts)}]"


def entities(batch: pa.RecordBatch, names: Sequence[str]) -> list[Entity]:
    """The entity of each row."""
    columns = [batch[name].to_pylist() for name in names]
    return [entity_of(row) for row in zip(*columns, strict=True)]


def entity_of(values: Iterable[Any]) -> Entity:
    """An entity by the text of its values, so that 7 and "7" are one; moments in UTC."""
    return tuple(text_of(_read_moment(value)) for value in values)


def text_of(value: Any) -> str | None:
    """The text under which a value is known; None for nothing, and for what is not single."""
    if value is None or isinstance(value, list | dict | tuple):
        return None
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
    if isinstance(value, bool | str):
        return str(value)
    try:
        # A whole number may have come as a float, or as a decimal.
        return str(int(value)) if value == int(value) else str(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)


def is_any(column: pa.Array, texts: Collection[str | None]) -> npt.NDArray[np.bool_]:
    """Tell of each value whether its text is one of these; of none, whether None is."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    nothing = np.asarray(column.is_null()) if None in texts else False
    if is_text(column.type):
        wanted = pa.array([*texts], pa.large_string())
        found = pc.is_in(column.cast(pa.large_string()), value_set=wanted)
    elif pa.types.is_nested(column.type):
        return np.zeros(len(column), dtype=np.bool_)
    else:
        # Of numbers and moments there are few different ones, or few rows.
        different = column.dictionary_encode()
        values = [text_of(value) for value in different.dictionary.to_pylist()]
        known = pa.array([value in texts for value in values], pa.bool_())
        found = known.take(different.indices).fill_null(False)  # noqa: FBT003 -- the value
    return np.asarray(found) | nothing


def model_of(path: str) -> str | None:
    """Whose a file of the lake is, where its folder says it."""
    folder, model, *rest = f"{path}//".split("/")
    return model if folder in _OF_MODELS and any(rest) else None


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of a type holds texts."""
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def is_searched(kind: pa.DataType) -> bool:
    """Whether a column of a type holds texts or bytes, in which others may stand."""
    t = pa.types
    is_bytes = t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind)
    return bool(is_text(kind) or is_bytes)


def _forms(part: str | None) -> list[str]:
    if part is None:
        return ["null"]
    return [json.dumps(part), *_WHOLE_NUMBER.findall(part)]


def _read_moment(value: Any) -> Any:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


def _may_hold_text(kind: pa.DataType) -> bool:
    t = pa.types
    if t.is_dictionary(kind):
        return _may_hold_text(kind.value_type)
    return bool(is_searched(kind) or t.is_nested(kind))
