"""Texts to be searched for, in every spelling in which programs write them down.

What is searched is bytes, and nothing of it is sent anywhere: a server would write what it is asked
for into its own log. Thousands of spellings are met in one pass. What is met is then held against
its neighbours: `C-1000` does not stand in `C-10001`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.stores.head_index import HeadIndex
from tradewind.stores.marks import ERASED, LEAST_NEEDLE
from tradewind.stores.spellings import BESIDE, encoded, goes_on, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARGIN = 4 * BESIDE
"""Bytes after a text that must be known before it is told where it ends."""
_UTF_8 = "utf-8"
Span = tuple[int, int]
_Standing = tuple[int, int, str]


class Needles:
    """Texts of a subject, found in bytes, text and columns, and taken out of text.

    Args:
        texts: Each of `LEAST_NEEDLE` characters or more.

    Raises:
        ValueError: One is shorter: it would be found, and taken out, everywhere.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = frozenset(texts)
        if any(len(text) < LEAST_NEEDLE for text in self._texts):
            raise ValueError(
                f"what is searched for in bytes must have {LEAST_NEEDLE} characters or more"
            )

    @cached_property
    def reach(self) -> int:
        """Bytes that must be looked at together: the longest spelling, and what is beside it."""
        return max((len(content) for content in self._encoded), default=0) + 2 * MARGIN

    @cached_property
    def numbers(self) -> list[str]:
        """Those that are whole numbers, which columns of numbers may hold."""
        return [text for text in self._texts if re.fullmatch(r"-?[1-9]\d*", text)]

    def are(self, text: str) -> bool:
        """Whether a text is one of them and nothing else."""
        return text in self._texts

    def among(self, values: pa.Array) -> npt.NDArray[np.bool_]:
        """Tell of each text, or each value of bytes, whether one stands in it; not in a null."""
        found = np.zeros(len(values), dtype=np.bool_)
        wide = values.cast(pa.large_binary())
        _, places, content = wide.buffers()
        if not len(wide):
            return found  # some who write columns tell no place then
        ends = np.frombuffer(places, dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
        told = memoryview(content)[ends[0] : ends[-1]]
        ends = ends - ends[0]
        starts = self._index.starts(np.frombuffer(told, dtype=np.uint8))
        rows = np.searchsorted(ends, starts, side="right") - 1
        for start, row in zip(starts.tolist(), rows.tolist(), strict=True):
            if not found[row]:
                low, high = int(ends[row]), int(ends[row + 1])
                found[row] = any(self._standing(told[low:high], start - low))
        found &= np.asarray(wide.is_valid())
        return found

    def spans(self, content: bytes) -> list[Span]:
        """Where they stand in these bytes, from the first byte to after the last; none overlap."""
        return _merged((start, end) for start, end, _ in self._found(content))

    def spans_in(self, text: str) -> list[Span]:
        """Where they stand in a text, counted in bytes of UTF-8; none overlap."""
        found = self._found(_utf_8(text))
        return _merged((start, end) for start, end, encoding in found if encoding == _UTF_8)

    def taken_out(self, text: str, put: str = ERASED) -> str:
        """The text with `put` in the place of each; the very same where there is none."""
        spans = self.spans_in(text)
        if not spans:
            return text
        left = bytearray(_utf_8(text))
        for start, end in reversed(spans):
            left[start:end] = put.encode()
        return left.decode(_UTF_8, "surrogatepass")

    @cached_property
    def _encoded(self) -> dict[bytes, tuple[str, str]]:
        """Every spelling as bytes: the first and last character of what it spells, its encoding."""
        edges = {each: text[0] + text[-1] for text in self._texts for each in spellings(text)}
        found = {each.encode(): (own, _UTF_8) for each, own in edges.items()}
        for text in self._texts:
            for encoding, content in encoded(text):
                found.setdefault(content, (text[0] + text[-1], encoding))
        return found

    @cached_property
    def _index(self) -> HeadIndex:
        return HeadIndex(self._encoded)

    def _found(self, content: bytes) -> Iterator[_Standing]:
        view = memoryview(content)
        for start in self._index.starts(np.frombuffer(content, dtype=np.uint8)).tolist():
            yield from self._standing(view, start)

    def _standing(self, content: memoryview, start: int) -> Iterator[_Standing]:
        """Those that stand at a place as words of their own."""
        for spelling in self._index.at(content, start):
            edges, encoding = self._encoded[spelling]
            end = start + len(spelling)
            before = str(content[max(0, start - MARGIN) : start], encoding, "replace")
            after = str(content[end : end + MARGIN], encoding, "replace")
            if not goes_on(edges, before, after):
                yield start, end, encoding


def _utf_8(text: str) -> bytes:
    # What JSON escapes, and what a folder calls a file, may be half a character.
    return text.encode(_UTF_8, "surrogatepass")


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
