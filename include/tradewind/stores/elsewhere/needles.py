"""Texts to be searched for, in every spelling in which programs write them down.

What is searched is bytes, and nothing of it is sent anywhere: a server would write what it is asked
for into its own log. Hundreds of spellings are met in one pass, by an automaton over a few
thousand bytes of them; more in one would take it back to trying one after the other. What it meets
is then held against its neighbours: `C-1000` does not stand in `C-10001`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, AnyStr

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.stores.marks import ERASED, LEAST_NEEDLE
from tradewind.stores.spellings import BESIDE, encoded, goes_on, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable

MARGIN = 4 * BESIDE
"""Bytes after a text that must be known before it is told where it ends."""
_AUTOMATON_BYTES = 3_000
Span = tuple[int, int]


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

    def matches(self, values: pa.Array) -> list[bool]:
        """Of each text or bytes of an array, whether one stands in it; not in a null."""
        found = [False] * len(values)
        values = values.cast(pa.large_binary())
        for place in sorted({place for each in self._met(values) for place in each}):
            found[place] = bool(self._spans(values[place].as_py()))
        return found

    def spans(self, content: bytes) -> list[Span]:
        """Where they stand in these bytes, from the first byte to after the last; none overlap."""
        if not any(self._met(pa.array([content], pa.large_binary()))):
            return []
        return self._spans(content)

    def spans_in(self, text: str) -> list[Span]:
        """Where they stand in a text; none overlap."""
        found = [
            (start, start + len(spelling))
            for spelling, edges in self._spelled.items()
            for start in _starts(text, spelling)
            if not goes_on(
                edges,
                text[max(0, start - BESIDE) : start],
                text[start + len(spelling) :][:BESIDE],
            )
        ]
        return _merged(found)

    def taken_out(self, text: str, put: str = ERASED) -> str:
        """The text with `put` in the place of each; the very same where there is none."""
        for start, end in reversed(self.spans_in(text)):
            text = text[:start] + put + text[end:]
        return text

    @cached_property
    def _spelled(self) -> dict[str, str]:
        """Every spelling, with the first and the last character of what it spells."""
        return {each: text[0] + text[-1] for text in self._texts for each in spellings(text)}

    @cached_property
    def _encoded(self) -> dict[bytes, tuple[str, str]]:
        """Every spelling as bytes, with its edges and its encoding."""
        found = {each.encode(): (edges, "utf-8") for each, edges in self._spelled.items()}
        for text in self._texts:
            for encoding, content in encoded(text):
                found.setdefault(content, (text[0] + text[-1], encoding))
        return found

    @cached_property
    def _automata(self) -> list[bytes]:
        groups: list[list[bytes]] = []
        room = 0
        for content in self._encoded:
            if len(content) > room:
                groups.append([])
                room = _AUTOMATON_BYTES
            groups[-1].append(b"".join(b"\\x%02x" % byte for byte in content))
            room -= len(content)
        return [b"|".join(group) for group in groups]

    def _met(self, values: pa.Array) -> list[list[int]]:
        """Which values hold a spelling, whatever is beside it; one list an automaton."""
        found = [pc.match_substring_regex(values, pattern=each) for each in self._automata]
        places = [pc.indices_nonzero(pc.fill_null(each, False)).to_pylist() for each in found]  # noqa: FBT003 -- the value
        return [each for each in places if each]

    def _spans(self, content: bytes) -> list[Span]:
        found = []
        for spelling, (edges, encoding) in self._encoded.items():
            beside = BESIDE * (4 if encoding == "utf-32-le" else 2)
            for start in _starts(content, spelling):
                end = start + len(spelling)
                before = content[max(0, start - beside) : start].decode(encoding, "replace")
                after = content[end : end + beside].decode(encoding, "replace")
                if not goes_on(edges, before, after):
                    found.append((start, end))
        return _merged(found)


def _starts(content: AnyStr, spelling: AnyStr) -> list[int]:
    found = [content.find(spelling)]
    while found[-1] >= 0:
        found.append(content.find(spelling, found[-1] + 1))
    return found[:-1]


def _merged(spans: list[Span]) -> list[Span]:
    """Spans that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
