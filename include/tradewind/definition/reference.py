"""The guide to every key of `model.yaml`, made from the schema: it cannot say what is not so."""

from __future__ import annotations

from typing import Any

from tradewind.definition.json_schema import model_schema

_HEAD = """\
# What model.yaml may say

Every key, made from the schema by `make schema`; an unknown key is an error that names its line and
the nearest right one. Keys without a default must be there. Durations are a number and `seconds`,
`minutes`, `hours`, `days` or `weeks`. SQL is DuckDB's.
"""
_SECTION = """
## {title}

{description}

| key | what | default | meaning |
|---|---|---|---|
"""


def reference_text() -> str:
    """The page as `docs/definition.md` holds it."""
    schema = model_schema()
    sections = {"model.yaml": schema, **schema["$defs"]}
    return _HEAD + "".join(_section(title, body) for title, body in sections.items())


def _section(title: str, body: dict[str, Any]) -> str:
    if "properties" not in body:
        return ""
    needed = set(body.get("required", []))
    head = _SECTION.format(title=title, description=body.get("description", ""))
    rows = (_row(key, field, key in needed) for key, field in body["properties"].items())
    return head + "".join(rows)


def _row(key: str, field: dict[str, Any], needed: bool) -> str:  # noqa: FBT001 (a row's own column)
    default = "**needed**" if needed else _shown(field.get("default"))
    meaning = str(field.get("description", "")).replace("|", "\\|")
    return f"| `{key}` | {_kind(field)} | {default} | {meaning} |\n"


def _shown(default: Any) -> str:
    return "" if default is None else f"`{default}`"


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " or ".join(_kind(option) for option in field[choice])
    return _container(field)


def _container(field: dict[str, Any]) -> str:
    kind = field.get("type", "any value")
    if kind == "array":
        return f"list of {_kind(field.get('items', {}))}"
    values = field.get("additionalProperties")
    if kind == "object" and not isinstance(values, dict):
        values = next(iter(field.get("patternProperties", {}).values()), None)
    if kind == "object":
        return f"by name: {_kind(values)}" if isinstance(values, dict) else "any keys"
    return str(kind)
