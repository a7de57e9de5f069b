"""How far the bounds of many figures must reach, so that they hold together.

Slices and bins of the same rows share their days, and err together: as many tests as there are
figures (Bonferroni) would count the same weather many times over. How far the greatest of all
errors reaches is read from the draws (Westfall and Young, 1993; Romano and Wolf, 2005), in standard
errors. Draws of few blocks fall short, as they do for a single figure, and are stretched by the
same factor: the t quantile over the normal one. `benchmarks/gate_slices.py` counts on real flights
how often such bounds are wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import norm

from tradewind.stats.inference import quantile

if TYPE_CHECKING:
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats

Side = Literal["above", "both"]


def joint_reach(figures: Floats, draws: Draws, *, confidence: float, side: Side) -> float:
    """Measure how many standard errors off the bounds of all figures hold together.

    Args:
        figures: On the rows themselves and in each draw, all finite, shape (1 + draws, figures).
        draws: The draws that they come from.
        confidence: That all of the bounds hold.
        side: `above`: each figure is bounded from above; `both`: from both sides.

    Returns:
        Times each figure's standard error; never less than a single figure's own reach.
    """
    level = confidence if side == "above" else (1 + confidence) / 2
    alone = float(norm.ppf(level))
    spread = np.std(figures[1:], axis=0, ddof=1)
    varies = spread > 0
    if not varies.any():
        return quantile(level, draws)
    errors = (figures[1:, varies] - figures[0, varies]) / spread[varies]
    greatest = (-errors if side == "above" else np.abs(errors)).max(axis=1)
    together = max(float(np.quantile(greatest, confidence)), alone)
    return together / alone * quantile(level, draws)
