"""What a model is expected to do must be about its features, with values that these can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

_GATE = ("gates", "behaviour")
_CHANGING = ("invariance", "direction")
_KINDS = (*_CHANGING, "minimum")
_NEVER = "a probability is between 0 and 1: this can never fail"
_WRITTEN = {"numeric": "a number", "categorical": "text", "boolean": "true or false"}


def _expectations_are_about_features(file: File) -> Found:
    features = list(file.section("features", "types"))
    for path, name in _named(file):
        if features and name not in features:
            yield path, f"{name!r} is no feature{nearest(name, features)}"


def _only_numbers_are_raised(file: File) -> Found:
    for kind in _CHANGING:
        for path in file.sections(*_GATE, kind):
            name = file.text(*path, "feature")
            found = _type(file, name)
            if file.at(*path, "by") is not None and found not in {None, "numeric"}:
                yield (*path, "by"), f"{name} is {found}: only to a number something is added"


def _limits_are_of_numbers(file: File) -> Found:
    for path, name in _restricted(file):
        found = _type(file, name)
        for end in ("at_least", "at_most"):
            if file.at(*path, end) is not None and found not in {None, "numeric"}:
                yield (*path, end), f"{name} is {found}: say `one_of` instead"


def _values_are_of_the_features_type(file: File) -> Found:
    for path, name, value in _values(file):
        found = _type(file, name)
        if found is not None and not _may_be(value, found):
            yield path, f"{name} is {found}: {_WRITTEN[found]} is expected, not {value!r}"


def _probabilities_can_fail(file: File) -> Found:
    """Say of an expectation of a probability that nothing could ever break it."""
    if file.text("problem") != "binary":
        return
    for kind, key in (("invariance", "within"), ("direction", "tolerance"), ("minimum", "at_most")):
        for path in file.sections(*_GATE, kind):
            value = file.at(*path, key)
            if isinstance(value, int | float) and value >= 1:
                yield (*path, key), _NEVER
    for path in file.sections(*_GATE, "minimum"):
        value = file.at(*path, "at_least")
        if isinstance(value, int | float) and value <= 0:
            yield (*path, "at_least"), _NEVER


def _named(file: File) -> Iterator[tuple[KeyPath, str]]:
    """Every name of a feature, with its place."""
    for kind in _CHANGING:
        for path in file.sections(*_GATE, kind):
            name = file.text(*path, "feature")
            if name is not None:
                yield (*path, "feature"), name
    yield from _restricted(file)
    for path in file.sections(*_GATE, "minimum"):
        yield from (((*path, "given", name), name) for name in file.section(*path, "given"))


def _restricted(file: File) -> Iterator[tuple[KeyPath, str]]:
    """Every feature that a `where` is about, with its place."""
    for kind in _KINDS:
        for path in file.sections(*_GATE, kind):
            yield from (((*path, "where", name), name) for name in file.section(*path, "where"))


def _values(file: File) -> Iterator[tuple[KeyPath, str, Any]]:
    """Every value that a feature is to have, with its place and the feature's name."""
    for path in file.sections(*_GATE, "invariance"):
        name = file.text(*path, "feature")
        if name is not None:
            yield from ((place, name, value) for place, value in _listed(file, (*path, "to")))
    for path, name in _restricted(file):
        yield from ((place, name, value) for place, value in _listed(file, (*path, "one_of")))
    for path in file.sections(*_GATE, "minimum"):
        for name, value in file.section(*path, "given").items():
            yield (*path, "given", name), name, value


def _listed(file: File, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    values = file.at(*path)
    if isinstance(values, list):
        yield from (((*path, place), value) for place, value in enumerate(values))


def _type(file: File, name: str | None) -> str | None:
    """How a feature is read; None where it is none, or of no sound type."""
    found = file.section("features", "types").get(name or "")
    return found if found in _WRITTEN else None


def _may_be(value: Any, kind: str) -> bool:
    if kind == "numeric":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str if kind == "categorical" else bool)


CHECKS: Checks = (
    _expectations_are_about_features,
    _only_numbers_are_raised,
    _limits_are_of_numbers,
    _values_are_of_the_features_type,
    _probabilities_can_fail,
)
