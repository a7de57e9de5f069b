"""Who may do what is declared in forms that the actions know people by."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from tests.definition.folders import TEN_LINES
from tradewind.definition.loader import load_definition
from tradewind.definition.permissions import Action, Grant
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.permissions import Permissions

SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills"
HIGH = "risk_tier: high\npromotion: {reviewers: [ann]}\n"
CRITICAL = "risk_tier: critical\npromotion: {reviewers: [ann, bob]}\n"
NAMED = "promote: ann, roll_back: ann, hold_or_switch_off: ann, retire: ann, exclude: ann"


def permissions(folder: Path, more: str) -> Permissions:
    tips = folder / "tips"
    tips.mkdir()
    (tips / "model.yaml").write_text(f"{TEN_LINES}{more}\n")
    (tips / "features.sql").write_text(SQL)
    return load_definition(tips).model.permissions


def test_nobody_has_to_be_named_for_a_model_of_tier_low(tmp_path: Path) -> None:
    found = permissions(tmp_path, "")
    assert [found.of(action) for action in get_args(Action)] == [None] * 8


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("ann", Grant(people=["ann"])),
        ("[ann, 'shell:deploy']", Grant(people=["ann", "shell:deploy"])),
        ("{people: [ann], roles: [op]}", Grant(people=["ann"], roles=["op"])),
        ("{roles: [op, Data Scientist]}", Grant(roles=["op", "Data Scientist"])),
        ("anybody", Grant(people=["anybody"])),
    ],
)
def test_a_name_a_list_and_roles_are_forms_of_one_thing(
    tmp_path: Path, text: str, grant: Grant
) -> None:
    found = permissions(tmp_path, f"permissions: {{retrain: {text}}}").of("retrain")
    assert found == grant
    assert found is not None
    assert found.to_anybody is (text == "anybody")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(f"{HIGH}permissions: {{promote: a, retire: a, erase: a}}", id="high"),
        pytest.param(
            f"{CRITICAL}permissions: {{{NAMED}, erase: ann, change_definition: ann@example.org}}",
            id="critical",
        ),
    ],
)
def test_a_tier_with_its_names_is_whole(tmp_path: Path, more: str) -> None:
    assert permissions(tmp_path, more).of("retrain") is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(
            HIGH,
            "permissions: `risk_tier: high` needs somebody named for promote, retire, erase: say "
            "who may, such as `promote: [ann, bob]`",
            id="high without names",
        ),
        pytest.param(
            f"{CRITICAL}permissions: {{{NAMED}}}",
            "permissions: `risk_tier: critical` needs somebody named for change_definition, erase: "
            "say who may, such as `change_definition: [ann, bob]`",
            id="critical with some",
        ),
        pytest.param(
            f"{HIGH}permissions: {{promote: anybody, retire: ann, erase: ann}}",
            "permissions.promote: `risk_tier: high` needs names for promote, and `anybody` is none",
            id="anybody where there must be names",
        ),
        pytest.param(
            f"{HIGH}permissions: {{promote: {{people: [anybody]}}, retire: ann, erase: ann}}",
            "permissions.promote.people[0]: `risk_tier: high` needs names for promote, and "
            "`anybody` is none",
            id="anybody, the long way",
        ),
        pytest.param(
            "permissions: {change_definition: [ann]}",
            "permissions.change_definition[0]: a commit names people by mail, and 'ann' is no such "
            "address",
            id="a commit's author by another name",
        ),
        pytest.param(
            "permissions: {change_definition: {roles: [op]}}",
            "permissions.change_definition.roles[0]: a commit's author has no role in Airflow: "
            "name a mail address",
            id="a commit's author by role",
        ),
        pytest.param(
            "permissions: {retrain: {roles: ['shell:ann']}}",
            "permissions.retrain.roles[0]: 'shell:ann' is no role of Airflow's: people are named "
            "under `people`",
            id="a person as a role",
        ),
        pytest.param(
            "permissions: {retrain: {roles: [anybody]}}",
            "permissions.retrain.roles[0]: 'anybody' is no role of Airflow's: people are named "
            "under `people`",
            id="anybody as a role",
        ),
        pytest.param(
            "permissions: {retrain: 'shell:'}",
            "permissions.retrain: `shell:` lacks the user's name, such as `shell:ann`",
            id="a shell of nobody",
        ),
        pytest.param(
            "permissions: {retrain: [ann, ann]}",
            "permissions.retrain[0]: 'ann' is named twice",
            id="twice",
        ),
        pytest.param(
            "permissions: {retrain: []}",
            "permissions.retrain: name at least one person or role; what nobody may do needs no "
            "key",
            id="nobody",
        ),
        pytest.param(
            "permissions: {retrain: [ann, anybody]}",
            "permissions.retrain: `anybody` stands alone: whoever is named beside it may do it "
            "anyway",
            id="anybody and somebody",
        ),
        pytest.param(
            "permissions: {retrian: ann}",
            "permissions.retrian: unknown key; did you mean retrain?",
            id="no action",
        ),
    ],
)
def test_what_does_not_agree_is_said_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        permissions(tmp_path, more)
    assert error.value.problems[0].partition(": ")[2] == said
