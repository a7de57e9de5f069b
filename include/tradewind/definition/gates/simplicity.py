"""What the gate `simplicity` asks for."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Section


class Simplicity(Section):
    """What a model must be better than to be worth its complexity."""

    errors: float = Field(default=1.0, ge=0)
    """By more than so many standard errors of the difference a model must be better than every
    simpler one: the naive rule, a tree of three questions, a linear model. One is the rule of
    Breiman and others."""
