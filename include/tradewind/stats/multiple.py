"""What many tests find by chance together, where some of them could hardly find anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.stats.bins import Floats
    from tradewind.stats.effects import Effect

_WEIGHT = 4.0
"""How much more of the level a test of few outcomes is given: it rarely can spend it."""
_ROUNDING = 1 + 1e-9
_HALVINGS = 40


@dataclass(frozen=True)
class Family:
    """The tests of a frame, whose p-values are told for all of them together.

    The adjusted p-value is the most that the chances of each test to come to one as small can add
    up to (Bonferroni; with weights, Holm, 1979). A test of counts with few outcomes cannot come to
    most p-values: it adds the chance of what it can come to (Tarone, 1990; Westfall and Wolfinger,
    1997), often nothing at all. So the lost planes of a fleet do not hide a new carrier.

    Attributes:
        free: Tests that come to any p-value.
        outcomes: For each of the others the p-values that it can come to, rising.
    """

    free: int
    outcomes: tuple[Floats, ...]

    @classmethod
    def of(cls, effects: Iterable[Effect]) -> Self:
        """Put the tests of all parts of all columns together."""
        own = [effect.outcomes for effect in effects]
        few = tuple(outcomes for outcomes in own if outcomes is not None)
        return cls(len(own) - len(few), tuple(outcomes for outcomes in few if len(outcomes)))

    def adjusted(self, effect: Effect) -> float:
        """Tell how often chance makes any of the tests as surprising as one of them, at most.

        Args:
            effect: With the p-value of its own test.
        """
        alone = effect.p_value if effect.outcomes is None else effect.p_value / _WEIGHT
        return min(1.0, max(effect.p_value, self._together(alone)))

    def level(self, together: float) -> float:
        """Tell the greatest p-value of a test of any outcome that is significant among all of them.

        Args:
            together: The level of all tests together.
        """
        high = together / max(self.free, 1)
        if self._together(high) <= together:
            return high
        low = 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._together(middle) <= together else (low, middle)
        return low

    def _together(self, alone: float) -> float:
        weighted = _WEIGHT * alone * _ROUNDING
        return self.free * alone + sum(_reached(own, weighted) for own in self.outcomes)


def _reached(outcomes: Floats, level: float) -> float:
    """Tell the greatest outcome that a level allows; none is 0."""
    allowed = int(np.searchsorted(outcomes, level, "right"))
    return float(outcomes[allowed - 1]) if allowed else 0.0
