"""Where the sections of a definition must agree with each other, with the folder and the files.

The checks look at the file's plain values, not at the typed model, so that a wrong name is reported
together with the wrong types of other sections. What has no sound form is passed over here: the
typed schema has already said so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.definition.learning import (
    ALLOWED_PREFIXES,
    DEFAULT_CANDIDATES,
    METRICS,
    Search,
)
from tradewind.definition.modules import functions_of, module_key, named_modules
from tradewind.definition.problems import at_value, nearest
from tradewind.definition.yaml_lines import Document, KeyPath, Problem

RESERVED = ("prediction_time", "label", "label_known_at", "label_state", "score", "decision")
"""Columns that Tradewind itself puts beside the features."""

_Found = Iterator[tuple[KeyPath, str]]
_DEFAULT_TRIALS = Search().trials
_QUARANTINE = (
    "and its row was there before it: quarantine would take the row out of that past as well. Use "
    "stop or warn, or a repair that sets the value to NULL"
)


@dataclass(frozen=True)
class _File:
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


def disagreements(
    document: Document, files: Mapping[str, str], *, folder: str | None
) -> Iterator[tuple[KeyPath, Problem]]:
    """Find what does not agree.

    Args:
        document: model.yaml, a section at its top.
        files: Text by name, as `FrozenDefinition.files`.
        folder: Name of the model's folder; None where it is not read from a folder.

    Yields:
        The path in the file that each problem is about, and the problem.
    """
    file = _File(document, files, folder)
    for check in _CHECKS:
        for path, said in check(file):
            yield path, at_value(document, path, said)


def _name_is_the_folders(file: _File) -> _Found:
    name = file.text("name")
    if name is not None and file.folder is not None and name != file.folder:
        yield ("name",), f"expected {file.folder!r}, the name of its folder, found {name!r}"


def _sql_is_there(file: _File) -> _Found:
    features = file.section("features")
    name = features.get("sql", "features.sql")
    if not features or not isinstance(name, str):
        return
    path: KeyPath = ("features", "sql") if "sql" in features else ("features",)
    if name not in file.files:
        yield path, f"there is no file {name} beside model.yaml"
    elif not file.files[name].strip():
        yield path, f"{name} is empty: one SELECT is expected in it"


def _features_are_free_names(file: _File) -> _Found:
    for name in file.section("features", "types"):
        if name in RESERVED:
            yield ("features", "types", name), "this name is Tradewind's own: give it another alias"


def _no_name_twice(file: _File) -> _Found:
    lists: list[KeyPath] = [("entity_key",), ("fallback", "by")]
    lists += [("sources", source, "key") for source in file.sources]
    for path in lists:
        counts = Counter(name for _, name in file.names(*path))
        for name in (name for name, count in counts.items() if count > 1):
            yield path, f"{name} is there twice"


def _sources_exist(file: _File) -> _Found:
    for path in file.sections("repair"):
        yield from _one_of(file, (*path, "source"), file.sources, "source")
    for path in file.sections("validate", "expectations"):
        yield from _one_of(file, (*path, "on"), file.sources, "source")
        for name, value in file.section(*path, "args").items():
            if isinstance(value, dict) and value.keys() == {"source", "column"}:
                place = (*path, "args", name, "source")
                yield from _one_of(file, place, file.sources, "source")
    for check in ("volume", "freshness"):
        for path, name in file.names("validate", check, "warn_only"):
            yield from _one_of(file, path, file.sources, "source")
            if name in file.sources and not file.text("sources", name, "time_column"):
                said = f"{name} has no time_column, and its {check} is not looked at: leave it out"
                yield path, said


def _label_has_a_relation(file: _File) -> _Found:
    relations = [*file.sources, *file.late_relations]
    yield from _one_of(file, ("label", "relation"), relations, "source or `<source>_<late>`")
    name = file.text("label", "relation") or ""
    source = file.section("sources", name)
    if source and not source.get("known_at") and not source.get("time_column"):
        said = f"nothing says when a row of {name} becomes known: its source needs a known_at"
        yield ("label", "relation"), said


def _one_of(file: _File, path: KeyPath, names: list[str], what: str) -> _Found:
    name = file.text(*path)
    if name is not None and names and name not in names:
        yield path, f"{name!r} is no {what}{nearest(name, names)}"


def _late_columns_are_apart(file: _File) -> _Found:
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


def _late_moments_are_late(file: _File) -> _Found:
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


def _late_columns(file: _File, source: str) -> set[str]:
    groups = file.section("sources", source, "late")
    return {
        name
        for late in groups
        for _, name in file.names("sources", source, "late", late, "columns")
    }


def _quarantine_spares_the_past(file: _File) -> _Found:
    """A row set aside for what became of it later would be missing before that, too."""
    for path in file.sections("validate", "expectations"):
        if file.text(*path, "severity") != "quarantine":
            continue
        late = _late_columns(file, file.text(*path, "on") or "")
        for place in [(*path, "args", name) for name in file.section(*path, "args")]:
            for name in sorted(late & _named_by(place, file)):
                yield place, f"{name} is a late column, {_QUARANTINE}"


def _named_by(argument: KeyPath, file: _File) -> set[str]:
    """The words of an argument that names columns."""
    if argument[-1] == "row_condition":
        return set(re.findall(r"\w+", str(file.at(*argument))))
    is_column = str(argument[-1]).startswith("column")
    return {name for _, name in file.names(*argument)} if is_column else set()


def _groups_are_features(file: _File) -> _Found:
    features = list(file.section("features", "types"))
    for path, name in file.names("fallback", "by"):
        if features and name not in features:
            yield path, f"{name!r} is no feature{nearest(name, features)}"


def _metrics_exist(file: _File) -> _Found:
    standard = METRICS.get(file.text("problem") or "", ())
    own = list(file.section("metrics", "own"))
    if not standard:
        return
    yield from _one_of(file, ("metrics", "decides"), [*standard, *own], "metric of this model")
    if file.text("metrics", "decides") == "bias":
        yield ("metrics", "decides"), "bias is best at zero, and cannot say which model is better"
    for name in file.section("gates", "threshold"):
        if name not in (*standard, *own):
            said = f"{name!r} is no metric of this model{nearest(name, [*standard, *own])}"
            yield ("gates", "threshold", name), said
    for name in own:
        if any(name in names for names in METRICS.values()):
            yield ("metrics", "own", name), "this name is a metric's that every model has"


def _decisions_are_binary(file: _File) -> _Found:
    if file.text("problem") != "regression":
        return
    if file.at("train", "decision_threshold") is not None:
        yield ("train", "decision_threshold"), "a regression model decides nothing: leave it out"
    if file.at("train", "calibration") is not None:
        said = "only probabilities are calibrated, and a regression model has none: leave it out"
        yield ("train", "calibration"), said
    for name in file.section("metrics", "own"):
        kind = file.text("metrics", "own", name, "kind")
        if kind in {"cost", "capture"}:
            yield ("metrics", "own", name, "kind"), f"`{kind}` is for binary problems"


def _estimators_are_allowed(file: _File) -> _Found:
    for name in file.section("train", "candidates"):
        path = ("train", "candidates", name, "estimator")
        estimator = file.text(*path)
        if estimator is not None and not _is_allowed(estimator):
            allowed = ", ".join(ALLOWED_PREFIXES)
            yield path, f"{estimator!r} is not allowed; expected a class from {allowed}"


def _trials_reach_every_candidate(file: _File) -> _Found:
    declared = file.section("train", "candidates")
    count = len(declared or DEFAULT_CANDIDATES.get(file.text("problem") or "", {}))
    asked = file.at("train", "search", "trials")
    trials = _DEFAULT_TRIALS if asked is None else asked
    if isinstance(trials, int) and 0 < trials < count:
        path: KeyPath = ("train", "candidates") if asked is None else ("train", "search", "trials")
        yield path, f"{trials} trials cannot give each of the {count} candidates one"


def _is_allowed(estimator: str) -> bool:
    words = all(part.isidentifier() for part in estimator.split("."))
    return words and estimator.startswith(ALLOWED_PREFIXES)


def _modules_are_found(file: _File) -> _Found:
    for path, module, function in named_modules(file.document):
        source = file.files.get(module_key(module))
        if source is None:
            yield path, f"there is no module {module} in the model's folder or on Python's path"
            continue
        try:
            functions = functions_of(source)
        except SyntaxError as error:
            yield path, f"{module} is no Python: line {error.lineno}: {error.msg}"
            continue
        if function not in functions:
            yield path, f"{module} has no function {function!r}{nearest(function, functions)}"


def _schedule_is_cron(file: _File) -> _Found:
    expression = file.text("schedule", "train")
    if expression is None:
        return
    # Loaded only where there is a schedule to read.
    from croniter import CroniterError, croniter  # noqa: PLC0415

    try:
        croniter(expression)
    except (CroniterError, ValueError) as error:
        said = str(error).replace(f"[{expression}] ", "")
        yield ("schedule", "train"), f"{expression!r} is no cron expression: {said}"


_CHECKS: tuple[Callable[[_File], _Found], ...] = (
    _name_is_the_folders,
    _sql_is_there,
    _features_are_free_names,
    _no_name_twice,
    _sources_exist,
    _label_has_a_relation,
    _late_columns_are_apart,
    _late_moments_are_late,
    _quarantine_spares_the_past,
    _groups_are_features,
    _metrics_exist,
    _decisions_are_binary,
    _estimators_are_allowed,
    _trials_reach_every_candidate,
    _modules_are_found,
    _schedule_is_cron,
)
