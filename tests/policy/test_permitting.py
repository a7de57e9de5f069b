"""Who may do what: by name, by role, by tier; and what somebody is told who may not."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tradewind.definition.permissions import Action, Permissions, Tier
from tradewind.nights import ReleaseAction
from tradewind.policy.permitting import (
    OF_ORDERS,
    Denied,
    Permit,
    in_short,
    permitted,
    who_may,
)
from tradewind.records import Identity

ANN = Identity(kind="airflow", name="ann", roles=["user"])
OPERATOR = Identity(kind="airflow", name="olga", roles=["op"])
UNDER_FAB = Identity(kind="airflow", name="ann", roles=None)
IN_A_SHELL = Identity(kind="shell", name="ann")
PRETENDER = Identity(kind="airflow", name="shell:ann", roles=[])
NOBODY = Identity(kind="airflow", name=None, roles=[])
ADA = Identity(kind="commit", name="Ada <Ada@Example.org>")


def said(**permissions: Any) -> Permissions:
    return Permissions.model_validate(permissions)


@pytest.mark.parametrize(
    ("who", "named", "may"),
    [
        pytest.param(ANN, "anybody", True, id="anybody"),
        pytest.param(NOBODY, "anybody", True, id="anybody, also whom Airflow does not name"),
        pytest.param(IN_A_SHELL, "anybody", True, id="anybody, also of a shell"),
        pytest.param(ANN, ["bob", "ann"], True, id="by name"),
        pytest.param(ANN, "bob", False, id="somebody else"),
        pytest.param(ANN, "Ann", False, id="a name is exact"),
        pytest.param(NOBODY, "None", False, id="nobody has no name"),
        pytest.param(NOBODY, str(NOBODY), False, id="nor the words for having none"),
        pytest.param(OPERATOR, {"roles": ["op"]}, True, id="by role"),
        pytest.param(ANN, {"roles": ["op"]}, False, id="another role"),
        pytest.param(OPERATOR, {"people": ["ann"], "roles": ["op"]}, True, id="one of both"),
        pytest.param(ANN, {"roles": ["ann"]}, False, id="a name is no role"),
        pytest.param(OPERATOR, "op", False, id="a role is no name"),
        pytest.param(UNDER_FAB, {"roles": ["user"]}, False, id="a role that is not known"),
        pytest.param(UNDER_FAB, "ann", True, id="a name, roles being unknown"),
        pytest.param(IN_A_SHELL, "ann", False, id="the shell's ann is not Airflow's"),
        pytest.param(ANN, "shell:ann", False, id="Airflow's ann is not the shell's"),
        pytest.param(IN_A_SHELL, "shell:ann", True, id="the shell's, by name"),
        pytest.param(PRETENDER, "shell:ann", False, id="a user of Airflow named like a shell's"),
        pytest.param(ADA, "ada@example.org", True, id="a commit, by mail in any case"),
        pytest.param(ADA, "Ada", False, id="a commit, by what its author calls herself"),
        pytest.param(
            Identity(kind="commit", name="ada@example.org <eve@example.org>"),
            "ada@example.org",
            False,
            id="a commit whose author's name is a mail address",
        ),
    ],
)
def test_whoever_is_named_may(who: Identity, named: Any, may: bool) -> None:
    word = permitted("retrain", who, said(retrain=named), "high")
    assert isinstance(word, Permit if may else Denied)


# By tier, what nobody may do before somebody is named.
NAMES: dict[Tier, set[str]] = {
    "low": set(),
    "high": {"promote", "retire", "erase"},
    "critical": {
        "change_definition",
        "promote",
        "roll_back",
        "hold_or_switch_off",
        "retire",
        "exclude",
        "erase",
    },
}


@pytest.mark.parametrize("tier", get_args(Tier))
@pytest.mark.parametrize("action", get_args(Action))
def test_what_is_left_out_goes_by_the_tier(action: Action, tier: Tier) -> None:
    needs_names = action in NAMES[tier]
    for permissions in (said(), said(**{action: "anybody"})):
        word = permitted(action, ANN, permissions, tier)
        assert isinstance(word, Denied if needs_names else Permit)
        assert who_may(permissions, tier)[action] == (
            "nobody, before somebody is named" if needs_names else "anybody"
        )
    assert isinstance(permitted(action, ANN, said(**{action: "ann"}), tier), Permit)
    assert who_may(said(**{action: "ann"}), tier)[action] == "ann"


@pytest.mark.parametrize(
    ("who", "named", "sentence"),
    [
        pytest.param(
            ANN,
            {"people": ["bob", "cy"], "roles": ["op"]},
            "ann may not promote: `permissions.promote` names bob, cy or the role op; ask one of "
            "them",
            id="who, what it needs, and whom to ask",
        ),
        pytest.param(
            UNDER_FAB,
            {"roles": ["Op"]},
            "ann may not promote: `permissions.promote` names the role Op; ask one of them. Which "
            "roles they have, Airflow's auth manager tells no task: name the people",
            id="roles that nobody can know",
        ),
        pytest.param(
            IN_A_SHELL,
            "ann",
            "shell:ann may not promote: `permissions.promote` names ann; ask one of them. "
            "Airflow's ann is meant there, and not a user of the shell",
            id="a shell's user of the same name",
        ),
        pytest.param(
            IN_A_SHELL,
            "bob",
            "shell:ann may not promote: `permissions.promote` names bob; ask one of them",
            id="a shell's user of another name",
        ),
        pytest.param(
            PRETENDER,
            "shell:ann",
            "shell:ann may not promote: `permissions.promote` names shell:ann; ask one of them",
            id="a user of Airflow named like a shell's",
        ),
        pytest.param(
            IN_A_SHELL,
            {"roles": ["op"]},
            "shell:ann may not promote: `permissions.promote` names the role op; ask one of them",
            id="a shell's user, who has no roles",
        ),
        pytest.param(
            UNDER_FAB,
            "bob",
            "ann may not promote: `permissions.promote` names bob; ask one of them",
            id="roles that nobody can know, where none is named",
        ),
        pytest.param(
            NOBODY,
            "ann",
            "somebody whom Airflow does not name may not promote: `permissions.promote` names ann; "
            "ask one of them",
            id="nobody",
        ),
        pytest.param(
            ANN,
            None,
            "ann may not promote: tier high needs somebody named in `permissions.promote`, and "
            "nobody is; ask the model's owner to name somebody",
            id="nobody is named",
        ),
    ],
)
def test_who_may_not_is_told_why_and_whom_to_ask(who: Identity, named: Any, sentence: str) -> None:
    assert permitted("promote", who, said(promote=named), "high") == Denied(sentence)


@pytest.mark.parametrize(
    ("who", "named", "sentence"),
    [
        (ANN, "ann", "ann may roll_back: `permissions.roll_back` names ann"),
        (
            OPERATOR,
            {"roles": ["user", "op"]},
            "olga may roll_back: `permissions.roll_back` names the role op",
        ),
        (ANN, "anybody", "ann may roll_back: `permissions.roll_back` says anybody"),
        (ANN, None, "ann may roll_back: at tier high anybody may, where nobody is named"),
        (ADA, "ada@example.org", "names ada@example.org"),
    ],
)
def test_a_permit_says_under_which_permission(who: Identity, named: Any, sentence: str) -> None:
    word = permitted("roll_back", who, said(roll_back=named), "high")
    assert isinstance(word, Permit)
    assert word.sentence.endswith(sentence)


def test_all_of_it_is_said_in_a_line() -> None:
    assert in_short(said(), "low") == "anybody"
    assert in_short(said(promote=["ann", "bob"]), "low") == "promote: ann or bob; all else: anybody"
    assert in_short(said(promote={"roles": ["op"]}), "high") == (
        "promote: the role op; retire: nobody, before somebody is named; "
        "erase: nobody, before somebody is named; all else: anybody"
    )
    everything = dict.fromkeys(get_args(Action), "ann")
    assert "anybody" not in in_short(said(**everything), "low")


def test_every_order_needs_a_permission() -> None:
    assert set(OF_ORDERS) == set(get_args(ReleaseAction))
