"""Where any of many texts stands in bytes: in one pass, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.stores.marks import LEAST_NEEDLE
from tradewind.stores.spellings import goes_on, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable

_Bytes = npt.NDArray[np.uint8]
# Positions that are looked at together, so that what is computed of them stays in the cache.
_AT_ONCE = 1 << 18
# So many places that begin alike are held against whole texts together.
_MANY = 256
_PRIME = np.uint64(0x100000001B3)
# Bytes beside a text that tell whether it goes on: as many letters as an escaped one has.
_BESIDE = 24


class Needles:
    """Texts to be found in every spelling, as words of their own: `C-1000` is not in `C-10001`.

    Args:
        needles: Each of `LEAST_NEEDLE` characters or more.
    """

    def __init__(self, needles: Iterable[str]) -> None:
        self._by_head: dict[int, dict[bytes, str]] = {}
        for needle in needles:
            for spelling in spellings(needle):
                content = spelling.encode()
                head = int.from_bytes(content[:LEAST_NEEDLE], "little")
                self._by_head.setdefault(head, {})[content] = needle[0] + needle[-1]
        self._lengths = {head: sorted({*map(len, own)}) for head, own in self._by_head.items()}
        self._heads = np.array(sorted(self._by_head), dtype=np.uint64)
        # Two bytes at a position rule out nearly all of them at the price of a look into a table.
        self._begins = np.zeros(1 << 16, dtype=np.bool_)
        self._begins[(self._heads & np.uint64(0xFFFF)).astype(np.int64)] = True

    def count(self, content: bytes) -> int:
        """How often any of them stands in bytes."""
        found = np.frombuffer(content, dtype=np.uint8)
        starts = self._starts(found)
        return sum(self._stands(found, start, low=0, high=len(found)) for start in starts.tolist())

    def among(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        """Tell of each text, or each value of bytes, whether any of them stands in it."""
        found = np.zeros(len(texts), dtype=np.bool_)
        wide = texts.cast(pa.large_binary())
        _, places, content = wide.buffers()
        if not len(wide) or content is None or not content.size:
            return found
        ends = np.frombuffer(places, dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
        characters = np.frombuffer(content, dtype=np.uint8)[: ends[-1]]
        starts = self._starts(characters)
        rows = np.searchsorted(ends, starts, side="right") - 1
        for start, row in zip(starts.tolist(), rows.tolist(), strict=True):
            if row >= 0 and not found[row]:
                low, high = int(ends[row]), int(ends[row + 1])
                found[row] = self._stands(characters, start, low=low, high=high)
        found &= np.asarray(wide.is_valid())
        return found

    def _starts(self, content: _Bytes) -> npt.NDArray[np.int64]:
        """Where the first `LEAST_NEEDLE` bytes of any of them are."""
        last = len(content) - LEAST_NEEDLE + 1
        found = [np.empty(0, dtype=np.int64)]
        for low in range(0, last if len(self._heads) else 0, _AT_ONCE):
            high = min(low + _AT_ONCE, last)
            first, second = (content[low + n : high + n].astype(np.uint16) for n in (0, 1))
            starts = np.flatnonzero(self._begins[first | second << 8]) + low
            heads = np.zeros(len(starts), dtype=np.uint64)
            for n in range(LEAST_NEEDLE):
                heads |= content[starts + n].astype(np.uint64) << np.uint64(8 * n)
            known = np.isin(heads, self._heads)
            found.append(self._likely(content, starts[known], heads[known]))
        return np.concatenate(found)

    def _likely(
        self, content: _Bytes, starts: npt.NDArray[np.int64], heads: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.int64]:
        """Those of which more than the head is as it should be, where many have the same one."""
        kept = np.ones(len(starts), dtype=np.bool_)
        for head, times in zip(*np.unique(heads, return_counts=True), strict=True):
            length = self._lengths[int(head)][0]
            if times < _MANY or length == LEAST_NEEDLE:
                continue
            places = np.flatnonzero(heads == head)
            whole = places[starts[places] + length <= len(content)]
            told = np.array([[*each[:length]] for each in self._by_head[int(head)]], dtype=np.uint8)
            seen = _hashes(content[n + starts[whole]] for n in range(length))
            kept[places] = False
            kept[whole] = np.isin(seen, _hashes(told[:, n] for n in range(length)))
        return starts[kept]

    def _stands(self, content: _Bytes, start: int, *, low: int, high: int) -> bool:
        head = int.from_bytes(content[start : start + LEAST_NEEDLE].tobytes(), "little")
        for length in self._lengths[head]:
            end = start + length
            needle = content[start:end].tobytes()
            if end > high or needle not in self._by_head[head]:
                continue
            before = _text(content[max(low, start - _BESIDE) : start])
            after = _text(content[end : min(high, end + _BESIDE)])
            if not goes_on(self._by_head[head][needle], before, after):
                return True
        return False


def _hashes(columns: Iterable[_Bytes]) -> npt.NDArray[np.uint64]:
    """A number for each row of bytes, given column by column."""
    found: npt.NDArray[np.uint64] | None = None
    for column in columns:
        found = column.astype(np.uint64) if found is None else found * _PRIME ^ column
    return np.empty(0, dtype=np.uint64) if found is None else found


def _text(content: _Bytes) -> str:
    return content.tobytes().decode(errors="replace")
