"""Patterns of keys and paths: which object holds which day."""

from __future__ import annotations

import re
from datetime import date

from tradewind.errors import UnreadableFileError

_FIELDS = {"date": r"\d{4}-\d{2}-\d{2}", "year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}"}
_TOKEN = re.compile(r"\{(?P<field>[^{}]*)\}|(?P<star>\*)")


class KeyPattern:
    """`{date}`, or `{year}`, `{month}` and `{day}`, where the day stands; `*` for anything but `/`.

    Args:
        text: The pattern, as the definition's schema lets it through.

    Attributes:
        prefix: What every matching key begins with.
        dated: Whether keys tell their day.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        first = _TOKEN.search(text)
        self.prefix = text[: first.start()] if first else text
        self.dated = "{" in text
        self._expression = re.compile(_expression(text))

    def match(self, key: str) -> tuple[date | None] | None:
        """The day of a key (None inside for a pattern without one); None when it does not match.

        Raises:
            UnreadableFileError: The key matches, and its day is none of the calendar.
        """
        match = self._expression.fullmatch(key)
        if match is None:
            return None
        if not self.dated:
            return (None,)
        found = match.groupdict()
        text = found.get("date") or "-".join(found[part] for part in ("year", "month", "day"))
        try:
            return (date.fromisoformat(text),)
        except ValueError as error:
            raise UnreadableFileError(
                f"{key}: {text} is no day of the calendar: rename the file, or narrow the pattern "
                f"{self._text!r}"
            ) from error


def _expression(text: str) -> str:
    parts, seen, end = [], set(), 0
    for match in _TOKEN.finditer(text):
        parts.append(re.escape(text[end : match.start()]))
        field, end = match["field"], match.end()
        if field is None:
            parts.append("[^/]*")
        elif field in seen:
            parts.append(f"(?P={field})")
        else:
            parts.append(f"(?P<{field}>{_FIELDS[field]})")
            seen.add(field)
    return "".join([*parts, re.escape(text[end:])])
