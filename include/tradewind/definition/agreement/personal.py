"""What is dropped is used by nothing, what is hashed by nothing that computes; whose rows are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

_NAME = re.compile(r"'(?:[^']|'')*'|\w+")
"""A text in SQL, or a word outside one."""


def _dropped_columns_are_not_used(file: File) -> Found:
    for source in file.sources:
        dropped = _taken_in(file, source, "drop")
        for path, name in _uses(file, source):
            if name in dropped:
                yield path, f"{name} is personal, and dropped: leave it out here, or hash it"


def _hashed_columns_say_no_time(file: File) -> Found:
    for source in file.sources:
        hashed = _taken_in(file, source, "hash")
        for path, name in _moments(file, source):
            if name in hashed:
                yield path, f"{name} is personal, and hashed: no moment can be told of it"


def _personal_column_tells_no_change(file: File) -> Found:
    for source in file.sources:
        path = ("sources", source, "updated_column")
        if file.text(*path) in file.section("sources", source, "personal"):
            yield path, "a change token is stored: a personal column cannot be one"


def _keys_are_whose_they_seem(file: File) -> Found:
    """A person's rows are found by a column's name, whichever source it is of."""
    named = {
        name.casefold(): (kind, source)
        for source in file.sources
        for kind, name in _subjects(file, source).items()
    }
    for source in file.sources:
        own = {name.casefold() for name in _subjects(file, source).values()}
        for path, name in file.names("sources", source, "key"):
            if name.casefold() in named.keys() - own:
                kind, other = named[name.casefold()]
                yield (
                    path,
                    (
                        f"{name} names a {kind} in {other}, and rows of this source would be "
                        f"erased with theirs: say `subjects: {{{kind}: {name}}}` here too; or, if "
                        "it is something else, call it otherwise, as a view can"
                    ),
                )


def _subjects(file: File, source: str) -> dict[str, str]:
    found = file.section("sources", source, "subjects")
    return {str(kind): name for kind, name in found.items() if isinstance(name, str)}


def _taken_in(file: File, source: str, ingest: str) -> set[str]:
    at = ("sources", source, "personal")
    return {
        name
        for name in file.section(*at)
        if ingest in (file.text(*at, name), file.text(*at, name, "ingest"))
    }


def _uses(file: File, source: str) -> Iterator[tuple[KeyPath, str]]:
    """The columns of a source that model.yaml names, each with its place."""
    at = ("sources", source)
    yield from file.names(*at, "key")
    for kind in file.section(*at, "subjects"):
        yield from file.names(*at, "subjects", kind)
    yield from ((((*at, "types", name)), name) for name in file.section(*at, "types"))
    yield from _moments(file, source)
    for late in file.section(*at, "late"):
        yield from file.names(*at, "late", late, "columns")
    if (file.text("label", "relation") or "") in _relations(file, source):
        yield from _words(file, "label", "expression")
    for path in file.sections("repair"):
        if file.text(*path, "source") == source:
            yield from file.names(*path, "column")
            yield from _words(file, *path, "when")
            yield from _words(file, *path, "set")
    yield from _expected(file, source)


def _moments(file: File, source: str) -> Iterator[tuple[KeyPath, str]]:
    at = ("sources", source)
    yield from file.names(*at, "time_column")
    yield from _words(file, *at, "known_at")
    for late in file.section(*at, "late"):
        yield from _words(file, *at, "late", late, "known_at")


def _expected(file: File, source: str) -> Iterator[tuple[KeyPath, str]]:
    for path in file.sections("validate", "expectations"):
        looks_at_it = file.text(*path, "on") == source
        for name, value in file.section(*path, "args").items():
            place = (*path, "args", name)
            if looks_at_it and name == "row_condition":
                yield from _words(file, *place)
            elif looks_at_it and str(name).startswith("column"):
                yield from file.names(*place)
            elif isinstance(value, dict) and value.get("source") == source:
                yield from file.names(*place, "column")


def _relations(file: File, source: str) -> list[str]:
    return [source, *(f"{source}_{late}" for late in file.section("sources", source, "late"))]


def _words(file: File, *path: str | int) -> Iterator[tuple[KeyPath, str]]:
    """The words of an expression, each once; what stands in it as a text is none."""
    found = _NAME.findall(file.text(*path) or "")
    yield from ((path, word) for word in dict.fromkeys(found) if not word.startswith("'"))


CHECKS: Checks = (
    _dropped_columns_are_not_used,
    _hashed_columns_say_no_time,
    _personal_column_tells_no_change,
    _keys_are_whose_they_seem,
)
