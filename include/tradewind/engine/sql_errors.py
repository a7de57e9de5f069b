"""What DuckDB says against a query, as a line number and a sentence with the nearest right name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LINE = re.compile(r"\n\s*LINE (\d+):")
_COLUMN = re.compile(r'(?:Referenced column|does not have a column named) "(?P<name>[^"]+)"')
_RELATION = re.compile(r"Table with name (?P<name>\S+) does not exist")
_CANDIDATES = re.compile(r"Candidate bindings:[: ]*(?P<names>.*)")
_KIND = re.compile(r"^(?:[A-Z]\w+ )+Error: ")


@dataclass(frozen=True)
class Names:
    """What SQL may name, to say what was meant.

    Attributes:
        relations: Every relation there is.
        columns: Every column of any of them.
        elsewhere: Where to find a column that a source does not show in its own relation.
        dropped: Personal columns, which no relation shows.
    """

    relations: Iterable[str]
    columns: Iterable[str]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    dropped: Iterable[str] = ()


@dataclass(frozen=True)
class Explained:
    """An error of DuckDB's, for a person.

    Attributes:
        line: Of the query, from 1.
        text: What is wrong there.
    """

    line: int
    text: str


def explained(error: Exception, names: Names) -> Explained:
    """Read an error of DuckDB's; it says a line where the query was executed, not only bound."""
    text = str(error)
    line = _LINE.search(text)
    return Explained(int(line[1]) if line else 1, _sentence(text, names))


def _sentence(text: str, names: Names) -> str:
    if found := _RELATION.search(text):
        relation = found["name"].strip('"')
        return f"there is no relation {relation!r}{nearest(relation, names.relations)}"
    if found := _COLUMN.search(text):
        return _missing_column(found["name"], text, names)
    said = text.partition("\n\nLINE")[0].partition("Candidate functions:")[0]
    return _KIND.sub("", " ".join(said.split()))


def _missing_column(column: str, text: str, names: Names) -> str:
    if column in names.elsewhere:
        relation = names.elsewhere[column]
        return f"there is no column {column!r} here: it becomes known later, in {relation}"
    if column in names.dropped:
        return f"there is no column {column!r} here: it is personal, and dropped at ingestion"
    offered = _CANDIDATES.search(text)
    near = (
        [each.rpartition(".")[2] for each in re.findall(r'"([^"]+)"', offered["names"])]
        if (offered)
        else []
    )
    return f"there is no column {column!r}{nearest(column, [*near, *names.columns])}"
