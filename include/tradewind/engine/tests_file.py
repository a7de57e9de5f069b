"""Reading a model's tests.yaml, and refusing what is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.definition.frozen import TESTS_FILE
from tradewind.definition.problems import nearest, shown
from tradewind.definition.yaml_lines import Document, KeyPath, read_yaml
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    Found = Iterator[tuple[KeyPath, str]]

_TOP = ("columns", "defaults", "tests")
_TEST = ("name", "as_of", "given", "expect", "rows")
_NEEDED = {"name", "as_of", "given"}


@dataclass(frozen=True)
class TestsFile:
    """A sound tests.yaml: plain values, and the line of each."""

    __test__ = False  # nothing for pytest to collect

    document: Document
    where: str

    @classmethod
    def read(cls, text: str, *, sources: Collection[str], where: str) -> TestsFile:
        """Read a file's text.

        Args:
            text: Of tests.yaml.
            sources: The model's.
            where: The folder, as messages show it.

        Raises:
            DefinitionError: It is no tests.yaml; every problem has its line.
        """
        file = cls(read_yaml(text), where)
        problems = file.document.problems.values()
        if problems:
            lines = [f"{where}/{TESTS_FILE}:{problem.line}: {problem.text}" for problem in problems]
            raise DefinitionError(lines)
        file.refuse(_misplaced(file.document.value, sources))
        return file

    def refuse(self, found: Found) -> None:
        """Raise what was found, if anything was: each with its line.

        Raises:
            DefinitionError: Something was found.
        """
        lines = [f"{self.place(*path)}: {said}" for path, said in found]
        if lines:
            raise DefinitionError(lines)

    @property
    def columns(self) -> dict[str, dict[str, str]]:
        """DuckDB types of the columns that are given, by source."""
        return dict(self.document.value.get("columns") or {})

    @property
    def tests(self) -> list[dict[str, Any]]:
        """The tests as they are written."""
        return list(self.document.value["tests"])

    def stated(self) -> set[str]:
        """The columns of which some test says a value: that one is NULL tells of no computation."""
        expected = [row for test in self.tests for row in test.get("expect") or []]
        return {name for row in expected for name, value in row.items() if value is not None}

    def rows(self, test: dict[str, Any], source: str) -> list[dict[str, Any]]:
        """The rows of a source that a test gives, filled up with the file's defaults."""
        defaults = (self.document.value.get("defaults") or {}).get(source) or {}
        return [{**defaults, **row} for row in test["given"].get(source) or []]

    def place(self, *path: str | int) -> str:
        """`config/models/late/tests.yaml:12`, the line of something in it."""
        return f"{self.where}/{TESTS_FILE}:{self.line(*path)}"

    def line(self, *path: str | int) -> int:
        """The line of something, counted from 1."""
        return self.document.line_of_key(path)


def _misplaced(top: Any, sources: Collection[str]) -> Found:
    if not isinstance(top, dict) or not isinstance(top.get("tests"), list):
        yield (), "expected `columns`, `defaults` and a list `tests`"
        return
    yield from _unknown((), top, _TOP)
    for section in ("columns", "defaults"):
        yield from _by_source((section,), top.get(section), sources)
    columns = _section(top.get("columns"))
    for source, kinds in columns.items():
        for name, kind in _section(kinds).items():
            if not isinstance(kind, str):
                yield ("columns", source, name), f"expected a DuckDB type, found {shown(kind)}"
    if not top["tests"]:
        yield ("tests",), "expected at least one test, found none"
    for place, test in enumerate(top["tests"]):
        yield from _in_test(("tests", place), test, columns)


def _by_source(path: KeyPath, value: Any, sources: Collection[str]) -> Found:
    if value is not None and not isinstance(value, dict):
        yield path, f"expected a section by source, found {shown(value)}"
    for source, part in _section(value).items():
        if source not in sources:
            yield (*path, source), f"{source!r} is no source{nearest(source, sources)}"
        elif not isinstance(part, dict):
            yield (*path, source), f"expected a section by column, found {shown(part)}"


def _in_test(path: KeyPath, test: Any, columns: Collection[str]) -> Found:
    if not isinstance(test, dict) or _NEEDED - test.keys():
        yield path, "a test has at least `name`, `as_of` and `given`"
        return
    yield from _unknown(path, test, _TEST)
    yield from _given((*path, "given"), test["given"], columns)
    rows, expected = test.get("rows", 0), test.get("expect", [])
    if not expected and "rows" not in test:
        yield path, "this test expects nothing: say `expect`, `rows` or both"
    yield from _rows((*path, "expect"), expected)
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
        yield (*path, "rows"), f"expected how many rows there must be, found {shown(rows)}"


def _given(path: KeyPath, given: Any, columns: Collection[str]) -> Found:
    if not isinstance(given, dict):
        yield path, f"expected lists of rows by source, found {shown(given)}"
    for source, rows in _section(given).items():
        if source in columns:
            yield from _rows((*path, source), rows)
        else:
            said = f"`columns` says nothing of source {source!r}{nearest(source, columns)}"
            yield (*path, source), said


def _rows(path: KeyPath, rows: Any) -> Found:
    if not isinstance(rows, list):
        yield path, f"expected a list of rows, found {shown(rows)}"
        return
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            yield (*path, place), f"expected a row by column, found {shown(row)}"


def _unknown(path: KeyPath, section: dict[str, Any], known: tuple[str, ...]) -> Found:
    for key in (key for key in section if key not in known):
        yield (*path, key), f"unknown key {key!r}{nearest(key, known)}"


def _section(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
