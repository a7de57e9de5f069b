"""What a column is and what its codes say, in the owner's words, for whoever reads of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from tradewind.definition.base import OrText, Section

if TYPE_CHECKING:
    from collections.abc import Mapping


class Meaning(Section):
    """What a column is."""

    is_: str = Field(alias="is", min_length=1)
    """In a few words, with its unit where it has one."""
    values: dict[str, Annotated[str, Field(min_length=1)]] = {}
    """What each value says, where they are codes: by the value as a card prints it, in quotes where
    it is a number."""


def _as_section(value: Any) -> Any:
    return {"is": value} if isinstance(value, str) else value


def value_says(values: Mapping[str, str], value: str) -> str | None:
    """What a value says by the codes of its column, `2.0` being `2`; None where nobody said it."""
    return values.get(value) or values.get(value.removesuffix(".0"))


ColumnMeaning = Annotated[Meaning, BeforeValidator(_as_section), OrText()]
"""Its parts; or what it is alone."""
