"""A comparison that may be looked at every night keeps its stated error over all looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tradewind.errors import EvidenceError
from tradewind.stats.sequential import LEAST_UNITS, PairedUnits, by_unit, compare_so_far

ROWS = 800.0
NIGHTS = 28


def series(values: np.ndarray, rows: float = ROWS) -> PairedUnits:
    """Days with these mean differences."""
    return PairedUnits(values * rows, np.full(len(values), rows))


def weather(count: int, *, correlation: float, seed: int) -> np.ndarray:
    """Daily differences of two equal models, whose neighbours correlate: (count, nights)."""
    shocks = np.random.default_rng(seed).normal(size=(count, NIGHTS))
    found = shocks.copy()
    for night in range(1, NIGHTS):
        found[:, night] = correlation * found[:, night - 1] + shocks[:, night] * math.sqrt(
            1 - correlation**2
        )
    return found


def ever(values: np.ndarray, **options) -> str:
    """Look every night; the first word that is said."""
    for night in range(LEAST_UNITS, len(values) + 1):
        state = compare_so_far(series(values[:night]), **options).state
        if state != "undecided":
            return state
    return "undecided"


@pytest.mark.parametrize("correlation", [0.0, 0.4])
@pytest.mark.parametrize("side", ["both", "first_worse"])
def test_looked_at_every_night_equal_models_are_told_apart_as_seldom_as_stated(correlation, side):
    days = weather(150, correlation=correlation, seed=1)
    wrong = sum(ever(row, error=0.05, side=side) != "undecided" for row in days)
    assert wrong <= binom.ppf(0.99, len(days), 0.05)


def test_an_interval_for_one_look_errs_far_more_often_when_it_is_looked_at_every_night():
    days = weather(150, correlation=0.0, seed=1)
    counts = np.arange(1, NIGHTS + 1)
    means = np.cumsum(days, axis=1) / counts
    ever_beyond = (np.abs(means) * np.sqrt(counts) > 1.96)[:, LEAST_UNITS - 1 :].any(axis=1)
    assert ever_beyond.mean() > 0.12


def test_a_model_that_is_worse_by_a_daily_deviation_and_a_half_is_found_within_the_probation():
    days = weather(100, correlation=0.2, seed=2) + 1.5
    assert sum(ever(row, side="first_worse") == "first_worse" for row in days) >= 90


def test_what_is_detectable_is_found_four_times_out_of_five_at_that_many_units():
    days = weather(400, correlation=0.0, seed=3)
    detectable = np.mean([compare_so_far(series(row)).detectable for row in days])
    found = [compare_so_far(series(row + detectable)).state for row in days]
    assert 0.7 < found.count("first_worse") / len(found) < 0.95


def test_days_before_make_the_interval_surer_and_leave_the_difference_alone():
    days, before = weather(2, correlation=0.0, seed=4)
    alone = compare_so_far(series(days[:8]))
    helped = compare_so_far(series(days[:8]), before=series(before + 5.0))
    assert helped.mean_difference == alone.mean_difference
    assert helped.high - helped.low < alone.high - alone.low


def test_a_rougher_season_than_the_days_before_is_not_taken_for_a_difference():
    days, before = weather(2, correlation=0.0, seed=5)
    calm = compare_so_far(series(days), before=series(before / 100))
    alone = compare_so_far(series(days))
    assert calm.high - calm.low > 0.5 * (alone.high - alone.low)


def test_days_that_follow_each_other_count_for_fewer():
    base = np.tile([1.0, -1.0], 14)
    runs = np.tile([1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0], 4)
    widths = [(c.high - c.low) for c in (compare_so_far(series(days)) for days in (base, runs))]
    assert widths[1] > 1.5 * widths[0]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(20, 60),
    st.floats(-2, 2),
    st.floats(0.5, 20),
    st.integers(0, 2**31),
)
def test_the_other_way_round_everything_is_mirrored_and_units_of_loss_only_scale(
    days, shift, scale, seed
):
    random = np.random.default_rng(seed)
    rows = random.integers(1, 500, days).astype(float)
    sums = rows * (shift + random.normal(size=days))
    one = compare_so_far(PairedUnits(sums, rows))
    other = compare_so_far(PairedUnits(-sums * scale, rows))
    assert one.low <= one.mean_difference <= one.high
    assert other.low == pytest.approx(-one.high * scale, rel=1e-9, abs=1e-12)
    assert other.high == pytest.approx(-one.low * scale, rel=1e-9, abs=1e-12)


def test_a_model_that_gets_worse_night_by_night_is_found():
    days = np.linspace(0.02, 0.08, NIGHTS)
    assert ever(days, side="first_worse") == "first_worse"


def test_a_difference_within_the_practical_margin_decides_nothing():
    days = 0.01 + 0.001 * weather(1, correlation=0.0, seed=6)[0]
    assert compare_so_far(series(days)).state == "first_worse"
    within = compare_so_far(series(days), practical=0.02)
    assert within.state == "undecided"
    assert within.no_worse
    assert compare_so_far(series(-days), practical=0.005).state == "first_better"


def test_a_watch_for_the_worse_never_says_better_and_the_other_way_round():
    days = 1.0 + 0.1 * weather(1, correlation=0.0, seed=7)[0]
    assert compare_so_far(series(-days), side="first_worse").state == "undecided"
    assert compare_so_far(series(days), side="first_better").state == "undecided"


@pytest.mark.parametrize("count", [0, 1, LEAST_UNITS - 1])
def test_before_a_week_nothing_is_decided_and_it_says_so(count):
    found = compare_so_far(series(np.full(count, 9.0)))
    assert (found.state, found.low, found.high, found.detectable) == (
        "undecided",
        None,
        None,
        None,
    )
    assert found.sentence.startswith(f"Too few units to compare two models: {count}")
    assert not found.no_worse


def test_two_copies_of_a_model_never_differ():
    found = compare_so_far(series(np.zeros(30)))
    assert (found.state, found.mean_difference, found.low, found.high) == ("undecided", 0, 0, 0)


def test_the_sentence_says_the_verdict_the_error_and_what_could_be_seen():
    days = 0.03 + 0.01 * weather(1, correlation=0.0, seed=8)[0]
    words = compare_so_far(series(days)).sentence
    assert words.startswith("The first model is worse than the second: its loss differs by +0.0")
    assert "28 units with 22,400 rows" in words
    assert "wrong in at most 5.0% of all comparisons" in words
    assert "four times out of five" in words


def test_rows_are_summed_by_day_in_the_order_of_days():
    found = by_unit(np.array([1.0, 2.0, 4.0]), np.array(["2013-02-02", "2013-02-01", "2013-02-02"]))
    assert (found.sums.tolist(), found.rows.tolist()) == ([2.0, 5.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("sums", "rows", "words"),
    [
        ([1.0, math.nan], [1.0, 1.0], "not finite"),
        ([1.0, math.inf], [1.0, 1.0], "not finite"),
        ([1.0], [0.0], "leave empty units out"),
        ([1.0], [1.0, 2.0], "one sum and one number of rows"),
    ],
)
def test_what_cannot_be_compared_is_refused(sums, rows, words):
    with pytest.raises(EvidenceError, match=words):
        PairedUnits(np.array(sums), np.array(rows))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"error": 0.0}, "stated error"),
        ({"horizon": 0}, "horizon"),
        ({"practical": -0.1}, "practical margin"),
        ({"practical": math.nan}, "practical margin"),
    ],
)
def test_an_argument_outside_its_range_is_refused(options, words):
    with pytest.raises(EvidenceError, match=words):
        compare_so_far(series(np.ones(10)), **options)


def test_rows_and_days_of_different_length_are_refused():
    with pytest.raises(EvidenceError, match="3 differences have 2 units"):
        by_unit(np.ones(3), ["a", "b"])
