"""Reads YAML into plain values and remembers on which line each of them stands.

What is understood is YAML 1.2's core, where `on`, `no` and `off` are text and a leading zero makes
no octal, and one thing more: `2013-07-01` is a date. Tags, merge keys and keys given twice are
mistakes: each would let a file say something else than a reader sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file down to a value."""

_TAG = "tag:yaml.org,2002:"
_MOST_VALUES = 20_000
_DEEPEST = 50


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file.

    Attributes:
        line: Counted from 1.
        text: What is wrong and what would be right, with the key's path in front.
    """

    line: int
    text: str


@dataclass
class Document:
    """A YAML file as plain values, with the line of every key and value.

    Attributes:
        value: Mappings, lists, text, numbers, booleans, dates, None.
        problems: What YAML itself says against the file, by path; the value is without it.
        key_lines: By path, the line of a key, or of a list's item.
        value_lines: By path, the line where the value begins.
    """

    value: Any = None
    problems: dict[KeyPath, Problem] = field(default_factory=dict)
    key_lines: dict[KeyPath, int] = field(default_factory=dict)
    value_lines: dict[KeyPath, int] = field(default_factory=dict)

    def line_of_key(self, path: KeyPath) -> int:
        """The line of a key; of the nearest section around it where it is not in the file."""
        while path and path not in self.key_lines:
            path = path[:-1]
        return self.key_lines.get(path, 1)

    def line_of(self, path: KeyPath) -> int:
        """The line of a plain value; of its key where the value is a section or a list."""
        return self.value_lines.get(path) or self.line_of_key(path)


class _Core(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """Tells plain scalars apart as YAML 1.2's core schema does, and dates beside them."""

    yaml_implicit_resolvers: dict[str, Any] = {}


_PLAIN = {
    "null": (r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "int": (r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    "float": (
        (
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        "-+.0123456789",
    ),
    "timestamp": (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
}
for _name, (_pattern, _first) in _PLAIN.items():
    _letters = ["" if letter == "\0" else letter for letter in _first]
    _Core.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _letters)


def _integer(text: str) -> int:
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _float(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan") if "n" in text else text)


_READ: dict[str, Callable[[str], Any]] = {
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": _integer,
    _TAG + "float": lambda text: _float(text.lower()),
    _TAG + "timestamp": date.fromisoformat,
    _TAG + "str": str,
}


def read_yaml(text: str) -> Document:
    """Read one YAML document.

    Returns:
        Its value and what is wrong with it; nothing is raised, so that a caller can report the
        mistakes of YAML together with those of what it says.
    """
    try:
        node = yaml.compose(text, Loader=_Core)
    except yaml.YAMLError as error:
        return Document(problems={(): _syntax_problem(error, text)})
    if node is None:
        return Document(problems={(): Problem(1, "the file is empty")})
    reader = _Reader(Document())
    reader.document.value = reader.read(node, ())
    return reader.document


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    words = [getattr(error, "context", None), getattr(error, "problem", None)]
    # What is never closed is noticed at the end of the file, and is wrong where it was opened.
    opened = any(kind in str(words[0]) for kind in ("flow s", "flow m", "quoted"))
    mark = getattr(error, "context_mark" if opened else "problem_mark", None)
    line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", None)) + 1
    said = ", ".join(word for word in words if word) or str(error).splitlines()[0]
    return Problem(line, f"this is no YAML: {said}")


@dataclass
class _Reader:
    """Turns nodes into values and fills the document's lines as it goes."""

    document: Document
    _open: set[int] = field(default_factory=set)
    _count: int = 0

    def read(self, node: Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self._count += 1
        if id(node) in self._open or self._count > _MOST_VALUES or len(path) > _DEEPEST:
            self._complain(line, path, "this value is endless, or nearly: write less")
            return None
        if isinstance(node, ScalarNode):
            self.document.value_lines[path] = line
            return self._scalar(node, path)
        self._open.add(id(node))
        value = self._collection(node, path)
        self._open.discard(id(node))
        return value

    def _collection(self, node: Node, path: KeyPath) -> Any:
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return {key: self.read(value, (*path, key)) for key, value in self._pairs(node, path)}
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            for place, item in enumerate(node.value):
                self.document.key_lines[*path, place] = item.start_mark.line + 1
            return [self.read(item, (*path, place)) for place, item in enumerate(node.value)]
        self._complain_of_tag(node, path)
        return None

    def _pairs(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, Node]]:
        lines = self.document.key_lines
        first: dict[str, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in first:
                said = f"this key is there twice, first on line {first[key]}"
                self._complain(line, (*path, key), said)
                continue
            first[key] = lines[*path, key] = line
            yield key, value

    def _key(self, node: Node, path: KeyPath) -> str | None:
        if not isinstance(node, ScalarNode):
            self._complain(node.start_mark.line + 1, path, "a key is a word, not a section")
            return None
        if node.tag != _TAG + "str" or node.value == "<<":
            said = "this cannot be a key here: a key is text"
            self._complain(node.start_mark.line + 1, (*path, node.value), said)
            return None
        return str(node.value)

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        read = _READ.get(node.tag)
        if read is None:
            self._complain_of_tag(node, path)
            return None
        try:
            return read(node.value)
        except ValueError:
            kind = node.tag.removeprefix(_TAG).replace("timestamp", "date")
            self._complain(node.start_mark.line + 1, path, f"`{node.value}` is no {kind}")
            return None

    def _complain_of_tag(self, node: Node, path: KeyPath) -> None:
        said = f"the tag {node.tag.replace(_TAG, '!!')} is not read here: write the plain value"
        self._complain(node.start_mark.line + 1, path, said)

    def _complain(self, line: int, path: KeyPath, said: str) -> None:
        place = f"{shown_path(path)}: " if path else ""
        self.document.problems.setdefault(path, Problem(line, place + said))


def shown_path(path: KeyPath) -> str:
    """Write a path as people do: `validate.expectations[2].on`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")
