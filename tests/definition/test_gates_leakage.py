"""What the gates `leakage` and `poisoning` may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, TEN_LINES, WHOLE, line_of, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path


def with_leakage(leakage: str) -> str:
    return WHOLE.replace("gates:\n", f"gates:\n  leakage: {leakage}\n", 1)


def refused(config: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as refusal:
        load_definition(write_model(config, text, sql=SQL))
    (said,) = str(refusal.value).splitlines()
    return said.split("model.yaml:", 1)[1]


def test_both_gates_are_on_with_limits_of_their_own(tmp_path: Path):
    gates = load_definition(write_model(tmp_path, TEN_LINES, name="tips")).model.gates
    assert (gates.leakage.moments, gates.leakage.alone_auc, gates.leakage.entities) == (
        12,
        0.85,
        [],
    )
    assert (gates.poisoning.false_alarms, gates.poisoning.batch_days) == (0.05, 7)


def test_an_expected_feature_must_be_one(tmp_path: Path):
    text = with_leakage("{expected: {nobody: it is known in time}}")
    said = refused(tmp_path, text)
    assert said.startswith(f"{line_of(text, '  leakage')}: gates.leakage.expected.nobody")
    assert "'nobody' is no feature" in said


def test_a_feature_of_which_pure_values_are_expected_must_be_one(tmp_path: Path):
    text = WHOLE.replace("gates:\n", "gates:\n  poisoning: {expected: {nobody: it is so}}\n", 1)
    assert "'nobody' is no feature" in refused(tmp_path, text)


def test_an_entity_must_be_a_column_that_is_kept(tmp_path: Path):
    said = refused(tmp_path, with_leakage("{entities: [nobody]}"))
    assert "'nobody' is no key, feature or protected column" in said


def test_a_key_column_may_be_an_entity(tmp_path: Path):
    whole = load_definition(write_model(tmp_path, WHOLE, sql=SQL)).model
    text = with_leakage(f"{{entities: [{whole.entity_key[0]}]}}")
    asked = load_definition(write_model(tmp_path / "again", text, sql=SQL)).model.gates.leakage
    assert asked.entities == [whole.entity_key[0]]


@pytest.mark.parametrize("key", ["alone_r2", "very_good_r2"])
def test_a_binary_model_has_no_level_of_a_regression(tmp_path: Path, key: str):
    said = refused(tmp_path, with_leakage(f"{{{key}: 0.5}}"))
    assert f"this model is judged by `{key.replace('r2', 'auc')}`: leave it out" in said


def test_a_reason_is_needed(tmp_path: Path):
    assert "leakage.expected" in refused(tmp_path, with_leakage("{expected: {x: ''}}"))
