"""What the business signs: the error it can live with, and the harm it has thought about."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from tradewind.definition.base import Column, Duration, Identifier, Section

HarmMetric = Literal[
    "selection_rate", "false_positive_rate", "true_positive_rate", "mean_score", "calibration_gap"
]
OF_DECISIONS = ("selection_rate", "false_positive_rate", "true_positive_rate")
"""Of these there are none where nothing is decided."""


class Acceptance(Section):
    """The error that the business can live with, and who says so."""

    metric: str
    """Any metric of this model."""
    at_least: float | None = None
    at_most: float | None = None
    by: str = Field(min_length=1)
    """Who accepted it, by name."""
    on: date
    """When."""
    review: date
    """The last day, in the model's time zone, that it holds: from the next on nothing is promoted
    before somebody has looked at it again."""

    @model_validator(mode="after")
    def _one_level_for_a_while(self) -> Acceptance:
        _one_limit(self.at_least, self.at_most)
        _in_order(self.on, self.review, "review")
        return self

    @property
    def level(self) -> float:
        """What the figure must reach."""
        return next(one for one in (self.at_least, self.at_most) if one is not None)


class Indicator(Section):
    """A figure of a group that would show harm, of each candidate and on every night."""

    metric: HarmMetric
    """The share that is decided for, of all, of the negatives or of the positives; the mean score;
    or the mean truth less the mean score, which is above zero where the scores say too little."""
    where: dict[Column, str | int | bool] = {}
    """The group: features, or protected columns, each with the value that it must have. All rows
    where nothing is said."""
    at_least: float | None = None
    at_most: float | None = None
    """It is harm where the whole interval of the figure lies beyond the limit."""
    window: Duration | None = None
    """How far back rows count, within `monitor.performance.window`, which is taken where nothing is
    said."""
    then: Literal["alert", "switch_off"] = "alert"
    """Whether it opens an incident only, or the naive rule decides as well until a person resumes
    the model."""

    @model_validator(mode="after")
    def _one_level(self) -> Indicator:
        _one_limit(self.at_least, self.at_most)
        return self

    def is_harm(self, low: float, high: float) -> bool:
        """Whether the whole interval of a figure lies beyond the limit."""
        too_high = self.at_most is not None and low > self.at_most
        too_low = self.at_least is not None and high < self.at_least
        return too_high or too_low

    @property
    def limit(self) -> str:
        """`at most 0.3`."""
        side = "at most" if self.at_most is not None else "at least"
        return f"{side} {self.at_most if self.at_most is not None else self.at_least:g}"

    @property
    def group(self) -> str:
        """`origin = JFK`, or `all rows`."""
        said = ", ".join(f"{column} = {value}" for column, value in self.where.items())
        return said or "all rows"


class HarmReview(Section):
    """Who is helped and who is harmed by this model, and how harm would be seen."""

    by: str = Field(min_length=1)
    """Who reviewed it, by name."""
    on: date
    """When."""
    until: date
    """The last day, in the model's time zone, that it holds; from the next on the gate blocks."""
    helps: list[str] = Field(min_length=1)
    """Whom it helps, and how."""
    neutral: list[str] = []
    """Whom it touches and neither helps nor harms."""
    harms: list[str] = Field(min_length=1)
    """Whom it harms or could harm, and how."""
    indicators: dict[Identifier, Indicator] = {}
    """By which figures harm would be seen."""

    @model_validator(mode="after")
    def _for_a_while(self) -> HarmReview:
        _in_order(self.on, self.until, "until")
        return self


def _one_limit(at_least: float | None, at_most: float | None) -> None:
    if (at_least is None) == (at_most is None):
        msg = "say one of at_least, at_most"
        raise ValueError(msg)


def _in_order(on: date, last: date, name: str) -> None:
    if last <= on:
        msg = f"`{name}: {last}` is not after `on: {on}`"
        raise ValueError(msg)
