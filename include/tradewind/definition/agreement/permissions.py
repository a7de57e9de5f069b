"""Who may do what must be somebody, in a form that the action knows people by."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from tradewind.definition.permissions import ANYBODY, MAIL, NEED_NAMES, SHELL, Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

_SECTION = "permissions"
_OF_COMMITS = "change_definition"


def _tier_has_its_names(file: File) -> Found:
    tier = file.text("risk_tier")
    needed = next((names for name, names in NEED_NAMES.items() if name == tier), ())
    lacking = [action for action in needed if file.at(_SECTION, action) is None]
    if lacking:
        said = f"`risk_tier: {tier}` needs somebody named for {', '.join(lacking)}"
        yield (_SECTION,), f"{said}: say who may, such as `{lacking[0]}: [ann, bob]`"
    for action in needed:
        for path, person in _people(file, action):
            if person == ANYBODY:
                said = f"`risk_tier: {tier}` needs names for {action}, and `{ANYBODY}` is none"
                yield path, said


def _people_have_a_form_that_the_action_knows(file: File) -> Found:
    for action in _actions(file):
        for path, person in _people(file, action):
            if action == _OF_COMMITS and person != ANYBODY and not MAIL.match(person):
                said = f"a commit names people by mail, and {person!r} is no such address"
                yield path, said
            elif person == SHELL:
                yield path, f"`{SHELL}` lacks the user's name, such as `{SHELL}ann`"


def _roles_are_roles(file: File) -> Found:
    for action in _actions(file):
        for path, role in file.names(_SECTION, action, "roles"):
            if action == _OF_COMMITS:
                yield path, "a commit's author has no role in Airflow: name a mail address"
            elif role == ANYBODY or role.startswith(SHELL) or MAIL.match(role):
                yield path, f"{role!r} is no role of Airflow's: people are named under `people`"


def _nobody_is_named_twice(file: File) -> Found:
    for action in _actions(file):
        for named in (_people(file, action), file.names(_SECTION, action, "roles")):
            counts = Counter(name for _, name in named)
            for path, name in named:
                if counts[name] > 1:
                    yield path, f"{name!r} is named twice"


def _actions(file: File) -> Iterator[Action]:
    declared = file.section(_SECTION)
    return (action for action in get_args(Action) if action in declared)


def _people(file: File, action: Action) -> list[tuple[KeyPath, str]]:
    """Who is named for an action, in whichever of the forms."""
    if file.section(_SECTION, action):
        return file.names(_SECTION, action, "people")
    return file.names(_SECTION, action)


CHECKS: Checks = (
    _tier_has_its_names,
    _people_have_a_form_that_the_action_knows,
    _roles_are_roles,
    _nobody_is_named_twice,
)
