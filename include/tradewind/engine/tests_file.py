"""Reading a model's tests.yaml, and refusing what is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.definition.problems import nearest
from tradewind.definition.yaml_lines import Document, KeyPath, read_yaml
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TESTS_FILE = "tests.yaml"
_TOP = ("columns", "defaults", "tests")
_TEST = ("name", "as_of", "given", "expect", "rows")
_NEEDED = {"name", "as_of", "given"}


@dataclass(frozen=True)
class TestsFile:
    """A sound tests.yaml: plain values, and the line of each."""

    __test__ = False  # nothing for pytest to collect

    document: Document

    @classmethod
    def read(cls, text: str, *, sources: Collection[str]) -> TestsFile:
        """Read a file's text.

        Args:
            text: Of tests.yaml.
            sources: The model's.

        Raises:
            DefinitionError: It is no tests.yaml; every problem has its line.
        """
        document = read_yaml(text)
        problems = [f"{problem.line}: {problem.text}" for problem in document.problems.values()]
        problems = problems or list(_misplaced(document, sources))
        if problems:
            raise DefinitionError([f"{TESTS_FILE}:{problem}" for problem in problems])
        return cls(document)

    @property
    def columns(self) -> dict[str, dict[str, str]]:
        """DuckDB types of the columns that are given, by source."""
        return _columns(self.document)

    @property
    def tests(self) -> list[dict[str, Any]]:
        """The tests as they are written."""
        return list(self.document.value["tests"])

    def rows(self, test: dict[str, Any], source: str) -> list[dict[str, Any]]:
        """The rows of a source that a test gives, filled up with the file's defaults."""
        defaults = (self.document.value.get("defaults") or {}).get(source) or {}
        return [{**defaults, **row} for row in test["given"].get(source) or []]

    def place(self, *path: str | int) -> str:
        """`tests.yaml:12`, the line of something in it."""
        return f"{TESTS_FILE}:{self.line(*path)}"

    def line(self, *path: str | int) -> int:
        """The line of something, counted from 1."""
        return self.document.line_of_key(path)


def _columns(document: Document) -> dict[str, dict[str, str]]:
    return dict(document.value.get("columns") or {})


def _misplaced(document: Document, sources: Collection[str]) -> Iterator[str]:
    top = document.value
    if not isinstance(top, dict) or not isinstance(top.get("tests"), list):
        yield "1: expected `columns`, `defaults` and a list `tests`"
        return
    yield from _unknown(document, (), top, _TOP)
    for section in ("columns", "defaults"):
        for source in (name for name in top.get(section) or {} if name not in sources):
            line = document.line_of_key((section, source))
            yield f"{line}: {source!r} is no source{nearest(source, sources)}"
    for place, test in enumerate(top["tests"]):
        path = ("tests", place)
        if not isinstance(test, dict) or _NEEDED - test.keys():
            yield f"{document.line_of_key(path)}: a test has at least `name`, `as_of` and `given`"
            continue
        yield from _unknown(document, path, test, _TEST)
        for source in (name for name in test["given"] if name not in _columns(document)):
            line = document.line_of_key((*path, "given", source))
            hint = nearest(source, _columns(document))
            yield f"{line}: `columns` says nothing of source {source!r}{hint}"


def _unknown(
    document: Document, path: KeyPath, section: dict[str, Any], known: tuple[str, ...]
) -> Iterator[str]:
    for key in (key for key in section if key not in known):
        line = document.line_of_key((*path, key))
        yield f"{line}: unknown key {key!r}{nearest(key, known)}"
