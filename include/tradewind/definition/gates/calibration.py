"""What the gate `calibration` asks for."""

from __future__ import annotations

from pydantic import Field

from tradewind.definition.base import Section


class Calibration(Section):
    """How far scores may lie from what happens.

    Distances are in standard deviations of the judged labels: where a fifth of them are 1, 0.2 of
    one is 8 in a hundred. Each limit blocks where it is surely passed.
    """

    level: float = Field(default=0.2, gt=0)
    """Most that mean truth and mean score may lie apart."""
    parts: float = Field(default=0.3, gt=0)
    """As `level`, in each tenth of the scores and in each slice (those of `gates.slices`)."""
    slope: float = Field(default=0.6, ge=0, lt=1)
    """Least by which the truth must rise where the score rises by 1: below 1 a model is too sure
    of itself, at 0.5 the truth follows it half the way."""
