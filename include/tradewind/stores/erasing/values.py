"""A JSON value without a subject: its objects let go of, and its texts said to be erased."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tradewind.stores.erasing.matching import ENTITY, text_of
from tradewind.stores.marks import ERASED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.erasing.matching import Matcher

# What an object that names a column says of its values; whatever else is a number counts something.
_OF_VALUES = {"observed", "examples", "smallest", "largest", "value", "values", "value_set"}
_NOTHING: frozenset[str] = frozenset()


class Clearing:
    """Clears a JSON value of a subject.

    An object of a list that is about the subject is let go of; of any other the values are erased.
    A text in which something of the subject stands is erased whole, as a key too.

    Args:
        matcher: The subject's marks.
        value: What `json.loads` gave.
        model: Whose it is, where its folder says it.

    Attributes:
        value: What is left.
        rows: How many objects were let go of.
        texts: How many texts, numbers and keys were erased.
    """

    def __init__(self, matcher: Matcher, value: Any, *, model: str | None) -> None:
        self._matcher, self._model = matcher, model
        self.rows = self.texts = 0
        texts = [*dict.fromkeys(_texts(value))]
        found = matcher.needles.among(pa.array(texts, pa.large_string()))
        self._telling = {text for text, tells in zip(texts, found, strict=True) if tells}
        self.value = self._cleared(value)

    def _cleared(self, value: Any, *, of: frozenset[str] = _NOTHING) -> Any:
        """A value without the subject; of a column that names it, what it is known by is `of`."""
        if isinstance(value, dict):
            return self._object(value, _NOTHING)
        if isinstance(value, list):
            return [self._cleared(each, of=of) for each in self._others(value)]
        return self._erased() if self._tells(value, of) else value

    def _object(self, value: dict[str, Any], keys_of: frozenset[str]) -> dict[str, Any]:
        """An object without the subject; its keys may be values of a column that names it."""
        if self._matcher.is_subjects(value, model=self._model, is_row=False):
            return self._blank_object(value, keys_of)
        about = self._is_about_column(value)
        found: dict[str, Any] = {}
        taken = {*value}
        for name, each in value.items():
            of = self._values_under(name)
            key = self._key(name, taken, keys_of)
            if isinstance(each, dict):
                found[key] = self._object(each, of)
            elif about and name in _OF_VALUES:
                found[key] = self._of_column(each)
            else:
                found[key] = self._cleared(each, of=of)
        return found

    def _of_column(self, value: Any) -> Any:
        """Values of a column that names subjects, numbers as well."""
        if isinstance(value, list):
            return [self._of_column(each) for each in self._others(value)]
        if text_of(value) not in self._matcher.values:
            return self._cleared(value)
        return self._erased()

    def _values_under(self, name: str) -> frozenset[str]:
        if name == ENTITY:
            return self._matcher.spelled(self._model)
        return self._matcher.values if self._matcher.is_named(name) else _NOTHING

    def _is_about_column(self, value: dict[str, Any]) -> bool:
        """Whether an object says something of a column that names subjects."""
        args = value.get("args")
        places = [value, args] if isinstance(args, dict) else [value]
        columns = (place.get("column") for place in places)
        return any(isinstance(each, str) and self._matcher.is_named(each) for each in columns)

    def _others(self, value: list[Any]) -> list[Any]:
        kept = [each for each in value if not self._is_row(each)]
        self.rows += len(value) - len(kept)
        return kept

    def _is_row(self, value: Any) -> bool:
        """Whether what stands in a list is a row of the subject, or shows one by its key."""
        if not isinstance(value, dict):
            return False
        shown = value.get("key")
        return any(
            self._matcher.is_subjects(each, model=self._model, is_row=True)
            for each in (value, shown)
            if isinstance(each, dict)
        )

    def _tells(self, value: Any, of: frozenset[str]) -> bool:
        return value in self._telling or value in of

    def _blank_object(self, value: dict[str, Any], keys_of: frozenset[str]) -> dict[str, Any]:
        taken = {*value}
        return {self._key(name, taken, keys_of): self._blank(each) for name, each in value.items()}

    def _blank(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._blank_object(value, _NOTHING)
        if isinstance(value, list):
            return [self._blank(each) for each in value]
        return None if value is None else self._erased()

    def _key(self, name: str, taken: set[str], of: frozenset[str]) -> str:
        """What a key is called now: as no other of its object is, nor was."""
        if not self._tells(name, of):
            return name
        more = (f"{ERASED} {number}" for number in range(2, len(taken) + 2))
        key = next(each for each in chain([self._erased()], more) if each not in taken)
        taken.add(key)
        return key

    def _erased(self) -> str:
        self.texts += 1
        return ERASED


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
