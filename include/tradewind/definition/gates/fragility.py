"""What the gate `fragility` asks for."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Duration, Section


class Fragility(Section):
    """How much a model may lose where its input is a little worse."""

    features: int = Field(default=8, ge=1)
    """The most important features, so many of them at most, are the ones that are spoilt. Features
    that say the same share what they would matter alone, so that a few of them say enough."""
    rows: int = Field(default=5_000, ge=200)
    """Of more judged rows than these, so many are taken, evenly over all of them."""
    noise: float = Field(default=0.1, gt=0)
    """What is added to numbers, as a share of their standard deviation."""
    stale: Duration = Field(default="1 day", validate_default=True)
    """How long ago a value was right that stands in for today's."""
    loses: float = Field(default=0.5, gt=0)
    """What no such fault may cost, as a share of the candidate's advantage over the naive rule:
    with 0.5 it may lose half of its worth."""
    moves: float = Field(default=0.3, gt=0, lt=1)
    """The share of decisions that no such fault may turn. Of a regression: of predictions that it
    may move by more than half a standard deviation of the label."""
    reach: float = Field(default=0.1, gt=0)
    """The bound of the worst-case search: how far a number may be moved, as a share of its standard
    deviation."""
    at_once: int = Field(default=2, ge=1, le=5)
    """How many features of a row the search may move."""
    turns: float = Field(default=0.2, gt=0, lt=1)
    """The share of rows whose decision such a search may turn."""
