"""How sure a figure is: standard errors, intervals, bounds, smallest visible differences.

All from the block bootstrap's standard error and the t distribution with (units / block - 1)
degrees of freedom. `benchmarks/interval_coverage.py` compares it with percentile, normal and
studentised intervals on 30 days whose neighbours correlate; docs/gates.md holds the figures.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from tradewind.errors import EvidenceError
from tradewind.records import Difference, Estimate

if TYPE_CHECKING:
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats

POWER = 0.80
"""How often a difference of the smallest detectable size is to be seen."""
PLANNED_POWER = 0.85
"""What is put into the formula to get `POWER`. The standard error is itself an estimate, from few
blocks with heavy tails, and errs low where days correlate: with .80 in the formula the share of
equal models that pass came out at 79 to 81 % on real flights, with .85 at 83 to 87 %."""


def standard_error(figures: Floats, draws: Draws, *, name: str) -> float:
    """Measure how much a figure varies over the draws, corrected for their number of blocks.

    Args:
        figures: The figure in each draw, shape (draws,).
        draws: The draws they come from.
        name: Whose figure it is, for the error.

    Raises:
        EvidenceError: Some draws do not allow the figure.
    """
    if reason := undefined(figures):
        raise EvidenceError(f"{name}: {reason}")
    return float(np.std(figures, ddof=1)) * draws.correction


def undefined(figures: Floats) -> str | None:
    """Say why draws do not allow a figure; None where all of them do.

    Args:
        figures: The figure in each draw, shape (draws,).
    """
    count = int(np.count_nonzero(~np.isfinite(figures)))
    if not count:
        return None
    return (
        f"{count} of {len(figures)} resamples do not allow it (no positive row in them, or no "
        "negative one): the rows are too few for an interval; judge on a longer stretch "
        "(`train.judge_days`)"
    )


def estimate(
    value: float,
    error: float,
    draws: Draws,
    *,
    confidence: float,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Estimate:
    """Put a two-sided interval around a figure, within what the figure can be.

    Args:
        value: The figure on the rows themselves.
        error: Its standard error.
        draws: The draws that the error comes from.
        confidence: Of the interval, both sides together.
        lowest: The smallest figure it can be.
        highest: The greatest.
    """
    reach = quantile((1 + confidence) / 2, draws) * error
    return Estimate(
        value=value,
        low=max(value - reach, lowest),
        high=min(value + reach, highest),
        standard_error=error,
    )


def difference(value: float, error: float, draws: Draws, *, confidence: float) -> Difference:
    """Bound a paired difference from below, and say what these rows could have shown.

    `smallest_detectable` is the difference whose lower bound clears zero four times out of five.
    It is the automatic margin of `non_inferior` as well: a candidate as good as the champion clears
    minus that margin exactly as often.

    Args:
        value: The difference on the rows themselves, above zero where the candidate is better.
        error: Its standard error over paired draws.
        draws: The draws that the error comes from.
        confidence: Of the one-sided bound.
    """
    bound = quantile(confidence, draws)
    return Difference(
        value=value,
        low=value - bound * error,
        standard_error=error,
        smallest_detectable=(bound + quantile(PLANNED_POWER, draws)) * error,
    )


def share_of(
    part: Floats,
    whole: Floats,
    draws: Draws,
    *,
    confidence: float,
    name: str,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Estimate:
    """Measure which share one figure is of another, in the same draws.

    The error of a ratio of two means, by the delta method (Cochran 1977, "Sampling Techniques",
    6.4): that of the one less the share times the other.

    Args:
        part: On the rows themselves and in each draw, shape (1 + draws,).
        whole: As `part`; on the rows themselves above zero.
        draws: The draws that both come from.
        confidence: Of the interval, both sides together.
        name: Whose share it is, for the error.
        lowest: The smallest share it can be.
        highest: The greatest.

    Raises:
        EvidenceError: Some draws do not allow one of the figures.
    """
    share = float(part[0] / whole[0])
    error = standard_error(part[1:] - share * whole[1:], draws, name=name) / float(whole[0])
    return estimate(share, error, draws, confidence=confidence, lowest=lowest, highest=highest)


def quantile(probability: float, draws: Draws) -> float:
    """Look up the t distribution with the draws' degrees of freedom."""
    return float(student.ppf(probability, draws.degrees_of_freedom))
