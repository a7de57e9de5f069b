"""What every section of a definition shares: frozen, no unknown key, human durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_UNITS = {"second": "seconds", "minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}
_DURATION = re.compile(r"^\s*(\d+)\s*(second|minute|hour|day|week)s?\s*$")


def parse_duration(value: Any) -> Any:
    """Read `2 hours`, `30 days`, `1 week`; leave what is already a timedelta alone.

    Raises:
        ValueError: The text is not a number and one of seconds, minutes, hours, days, weeks.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        msg = f"a duration such as '2 hours' or '30 days' is expected, not {value!r}"
        raise ValueError(msg)
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        msg = f"{value!r} is longer than any calendar"
        raise ValueError(msg) from None


@dataclass(frozen=True)
class OrText:
    """Says in the JSON Schema that plain text will do as well (a validator makes it the rest)."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Offer text beside what the validated type asks for."""
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(schema)]}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+\s*(second|minute|hour|day|week)s?\s*$"}),
]
Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[list[Column], Field(min_length=1), BeforeValidator(_as_list), OrText()]
"""Column names; a single one needs no brackets."""
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
Sql = Annotated[str, Field(min_length=1, description="An expression in DuckDB's dialect.")]


class Section(BaseModel):
    """One part of a definition: immutable, and a key that it does not know is an error.

    Nothing is converted on the way (`"5"` is no number, `true` is not 1), and no number is NaN.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
