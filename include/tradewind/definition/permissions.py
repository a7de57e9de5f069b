"""Who may do what with a model: people and roles by action."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator

from tradewind.definition.base import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Action = Literal[
    "change_definition",
    "retrain",
    "promote",
    "roll_back",
    "hold_or_switch_off",
    "retire",
    "exclude",
    "erase",
]
Tier = Literal["low", "high", "critical"]
ANYBODY = "anybody"
SHELL = "shell:"
"""What stands before the name of a user of the operating system, who is no user of Airflow."""
NEED_NAMES: Mapping[Tier, tuple[Action, ...]] = {
    "low": (),
    "high": ("promote", "retire", "erase"),
    # Whatever can change who decides; a training cannot before two reviewers have approved of it.
    "critical": (
        "change_definition",
        "promote",
        "roll_back",
        "hold_or_switch_off",
        "retire",
        "exclude",
        "erase",
    ),
}
"""By tier: the actions that are nobody's where nobody is named. The others are anybody's."""

MAIL = re.compile(r"^[^<>\s@]+@[^<>\s@]+$")
Person = Annotated[str, Field(min_length=1)]
Role = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class _OrNames:
    """Says in the JSON Schema that a name or a list of names will do as well."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        name = {"type": "string", "minLength": 1}
        return {"anyOf": [name, {"type": "array", "items": name}, handler(schema)]}


def _as_people(value: Any) -> Any:
    people = [value] if isinstance(value, str) else value
    return {"people": people} if isinstance(people, list) else people


class Grant(Section):
    """Who may carry out an action: one of these people, or whoever has one of these roles."""

    people: list[Person] = []
    """Users by the name that Airflow shows for who triggered a run, `shell:<name>` for a user of
    the operating system who runs the command line, or `anybody`. Of `change_definition`: the mail
    addresses of commits."""
    roles: list[Role] = []
    """Roles of Airflow's auth manager, such as `op`. Under FAB a task is told of none, so that they
    let nobody in: see docs/permissions.md."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.people or self.roles):
            msg = "name at least one person or role; what nobody may do needs no key"
            raise ValueError(msg)
        if ANYBODY in self.people and len(self.people) + len(self.roles) > 1:
            msg = "`anybody` stands alone: whoever is named beside it may do it anyway"
            raise ValueError(msg)
        return self

    @property
    def to_anybody(self) -> bool:
        """Whether nobody is left out."""
        return ANYBODY in self.people


Granted = Annotated[Grant, BeforeValidator(_as_people), _OrNames()]


class Permissions(Section):
    """Who may do what; names alone will do, such as `retrain: [ann, bob]`.

    What is left out is anybody's at tier low; see docs/permissions.md for the others.
    """

    change_definition: Granted | None = None
    """Answer for a changed definition: mail addresses, of which the newest commit of what changed
    has one as its author's or a reviewer's (`Reviewed-by:`)."""
    retrain: Granted | None = None
    """Start a training by hand. Those of the schedule and of a decision are declared."""
    promote: Granted | None = None
    """Promote a version by hand, or start a canary or a shadow of it."""
    roll_back: Granted | None = None
    """Roll back by hand."""
    hold_or_switch_off: Granted | None = None
    """Hold promotions, switch the model off and on, say who serves a segment, stop an arm, accept a
    breach as the contract."""
    retire: Granted | None = None
    """Retire the model, or bring it back."""
    exclude: Granted | None = None
    """Cut data out of all later trainings, or take that back."""
    erase: Granted | None = None
    """Erase a data subject."""

    def of(self, action: Action) -> Grant | None:
        """Who is named for an action; None where nothing is said."""
        found: Grant | None = getattr(self, action)
        return found
