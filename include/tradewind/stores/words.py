"""The words in events: a commitment in the event, and the text beside it, where it can be erased.

A commitment is a hash of the text and of a random salt. The chain covers it with the event, so that
the text cannot be changed without a trace; and once text and salt are gone, nobody can tell from
it what the text was, not even by trying.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from tradewind.stores.marks import ERASED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Texts = dict[str, list[str]]
"""By commitment, the salt and the text."""

TOLD_IN: Final = frozenset(
    {
        "because", "details", "examples", "lines", "note", "override", "problems", "reason",
        "sentence", "title", "value", "values", "why",
    }
)  # fmt: skip
"""Fields of a payload in which a single word, too, is what somebody typed or what rows hold."""
_MARK = "words:"
_COMMITMENT = re.compile(rf"{_MARK}[0-9a-f]{{64}}")
# In PostgreSQL's text of a payload: a whole text, and neither part of one nor the name of a field.
_IN_PAYLOAD = re.compile(rf'"(?<!\\")({_COMMITMENT.pattern})"(?!:)')
_BLANK = re.compile(r"\s")
_SALT_DIGITS = 32
_PAIR = 2


def put_aside(reason: str, payload: Mapping[str, Any]) -> tuple[str, dict[str, Any], Texts]:
    """Take the words out of an event.

    Taken are the reason and, at any depth of the payload, every text that has white space in it,
    stands in one of the fields `TOLD_IN`, or could be taken for a commitment. Identifiers, digests,
    addresses and moments stay: what is decided goes by them. So do the names of fields.

    Returns:
        The reason and the payload with commitments in their place, and what they stand for.
    """
    texts: Texts = {}

    def commit(text: str) -> str:
        salt = secrets.token_hex(_SALT_DIGITS // 2)
        commitment = _commitment(salt, text)
        texts[commitment] = [salt, text]
        return commitment

    def stored(text: str, field: str) -> str:
        told = field in TOLD_IN or _BLANK.search(text) or _COMMITMENT.fullmatch(text)
        return commit(text) if told else text

    return commit(reason), _each_text(dict(payload), stored), texts


def put_back(reason: str, payload: Any, texts: Any) -> tuple[str, Any]:
    """Put the words into an event again; one that is no longer there reads `(erased)`.

    Args:
        reason: As it is stored.
        payload: As it is stored.
        texts: What stands beside the event; None where nothing does.
    """
    kept = texts if isinstance(texts, dict) else {}

    def told(text: str, _: str = "") -> str:
        if not _COMMITMENT.fullmatch(text):
            return text
        pair = _pair(kept.get(text))
        return ERASED if pair is None else pair[1]

    return told(reason), _each_text(payload, told)


def commitments(reason: str, payload: str) -> Iterator[str]:
    """The commitments in an event, from its reason and the text of its payload as stored."""
    if _COMMITMENT.fullmatch(reason):
        yield reason
    yield from _IN_PAYLOAD.findall(payload)


def is_kept(commitment: str, pair: Any) -> bool:
    """Whether what stands beside an event is what the commitment was made for."""
    told = _pair(pair)
    return told is not None and _commitment(*told) == commitment


def text_of(pair: Any) -> str:
    """What stands beside an event, whatever was put there, as JSON: a search sees through that."""
    return json.dumps(pair, ensure_ascii=False)


def bare(commitment: str) -> str:
    """The digest alone, as an event names what was erased: it is no commitment to anything."""
    return commitment.removeprefix(_MARK)


def from_bare(digests: Iterable[str]) -> Iterator[str]:
    """What `bare` was given."""
    return (f"{_MARK}{digest}" for digest in digests)


def _pair(value: Any) -> tuple[str, str] | None:
    """A salt and its text; None where it is something else."""
    if not isinstance(value, list) or len(value) != _PAIR:
        return None
    salt, text = value
    # A salt of another length could be one with the beginning of the text.
    told = isinstance(salt, str) and isinstance(text, str) and len(salt) == _SALT_DIGITS
    return (salt, text) if told else None


def _commitment(salt: str, text: str) -> str:
    return _MARK + hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def _each_text(value: Any, change: Callable[[str, str], str], field: str = "") -> Any:
    """A JSON value with each of its texts changed, given the field that it stands in."""
    if isinstance(value, str):
        return change(value, field)
    if isinstance(value, dict):
        return {name: _each_text(one, change, str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(one, change, field) for one in value]
    return value
