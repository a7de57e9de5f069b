"""What the gate `leakage` asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.definition.base import Column, Section


class Leakage(Section):
    """What would show that a model has seen its future."""

    moments: int = Field(default=12, ge=1)
    """At how many prediction times the features must have been recomputed with the future cut away
    and found equal. Twelve find, with 95 %, a leak that shows in a fifth of the moments."""
    alone_auc: float = Field(default=0.85, gt=0.5, le=1)
    """The area under the ROC curve that no feature of a binary problem may reach alone."""
    alone_r2: float = Field(default=0.75, gt=0, le=1)
    """The share of the variance that no feature of a regression may explain alone."""
    carries: float = Field(default=0.95, gt=0, le=1)
    """The share of a very good model's skill that one feature may not carry alone: skill is the
    area under the curve from one half to one, or the share of the variance explained."""
    very_good_auc: float = Field(default=0.8, gt=0.5, le=1)
    """From which area under the curve on a binary model is so good that `carries` is asked."""
    very_good_r2: float = Field(default=0.6, gt=0, le=1)
    """As `very_good_auc`, for a regression."""
    expected: dict[Column, Annotated[str, Field(min_length=1)]] = {}
    """Features that may be so good alone, each with the reason: how it is known in time."""
    copies: float = Field(default=0.01, gt=0, lt=1)
    """By how much the share of judge rows that are exact copies of training rows, label and all,
    may exceed what is usual: the share of training rows that are copies of each other, and a
    quarter more."""
    entities: list[Column] = []
    """Columns that together name somebody who must not be in both the training and the judge rows,
    such as a patient."""
