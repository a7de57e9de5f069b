"""What the gate `promotion_budget` asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewind.definition.base import Section


class PromotionBudget(Section):
    """How often a year of comparisons may promote a worse model."""

    error: float = Field(default=0.2, gt=0, lt=1)
    """The chance, over any 365 days, that at least one promotion is wrong: of a model that is worse
    by more than the margin (`policy: non_inferior`), or that is no better (`superior`)."""
    comparisons: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """With a champion, in any 365 days: each is made at `error / comparisons`, and when that many
    were made the gate blocks until the oldest is a year old. `auto` is what `schedule.train` starts
    in a year, and what `retrain.at_most` allows to be launched."""
