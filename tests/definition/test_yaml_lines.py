"""YAML is read as its core schema says, with the line of everything in it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.definition.yaml_lines import read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: off", {"on": "off"}),
        ("yes: no", {"yes": "no"}),
        ("n: y", {"n": "y"}),
        ("a: true", {"a": True}),
        ("a: FALSE", {"a": False}),
        ("a: 0755", {"a": 755}),
        ("a: 0o17", {"a": 15}),
        ("a: 0x1F", {"a": 31}),
        ("a: 12:30:00", {"a": "12:30:00"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .inf", {"a": float("inf")}),
        ("a: '5'", {"a": "5"}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: 2013-07-01", {"a": date(2013, 7, 1)}),
        ("a: '2013-07-01'", {"a": "2013-07-01"}),
        ("a: 2013-07-01T00:00:00", {"a": "2013-07-01T00:00:00"}),
        ("a: &one [1]\nb: *one", {"a": [1], "b": [1]}),
    ],
)
def test_plain_values_are_read_as_the_core_schema_says(text: str, value: object) -> None:
    document = read_yaml(text)

    assert document.value == value
    assert document.problems == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", (1, "the file is empty")),
        ("# nothing\n", (1, "the file is empty")),
        ("a: 1\nb: 2\na: 3\n", (3, "a: this key is there twice, first on line 1")),
        ("a:\n  b: 1\n  b: 2\n", (3, "a.b: this key is there twice, first on line 2")),
        ("a: 2013-02-30", (1, "a: `2013-02-30` is no date")),
        ("a: !!int x", (1, "a: `x` is no int")),
        ("\na: !!set {x}", (2, "a: the tag !!set is not read here: write the plain value")),
        ("a: !secret x", (1, "a: the tag !secret is not read here: write the plain value")),
        ("1: x", (1, "1: this cannot be a key here: a key is text")),
        ("a: &a {b: 1}\n<<: *a", (2, "<<: this cannot be a key here: a key is text")),
        ("? [a]\n: b", (1, "a key is a word, not a section")),
        ("a: &a [*a]", (1, "a[0]: this value is endless, or nearly: write less")),
        ("a: [1", (1, "this is no YAML: while parsing a flow sequence, did not find expected")),
        ("a: 1\n\tb: 2", (2, "this is no YAML: while scanning a plain scalar, found a tab")),
        ("a: 1\n---\nb: 2", (2, "this is no YAML: expected a single document in the stream")),
        ("a: *b", (1, "this is no YAML: found undefined alias")),
        ("a: 1\nb: \x07", (2, "this is no YAML: ")),
        ("a: 'x\nb: 1\n", (1, "this is no YAML: while scanning a quoted scalar, found unexpected")),
        ("b: " + "[" * 90 + "]" * 90, (1, f"b{'[0]' * 50}: this value is endless, or nearly")),
    ],
)
def test_what_yaml_itself_refuses_has_its_line(text: str, problem: tuple[int, str]) -> None:
    found = next(iter(read_yaml(text).problems.values()))

    assert found.line == problem[0]
    assert found.text.startswith(problem[1])


def test_a_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]

    texts = {problem.text for problem in read_yaml("\n".join(lines)).problems.values()}

    assert any("this value is endless" in text for text in texts)


def test_keys_items_and_values_know_their_lines() -> None:
    document = read_yaml("a:\n  - b: 1\n    c:\n      text\n  -\n    d: [2,\n        3]\n")

    assert document.line_of(("a", 0, "b")) == 2
    assert document.line_of_key(("a", 0, "c")) == 3
    assert document.line_of(("a", 0, "c")) == 4
    assert document.line_of(("a", 1, "d")) == 6
    assert document.line_of(("a", 1, "d", 1)) == 7
    assert document.line_of(("a", 1, "missing")) == 6


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.dates() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_"), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_what_a_strict_writer_writes_is_read_back(value: object) -> None:
    text = _written(value)

    assert read_yaml(text).value == value


def _written(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{_quoted(key)}: {_written(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return "null" if value is None else str(value).lower()


def _quoted(text: str) -> str:
    escaped = "".join(f"\\U{ord(letter):08x}" for letter in text)
    return f'"{escaped}"'
