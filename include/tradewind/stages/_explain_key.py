"""Entity keys as a person writes them, and which of a night's entities they mean.

A key is `column=value,column=value`, in any order; or its values alone in the key's own order, with
commas or slashes between; or the JSON list that the prediction log has. Whatever is left out may be
anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tradewind.definition.moments import midnight
from tradewind.definition.problems import nearest
from tradewind.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tradewind.definition.schema import ModelDefinition

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_DATE = len("2013-07-01")
_SPECIAL = re.compile(r"[,=/\[\s]")


@dataclass(frozen=True)
class _Wanted:
    """A value that is asked for.

    Attributes:
        text: As it was written.
        start: Where it can be read as a moment, that, and `end` the moment after it; a date means
            its whole day in the model's time zone.
    """

    text: str
    start: datetime | None = None
    end: datetime | None = None

    def is_in(self, stored: Any) -> bool:
        """Whether an entity's value is meant."""
        if self.start is not None and self.end is not None and is_moment(stored):
            return self.start <= datetime.fromisoformat(stored) < self.end
        return value_text(stored) == self.text


@dataclass(frozen=True)
class AskedKey:
    """A key as it was asked for.

    Attributes:
        columns: The entity key's.
        named: The values asked for by column.
        loose: Values in the key's order, where some were left out without saying which.
    """

    columns: tuple[str, ...]
    named: dict[str, _Wanted]
    loose: tuple[_Wanted, ...] = ()

    @property
    def moments(self) -> list[datetime]:
        """The moments that it names."""
        wanted = (*self.named.values(), *self.loose)
        return [one.start for one in wanted if one.start is not None]

    def find(self, entities: pa.ChunkedArray) -> list[str]:
        """The entities that are meant, in their order.

        Args:
            entities: As the prediction log has them.
        """
        likely = entities.drop_null()
        for one in (*self.named.values(), *self.loose):
            if one.start is None:
                # A moment may be written in many ways; anything else stands in the text as it is.
                likely = likely.filter(pc.match_substring(likely, json.dumps(one.text)[1:-1]))
        return [text for text in likely.to_pylist() if self._means(json.loads(text))]

    def _means(self, stored: Sequence[Any]) -> bool:
        values = dict(zip(self.columns, stored, strict=True))
        if not all(one.is_in(values[name]) for name, one in self.named.items()):
            return False
        left = iter(stored)
        return all(any(one.is_in(value) for value in left) for one in self.loose)


def parse_key(text: str, model: ModelDefinition) -> AskedKey:
    """Read a key.

    Args:
        text: As a person writes it.
        model: Whose entity key, and whose time zone a date or a time without an offset is in.

    Raises:
        RequestError: It names a column that the key does not have, or has too many values.
    """
    columns, asked = model.entity_key, text.strip()
    if not asked:
        raise RequestError(f"no key is said: expected {_form(columns)}")
    told = _json_list(asked)
    if told is not None:
        return _in_order([_wanted(value_text(value), model) for value in told], asked, model)
    if len(columns) == 1:
        # Its one value may hold anything.
        name, equals, value = asked.partition("=")
        own = value.strip() if equals and name.strip() == columns[0] else asked
        return _in_order([_wanted(own, model)], asked, model)
    parts = asked.split("," if "," in asked else "/")
    names = [part.partition("=")[0].strip() for part in parts]
    said = [name for name, part in zip(names, parts, strict=True) if "=" in part]
    if len(said) == len(parts) or {*said} & {*columns}:
        return _by_name(parts, names, model)
    return _in_order([_wanted(part.strip(), model) for part in parts], asked, model, blank=True)


def is_moment(stored: Any) -> bool:
    """Whether a value of an entity is a moment, as the prediction log writes one."""
    return isinstance(stored, str) and _MOMENT.fullmatch(stored) is not None


def value_text(stored: Any) -> str:
    """A value of an entity as one would type it."""
    if is_moment(stored):
        at = datetime.fromisoformat(stored).astimezone(UTC)
        whole = "minutes" if not (at.second or at.microsecond) else "auto"
        return at.replace(tzinfo=None).isoformat(timespec=whole) + "Z"
    return stored if isinstance(stored, str) else json.dumps(stored)


def short_key(entity: str) -> str:
    """An entity of the prediction log as one would type it: its values with commas between."""
    values = json.loads(entity)
    texts = [value_text(value) for value in values]
    if len(texts) == 1 and texts[0] and texts[0] == texts[0].strip() and texts[0][0] not in "[":
        return texts[0]
    plain = len(texts) > 1 and all(text and not _SPECIAL.search(text) for text in texts)
    return ",".join(texts) if plain else json.dumps(values)


def _json_list(asked: str) -> list[Any] | None:
    try:
        told = json.loads(asked)
    except ValueError:
        return None
    return told if isinstance(told, list) else None


def _in_order(
    values: Sequence[_Wanted], asked: str, model: ModelDefinition, *, blank: bool = False
) -> AskedKey:
    """The key of values in their order; where `blank`, an empty one may be anything."""
    columns = model.entity_key
    if len(values) > len(columns):
        raise RequestError(
            f"{asked!r} has {len(values)} values, and the key of {model.name} is "
            f"{', '.join(columns)}: expected {_form(columns)}, or a JSON list of the values"
        )
    if len(values) < len(columns):
        return AskedKey(tuple(columns), {}, tuple(one for one in values if one.text or not blank))
    named = {name: one for name, one in zip(columns, values, strict=True) if one.text or not blank}
    return AskedKey(tuple(columns), named)


def _by_name(parts: Sequence[str], names: Sequence[str], model: ModelDefinition) -> AskedKey:
    columns, named = model.entity_key, {}
    for name, part in zip(names, parts, strict=True):
        if "=" not in part:
            raise RequestError(
                f"{part!r} has no column: name each value, or none: {_form(columns)}"
            )
        if name not in columns:
            raise RequestError(
                f"the key of {model.name} is {', '.join(columns)}: it has no column {name!r}"
                f"{nearest(name, columns)}"
            )
        named[name] = _wanted(part.partition("=")[2].strip(), model)
    return AskedKey(tuple(columns), named)


def _wanted(text: str, model: ModelDefinition) -> _Wanted:
    try:
        if len(text) == _DATE:
            day = date.fromisoformat(text)
            return _Wanted(text, midnight(day, model), midnight(day + timedelta(days=1), model))
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return _Wanted(text)
    start = (at if at.tzinfo else at.replace(tzinfo=model.zone)).astimezone(UTC)
    return _Wanted(text, start, start + timedelta.resolution)


def _form(columns: Sequence[str]) -> str:
    named = ",".join(f"{name}=…" for name in columns)
    return f"{named}, or the values alone in this order"
