"""What people did by hand for a test of the ML test score, and where that is written."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from tradewind.definition.base import Section

TestName = Annotated[
    str, Field(pattern=r"^(data|model|infrastructure|monitoring)_[1-7]$", max_length=16)
]


class Documented(Section):
    """A test of the rubric that somebody carried out by hand, and the document that says so."""

    where: str = Field(min_length=1)
    """The document: a file, by its path from the repository's root, or an address with `://`."""
    by: str = Field(min_length=1)
    """Who carried it out, by name."""
    on: date
    """When."""
    review: date
    """The last day, in the model's time zone, that it counts: somebody has to do it again then."""

    @model_validator(mode="after")
    def _for_a_while(self) -> Self:
        if self.review <= self.on:
            msg = f"`review: {self.review}` is not after `on: {self.on}`"
            raise ValueError(msg)
        return self


class ScorecardSection(Section):
    """What `tradewind scorecard` cannot see by itself; each document is worth half a point."""

    documents: dict[TestName, Documented] = {}
    """By test: its section and number, such as `data_5`; see docs/scorecard.md."""
