"""How programs write a text down, and where one that is written ends."""

from __future__ import annotations

import html
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

BESIDE = 6
"""Characters beside a text that tell whether it goes on: as many as an escaped one has."""
# JSON inside JSON inside JSON, as a log of a request that carries a record has it.
_DEPTH = 3
_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "latin-1", "cp1252")
_ESCAPED = re.compile(r"\\u(?P<unit>[0-9a-fA-F]{4})|%(?P<byte>[0-9a-fA-F]{2})|\\[nrtbfv0]")


def spellings(text: str) -> set[str]:
    """A text as it is, and as JSON, Python, HTML, addresses and CSV write it down."""
    return {*_written(text)}


def encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """A text in those encodings other than UTF-8 that have its letters; each with its name."""
    for encoding in _ENCODINGS:
        with suppress(UnicodeEncodeError):
            yield encoding, text.encode(encoding)


def goes_on(edges: str, before: str, after: str) -> bool:
    """Whether a text is part of a longer word, or its digits of a longer number.

    Args:
        edges: Its first and its last character.
        before: What stands before it: `BESIDE` characters or more, fewer at the beginning.
        after: What stands after it.
    """
    return _joins(edges[0], *_last(before)) or _joins(edges[1], *_first(after))


def _written(text: str) -> Iterator[str]:
    yield text
    for ascii_only in (True, False):
        written = text
        for _ in range(_DEPTH):
            written = json.dumps(written, ensure_ascii=ascii_only)[1:-1]
            yield written
            yield re.sub(r"\\u[0-9a-f]{4}", lambda found: rf"\u{found[0][2:].upper()}", written)
    yield repr(text)[1:-1]
    yield repr(f"{text}\"'")[1:-4]  # with both kinds of quotes it is always set in single ones
    yield ascii(text)[1:-1]
    escaped = html.escape(text)
    yield escaped
    yield html.escape(text, quote=False)
    yield escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")  # as templates have it
    yield quote(text)
    yield quote(text, safe="")
    yield quote_plus(text)
    yield text.replace('"', '""')


def _joins(edge: str, beside: str, beyond: str) -> bool:
    """Whether a text's edge and the character beside it are of one word, or of one number."""
    if not edge.isalnum():
        return False
    return beside.isalnum() or (edge.isdigit() and beside == "." and beyond.isdigit())


def _last(before: str) -> tuple[str, str]:
    """The last character, and the one before it."""
    found = re.search(rf"(?:{_ESCAPED.pattern})\Z", before)
    return (_meant(found), "") if found else (before[-1:], before[-2:-1])


def _first(after: str) -> tuple[str, str]:
    found = _ESCAPED.match(after)
    return (_meant(found), "") if found else (after[:1], after[1:2])


def _meant(found: re.Match[str]) -> str:
    """The character that is written as an escape."""
    digits = found["unit"] or found["byte"]
    return chr(int(digits, 16)) if digits else " "
