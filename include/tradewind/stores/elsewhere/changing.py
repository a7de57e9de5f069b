"""Taking needles out of contents, so that JSON stays JSON and all else stays as it was."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.stores.elsewhere.columns import is_text
from tradewind.stores.elsewhere.contents import look_into
from tradewind.stores.marks import ERASED

if TYPE_CHECKING:
    from tradewind.stores.needles import Needles

PICKLED = "it is pickled, and nothing that is pickled is loaded"
BINARY = "it is neither text, JSON nor Parquet: its bytes cannot be changed without breaking it"
# A text, or a number, as JSON writes them; whatever else there is in between is kept.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*', re.DOTALL)
_PICKLE = re.compile(rb"\x80[\x02-\x05].*\.", re.DOTALL)


class UnchangeableError(Exception):
    """These bytes cannot be changed; the message says why."""


def changed(content: bytes, needles: Needles) -> bytes:
    """The content with every needle taken out; the very same where there is none.

    Raises:
        UnchangeableError: It is of a kind that cannot be changed, or not all of it can.
    """
    left = _changed(content, needles)
    if look_into(io.BytesIO(left), needles).count:
        raise UnchangeableError(BINARY)
    return left


def _changed(content: bytes, needles: Needles) -> bytes:
    if content.startswith(b"PAR1"):
        return _parquet(content, needles)
    if content.startswith(b"\x1f\x8b"):
        unpacked = gzip.decompress(content)
        after = _changed(unpacked, needles)
        return content if after == unpacked else gzip.compress(after, mtime=0)
    if (before := _unpacked(content)) is not None:
        after = _changed(before, needles)
        return content if after == before else zlib.compress(after)
    if _PICKLE.fullmatch(content):
        raise UnchangeableError(PICKLED)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _starred(content, needles)
    if "\0" in text and needles.spans(content):
        raise UnchangeableError(BINARY)
    return changed_text(text, needles).encode()


def _unpacked(content: bytes) -> bytes | None:
    """What zlib has packed; None where it is something else."""
    try:
        return zlib.decompress(content)
    except zlib.error:
        return None


def changed_text(text: str, needles: Needles, put: str = ERASED) -> str:
    """The text with every needle taken out, as JSON where it is JSON.

    Args:
        text: Any.
        needles: What is taken out.
        put: What comes in its place.
    """
    if needles.taken_out(text) == text:
        return text
    try:
        told = json.loads(text)
    except ValueError:
        return needles.taken_out(text, put)
    # A number by itself is no document: what is meant is the text.
    if not isinstance(told, dict | list | str):
        return needles.taken_out(text, put)
    left = _TOKEN.sub(lambda token: _token(token[0], needles, put), text)
    # One that is a list, or goes from one text into the next, is no text of its own.
    whole = (needles.taken_out(left, each) for each in (put, json.dumps(put)))
    return left if not needles.spans_in(left) else next(filter(_is_json, whole), left)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _token(token: str, needles: Needles, put: str) -> str:
    if not token.startswith('"'):
        return json.dumps(put) if needles.taken_out(token) != token else token
    said = json.loads(token)
    left = changed_text(said, needles, put)
    return json.dumps(left, ensure_ascii=token.isascii()) if left != said else token


def _starred(content: bytes, needles: Needles) -> bytes:
    """Text in another encoding, or bytes that hold nothing."""
    spans = needles.spans(content)
    if spans and b"\0" in content:
        raise UnchangeableError(BINARY)
    changed = bytearray(content)
    for begin, end in spans:
        changed[begin:end] = b"*" * (end - begin)
    return bytes(changed)


def _parquet(content: bytes, needles: Needles) -> bytes:
    table = pq.read_table(pa.BufferReader(content))
    for place, field in enumerate(table.schema):
        column = table.column(place)
        wanted = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if is_text(wanted):
            texts = [_text(value.as_py(), needles) for value in column]
            table = table.set_column(place, field, pa.chunked_array([pa.array(texts, field.type)]))
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def _text(text: str | None, needles: Needles) -> str | None:
    return None if text is None else changed_text(text, needles)
