"""Words of people and of data in Markdown: they are shown, and format nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMATS = re.compile(r"([\\`*_\[\]<>|#~])")
# What would begin a list or a heading, at the start of a line.
_BEGINS = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")
# A word in backticks that holds nothing but what names are made of.
_NAMES = re.compile(r"(`[\w.,:/@ =()+\"-]+`)")


def plain(text: str) -> str:
    """Words on one line that format nothing."""
    return _escaped(" ".join(text.split()))


def with_names(text: str) -> str:
    """As `plain`, but names in backticks (`gates.fairness`) stay names."""
    parts = _NAMES.split(" ".join(text.split()))
    # Every other part is a name: what the pattern caught lies between what it did not.
    told = [part if place % 2 else _escaped(part) for place, part in enumerate(parts)]
    return _BEGINS.sub(r"\1\\\2", "".join(told))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells, already plain, as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    return _FORMATS.sub(r"\\\1", text)
