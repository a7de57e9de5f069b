"""What the checks of agreement look at: the plain values of a definition, sound or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.definition.problems import nearest
from tradewind.definition.yaml_lines import Document, KeyPath

Found = Iterator[tuple[KeyPath, str]]


@dataclass(frozen=True)
class File:
    """What the checks look at."""

    document: Document
    files: Mapping[str, str]
    folder: str | None

    def section(self, *path: str | int) -> dict[str, Any]:
        """A section, empty where there is none."""
        value = self.at(*path)
        return value if isinstance(value, dict) else {}

    def text(self, *path: str | int) -> str | None:
        """A text, where there is one."""
        value = self.at(*path)
        return value if isinstance(value, str) else None

    def names(self, *path: str | int) -> list[tuple[KeyPath, str]]:
        """Names in a list, or the one that stands for a list, each with its place."""
        value = self.at(*path)
        if isinstance(value, str):
            return [(path, value)]
        items = value if isinstance(value, list) else []
        return [((*path, i), item) for i, item in enumerate(items) if isinstance(item, str)]

    def sections(self, *path: str | int) -> list[KeyPath]:
        """The places of a list's items that are sections."""
        value = self.at(*path)
        items = value if isinstance(value, list) else []
        return [(*path, i) for i, item in enumerate(items) if isinstance(item, dict)]

    def at(self, *path: str | int) -> Any:
        """Whatever stands there, or None."""
        value = self.document.value
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    @property
    def sources(self) -> list[str]:
        """Names of the declared sources."""
        return list(self.section("sources"))

    @property
    def late_relations(self) -> list[str]:
        """`<source>_<late name>` of every group of late columns."""
        return [
            f"{source}_{late}"
            for source in self.sources
            for late in self.section("sources", source, "late")
        ]


Checks = tuple[Callable[[File], Found], ...]


def one_of(file: File, path: KeyPath, names: list[str], what: str) -> Found:
    """Find a name that is none of those there are; nothing where there are none to choose from."""
    name = file.text(*path)
    if name is not None and names and name not in names:
        yield path, f"{name!r} is no {what}{nearest(name, names)}"
