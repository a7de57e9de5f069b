"""What changed between two definitions: keys of model.yaml, gates first, and files beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from tradewind.definition.frozen import MODEL_FILE
from tradewind.definition.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A loosened threshold is a decision too: what keeps a candidate back comes before what it learns.
_FIRST = ("gates", "risk_tier", "promotion", "acceptance", "harm_review")


@dataclass(frozen=True)
class Change:
    """One thing that is said otherwise.

    Attributes:
        key: The dotted key; of a file its name.
        before: What was said; None where nothing was, and the default held. None for a file.
        now: What is said; None likewise. For a file the lines that differ, as `diff -u` shows them.
    """

    key: str
    before: str | None
    now: str | None


def changed_keys(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """Every key of model.yaml that is said otherwise, what the gates ask first.

    Args:
        before: A definition's text by file name.
        now: Another one's.
    """
    old, new = (dict(_leaves(read_yaml(files[MODEL_FILE]).value)) for files in (before, now))
    keys = [key for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key)]
    changes = [Change(key, old.get(key), new.get(key)) for key in keys]
    return sorted(changes, key=lambda change: _rank(change.key))


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """Every file beside model.yaml whose text differs: the SQL, and modules that are named."""
    names = [name for name in dict.fromkeys([*now, *before]) if name != MODEL_FILE]
    return [
        Change(name, None, _difference(before.get(name, ""), now.get(name, "")))
        for name in names
        if before.get(name) != now.get(name)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys with what they say, in the order of the file."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        said = value if isinstance(value, str) else json.dumps(value, default=str)
        yield path, said


def _rank(key: str) -> int:
    section = key.partition(".")[0]
    return _FIRST.index(section) if section in _FIRST else len(_FIRST)


def _difference(before: str, now: str) -> str:
    lines = unified_diff(before.splitlines(), now.splitlines(), "before", "now", lineterm="", n=2)
    return "\n".join(lines)
