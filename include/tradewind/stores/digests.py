"""Names made of content: the same logical value has the same digest, wherever its bytes come from.

A file's bytes carry headers, row groups and encodings that vary between two writings of the same
rows. So rows are digested by what they mean: column names, types, values, nulls and their order.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from tradewind.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DIGEST_BYTES = 16
_Bytes = npt.NDArray[np.uint8]


def canonical_json(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, ISO moments.

    Raises:
        ValueError: The value holds a NaN or an infinity, which JSON does not know.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_as_json,
    )


def json_digest(value: Any) -> str:
    """The digest of a value that JSON can hold: 32 hexadecimal digits."""
    return _hash(canonical_json(value).encode())


def table_digest(table: pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]) -> str:
    """The digest of rows: 32 hexadecimal digits.

    Two tables have the same digest if and only if their column names, types, values, nulls and the
    order of their rows and columns are the same. Chunks, row groups, offsets, dictionary encoding
    and the width of string offsets do not matter; any NaN equals any other, and 0.0 is not -0.0.

    Args:
        table: A table, or batches of one schema (at least one, unless they are a reader).

    Raises:
        LakeError: A column's type is none that can be digested.
    """
    batches = table.to_batches() if isinstance(table, pa.Table) else iter(table)
    digest = TableDigest(table.schema) if hasattr(table, "schema") else None
    for batch in batches:
        digest = digest or TableDigest(batch.schema)
        digest.update(batch)
    if digest is None:
        raise ValueError("no batch and no schema: there is nothing to digest")
    return digest.hexdigest()


class TableDigest:
    """`table_digest` of rows that arrive batch by batch, in constant memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [[name, _type_name(schema.field(name).type)] for name in schema.names]
        self._rows = 0
        self._streams: dict[str, Any] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in more rows."""
        self._rows += batch.num_rows
        for position, column in enumerate(batch.columns):
            for path, content in _content(column, str(position)):
                if content.size:
                    if path not in self._streams:
                        self._streams[path] = hashlib.blake2b(digest_size=_DIGEST_BYTES)
                    self._streams[path].update(content)

    def hexdigest(self) -> str:
        """The digest of everything taken in so far."""
        streams = {path: stream.hexdigest() for path, stream in self._streams.items()}
        return json_digest([self._columns, self._rows, streams])


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    msg = f"{type(value).__name__} has no form in JSON"
    raise TypeError(msg)


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _type_name(kind.value_type)
    if _is_text(kind):
        return "string"
    if _is_bytes(kind):
        return "binary"
    if _is_list(kind):
        return f"list<{_type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{field.name}: {_type_name(field.type)}" for field in kind)
        return f"struct<{fields}>"
    return str(kind)


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))


def _content(array: pa.Array, path: str) -> Iterator[tuple[str, _Bytes]]:
    """What an array means, as streams of bytes that only grow when rows are appended."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _content(array.dictionary_decode(), path)
        return
    yield f"{path}.valid", _bytes(np.asarray(array.is_valid()))
    if _is_text(kind) or _is_bytes(kind):
        yield from _text(array, path)
    elif _is_list(kind):
        yield f"{path}.length", _lengths(pc.list_value_length(array))
        yield from _content(array.drop_null().flatten(), f"{path}.item")
    elif pa.types.is_struct(kind):
        for position, field in enumerate(array.flatten()):
            yield from _content(field, f"{path}.{position}")
    elif not pa.types.is_null(kind):
        yield f"{path}.value", _fixed(array)


def _text(array: pa.Array, path: str) -> Iterator[tuple[str, _Bytes]]:
    wide = array.cast(pa.large_string() if _is_text(array.type) else pa.large_binary())
    yield f"{path}.length", _lengths(pc.binary_length(wide))
    # Behind a null there may be any bytes: only what is valid counts.
    whole = wide.drop_null()
    if len(whole):
        _, offsets, characters = whole.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
        yield f"{path}.value", np.frombuffer(characters, dtype=np.uint8)[ends[0] : ends[-1]]


def _lengths(lengths: pa.Array) -> _Bytes:
    return _bytes(np.asarray(lengths.fill_null(0)).astype(np.int64))


def _fixed(array: pa.Array) -> _Bytes:
    """The values of a type of fixed width, zero where they are null."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return _bytes(np.asarray(array.fill_null(False)))  # noqa: FBT003 -- the value filled in
    try:
        width = kind.bit_width // 8
    except ValueError:
        raise LakeError(f"a column of type {kind} cannot be stored: cast it first") from None
    if not len(array):
        return np.empty(0, dtype=np.uint8)
    start = array.offset * width
    raw = np.frombuffer(array.buffers()[1], dtype=np.uint8, count=start + len(array) * width)
    values = raw[start:].reshape(len(array), width)
    if array.null_count:
        values = np.where(np.asarray(array.is_valid())[:, None], values, np.uint8(0))
    return _bytes(_one_nan(values, width) if pa.types.is_floating(kind) else values)


def _one_nan(values: _Bytes, width: int) -> npt.NDArray[Any]:
    floats = np.ascontiguousarray(values).view(f"<f{width}")
    missing = np.isnan(floats)
    return np.where(missing, floats.dtype.type(np.nan), floats) if missing.any() else floats


def _bytes(values: npt.NDArray[Any]) -> _Bytes:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8)
