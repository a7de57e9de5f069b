"""Which installed packages a model's requirements name, and a folder that holds these alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash=\S+|\s*\\$")


@dataclass(frozen=True)
class Closure:
    """Requirements with all that they need.

    Attributes:
        pinned: How many were named.
        distributions: What is installed of them and of what these need, by name.
        unmet: Why a requirement cannot be met here, one sentence each.
    """

    pinned: int
    distributions: Mapping[str, Distribution]
    unmet: Sequence[str]


def closure_of(lines: Iterable[str]) -> Closure:
    """Find what a `requirements.txt` names among the installed distributions.

    Every line must pin one version, and that version must be installed; so must all that the
    named ones need in turn.
    """
    named, unmet = _read(lines)
    unmet += [said for one in named if (said := _mismatch(one))]
    found: dict[str, Distribution] = {}
    extras: dict[str, set[str]] = {}
    waiting = [(one, "the model") for one in named]
    while waiting:
        one, wanted_by = waiting.pop()
        name = _normal(one.name)
        if name in found and one.extras <= extras[name]:
            continue
        extras.setdefault(name, {""}).update(one.extras)
        try:
            found[name] = distribution(one.name)
        except PackageNotFoundError:
            unmet.append(f"{one.name}, which {wanted_by} needs, is not installed")
            continue
        waiting += [(need, name) for need in _needs(found[name], extras[name])]
    return Closure(len(named), found, sorted(set(unmet)))


def link_packages(distributions: Iterable[Distribution], folder: Path) -> None:
    """Fill a folder with links to what distributions installed, and to nothing else.

    A package is linked as a whole, of a namespace only what is a distribution's own.
    """
    for one in distributions:
        for place in _places(str(file) for file in one.files or ()):
            link = folder / place
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(Path(str(one.locate_file(place))).resolve())


def _read(lines: Iterable[str]) -> tuple[list[Requirement], list[str]]:
    named, unmet = [], []
    for line in lines:
        text = _HASH.sub("", _COMMENT.sub("", line.rstrip())).strip()
        if not text or text.startswith("--hash="):
            continue
        try:
            one = Requirement(text)
        except InvalidRequirement:
            unmet.append(f"{text!r} is no requirement with a pinned version")
            continue
        if one.marker is None or one.marker.evaluate():
            named.append(one)
    return named, unmet


def _mismatch(one: Requirement) -> str | None:
    """Why a named requirement is not met by what is installed; None where it is, or is missing."""
    pins = [
        pin for pin in one.specifier if pin.operator in {"==", "==="} and "*" not in pin.version
    ]
    if not pins:
        return f"{one} names no single version"
    try:
        installed = distribution(one.name).version
    except PackageNotFoundError:
        return None
    if one.specifier.contains(installed, prereleases=True):
        return None
    return f"{one} is pinned, and {installed} is installed"


def _needs(one: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in one.requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
            yield need


def _places(files: Iterable[str]) -> set[str]:
    """The topmost packages among installed files, and the files that are in none."""
    own = [file for file in files if not file.startswith(("..", "/")) and "__pycache__" not in file]
    packages = {file.rpartition("/")[0] for file in own if file.endswith("/__init__.py")}
    return {_topmost(file, packages) for file in own}


def _topmost(file: str, packages: set[str]) -> str:
    parts = file.split("/")
    above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((folder for folder in above if folder in packages), file)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
