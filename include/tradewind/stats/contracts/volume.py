"""Faults of whole rows: missing, cut off, delivered twice, or at another hour of the day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats.contracts.figures import HOURS
from tradewind.stats.contracts.night import LEAST_ROWS, Found, Night
from tradewind.stats.contracts.reference import clock_offset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stats.contracts.rows import Floats

_NOTHING = 0.05
_HALF, _MANY = 0.5, 3.0
_TWICE = 0.01
_CUT = 0.08
_WHOLE = 0.75
_SHIFT = 25
_CLOSED = 0.002
_DAY = 1440


def missing_day(night: Night) -> Iterator[Found]:
    """Nearly no row, where a day of rows is expected."""
    count, expected = len(night.rows), night.expected
    if count < _NOTHING * expected:
        sentence = f"{count} rows where about {expected:.0f} are expected of this weekday"
        yield Found("volume", "missing day", (), sentence)


def repeated_rows(night: Night) -> Iterator[Found]:
    """Keys that come more than once."""
    if night.rows.key is None or not len(night.rows):
        return
    counts = np.bincount(night.rows.key)
    share = counts[counts > 1].sum() / len(night.rows)
    if share > _TWICE:
        sentence = f"{share:.1%} of the rows share their key with another row, which none should"
        yield Found("duplicate_keys", "duplicated rows", (), sentence)


def volume_off(night: Night) -> Iterator[Found]:
    """Less than half of the rows, or three times as many, at all hours alike."""
    ratio = len(night.rows) / night.expected
    usual = np.log(night.days.rows / np.median(night.days.rows))
    beyond = night.sensitivity * float(np.quantile(np.abs(usual), 0.68))
    if math.log(ratio) < -max(-math.log(_HALF), beyond):
        cause = "truncated file"
    elif math.log(ratio) > max(math.log(_MANY), beyond):
        cause = "volume jump"
    else:
        return
    sentence = (
        f"{len(night.rows)} rows where about {night.expected:.0f} are expected of this weekday"
    )
    yield Found("volume", cause, (), sentence)


# ------------------------------------------------------------------------------------- truncation


def truncated(night: Night) -> Iterator[Found]:
    """The rows break off within the day, and are whole up to there."""
    missing, first, last = _gap(night.figures.hours, night.profile)
    days = [_gap(hours, night.profile)[0] for hours in night.days.hours]
    if missing < max(_CUT, max(days) + _CUT / 2):
        return
    kept = len(night.rows) / (night.expected * (1 - missing))
    if kept < _WHOLE or len(night.rows) > night.expected * (1 - missing / 2):
        return
    sentence = (
        f"no row from {first:02d}:00 to {last + 1:02d}:00, where {missing:.0%} of a day's rows are "
        f"usual (at most {max(days):.0%} were missing so on a known day); {len(night.rows)} rows "
        f"where about {night.expected:.0f} are expected"
    )
    yield Found("truncation", "truncated file", (), sentence)


def _gap(hours: Floats, profile: Floats) -> tuple[float, int, int]:
    """The usual share of the hours without a row at the start or at the end of the day."""
    present = np.flatnonzero(hours)
    if not len(present):
        return 1.0, 0, HOURS - 1
    usual = np.flatnonzero(profile > 0)
    before, after = profile[: present[0]].sum(), profile[present[-1] + 1 :].sum()
    if before > after:
        return float(before), int(usual[0]), int(present[0]) - 1
    return float(after), int(present[-1]) + 1, int(usual[-1])


# ------------------------------------------------------------------------------------------ clock


def clock_shift(night: Night) -> Iterator[Found]:
    """The hours of the day are others: all rows are early, or late, by the same."""
    if len(night.rows) < LEAST_ROWS:
        return
    told = list(_told_otherwise(night))
    yield from told
    if not told:
        yield from _shifted_hours(night)


def _told_otherwise(night: Night) -> Iterator[Found]:
    """A column that tells the time, and always agreed with the clock, does not."""
    for clock in night.reference["clocks"]:
        if clock["column"] in night.explained:
            continue
        told = night.rows.number(clock["column"]) * clock["scale"]
        offset, share = clock_offset(night.rows.minute, told)
        ahead = (clock["offset"] - offset + _DAY / 2) % _DAY - _DAY / 2
        if abs(ahead) >= _SHIFT * max(1, clock["scale"] // 30) and share >= _WHOLE:
            sentence = (
                f"the clock of the rows is {ahead:+.0f} minutes off what {clock['column']} says of "
                f"it, in {share:.0%} of the rows; on known days the two agree"
            )
            yield Found("clock", "clock shift", (), sentence)
            return


def _shifted_hours(night: Night) -> Iterator[Found]:
    shares = night.figures.hours / len(night.rows)
    usual = night.profile
    own = _distance(shares, usual)
    days = [_distance(each / each.sum(), usual) for each in night.days.hours]
    if own <= max(days) + 0.1:
        return
    moves = [move for move in range(-HOURS // 2, HOURS // 2) if move]
    best = min(moves, key=lambda move: _distance(np.roll(shares, -move), usual))
    left = _distance(np.roll(shares, -best), usual)
    closed = float(shares[usual < _CLOSED].sum())
    # Where hours are closed, only rows in them betray the clock; a new timetable respects them.
    strange = closed >= _asked(night) if (usual < _CLOSED).any() else left < own / 3
    if strange and left < own / 2 and left <= max(days) + 0.1:
        sentence = (
            f"the rows' hours are as usual once moved by {-best:+d} h: {left:.0%} of them are then "
            f"at an unusual hour, and {own:.0%} as they stand ({closed:.0%} when all is closed)"
        )
        yield Found("clock", "clock shift", (), sentence)


def _asked(night: Night) -> float:
    """The share of rows at closed hours; more is asked where a column agrees with the clock."""
    return 0.10 if night.reference["clocks"] else 0.02


def _distance(one: Floats, other: Floats) -> float:
    """Total variation: the share that would have to move."""
    return float(np.abs(one - other).sum() / 2)
