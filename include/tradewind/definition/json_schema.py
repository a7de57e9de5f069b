"""The JSON Schema of `model.yaml`, made from the typed one: editors complete and check with it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tradewind.definition.schema import ModelDefinition

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "Tradewind model definition"


@cache
def model_schema() -> dict[str, Any]:
    """The schema as a plain value; do not change it, it is made once."""
    body = _tidy(ModelDefinition.model_json_schema(by_alias=True))
    return {"$schema": DIALECT, **body, "title": TITLE}


def schema_text() -> str:
    """The schema as `config/model.schema.json` holds it, with a newline at its end."""
    return json.dumps(model_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any) -> Any:
    """Leave out what helps nobody who edits YAML, and close what pydantic leaves open."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = node.get("properties") or {}
    tidy = {key: _tidy(value) for key, value in node.items() if not _is_noise(key, value)}
    if named:
        tidy["properties"] = {key: _tidy(value) for key, value in named.items()}
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if "description" in tidy:
        tidy["description"] = " ".join(tidy["description"].split())
    return _without_null(tidy)


def _is_noise(key: str, value: Any) -> bool:
    # Titles only repeat the key; an empty or nested default is said by the section's own fields.
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (value is None or isinstance(value, dict | list))


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    choices = node.get("anyOf")
    if not choices or {"type": "null"} not in choices:
        return node
    left = [choice for choice in choices if choice != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**rest, "anyOf": left} if len(left) > 1 else {**left[0], **rest}
