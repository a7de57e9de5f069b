"""The JSON Schema for editors says what the typed schema says, and is committed as generated."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.definition.folders import TEN_LINES, WHOLE
from tests.fixtures.sandbox import CLONE
from tradewind.definition.json_schema import DIALECT, model_schema, schema_text
from tradewind.definition.yaml_lines import read_yaml


def _as_editors_see_it(text: str) -> object:
    return json.loads(json.dumps(read_yaml(text).value, default=str))


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = (CLONE / "config" / "model.schema.json").read_text(encoding="utf-8")

    assert committed == schema_text(), "run `tradewind schema > config/model.schema.json`"


def test_the_schema_is_a_sound_one_with_title_and_dialect() -> None:
    Draft202012Validator.check_schema(model_schema())

    assert model_schema()["$schema"] == DIALECT
    assert model_schema()["title"] == "Tradewind model definition"


@pytest.mark.parametrize("text", [TEN_LINES, WHOLE])
def test_a_sound_definition_fits_the_schema(text: str) -> None:
    Draft202012Validator(model_schema()).validate(_as_editors_see_it(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner:", "ownr:"),
        ("kind: postgres", "kind: postgress"),
        ("horizon: 2 hours", "horizon: 2 fortnights"),
        ("  trains:\n", "  Trains:\n"),
        ("distance: numeric", "distance: numerical"),
        ("decision_threshold: 0.4", "decision_threshold: 4"),
        ("[15, 31]", "[]"),
    ],
)
def test_an_editor_sees_the_mistake_as_well(old: str, new: str) -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(model_schema()).validate(_as_editors_see_it(WHOLE.replace(old, new)))


def test_keys_are_described_in_the_words_of_the_code() -> None:
    described = model_schema()["properties"]["horizon"]

    assert described["description"] == "How long before the event the prediction is made."
    assert described["default"] == "0 minutes"
    assert "null" not in schema_text()
