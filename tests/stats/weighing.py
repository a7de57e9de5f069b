"""Two stretches of rows whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats import attribution
from tradewind.stats.attribution import Weighted
from tradewind.stats.bootstrap import block_draws

if TYPE_CHECKING:
    from tradewind.diagnosis import Parts

DAYS, ROWS = 28, 60
CONFIDENCE = 0.95


def side(
    seed: int, *, hard: float = 0.3, rises: float = 0.0, draws: int = 200
) -> tuple[Weighted, np.ndarray, np.ndarray]:
    """Rows of two kinds, of which the hard one loses 1 more; and those of a group, with `rises`."""
    random = np.random.default_rng(seed)
    unit = np.repeat(np.arange(DAYS), ROWS)
    kind = random.random(DAYS * ROWS) < hard
    group = random.random(DAYS * ROWS) < 0.2
    day = random.normal(0, 0.1, DAYS)[unit]
    loss = 0.5 + kind + rises * group + day + random.normal(0, 0.3, DAYS * ROWS)
    ones = np.ones(DAYS * ROWS)
    drawn = block_draws(DAYS, block=7, draws=draws, seed=seed)
    return Weighted(loss, 0 * ones, ones, unit, drawn), kind, group


def weighted(reference: Weighted, kind: np.ndarray, *, was: float, now: float) -> Weighted:
    """The reference under the weights that are known to be right."""
    return replace(reference, weight=np.where(kind, now / was, (1 - now) / (1 - was)))


def parts(reference: Weighted, recent: Weighted) -> Parts:
    return attribution.parts_of(reference, recent, confidence=CONFIDENCE)
