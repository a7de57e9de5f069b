"""Two models on the same rows, compared as often as one likes: every night, and stop at any.

A confidence *sequence* holds at all looks at once: the probability that it ever leaves out the
true difference is the stated one, whenever one stops. An interval made for a single look errs in
a quarter of the cases when it is looked at for 28 nights.

The sequence is the anytime-valid t-test with a normal mixture over the effect (Robbins, 1970; Lai,
1976; for an unknown variance: Wang and Ramdas, 2024, "Anytime-valid t-tests and confidence
sequences for Gaussian means with unknown variance"; the same as Gönen's Bayes factor, 2005).
Days take the place of rows, because the flights of one day share their weather, and fewer days
than there are take the place of days, because a front stays: n days whose neighbours correlate by
r tell as much as n (1 - r) / (1 + r) independent ones (the long-run variance of an AR(1) series;
Andrews, 1991). r is estimated, corrected for its bias (Marriott and Pope, 1954), and
never taken below zero. That step is approximate, so the error is measured on real flights
(`benchmarks/rollback.py`; log loss, error 0.05, one side, 28 nights, looked at every night, with 28
days before): equal models are rolled back in 0.2 to 1.2 %. A loss of 0.01, 0.02 and 0.03 a row
between models alike (halves of the same months) is found in 65, 93 and 98 %, half of them within
14, 8 and 7 nights; between models of other months, whose days differ more, 0.05 and 0.1 in about 80
and 98 %. Without the days before, 0.5 to 3.0 % of equal models are rolled back.

Arms, 56 nights, both sides: with the days before 0.2 to 5.6 % of equal pairs are decided (the 5.6 %
are halves, which are not exactly equal). Without them the promise is **not kept** on halves: 8.9 %.
So give `before` wherever an arm may be promoted or dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtrit

from tradewind.errors import EvidenceError
from tradewind.stats.inference import POWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.stats.rows import Floats

State = Literal["first_worse", "first_better", "undecided"]
Side = Literal["both", "first_worse", "first_better"]

LEAST_UNITS = 7
"""Before a week is over nothing is decided: a weekday is not a model."""
MOST_CORRELATION = 0.6
"""Neighbours that correlate more than this are a trend, and not weather: a model that gets worse
every night must not hide behind it."""
_MOST_ERROR = 0.99


@dataclass(frozen=True)
class PairedUnits:
    """Differences of loss, first minus second, on the same rows, summed by unit in time's order.

    Attributes:
        sums: Sum of the rows' differences, shape (units,). Above zero the first model lost more.
        rows: Rows of each unit, shape (units,), each above zero.
    """

    sums: Floats
    rows: Floats

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if self.sums.ndim != 1 or self.sums.shape != self.rows.shape:
            raise EvidenceError(
                f"paired units need one sum and one number of rows each, but there are sums of "
                f"shape {self.sums.shape} and rows of shape {self.rows.shape}"
            )
        if not np.isfinite(self.sums).all():
            raise EvidenceError(
                "a unit's sum of differences is not finite: a loss is infinite or missing; clip "
                "the scores away from 0 and 1, and leave out rows without a label"
            )
        if not (np.isfinite(self.rows) & (self.rows > 0)).all():
            raise EvidenceError("every unit needs at least one row: leave empty units out")

    def __len__(self) -> int:
        """Count the units."""
        return len(self.sums)


@dataclass(frozen=True)
class Comparison:
    """What all units so far say of two models; it may be looked at after any of them.

    Attributes:
        mean_difference: Loss of the first above the second, a row; None where there is no row.
        low: Of the anytime-valid interval of it, and `high`; None where the units are too few.
        state: `first_worse` where the interval lies above `practical`, `first_better` where it
            lies below minus `practical`.
        error: The stated probability of ever saying it wrongly.
        practical: Differences within this size do not matter.
        detectable: The difference that as many units would show four times out of five.
        correlation: Of neighbouring units, as it was reckoned with.
        sentence: For a person.
    """

    mean_difference: float | None
    low: float | None
    high: float | None
    state: State
    units: int
    rows: int
    error: float
    practical: float
    detectable: float | None
    correlation: float | None
    sentence: str

    @property
    def no_worse(self) -> bool:
        """Whether the first is surely not worse than the second by more than `practical`."""
        return self.high is not None and self.high <= self.practical


@dataclass(frozen=True)
class _Spread:
    """How much the mean of the units varies.

    Attributes:
        deviation: Standard deviation of one unit, in loss a row.
        effective: As many independent units tell as much.
        freedom: Degrees of freedom of the deviation.
    """

    deviation: float
    effective: float
    freedom: float
    correlation: float

    @property
    def standard_error(self) -> float:
        return self.deviation / math.sqrt(self.effective)


def by_unit(difference: Floats, unit: Sequence[object] | np.ndarray) -> PairedUnits:
    """Sum rows' differences of loss by unit, units in ascending order.

    Args:
        difference: Loss of the first minus loss of the second, shape (rows,).
        unit: The unit of each row (a local day), shape (rows,), sortable.

    Raises:
        EvidenceError: The two have different lengths, or a difference is not finite.
    """
    if len(difference) != len(unit):
        raise EvidenceError(f"{len(difference)} differences have {len(unit)} units: one each")
    names, numbers = np.unique(np.asarray(unit), return_inverse=True)
    sums = np.bincount(numbers, difference, len(names)).astype(np.float64)
    return PairedUnits(sums, np.bincount(numbers, minlength=len(names)).astype(np.float64))


def compare_so_far(
    units: PairedUnits,
    *,
    error: float = 0.05,
    horizon: int = 28,
    side: Side = "both",
    practical: float = 0.0,
    before: PairedUnits | None = None,
) -> Comparison:
    """Compare two models by all units so far, at an error that holds over every look.

    Args:
        units: All units since the watch began, oldest first.
        error: Probability of ever leaving the true difference out, over all looks. Fix
            it before the first look.
        horizon: Units by which the interval should be tightest: the probation's. Fix it before
            the first look; it holds beyond as well.
        side: What is looked for. An automatic rollback asks only whether the first is worse: the
            whole error is spent on that side, and the other is never said.
        practical: Differences within this size do not matter, in loss a row, at least 0.
        before: The same two models on earlier units that do not count (the judge stretch): they
            make the variation known before the first look, never the difference.

    Raises:
        EvidenceError: An argument is outside its range.
    """
    _refuse(error, horizon, practical)
    count, rows = len(units), int(units.rows.sum())
    mean = float(units.sums.sum() / units.rows.sum()) if count else None
    spread = _spread(units, before) if count >= LEAST_UNITS else None
    two_sided = error if side == "both" else min(2 * error, _MOST_ERROR)
    times = _critical(spread, error=two_sided, horizon=horizon) if spread else math.inf
    if mean is None or spread is None or math.isinf(times):
        words = f"Too few units to compare two models: {count}, with {rows:,} rows."
        return Comparison(
            mean, None, None, "undecided", count, rows, error, practical, None, None, words
        )
    reach = times * spread.standard_error
    low, high = mean - reach, mean + reach
    state = _state(low, high, practical, side)
    power = float(stdtrit(spread.freedom, POWER)) * spread.standard_error
    detectable = reach + power + practical
    words = _sentence(state, (mean, low, high, detectable), (count, rows), error, practical)
    return Comparison(
        mean, low, high, state, count, rows, error, practical, detectable, spread.correlation, words
    )


def _refuse(error: float, horizon: int, practical: float) -> None:
    if not 0 < error < 1:
        raise EvidenceError(f"the stated error must lie between 0 and 1, but it is {error}")
    if horizon < 1:
        raise EvidenceError(f"the horizon must be at least one unit, but it is {horizon}")
    if not (math.isfinite(practical) and practical >= 0):
        raise EvidenceError(f"the practical margin must be at least 0, but it is {practical}")


def _state(low: float, high: float, practical: float, side: Side) -> State:
    if low > practical and side != "first_better":
        return "first_worse"
    return "first_better" if high < -practical and side != "first_worse" else "undecided"


def _residuals(units: PairedUnits, scale: float) -> Floats:
    """What each unit adds to the mean's error, in loss a row (the linearised ratio)."""
    mean = units.sums.sum() / units.rows.sum()
    deviations: Floats = (units.sums - mean * units.rows) / scale
    return deviations


def _spread(units: PairedUnits, before: PairedUnits | None) -> _Spread:
    """Estimate the long-run variation, by the earlier units too where there are enough."""
    stretches = [_residuals(units, float(units.rows.mean()))]
    if before is not None and len(before) >= LEAST_UNITS:
        stretches.append(_residuals(before, float(before.rows.mean())))
    correlation = _correlation(stretches)
    shrink = (1 - correlation) / (1 + correlation)
    squares = [float(part @ part) for part in stretches]
    freedom = sum(len(part) - 1 for part in stretches)
    pooled = sum(squares) / freedom
    # A rougher season than the judged one must not look like a difference: never below today's.
    variance = max(pooled, squares[0] / (len(units) - 1))
    # The effective number never falls below two: one unit alone knows no variation.
    return _Spread(
        deviation=math.sqrt(variance),
        effective=max(len(units) * shrink, 2.0),
        freedom=max(freedom * shrink, 1.0),
        correlation=correlation,
    )


def _correlation(stretches: list[Floats]) -> float:
    """Correlation of neighbours, pooled and corrected for the bias of short series."""
    squares = sum(float(part @ part) for part in stretches)
    if squares == 0:
        return 0.0
    plain = sum(float(part[1:] @ part[:-1]) for part in stretches) / squares
    count = sum(len(part) for part in stretches)
    corrected = plain + len(stretches) * (1 + 3 * plain) / count
    return min(max(corrected, 0.0), MOST_CORRELATION)


def _critical(spread: _Spread, *, error: float, horizon: int) -> float:
    """The t figure at which the mixture's evidence reaches 1 / error.

    The evidence is (1 + n g)^(-1/2) ((1 + u) / (1 + u / (1 + n g)))^((f + 1) / 2) with u = t^2 / f,
    where g is the mixture's variance of the effect, fixed beforehand so that the interval is
    tightest at the horizon (Waudby-Smith et al., 2024, on the normal mixture's parameter). Where no
    u reaches it, the units are too few for any decision: infinite.
    """
    surprise = -2 * math.log(error)
    widened = 1 + spread.effective * (surprise + math.log1p(surprise)) / horizon
    ratio = (widened / error**2) ** (1 / (spread.freedom + 1))
    if ratio >= widened:
        return math.inf
    return math.sqrt(spread.freedom * (ratio - 1) / (1 - ratio / widened))


def _sentence(
    state: State,
    figures: tuple[float, float, float, float],
    counts: tuple[int, int],
    error: float,
    practical: float,
) -> str:
    """Say it, with the figures, the error and what could have been seen."""
    mean, low, high, detectable = figures
    beyond = f" by more than {practical:.3g}" if practical else ""
    verdict = {
        "first_worse": f"The first model is worse than the second{beyond}",
        "first_better": f"The first model is better than the second{beyond}",
        "undecided": f"Neither model is shown to be better{beyond}",
    }[state]
    return (
        f"{verdict}: its loss differs by {mean:+.3g} a row ({low:+.3g} to {high:+.3g}), after "
        f"{counts[0]} units with {counts[1]:,} rows. Looked at as often as one likes, this is "
        f"wrong in at most {error:.1%} of all comparisons. A difference of {detectable:.3g} would "
        "be seen by now four times out of five."
    )
