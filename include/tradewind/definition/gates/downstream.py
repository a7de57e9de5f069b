"""What the gate `downstream` asks for."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tradewind.definition.base import Identifier, Section

Shift = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(gt=1)]


class _Taken(Section):
    """A change of the scores that somebody can take."""

    level: Shift | None = None
    """Most that the mean score may move, up or down, in `unit`."""
    spread: Ratio | None = None
    """How many times as wide, or as narrow, the scores may become: 1.5 takes standard deviations
    from two thirds to three halves of the champion's."""

    @model_validator(mode="after")
    def _something_is_said(self) -> _Taken:
        if self.level is None and self.spread is None:
            msg = "say `level`, `spread`, or both"
            raise ValueError(msg)
        return self


class Signature(_Taken):
    """A greater change than usual that a consumer takes for a while, and who said so."""

    by: str = Field(min_length=1)
    """Who signs, by name."""
    because: str = Field(min_length=1)
    """What is done on the consumer's side, or why nothing need be."""
    until: date
    """The last day, in the model's time zone, that it holds."""


class Consumer(_Taken):
    """One who reads the scores, and the change of them against the champion's that they take."""

    owner: str = Field(min_length=1)
    """Whom to ask."""
    unit: Literal["sd", "score"] = "sd"
    """Of `level`: the champion's standard deviations, or the score's own unit."""
    signed: Signature | None = None
    """A greater change that they have signed; it holds in place of what it names."""

    @model_validator(mode="after")
    def _unit_is_used(self) -> Consumer:
        signed = self.signed.level if self.signed else None
        if "unit" in self.model_fields_set and self.level is None and signed is None:
            msg = "`unit` is of `level`: say it, or leave both out"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _more_is_signed(self) -> Consumer:
        for name in ("level", "spread"):
            usual, signed = getattr(self, name), getattr(self.signed, name, None)
            if signed is not None and (usual is None or signed <= usual):
                msg = f"`signed.{name}` must be more than the consumer's own `{name}`"
                raise ValueError(msg)
        return self


class Downstream(Section):
    """Whoever reads the scores, and which change of them they can take."""

    consumers: dict[Identifier, Consumer] = {}
    """By name. Without any, the gate is not applicable."""
