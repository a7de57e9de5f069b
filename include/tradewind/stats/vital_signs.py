"""A daily figure against its own history: a sudden surprise, and a slow change.

Volume, null rates, delays of arrival: each night adds one figure to a series of a model's own.

*Sudden*: the figure against the median of the same weekdays, in robust standard deviations (the
median absolute deviation; Iglewicz and Hoaglin, 1993). The bound is a t quantile with few degrees
of freedom, because daily figures have heavier tails than a normal one.

*Slow*: Page's cumulative sum (1954) over the latest nights, which adds up small deviations on one
side. It is the greatest sum, over the last j nights, of what each deviates beyond an allowance.
Its bound comes from Siegmund's approximation (1985) of the chance that a random walk with that
drift ever reaches it. Neighbouring nights that follow each other widen the scale, and a single
wild night counts for no more than `WILD`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import chi2
from scipy.stats import t as student

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stats.rows import Floats, Integers

Sign = Literal["within", "beyond", "not_enough_history"]

LEAST_HISTORY = 28
"""Nights before anything is said: four of each weekday."""
RECENT = 28
"""Nights, before tonight, over which a slow change is added up; they are no part of its level."""
ALLOWANCE = 0.5
"""Deviation, in standard deviations, that a slow change must exceed: half the shift sought."""
WILD = 3.0
_TAIL_FREEDOM = 5
_WEEKDAYS_NEEDED = 4
_MAD_OF_NORMAL = 0.6744897501960817
_MEAN_DEVIATION_OF_NORMAL = 0.7978845608028654
_OVERSHOOT = 0.583
_MEDIAN_VARIANCE = math.pi / 2
_MOST_CORRELATION = 0.8
_MEDIAN_EFFICIENCY = 0.37
_SCALE_DOUBT = 0.10


@dataclass(frozen=True)
class VitalSign:
    """What tonight's figure says beside its own history.

    Attributes:
        name: Of the figure, such as `volume` or `null_rate:temp`.
        expected: What the history lets one expect tonight; None where it is too short.
        low: Of the bounds of a sudden surprise, and `high`; None where the history is too short.
        sudden: Whether tonight's figure lies beyond them.
        slow: Whether the latest nights add up to a change of level.
        since: How many nights the slow change has lasted, tonight included; None where none is.
        false_alarms: Stated rate of false alarms a night, of both together.
        sentence: For a person.
    """

    name: str
    value: float
    expected: float | None
    low: float | None
    high: float | None
    sudden: Sign
    slow: Sign
    since: int | None
    false_alarms: float
    sentence: str

    @property
    def alarm(self) -> bool:
        """Whether either says that something has changed."""
        return "beyond" in (self.sudden, self.slow)


@dataclass(frozen=True)
class _Usual:
    """What is usual: a level for each weekday (or one for all), and a scale around it."""

    levels: dict[int, float]
    scale: float
    nights: int
    groups: int

    def deviation(self, values: Floats, weekdays: Integers) -> Floats:
        level: Floats = np.array([self.levels[int(day)] for day in weekdays])
        return np.subtract(values, level)

    @property
    def level_error(self) -> float:
        """Variance of a level, in squared scales."""
        return _MEDIAN_VARIANCE * self.groups / self.nights

    @property
    def cautious_scale(self) -> float:
        """The scale's upper bound: from few nights it is often found too small.

        A median absolute deviation of n figures tells as much of the scale as .37 n of them would
        by their squares (Hampel, 1974).
        """
        freedom = _MEDIAN_EFFICIENCY * (self.nights - self.groups)
        return self.scale * math.sqrt(freedom / float(chi2.ppf(_SCALE_DOUBT, freedom)))


def vital_sign(
    name: str,
    history: npt.ArrayLike,
    tonight: float,
    *,
    weekdays: npt.ArrayLike | None = None,
    weekday: int = 0,
    false_alarms: float = 0.01,
    resolution: float = 0.0,
) -> VitalSign:
    """Judge tonight's figure by its own history.

    Args:
        name: Of the figure.
        history: The figures of the nights before, oldest first, shape (nights,). Leave out nights
            of which the data were broken.
        tonight: Tonight's figure.
        weekdays: Weekday of each night before, 0 to 6, shape (nights,). Where nothing is said all
            nights are alike.
        weekday: Tonight's.
        false_alarms: Rate of false alarms a night, half for each of the two.
        resolution: The smallest standard deviation that is believed: of a figure that never moved
            (a null rate of zero), any other value would be beyond.

    Raises:
        EvidenceError: A figure is not finite, or weekdays and history differ in length.
    """
    past, days = _checked(name, history, tonight, weekdays)
    day = weekday if weekdays is not None else 0
    if len(past) < LEAST_HISTORY:
        words = f"{name}: not enough history ({len(past)} of {LEAST_HISTORY} nights)."
        missing: Sign = "not_enough_history"
        return VitalSign(
            name, tonight, None, None, None, missing, missing, None, false_alarms, words
        )
    usual = _usual(past, days, day, resolution)
    expected, reach = usual.levels[day], _sudden_reach(usual, false_alarms / 2)
    sudden: Sign = "beyond" if abs(tonight - expected) > reach else "within"
    slow, since = _slow(
        np.append(past, tonight), np.append(days, day), false_alarms / 2, resolution
    )
    words = _sentence(name, (tonight, expected, reach), sudden, slow, since)
    return VitalSign(
        name,
        tonight,
        expected,
        expected - reach,
        expected + reach,
        sudden,
        slow,
        since,
        false_alarms,
        words,
    )


def _checked(
    name: str, history: npt.ArrayLike, tonight: float, weekdays: npt.ArrayLike | None
) -> tuple[Floats, Integers]:
    past = np.asarray(history, dtype=np.float64)
    if not (np.isfinite(past).all() and math.isfinite(tonight)):
        raise EvidenceError(
            f"{name}: a figure is missing or not finite; leave out nights without one"
        )
    days = np.zeros(len(past), np.int64) if weekdays is None else np.asarray(weekdays, np.int64)
    if len(days) != len(past):
        raise EvidenceError(f"{name}: {len(past)} figures have {len(days)} weekdays")
    return past, days


def _usual(past: Floats, days: Integers, tonight: int, resolution: float) -> _Usual:
    """Learn levels by weekday, where each has been seen often enough, and the scale."""
    known = {int(day) for day in days} | {tonight}
    by_day = {day: past[days == day] for day in known}
    enough = all(len(values) >= _WEEKDAYS_NEEDED for values in by_day.values())
    levels = {day: float(np.median(values if enough else past)) for day, values in by_day.items()}
    groups = len(known) if enough else 1
    left = past - np.array([levels[int(day)] for day in days])
    # Levels that were fitted to these nights leave them closer than the next one will be.
    lost = math.sqrt(len(past) / (len(past) - groups))
    return _Usual(levels, max(_robust_deviation(left) * lost, resolution), len(past), groups)


def _robust_deviation(left: Floats) -> float:
    """Standard deviation from the median absolute one; from the mean one where that is zero."""
    size = np.abs(left)
    median = float(np.median(size)) / _MAD_OF_NORMAL
    return median or float(size.mean()) / _MEAN_DEVIATION_OF_NORMAL


def _sudden_reach(usual: _Usual, rate: float) -> float:
    times = float(student.ppf(1 - rate / 2, _TAIL_FREEDOM))
    return times * usual.scale * math.sqrt(1 + usual.level_error)


def _slow(
    values: Floats, days: Integers, rate: float, resolution: float
) -> tuple[Sign, int | None]:
    """Add up the latest nights' deviations on either side, against the level of those before."""
    past = len(values) - RECENT - 1
    if past < LEAST_HISTORY:
        return "not_enough_history", None
    usual = _usual(values[:past], days[:past], int(days[-1]), resolution)
    if any(int(day) not in usual.levels for day in days[past:]):
        return "not_enough_history", None
    before = usual.deviation(values[:past], days[:past])
    scale = usual.cautious_scale * _lengthening(before)
    latest = usual.deviation(values[past:], days[past:])
    if scale == 0:
        # Of a figure that never moved, what differs by now is a change.
        changed = int(np.count_nonzero(latest))
        return ("beyond", changed) if changed > 1 else ("within", None)
    deviation = np.clip(latest / scale, -WILD, WILD)
    allowance = ALLOWANCE + math.sqrt(usual.level_error / math.sqrt(usual.groups))
    sums = np.array([np.cumsum(side[::-1] - allowance) for side in (deviation, -deviation)])
    bound = math.log(2 / rate) / (2 * ALLOWANCE) - _OVERSHOOT
    if sums.max() <= bound:
        return "within", None
    return "beyond", int(np.argmax(sums.max(axis=0))) + 1


def _lengthening(left: Floats) -> float:
    """How much wider sums of neighbours vary than those of independent nights (AR(1))."""
    size = float(left @ left)
    plain = float(left[1:] @ left[:-1]) / size if size else 0.0
    correlation = min(max(plain + (1 + 3 * plain) / len(left), 0.0), _MOST_CORRELATION)
    return math.sqrt((1 + correlation) / (1 - correlation))


def _sentence(
    name: str,
    figures: tuple[float, float, float],
    sudden: Sign,
    slow: Sign,
    since: int | None,
) -> str:
    tonight, expected, reach = figures
    bounds = f"{expected:.4g} is usual, {expected - reach:.4g} to {expected + reach:.4g} expected"
    first = "a sudden surprise" if sudden == "beyond" else "as expected"
    if slow == "beyond":
        second = f" It has been changing slowly for {since} nights."
    elif slow == "within":
        second = " Its level has not changed."
    else:
        second = " The history is too short to tell a slow change."
    return f"{name}: {tonight:.4g} tonight is {first} ({bounds}).{second}"
