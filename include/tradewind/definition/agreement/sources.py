"""What speaks of sources and their columns must speak of those that are declared."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tradewind.definition.agreement.file import one_of

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

_QUARANTINE = (
    "and its row was there before it: quarantine would take the row out of that past as well. Use "
    "stop or warn, or a repair that sets the value to NULL"
)


def _no_name_twice(file: File) -> Found:
    lists: list[KeyPath] = [("entity_key",), ("fallback", "by")]
    lists += [("sources", source, "key") for source in file.sources]
    for path in lists:
        counts = Counter(name for _, name in file.names(*path))
        for name in (name for name, count in counts.items() if count > 1):
            yield path, f"{name} is there twice"


def _sources_exist(file: File) -> Found:
    for path in file.sections("repair"):
        yield from one_of(file, (*path, "source"), file.sources, "source")
    for path in file.sections("validate", "expectations"):
        yield from one_of(file, (*path, "on"), file.sources, "source")
        for name, value in file.section(*path, "args").items():
            if isinstance(value, dict) and value.keys() == {"source", "column"}:
                place = (*path, "args", name, "source")
                yield from one_of(file, place, file.sources, "source")
    for check in ("volume", "freshness"):
        for path, name in file.names("validate", check, "warn_only"):
            yield from one_of(file, path, file.sources, "source")
            if name in file.sources and not file.text("sources", name, "time_column"):
                said = f"{name} has no time_column, and its {check} is not looked at: leave it out"
                yield path, said


def _label_has_a_relation(file: File) -> Found:
    relations = [*file.sources, *file.late_relations]
    yield from one_of(file, ("label", "relation"), relations, "source or `<source>_<late>`")
    name = file.text("label", "relation") or ""
    source = file.section("sources", name)
    if source and not source.get("known_at") and not source.get("time_column"):
        said = f"nothing says when a row of {name} becomes known: its source needs a known_at"
        yield ("label", "relation"), said


def _late_columns_are_apart(file: File) -> Found:
    for source in file.sources:
        at = ("sources", source)
        kept = {name: "part of the source's key" for _, name in file.names(*at, "key")}
        kept |= {name: "the time column" for name in [file.text(*at, "time_column")] if name}
        seen: dict[str, str] = {}
        for late in file.section(*at, "late"):
            if f"{source}_{late}" in file.sources:
                said = f"its relation {source}_{late} has the name of a source"
                yield (*at, "late", late), said
            for path, name in file.names(*at, "late", late, "columns"):
                if name in kept or name in seen:
                    yield path, f"{name} is {kept.get(name) or seen[name]}, and cannot be late"
                seen[name] = f"among the columns of {late} already"


def _late_moments_are_late(file: File) -> Found:
    """A column that says when others became known was not known before it either."""
    for source in file.sources:
        at = ("sources", source)
        kept = {name for _, name in file.names(*at, "key")} | {file.text(*at, "time_column")}
        late = _late_columns(file, source)
        for group in file.section(*at, "late"):
            path = (*at, "late", group, "known_at")
            name = (file.text(*path) or "").strip().strip('"')
            if name.isidentifier() and name not in kept | late:
                said = (
                    f"{name} would be seen with the row, before its own time: add it to `columns`"
                )
                yield path, said


def _late_columns(file: File, source: str) -> set[str]:
    groups = file.section("sources", source, "late")
    return {
        name
        for late in groups
        for _, name in file.names("sources", source, "late", late, "columns")
    }


def _quarantine_spares_the_past(file: File) -> Found:
    """A row set aside for what became of it later would be missing before that, too."""
    for path in file.sections("validate", "expectations"):
        if file.text(*path, "severity") != "quarantine":
            continue
        late = _late_columns(file, file.text(*path, "on") or "")
        for place in [(*path, "args", name) for name in file.section(*path, "args")]:
            for name in sorted(late & _named_by(place, file)):
                yield place, f"{name} is a late column, {_QUARANTINE}"


def _named_by(argument: KeyPath, file: File) -> set[str]:
    """The words of an argument that names columns."""
    if argument[-1] == "row_condition":
        return set(re.findall(r"\w+", str(file.at(*argument))))
    is_column = str(argument[-1]).startswith("column")
    return {name for _, name in file.names(*argument)} if is_column else set()


CHECKS: Checks = (
    _no_name_twice,
    _sources_exist,
    _label_has_a_relation,
    _late_columns_are_apart,
    _late_moments_are_late,
    _quarantine_spares_the_past,
)
