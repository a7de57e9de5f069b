"""Looking into files: their bytes, and what is compressed or in columns inside them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tradewind.stores.elsewhere.columns import in_column, in_parquet
from tradewind.stores.needles import MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.stores.needles import Needles

    Inside = Callable[[IO[bytes], Needles, "Looked", int], None]

_BLOCK = 1 << 20
# Members up to this size are held in memory, larger ones in a temporary file without a name.
_IN_MEMORY = 32 << 20
# What is compressed within what is compressed; deeper is not looked into, and that is said.
_DEPTH = 4
# The last two are zipfile's: a password is asked for, or the compression is none that it knows.
_DAMAGED = (
    *(OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    *(pa.ArrowException, RuntimeError, NotImplementedError),
)


@dataclass
class Looked:
    """What looking into a file came to.

    Attributes:
        bytes: Of the file as it lies there.
        count: How often needles stand in it, inside of what it packs as well.
        unread: Why some of it could not be looked into; empty where all was.
    """

    bytes: int = 0
    count: int = 0
    unread: str = ""


def look_into(file: IO[bytes], needles: Needles, *, depth: int = _DEPTH) -> Looked:
    """Look for needles in a file: in its bytes, and in what it packs.

    Args:
        file: Open for reading and seeking, at its beginning.
        needles: What is looked for.
        depth: How many packings are opened, one inside the other.
    """
    found = Looked(count=sum(1 for _ in places(file, needles)), bytes=file.tell())
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    inside = _inside_of(head)
    if inside is None:
        return found
    if not depth:
        found.unread = "packed deeper than is looked into"
        return found
    try:
        inside(file, needles, found, depth - 1)
    except _DAMAGED as error:
        found.unread = f"begins like a packed file, and cannot be unpacked ({type(error).__name__})"
    return found


def places(file: IO[bytes], needles: Needles) -> Iterator[tuple[int, int]]:
    """Where needles stand in a file's bytes, a block at a time; from its place on.

    Yields:
        The first byte and that after the last, counted from where the reading began.
    """
    window, offset, told = b"", 0, 0
    while True:
        fresh = file.read(_BLOCK)
        window += fresh
        # What ends at the edge of a block may go on in the next.
        edge = offset + len(window) - (MARGIN if fresh else 0)
        for start, end in needles.spans(window):
            if told < offset + end <= edge:
                yield offset + start, offset + end
        if not fresh:
            return
        told = max(told, edge)
        kept = window[-needles.reach :]
        window, offset = kept, offset + len(window) - len(kept)


def _inside_of(head: bytes) -> Inside | None:
    """How to look into a file that begins so; None where its bytes are all there is."""
    if len(head) > 1 and head[0] == _ZLIB and int.from_bytes(head[:2]) % _ZLIB_SUM == 0:
        return _in_zlib
    return next((inside for magic, inside in _PACKED.items() if head.startswith(magic)), None)


def _in_parquet(file: IO[bytes], needles: Needles, found: Looked, _depth: int) -> None:
    found.count += in_parquet(file, needles)


def _in_array(file: IO[bytes], needles: Needles, found: Looked, _depth: int) -> None:
    values = np.lib.format.read_array(file, allow_pickle=False)
    if values.dtype.kind in "US":
        found.count += in_column(pa.array(values.ravel().tolist()), needles)


def _in_pickle(file: IO[bytes], needles: Needles, found: Looked, _depth: int) -> None:
    # It is taken apart, and nothing of it is loaded.
    told = [each for _, each, _ in pickletools.genops(file) if isinstance(each, str | bytes)]
    texts = [each.encode(errors="replace") if isinstance(each, str) else each for each in told]
    found.count += in_column(pa.array(texts, pa.large_binary()), needles)


def _in_zip(file: IO[bytes], needles: Needles, found: Looked, depth: int) -> None:
    with zipfile.ZipFile(file) as packed:
        for member in packed.infolist():
            if not member.is_dir():
                with packed.open(member) as opened:
                    _unpacked(opened, needles, found, depth)


def _in_zlib(file: IO[bytes], needles: Needles, found: Looked, depth: int) -> None:
    try:
        content = zlib.decompress(file.read())
    except zlib.error:
        return  # two bytes are no proof: it was something else
    _unpacked(io.BytesIO(content), needles, found, depth)


def _in_stream(opener: Callable[[IO[bytes]], Any]) -> Inside:
    def inside(file: IO[bytes], needles: Needles, found: Looked, depth: int) -> None:
        with opener(file) as opened:
            _unpacked(opened, needles, found, depth)

    return inside


def _unpacked(opened: IO[bytes], needles: Needles, found: Looked, depth: int) -> None:
    """Look into something that was unpacked, which may be packed itself."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
        while block := opened.read(_BLOCK):
            held.write(block)
        held.seek(0)
        inner = look_into(held, needles, depth=depth)
    found.count += inner.count
    found.unread = found.unread or inner.unread


def _zstd(file: IO[bytes]) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


_PACKED: dict[bytes, Inside] = {
    b"PAR1": _in_parquet,
    b"PK\x03\x04": _in_zip,
    b"\x93NUMPY": _in_array,
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _in_pickle),
    b"\x1f\x8b": _in_stream(lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": _in_stream(bz2.BZ2File),
    b"\xfd7zXZ\x00": _in_stream(lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": _in_stream(_zstd),
}
# zlib's first byte, and what its first two are a multiple of.
_ZLIB, _ZLIB_SUM = 0x78, 31
