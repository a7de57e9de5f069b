"""What the gate `fairness` asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.definition.base import Section

Limit = Annotated[float, Field(gt=0, le=1)]


class Fairness(Section):
    """How unlike the groups of `features.protected` may be treated.

    Each limit is the most that any two groups may lie apart; a measure without one (`~`) is
    shown, and not held.
    """

    demographic_parity: Limit | None = 0.1
    """Most that the shares which are decided for may lie apart; of a regression the mean scores, in
    standard deviations of the label."""
    equalised_odds: Limit | None = 0.1
    """Most that the true positive rates may lie apart, or the false positive rates, whichever do
    more. A regression has none."""
    calibration: Limit | None = 0.05
    """Most that mean truth less mean score may lie apart; of a regression in standard deviations of
    the label."""
    least_rows: int = Field(default=100, ge=30)
    """Judged rows behind a figure: of a true positive rate they are the group's positives. With
    fewer a group is unknown, and shown as that; fewer than two known groups block."""
    least_days: int = Field(default=14, ge=2)
    """Judged days on which a group is met; with fewer it is unknown."""
