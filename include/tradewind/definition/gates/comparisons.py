"""What the three comparisons ask for: floors, the naive rule, the champion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tradewind.definition.base import Section


class Floor(Section):
    """A level that a metric must reach, whoever else is worse."""

    at_least: float | None = None
    at_most: float | None = None
    of_naive: float | None = Field(default=None, gt=0)
    """A multiple of the naive rule's figure on the same rows: 0.98 asks for two per cent less."""

    @model_validator(mode="after")
    def _one_level(self) -> Floor:
        if sum(v is not None for v in (self.at_least, self.at_most, self.of_naive)) != 1:
            msg = "say one of at_least, at_most, of_naive"
            raise ValueError(msg)
        return self


class BeatsNaive(Section):
    """The lower bound of the advantage over the naive rule must clear `by`."""

    by: float = Field(default=0.0, ge=0)


class BeatsChampion(Section):
    """The candidate against the champion on the same rows."""

    policy: Literal["non_inferior", "superior"] = "non_inferior"
    margin: Literal["auto"] | Annotated[float, Field(gt=0)] = "auto"
    """How much worse is still equal, for `non_inferior`. `auto` takes it from the measured
    standard error, so that the fresher of two equal models passes four times out of five."""
    at_most: float | None = Field(default=None, gt=0)
    """A cap on the automatic margin: with noisier rows than this allows, the gate blocks more."""

    @model_validator(mode="after")
    def _margin_is_used(self) -> BeatsChampion:
        if self.policy == "superior" and self.model_fields_set & {"margin", "at_most"}:
            msg = "`margin` and `at_most` are for `policy: non_inferior`"
            raise ValueError(msg)
        if self.margin != "auto" and self.at_most is not None:
            msg = "`at_most` caps `margin: auto`; this margin is a number already"
            raise ValueError(msg)
        return self
