"""Columns in another unit, and columns in each other's place."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tradewind.stats.contracts.manners import exchanges
from tradewind.stats.contracts.night import LEAST_ROWS, Found, Night, log_spread
from tradewind.stats.contracts.reference import clock_offset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.stats.contracts.rows import Floats


_UNNATURAL = 5.0


class Conversion(NamedTuple):
    """What tonight's values would be: `factor` times the usual ones, plus `offset`."""

    words: str
    factor: float
    offset: float = 0.0

    @property
    def is_far(self) -> bool:
        """Whether no natural change reaches its factor."""
        return max(self.factor, 1 / self.factor) >= _UNNATURAL

    @property
    def is_round(self) -> bool:
        """Whether it makes whole numbers of whole ones, or of tenths: a coincidence, with few."""
        factor = max(self.factor, 1 / self.factor)
        return factor == round(factor) and self.offset == 0


def _both_ways(one: str, other: str, factor: float, offset: float = 0.0) -> list[Conversion]:
    return [
        Conversion(f"{other} in place of {one}", factor, offset),
        Conversion(f"{one} in place of {other}", 1 / factor, -offset / factor),
    ]


CONVERSIONS = [
    *_both_ways("°F", "°C", 5 / 9, -160 / 9),
    *_both_ways("°C", "K", 1.0, 273.15),
    *_both_ways("°F", "K", 5 / 9, 273.15 - 160 / 9),
    *_both_ways("miles", "kilometres", 1.609344),
    *_both_ways("miles", "nautical miles (or mph, knots)", 1 / 1.150779),
    *_both_ways("km/h", "knots", 1 / 1.852),
    *_both_ways("mph", "m/s", 0.44704),
    *_both_ways("km/h", "m/s", 1 / 3.6),
    *_both_ways("knots", "m/s", 0.514444),
    *_both_ways("miles", "metres", 1609.344),
    *_both_ways("inches", "millimetres", 25.4),
    *_both_ways("inches", "centimetres", 2.54),
    *_both_ways("feet", "metres", 0.3048),
    *_both_ways("pounds", "kilograms", 0.45359237),
    *_both_ways("gallons", "litres", 3.785412),
    *_both_ways("millibars", "inches of mercury", 0.0295300),
    *_both_ways("millibars", "millimetres of mercury", 0.750062),
    *_both_ways("days", "hours", 24.0),
    *_both_ways("hours", "minutes", 60.0),
    *_both_ways("hours", "seconds", 3600.0),
    *_both_ways("units", "tenths", 10.0),
    *_both_ways("units", "hundredths", 100.0),
    *_both_ways("units", "thousandths", 1000.0),
    *_both_ways("units", "millionths", 1e6),
]
"""Those that data really come in; the exact factors are those of the international yard and pound
(1959), the knot, and NIST SP 811."""

_FEW, _MANY, _MOST = 0.2, 0.8, 0.95
_LEAST_VALUES = 5
_EXPLAINED = 3.0
_ENOUGH_ROWS = 100
_NEEDED_GAIN, _LEFT = 5.0, 20.0


# ----------------------------------------------------------------------------------- unit changes


def other_values(night: Night) -> Iterator[Found]:
    """The values are no longer those that the column is known to have, and are once converted.

    A change of level keeps the values on their grid, whatever the season.
    """
    yield from _changed(night, _by_values)


def other_distribution(night: Night) -> Iterator[Found]:
    """For a column without a list of values: level and spread are both off by a known factor.

    A change of level alone moves the spread by no factor.
    """
    yield from _changed(night, _by_distribution)


def _changed(
    night: Night, looks_like: Callable[[Night, str, Floats], str | None]
) -> Iterator[Found]:
    for name in night.numeric:
        values = night.values(name)
        if len(values) < LEAST_ROWS:
            continue
        found = looks_like(night, name, values)
        if found:
            yield Found("unit_change", "unit change", (name,), found)


def _by_values(night: Night, name: str, values: Floats) -> str | None:
    known = _known(night, name)
    distinct = np.unique(values[values != 0])
    if known is None or not len(distinct):
        return None
    few = len(distinct) < _LEAST_VALUES
    own = _share_known(distinct, known)
    if own > (0.0 if few else 2 * _FEW):
        return None
    fits = [
        (sum(map(abs, _odd(night, name, values, each))), each)
        for each in CONVERSIONS
        if not (few and each.is_round)
        and _converted(distinct, each, known, within=None if few else _rounding(values))
        >= (_MOST if few else _MANY)
    ]
    if not fits:
        return None
    odd, best = min(fits)
    if odd > 2 * night.sensitivity:
        return None
    return (
        f"{name} looks like {best.words}: {own:.0%} of its values were seen before, and at least "
        f"{_MANY:.0%} are once converted (median {np.median(values):.4g}, usual "
        f"{_usual(night, name):.4g})"
    )


def _converted(
    values: Floats, conversion: Conversion, known: Floats, *, within: float | None
) -> float:
    """The share of values on the list once a conversion is taken back."""
    back = (values - conversion.offset) / conversion.factor
    within = None if within is None else within / conversion.factor
    return _share_known(back, known, within=within)


def _by_distribution(night: Night, name: str, values: Floats) -> str | None:
    if _tells_the_time(night, name):
        return None
    known = _known(night, name)
    if known is not None and _share_known(np.unique(values), known) > 2 * _FEW:
        return None  # on its own grid, whatever its level
    level, spread = _odd(night, name, values, Conversion("", 1.0))
    possible = [each for each in CONVERSIONS if _is_betrayed(night, each, level, spread)]
    left = [(max(map(abs, _odd(night, name, values, each))), each) for each in possible]
    # Tonight may be an odd night in any unit: far less odd is enough where it is very odd as it is.
    enough = max(_EXPLAINED, max(abs(level), abs(spread)) / 4)
    fits = [(odd, e) for odd, e in left if odd < (enough if e.is_far else _EXPLAINED / 2)]
    if not fits:
        return None
    odd, best = min(fits)
    return (
        f"{name} looks like {best.words}: its median {np.median(values):.4g} and its spread are "
        f"{abs(level):.1f} and {abs(spread):.1f} robust standard deviations from the usual "
        f"({_usual(night, name):.4g}), and {odd:.1f} once converted"
    )


def _tells_the_time(night: Night, name: str) -> bool:
    """Whether a column goes with the clock tonight, as it always did: then its unit is its own."""
    clocks = {each["column"]: each["scale"] for each in night.reference["clocks"]}
    if name not in clocks:
        return False
    told = night.rows.number(name) * clocks[name]
    return clock_offset(night.rows.minute, told)[1] >= _MOST


def _is_betrayed(night: Night, conversion: Conversion, level: float, spread: float) -> bool:
    """Whether level and spread are off as no natural change would have them.

    A factor that nature does not reach shows in the spread alone; a smaller one must show in both,
    and a mere offset by more than any season brings.
    """
    limit = night.sensitivity
    if conversion.factor == 1.0:
        return abs(level) > 3 * limit
    return abs(spread) > limit and (conversion.is_far or abs(level) > 2 * limit)


def _odd(night: Night, name: str, values: Floats, conversion: Conversion) -> tuple[float, float]:
    """How odd level and spread are once a conversion is taken back."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    level = (middle - conversion.offset) / conversion.factor
    spread = float(log_spread((high - low) / conversion.factor))
    return night.oddness(name, level=level, spread=spread)


def _usual(night: Night, name: str) -> float:
    return float(np.nanmedian(night.days.median[:, night.rows.numeric.index(name)]))


# ----------------------------------------------------------------------------------- known values


def _known(night: Night, name: str) -> Floats | None:
    """The values that a numeric column is known to have, where they are few enough to tell."""
    known = night.known.get(name)
    return np.array(known, dtype=float) if known and len(known) > _LEAST_VALUES else None


def _share_known(values: Floats, known: Floats, *, within: float | None = 0.0) -> float:
    """The share of values on the list, to a fiftieth of the usual step between two of them.

    Args:
        values: Distinct ones.
        known: The list, in order.
        within: How far they may be off by rounding alone; None asks for the very values.
    """
    step = float(np.median(np.diff(known)))
    right = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
    near = np.minimum(np.abs(values - known[right]), np.abs(values - known[right - 1]))
    allowed = min(max(step / 50, within), step / 10) if within is not None else 0.0
    # And never by more than a twentieth of the value: next to nothing is not yet zero.
    size = np.abs(values)
    return float(np.mean(near <= np.clip(allowed, 1e-5 * size, size / 20)))


def _rounding(values: Floats) -> float:
    """Half a step of the last decimal place that values have, of the first two; else nothing."""
    for step in (1.0, 0.1, 0.01):
        if np.allclose(values / step, np.round(values / step), rtol=0, atol=1e-6):
            return step / 2
    return 0.0


# --------------------------------------------------------------------------------- exchanged pairs


def swapped(night: Night) -> Iterator[Found]:
    """Two columns have each other's values."""
    yield from _swapped_categories(night)
    if len(night.rows) < _ENOUGH_ROWS or not night.rows.numeric:
        return
    gain, strange = exchanges(night.reference["manners"], night.matrix, night.figures)
    needed = _NEEDED_GAIN * night.sensitivity
    found = np.argwhere(np.triu((gain > needed) & (strange <= _LEFT), k=1))
    taken: set[str] = set(night.explained)
    for one, other in sorted(found, key=lambda pair: -gain[tuple(pair)]):
        pair = (night.rows.numeric[one], night.rows.numeric[other])
        if not taken & {*pair} and not _keeps_to_itself(night, *pair):
            taken |= {*pair}
            sentence = (
                f"{pair[0]} behaves like {pair[1]}, and {pair[1]} like {pair[0]}, in level, spread "
                "and how they go with the other columns; exchanged, they are less strange by "
                f"{gain[one, other]:.0f} squared robust deviations more than on any known day"
            )
            yield Found("exchange", "swapped columns", pair, sentence)


def _keeps_to_itself(night: Night, one: str, other: str) -> bool:
    """Whether one of two columns has values of its own list that the other could not give it.

    Weather in a new season may behave in everything like another column, and keeps to its grid.
    """
    return _has_its_own(night, one, other) or _has_its_own(night, other, one)


def _has_its_own(night: Night, name: str, other: str) -> bool:
    known, theirs = _known(night, name), _known(night, other)
    distinct = np.unique(night.values(name))
    if known is None or len(distinct) < _LEAST_VALUES:
        return False
    alike = theirs is not None and _share_known(theirs, known) > 2 * _FEW
    return not alike and _share_known(distinct[distinct != 0], known) > 2 * _FEW


def _swapped_categories(night: Night) -> Iterator[Found]:
    names = [name for name in night.rows.categorical if name not in night.explained]
    for one, other in combinations(names, 2):
        own = max(_share_of(night, one, one), _share_of(night, other, other))
        cross = min(_share_of(night, one, other), _share_of(night, other, one))
        if own <= _FEW and cross >= _MOST:
            sentence = (
                f"{one} has the values of {other}, and {other} those of {one}, in at least "
                f"{cross:.0%} of the rows"
            )
            yield Found("exchange", "swapped columns", (one, other), sentence)


def _share_of(night: Night, name: str, home: str) -> float:
    """The share of a category's rows whose values another one, or itself, is known to have."""
    if home not in night.known:
        return 1.0 if name == home else 0.0
    place = night.rows.categorical.index(name)
    codes = night.rows.codes[:, place]
    values = night.rows.categories[place][codes[codes >= 0]]
    return float(np.isin(values, night.known[home]).mean()) if len(values) else 0.0
