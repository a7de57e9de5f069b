"""What the gate `behaviour` asks for: expectations of the model itself, whatever its figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tradewind.definition.base import Column, Section

Known = float | bool | str
"""A value that a feature may take."""
Tolerance = Annotated[float, Field(ge=0)]


class Limits(Section):
    """Which values of a feature are meant."""

    at_least: float | None = None
    at_most: float | None = None
    one_of: list[Known] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Limits:
        ends = self.at_least is not None or self.at_most is not None
        if ends == (self.one_of is not None):
            msg = "say at_least, at_most or both, or one_of"
            raise ValueError(msg)
        return self


class Expectation(Section):
    """What every kind of expectation says."""

    because: str = Field(min_length=1)
    """The expectation in a sentence, as somebody of the trade would say it. It is its name."""
    where: dict[Column, Limits] = {}
    """Of which judged rows it is expected, by feature; of all where nothing is said."""
    share: float = Field(default=0.95, gt=0, le=1)
    """Of how many of the rows that are tried it must hold."""


class Invariance(Expectation):
    """A change that must not matter."""

    feature: Column
    """What is changed."""
    to: Literal["observed"] | Annotated[list[Known], Field(min_length=1)] | None = None
    """Other values, each of which is tried on every row; or `observed`: what other judged rows
    have, drawn at random."""
    by: float | None = None
    """Or what is added to a number."""
    within: Tolerance
    """How far the score may move all the same."""

    @model_validator(mode="after")
    def _one_change(self) -> Invariance:
        if (self.to is None) == (self.by is None):
            msg = "say what the feature is changed `to`, or `by` how much"
            raise ValueError(msg)
        if self.by == 0:
            msg = "adding nothing changes nothing"
            raise ValueError(msg)
        return self


class Direction(Expectation):
    """A change that must not move the score the wrong way."""

    feature: Column
    """The number that is changed."""
    by: float
    """What is added to it; below zero to lower it."""
    must_not: Literal["fall", "rise"]
    """Which way the score must not go."""
    tolerance: Tolerance = 0.0
    """How far it may go that way all the same."""

    @model_validator(mode="after")
    def _changes(self) -> Direction:
        if self.by == 0:
            msg = "adding nothing changes nothing"
            raise ValueError(msg)
        return self


class Minimum(Expectation):
    """Rows that must come out so."""

    given: dict[Column, Known] = {}
    """Values by feature, which are laid over judged rows; what is not given stays as it is there.
    With every feature given it is one row."""
    at_least: float | None = None
    """What their score must reach."""
    at_most: float | None = None
    """What it must not pass."""

    @model_validator(mode="after")
    def _says_something(self) -> Minimum:
        if self.at_least is None and self.at_most is None:
            msg = "say what the score must be: at_least, at_most or both"
            raise ValueError(msg)
        if not self.given and not self.where:
            msg = "say of which rows: `given`, `where` or both"
            raise ValueError(msg)
        return self


class Behaviour(Section):
    """How a model must behave, whatever its figures: none is expected where nothing is said.

    Three kinds of expectation, after Ribeiro et al. 2020 ("Beyond Accuracy: Behavioral Testing of
    NLP Models with CheckList").
    """

    invariance: list[Invariance] = []
    """What must not matter."""
    direction: list[Direction] = []
    """More of what must not lower (or raise) the score."""
    minimum: list[Minimum] = []
    """Rows that must come out so."""
    rows: int = Field(default=2_000, ge=100)
    """Of more judged rows than these that an expectation is about, so many are tried, evenly over
    all of them."""

    @model_validator(mode="after")
    def _one_sentence_each(self) -> Behaviour:
        said = [one.because for one in (*self.invariance, *self.direction, *self.minimum)]
        twice = next((text for text in said if said.count(text) > 1), None)
        if twice is not None:
            msg = f"two expectations are called {twice!r}: say what tells them apart"
            raise ValueError(msg)
        return self
