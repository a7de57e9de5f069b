"""A file's rows without a subject's, and what is left without a word of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.stores.erasing.matching import is_searched, is_text
from tradewind.stores.marks import ERASED

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stores.erasing.matching import Matcher
    from tradewind.stores.needles import Needles


@dataclass
class Sieve:
    """Lets a file's rows through, but for a subject's.

    Attributes:
        model: Whose the file is, where its folder says it.
        rows: How many were held back so far.
        texts: In how many values of the others something of the subject stood.
    """

    matcher: Matcher
    model: str | None
    rows: int = 0
    texts: int = 0
    _words: Needles = field(init=False)

    def __post_init__(self) -> None:
        self._words = self.matcher.needles

    def through(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The other rows in their order, with `ERASED` for each text that held something."""
        own = self.matcher.rows(batch, model=self.model)
        self.rows += int(own.sum())
        kept = batch.filter(pa.array(~own)) if own.any() else batch
        columns = [self._redacted(column) for column in kept.columns]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _redacted(self, column: pa.Array) -> pa.Array:
        kind = column.type
        if pa.types.is_dictionary(kind):
            return self._of_dictionary(column)
        if pa.types.is_nested(kind):
            hits = sum(int(self._words.among(leaf).sum()) for leaf in _leaves(column))
            if not hits:
                return column
            self.texts += hits
            return pa.array([_without(value, self._words) for value in column.to_pylist()], kind)
        if not is_searched(kind):
            return column
        found = self._words.among(column)
        self.texts += int(found.sum())
        return _replaced(column, found) if found.any() else column

    def _of_dictionary(self, column: pa.DictionaryArray) -> pa.Array:
        """Values that no row has any more are not to be in it, and the others keep their order."""
        kind = column.type
        used = np.unique(np.asarray(column.indices.drop_null(), dtype=np.int64))
        values = column.dictionary.take(pa.array(used))
        found = self._words.among(values) if is_searched(values.type) else np.zeros(0, np.bool_)
        if found.any():
            plain = self._redacted(column.dictionary_decode())
            return plain.dictionary_encode().cast(kind)
        places = pc.index_in(column.indices.cast(pa.int64()), value_set=pa.array(used))
        return pa.DictionaryArray.from_arrays(
            places.cast(kind.index_type), values, ordered=kind.ordered
        )


def _leaves(column: pa.Array) -> list[pa.Array]:
    """The texts inside of lists and structs, whichever row they are of."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _leaves(column.dictionary_decode())
    if pa.types.is_struct(kind):
        return [leaf for each in column.flatten() for leaf in _leaves(each)]
    if pa.types.is_map(kind):
        whole = column.drop_null()
        parts = [] if not len(whole) else [pa.array(whole.to_pylist(), whole.type)]
        return [
            leaf for each in parts for side in (each.keys, each.items) for leaf in _leaves(side)
        ]
    if pa.types.is_nested(kind):
        return _leaves(column.flatten())
    return [column] if is_searched(kind) else []


def _without(value: Any, words: Needles) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, words) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without(each, words) for each in value)
    content = value.encode() if isinstance(value, str) else value
    if isinstance(content, bytes) and words.spans(content):
        return ERASED if isinstance(value, str) else ERASED.encode()
    return value


def _replaced(column: pa.Array, where: npt.NDArray[np.bool_]) -> pa.Array:
    told = ERASED if is_text(column.type) else ERASED.encode()
    return pc.if_else(pa.array(where), pa.scalar(told, column.type), column)
