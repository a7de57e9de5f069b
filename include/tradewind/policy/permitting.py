"""Whether somebody may do something with a model: a value with a sentence, of either kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from tradewind.definition.permissions import NEED_NAMES, SHELL, Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.definition.permissions import Grant, Permissions, Tier
    from tradewind.nights import ReleaseAction
    from tradewind.records import Identity

OF_ORDERS: Mapping[ReleaseAction, Action] = {
    "promote": "promote",
    "start_canary": "promote",
    "start_shadow": "promote",
    "roll_back": "roll_back",
    "retire": "retire",
    "exclude": "exclude",
    "readmit": "exclude",
    **dict.fromkeys(
        ("hold", "stop_arm", "fall_back", "resume", "segment", "accept_contract"),
        "hold_or_switch_off",
    ),
}
"""What an order needs. `resume` of a retired model undoes what `retire` did, and needs that."""
_MAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")


@dataclass(frozen=True)
class Permit:
    """An action that may be carried out, and under which permission."""

    sentence: str


@dataclass(frozen=True)
class Denied:
    """An action that may not be carried out: who asked, what it needs, and whom to ask."""

    sentence: str


def permitted(
    action: Action, who: Identity, permissions: Permissions, tier: Tier
) -> Permit | Denied:
    """Whether somebody may do something.

    Args:
        action: What.
        who: As Airflow, the operating system or a commit knows them; never as a form says.
        permissions: Of the definition that counts: the one admitted last, not the one to come.
        tier: What is left out goes by it.
    """
    grant = permissions.of(action)
    if grant is None or (grant.to_anybody and action in NEED_NAMES[tier]):
        return _undeclared(action, who, tier)
    if grant.to_anybody:
        return Permit(f"{who} may {action}: `permissions.{action}` says anybody")
    if (person := _named(who, grant)) is not None:
        return Permit(f"{who} may {action}: `permissions.{action}` names {person}")
    roles = [role for role in grant.roles if role in (who.roles or ())]
    if roles:
        return Permit(f"{who} may {action}: `permissions.{action}` names the role {roles[0]}")
    return Denied(
        f"{who} may not {action}: `permissions.{action}` names {listed(grant)}; ask one of them"
        f"{_but(who, grant)}"
    )


def listed(grant: Grant) -> str:
    """Who may, as one says it: `ann, bob or the role op`."""
    names = [*grant.people, *(f"the role {role}" for role in grant.roles)]
    return _either(names)


def who_may(permissions: Permissions, tier: Tier) -> dict[Action, str]:
    """Every action, and who may carry it out."""
    said: dict[Action, str] = {}
    for action in get_args(Action):
        grant, needs_names = permissions.of(action), action in NEED_NAMES[tier]
        if grant is None or grant.to_anybody:
            said[action] = "nobody, before somebody is named" if needs_names else "anybody"
        else:
            said[action] = listed(grant)
    return said


def in_short(permissions: Permissions, tier: Tier) -> str:
    """`promote: ann or bob; all else: anybody`."""
    said = who_may(permissions, tier)
    named = [f"{action}: {who}" for action, who in said.items() if who != "anybody"]
    rest = ["anybody" if not named else "all else: anybody"] if len(named) < len(said) else []
    return "; ".join([*named, *rest])


def _undeclared(action: Action, who: Identity, tier: Tier) -> Permit | Denied:
    if action not in NEED_NAMES[tier]:
        return Permit(f"{who} may {action}: at tier {tier} anybody may, where nobody is named")
    return Denied(
        f"{who} may not {action}: tier {tier} needs somebody named in `permissions.{action}`, and "
        "nobody is; ask the model's owner to name somebody"
    )


def _named(who: Identity, grant: Grant) -> str | None:
    """The one of the named people that somebody is."""
    if who.name is None:
        return None
    if who.kind == "commit":
        found = _MAIL.search(who.name)
        mail = found[1].casefold() if found else None
        return next((person for person in grant.people if person.casefold() == mail), None)
    # Somebody in Airflow may be called `shell:ann`, and is nobody of the shell for that.
    if (who.kind == "shell") != str(who).startswith(SHELL):
        return None
    return str(who) if str(who) in grant.people else None


def _but(who: Identity, grant: Grant) -> str:
    """What somebody who wonders should know."""
    if who.kind == "shell" and who.name in grant.people:
        return f". Airflow's {who.name} is meant there, and not a user of the shell"
    if who.kind == "airflow" and grant.roles and who.roles is None:
        return ". Which roles they have, Airflow's auth manager tells no task: name the people"
    return ""


def _either(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
