"""Draws of blocks of neighbouring units: once, and the same for every player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.rows import Floats

FEWEST_BLOCKS = 2
ENOUGH_BLOCKS = 4
"""So many say a little of how far blocks differ: two or three hardly do."""


@dataclass(frozen=True)
class Draws:
    """How often each unit was drawn, draw by draw.

    Attributes:
        weights: Shape (draws, units); each row sums to `units`.
        block: How many neighbouring units were drawn together.
    """

    weights: Floats
    block: int

    @classmethod
    def none(cls, units: int) -> Draws:
        """Make no draw at all, of units that are too few for one."""
        return cls(np.empty((0, units)), block=1)

    @property
    def units(self) -> int:
        """How many units there are to draw from."""
        return int(self.weights.shape[1])

    @property
    def degrees_of_freedom(self) -> float:
        """Blocks that fit side by side, less one: what the standard error itself stands on."""
        return self.units / self.block - 1

    @property
    def correction(self) -> float:
        """What a bootstrap's standard error lacks, because its draws are centred on the sample.

        With b blocks side by side the variance comes out (b - 1) / b of what it should be.
        """
        blocks = self.units / self.block
        return float(np.sqrt(blocks / (blocks - 1)))


def fitting(units: int, *, block: int) -> int:
    """Shorten a block where units are few, so that four of them fit side by side: to one at least.

    Args:
        units: How many units there are.
        block: How many neighbours are drawn together where there are units enough.
    """
    return max(1, min(block, units // ENOUGH_BLOCKS))


def few_draws(model: ModelDefinition, units: int) -> Draws:
    """Draw of units that may be few, as a model resamples, in shorter blocks where they are."""
    resample = model.metrics.resample
    block = fitting(units, block=resample.block)
    return block_draws(units, block=block, draws=resample.draws, seed=model.train.seed)


def block_draws(units: int, *, block: int, draws: int, seed: int) -> Draws:
    """Draw blocks of neighbouring units with replacement, around the end to the start.

    The circular block bootstrap (Politis and Romano, 1992): on the average every unit is drawn
    equally often, which the ends of the plain moving-block bootstrap are not. The last block of a
    draw is cut where it would bring more units than there are.

    Args:
        units: How many units there are.
        block: How many neighbours are drawn together.
        draws: How many resamples.
        seed: The same seed gives the same draws.

    Raises:
        EvidenceError: Fewer than two blocks fit side by side.
    """
    if units < FEWEST_BLOCKS * block:
        raise EvidenceError(
            f"{units} units in blocks of {block}: at least two blocks are needed to say how sure "
            "a figure is; judge on a longer stretch (`train.judge_days`) or in smaller blocks "
            "(`metrics.resample.block`)"
        )
    random = np.random.default_rng(seed)
    starts = random.integers(0, units, size=(draws, -(-units // block)))
    drawn = (starts[:, :, None] + np.arange(block)) % units
    drawn = drawn.reshape(draws, -1)[:, :units]
    flat = drawn + units * np.arange(draws)[:, None]
    counts = np.bincount(flat.ravel(), minlength=draws * units)
    return Draws(counts.reshape(draws, units).astype(np.float64), block)
