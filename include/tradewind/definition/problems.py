"""Words for what is wrong in a definition: pydantic's errors as lines that its owner can act on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tradewind.definition.json_schema import model_schema
from tradewind.definition.yaml_lines import Document, KeyPath, Problem, shown_path

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_NAMES = 25
Errors = list[Mapping[str, Any]]

_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "small letters, digits and underscores, beginning with a letter",
    r"^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?$": "`table` or `schema.table`",
    r"^[\w.]+:\w+$": "`package.module:function`",
    r"^expect_[a-z_0-9]+$": "an expectation's name, such as expect_column_values_to_not_be_null",
    r"^[\w-]+\.sql$": "the name of a .sql file beside model.yaml",
    r"^\d+(\.\d+)?\s*(MB|GB)$": "a size such as 500MB or 2GB",
    r"^[A-Z]{3}$": "three capital letters, such as USD",
}
_PLAIN = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "of at least",
    "maximum": "of at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "maxLength": "of at most so many characters:",
}


def nearest(word: str, names: Iterable[str]) -> str:
    """`; did you mean X?`, or the names there are when none of them is near."""
    known = sorted(set(names))
    near = get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    return f"; known here: {', '.join(known[:_MOST_NAMES])}{more}" if known else ""


def at_key(document: Document, path: KeyPath, said: str) -> Problem:
    """A problem of a key or a whole section."""
    return Problem(document.line_of_key(path), _sentence(path, said))


def at_value(document: Document, path: KeyPath, said: str) -> Problem:
    """A problem of a value."""
    return Problem(document.line_of(path), _sentence(path, said))


def _sentence(path: KeyPath, said: str) -> str:
    return f"{shown_path(path)}: {said}" if path else said


def translate(error: ValidationError, document: Document) -> dict[KeyPath, Problem]:
    """Turn pydantic's errors into problems by the path that each is about.

    Several errors of one value (one for each branch of a union that it might have been) make one
    problem. A missing key beside a misspelt one is that same mistake, and is said once.
    """
    by_path: dict[KeyPath, Errors] = defaultdict(list)
    for item in error.errors(include_url=False):
        by_path[_path_in_file(item, document.value)].append(item)
    misspelt = {
        (*path[:-1], _intended(path, document))
        for path, items in by_path.items()
        if items[0]["type"] == "extra_forbidden"
    }
    return {
        path: _problem(path, items, document)
        for path, items in by_path.items()
        if not (items[0]["type"] == "missing" and path in misspelt)
    }


def _path_in_file(item: Mapping[str, Any], value: Any) -> KeyPath:
    """Leave out of pydantic's location what is not in the file: the branches of unions."""
    path: list[str | int] = []
    for step in item["loc"]:
        held = step in value if isinstance(value, dict) else _has_item(value, step)
        if held:
            path.append(step)
            value = value[step]
        elif item["type"] == "missing" and step == item["loc"][-1]:
            path.append(step)
        elif not (isinstance(value, dict) and value.get("kind") == step):
            break
    return tuple(path)


def _has_item(value: Any, step: Any) -> bool:
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _intended(path: KeyPath, document: Document) -> str:
    near = get_close_matches(str(path[-1]), _keys_at(path[:-1], document.value), n=1)
    return near[0] if near else ""


def _problem(path: KeyPath, items: Errors, document: Document) -> Problem:
    kind, context = items[0]["type"], items[0].get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1], document.value)
        return at_key(document, path, f"unknown key{nearest(str(path[-1]), known)}")
    if kind in {"missing", "union_tag_not_found"}:
        path = path if kind == "missing" else (*path, "kind")
        wanted = described(schema_at(path, document.value))
        return at_key(document, path, f"this key is missing; expected {wanted}")
    if items[0]["loc"][-1:] == ("[key]",):
        wanted = described(schema_at(path[:-1], document.value), of_keys=True)
        return at_key(document, path, f"this name is not allowed; expected {wanted}")
    if kind == "value_error":
        return at_value(document, path, str(context["error"]))
    if kind == "union_tag_invalid":
        path = (*path, "kind")
    return at_value(document, path, _expected(path, document.value))


def _expected(path: KeyPath, value: Any) -> str:
    schema = schema_at(path, value)
    for step in path:
        value = value[step]
    hint = ""
    if isinstance(value, str):
        near = get_close_matches(value, _choices(schema), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
    return f"expected {described(schema)}, found {shown(value)}{hint}"


def shown(value: Any) -> str:
    """Name a value for a person: short, and never more than a line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        empty = "" if value else "n empty"
        return f"a{empty} {'section' if isinstance(value, dict) else 'list'}"
    if isinstance(value, bool | date):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 -- fits on a line


# ------------------------------------------------------------------- what the schema says of a path


def schema_at(path: KeyPath, value: Any) -> dict[str, Any]:
    """The part of the JSON Schema for a path, by the `kind` that the file names; {} if unknown."""
    node = _resolved(model_schema(), value)
    for step in path:
        value = value.get(step) if isinstance(value, dict) else _item(value, step)
        node = _resolved(_child(node, step), value)
    return node


def _item(value: Any, step: str | int) -> Any:
    return value[step] if isinstance(step, int) and _has_item(value, step) else None


def _child(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        return dict(node.get("items", {}))
    if step in node.get("properties", {}):
        return dict(node["properties"][step])
    if "discriminator" in node and step == "kind":
        return {"enum": list(node["discriminator"]["mapping"]), "type": "string"}
    return dict(next(iter(node.get("patternProperties", {}).values()), _open_part(node)))


def _open_part(node: dict[str, Any]) -> dict[str, Any]:
    rest = node.get("additionalProperties")
    return rest if isinstance(rest, dict) else {}


def _resolved(node: dict[str, Any], value: Any) -> dict[str, Any]:
    """Follow references, and choose the branch of a union that the value says it is."""
    while "$ref" in node:
        node = model_schema()["$defs"][node["$ref"].rpartition("/")[2]]
    kind = value.get("kind") if isinstance(value, dict) else None
    branches = node.get("discriminator", {}).get("mapping", {})
    if isinstance(kind, str) and kind in branches:
        return _resolved({"$ref": branches[kind]}, value)
    wanted = {"dict": "object", "list": "array"}.get(type(value).__name__)
    choices = [_resolved(choice, value) for choice in node.get("anyOf", [])]
    return next((choice for choice in choices if choice.get("type") == wanted), node)


def _keys_at(path: KeyPath, value: Any) -> list[str]:
    return list(schema_at(path, value).get("properties", {}))


def _choices(schema: Mapping[str, Any]) -> list[str]:
    own = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return [*own, *(name for part in schema.get("anyOf", []) for name in _choices(part))]


def described(schema: Mapping[str, Any], *, of_keys: bool = False) -> str:
    """What a value (or, with `of_keys`, a key) of this schema is, in words."""
    if of_keys:
        pattern = next(iter(schema.get("patternProperties", {})), "")
        return f"{_PATTERNS.get(pattern, 'another name')} (48 at most)"
    choices = _choices(schema) if "anyOf" not in schema else []
    if choices:
        return f"one of {', '.join(choices)}" if len(choices) > 1 else f"`{choices[0]}`"
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        return " or ".join(dict.fromkeys(described(_resolved(part, None)) for part in parts))
    return _described_type(schema)


def _described_type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "object":
        return "a section of `key: value` lines"
    if kind == "array":
        return "a list with something in it" if schema.get("minItems") else "a list"
    if schema.get("format") == "date":
        return "a date such as 2013-07-01"
    if "pattern" in schema:
        return _PATTERNS.get(schema["pattern"], f"text like {schema['pattern']}")
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    filled = "some " if schema.get("minLength") else ""
    return filled + " ".join([_PLAIN.get(str(kind), "a value"), " and ".join(bounds)]).strip()
