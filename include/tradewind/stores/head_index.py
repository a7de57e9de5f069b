"""Where any of many byte strings stands in bytes: in one pass, however many there are."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
HEAD = 6
"""Bytes by which a string is met before it is held against the whole: an even number."""
# Positions that are looked at together, so that what is computed of them stays in the cache.
_AT_ONCE = 1 << 18
# So many places that begin alike are held against whole strings together.
_MANY = 256
_PRIME = np.uint64(0x100000001B3)


class HeadIndex:
    """Byte strings by how they begin.

    Args:
        strings: Each of `HEAD` bytes or more.

    Raises:
        ValueError: One is shorter.
    """

    def __init__(self, strings: Iterable[bytes]) -> None:
        self._by_head: dict[int, set[bytes]] = {}
        for string in strings:
            if len(string) < HEAD:
                raise ValueError(f"bytes to be met by their head must be {HEAD} or more")
            self._by_head.setdefault(_head(string), set()).add(string)
        self._lengths = {head: sorted({*map(len, own)}) for head, own in self._by_head.items()}
        self._heads = np.array(sorted(self._by_head), dtype=np.uint64)
        # Two bytes at a position rule out nearly all of them at the price of a look into a table.
        self._begins = np.zeros(1 << 16, dtype=np.bool_)
        self._begins[(self._heads & np.uint64(0xFFFF)).astype(np.int64)] = True

    def starts(self, content: Bytes) -> Places:
        """Where one of them may begin: the head of one stands there, in order."""
        found = [np.empty(0, dtype=np.int64)]
        if len(content) < HEAD:
            return found[0]
        last = len(content) - HEAD + 1
        # The two bytes from each position on, as one number.
        pairs = np.ndarray(len(content) - 1, np.dtype("<u2"), content.data, strides=(1,))
        for low in range(0, last, _AT_ONCE):
            high = min(low + _AT_ONCE, last)
            starts = np.flatnonzero(self._begins.take(pairs[low:high])) + low
            if not len(starts):
                continue
            heads = np.zeros(len(starts), dtype=np.uint64)
            for n in range(0, HEAD, 2):
                heads |= pairs[starts + n].astype(np.uint64) << np.uint64(8 * n)
            known = self._heads.take(np.searchsorted(self._heads, heads), mode="clip") == heads
            found.append(self._likely(content, starts[known], heads[known]))
        return np.concatenate(found)

    def at(self, content: memoryview, start: int) -> Iterator[bytes]:
        """Those that stand at a place, the shortest first."""
        head = _head(content[start:])
        for length in self._lengths.get(head, ()):
            string = content[start : start + length].tobytes()
            if string in self._by_head[head]:
                yield string

    def _likely(self, content: Bytes, starts: Places, heads: npt.NDArray[np.uint64]) -> Places:
        """Those of which more than the head is as it should be, where many have the same one."""
        kept = np.ones(len(starts), dtype=np.bool_)
        for head, times in zip(*np.unique(heads, return_counts=True), strict=True):
            length = self._lengths[int(head)][0]
            if times < _MANY:
                continue
            places = np.flatnonzero(heads == head)
            whole = places[starts[places] + length <= len(content)]
            told = np.array([[*each[:length]] for each in self._by_head[int(head)]], dtype=np.uint8)
            seen = _hashes(content[n + starts[whole]] for n in range(length))
            kept[places] = False
            kept[whole] = np.isin(seen, _hashes(told[:, n] for n in range(length)))
        return starts[kept]


def _head(string: bytes | memoryview) -> int:
    return int.from_bytes(string[:HEAD], "little")


def _hashes(columns: Iterable[Bytes]) -> npt.NDArray[np.uint64]:
    """A number for each row of bytes, given column by column."""
    wide = (column.astype(np.uint64) for column in columns)
    return reduce(lambda found, column: found * _PRIME ^ column, wide)
