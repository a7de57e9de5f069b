"""A daily figure against its own history: sudden surprises and slow changes, seldom a false one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from tradewind.errors import EvidenceError
from tradewind.stats.vital_signs import LEAST_HISTORY, RECENT, vital_sign

WEEK = np.arange(400) % 7


def judge(values: np.ndarray, **options):
    """The last of the values against those before it."""
    return vital_sign("volume", values[:-1], float(values[-1]), **options)


def flights(nights: int, *, seed: int) -> np.ndarray:
    """Volumes with quiet Saturdays."""
    random = np.random.default_rng(seed)
    return 900 + 10 * random.normal(size=nights) - 200 * (WEEK[:nights] == 5)


@pytest.mark.parametrize("shape", ["normal", "heavy", "skewed", "correlated"])
@pytest.mark.parametrize("by_weekday", [True, False])
def test_quiet_nights_raise_as_few_alarms_as_stated(shape, by_weekday):
    random, count, nights = np.random.default_rng(3), 150, 84
    shocks = random.normal(size=(count, nights + 1))
    series = {
        "normal": shocks,
        "heavy": random.standard_t(5, size=shocks.shape),
        "skewed": np.exp(0.3 * shocks),
        "correlated": shocks + 0.4 * np.roll(shocks, 1, axis=1),
    }[shape]
    days = {"weekdays": WEEK[:nights], "weekday": nights % 7} if by_weekday else {}
    wrong = sum(judge(row, false_alarms=0.01, **days).alarm for row in series)
    assert wrong <= binom.ppf(0.99, count, 0.01)


def test_a_quiet_saturday_is_no_surprise_and_a_quiet_tuesday_is_one():
    history = flights(84, seed=0)
    options = {"weekdays": WEEK[:84], "false_alarms": 0.01}
    saturday = vital_sign("volume", history, 705.0, weekday=5, **options)
    tuesday = vital_sign("volume", history, 705.0, weekday=1, **options)
    assert (saturday.sudden, tuesday.sudden) == ("within", "beyond")
    assert saturday.expected == pytest.approx(700, abs=15)
    assert tuesday.low <= tuesday.expected <= tuesday.high


def test_a_few_wild_nights_in_the_history_hide_no_surprise():
    history = np.random.default_rng(1).normal(100, 1, size=60)
    history[[5, 20, 40]] = 10_000
    assert vital_sign("volume", history, 115.0).sudden == "beyond"


def test_a_slow_change_is_found_that_no_single_night_shows():
    values = np.random.default_rng(2).normal(size=100)
    values[-20:] += 1.8
    values[-1] = 1.8
    found = judge(values)
    assert (found.sudden, found.slow) == ("within", "beyond")
    assert 15 <= found.since <= 25
    assert f"changing slowly for {found.since} nights" in found.sentence


def test_a_slow_change_downwards_is_found_as_well():
    values = np.random.default_rng(2).normal(size=100)
    values[-20:] -= 1.8
    assert judge(values).slow == "beyond"


def test_one_wild_night_is_no_slow_change():
    values = np.random.default_rng(4).normal(size=100)
    values[-1] = 1000.0
    found = judge(values)
    assert (found.sudden, found.slow, found.since) == ("beyond", "within", None)
    assert found.alarm


def test_of_a_null_rate_that_was_always_zero_the_resolution_says_what_matters():
    zeros = np.zeros(60)
    assert vital_sign("null_rate:temp", zeros, 0.0).alarm is False
    assert vital_sign("null_rate:temp", zeros, 0.001).sudden == "beyond"
    assert vital_sign("null_rate:temp", zeros, 0.001, resolution=0.001).sudden == "within"
    assert vital_sign("null_rate:temp", zeros, 0.15, resolution=0.001).sudden == "beyond"


def test_a_constant_that_became_another_constant_is_a_slow_change():
    values = np.concatenate([np.zeros(60), np.ones(5)])
    found = judge(values)
    assert (found.slow, found.since) == ("beyond", 5)


def test_too_short_a_history_is_a_word():
    short = vital_sign("volume", np.ones(LEAST_HISTORY - 1), 99.0)
    assert (short.sudden, short.slow) == ("not_enough_history", "not_enough_history")
    assert (short.expected, short.low, short.high, short.alarm) == (None, None, None, False)
    assert "not enough history (27 of 28 nights)" in short.sentence
    longer = vital_sign("volume", flights(LEAST_HISTORY + RECENT - 1, seed=5), 880.0)
    assert (longer.sudden, longer.slow) == ("within", "not_enough_history")


@pytest.mark.parametrize("tonight", [math.nan, math.inf])
def test_a_figure_that_is_not_finite_is_refused(tonight):
    with pytest.raises(EvidenceError, match="missing or not finite"):
        vital_sign("volume", np.ones(40), tonight)


def test_weekdays_of_another_length_are_refused():
    with pytest.raises(EvidenceError, match="40 figures have 3 weekdays"):
        vital_sign("volume", np.ones(40), 1.0, weekdays=[0, 1, 2])
