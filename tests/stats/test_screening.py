"""Labels that contradict what is expected, and rows that are there several times over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from tradewind.stats.screening import (
    Slopes,
    evened,
    flipped_share,
    label_slopes,
    log_odds,
    relative,
    repeated_share,
    standing,
)


def made_up(*, days=70, a_day=300, seed=0):
    """Rows whose scores are right, but for a level that each day has of its own."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), a_day)
    score = random.uniform(0.05, 0.6, len(day))
    level = random.normal(scale=0.1, size=days)[day]
    label = (random.random(len(day)) < np.clip(score + level, 0, 1)).astype(float)
    return label, score, day, day // 7


def slopes_of(values, errors=0.05):
    values = np.asarray(values, float)
    return Slopes(np.arange(len(values)), values, np.full(len(values), errors))


def test_right_scores_have_a_slope_of_one_whatever_the_level_of_a_day():
    label, score, day, week = made_up()
    slopes = label_slopes(label, score, unit=day, slice_=week)
    assert list(slopes.place) == list(range(10))
    assert slopes.value.mean() == pytest.approx(1.0, abs=0.06)


def test_the_standard_error_is_what_the_slopes_really_vary_by():
    found = [
        label_slopes(*made_up(seed=seed)[:2], unit=made_up()[2], slice_=made_up()[3])
        for seed in range(8)
    ]
    spread = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_a_slope_falls_as_labels_are_turned_over_and_says_how_many(share):
    label, score, day, week = made_up()
    random = np.random.default_rng(1)
    turned = (week == 4) & (random.random(len(label)) < share)
    slopes = label_slopes(np.where(turned, 1 - label, label), score, unit=day, slice_=week)
    assert flipped_share(slopes.value[4], 1.0) == pytest.approx(share, abs=0.08)


def test_rows_of_no_slice_count_for_nothing():
    label, score, day, week = made_up()
    part = np.where(week == 9, -1, week)
    whole = label_slopes(label, score, unit=day, slice_=week)
    less = label_slopes(label, score, unit=day, slice_=part)
    assert list(less.place) == list(range(9))
    assert less.value == pytest.approx(whole.value[:9])


def test_a_slice_of_one_day_or_without_different_scores_has_no_slope():
    label, score, day, week = made_up(days=21)
    week = np.where(day == 20, 7, week)
    score = np.where(week == 1, 0.3, score)
    assert list(label_slopes(label, score, unit=day, slice_=week).place) == [0, 2]


def test_a_slice_of_two_days_has_a_slope():
    label, score, day, week = made_up(days=16)
    assert list(label_slopes(label, score, unit=day, slice_=week).place) == [0, 1, 2]


@pytest.mark.parametrize(("apart", "place"), [(2e-6, []), (3e-6, [0])])
def test_scores_that_differ_by_no_more_than_rounding_have_no_slope(apart, place):
    label, score, day = np.tile([0.0, 1.0], 4), np.tile([0.0, apart], 4), np.repeat(range(4), 2)
    slopes = label_slopes(label, score, unit=day, slice_=np.zeros(8, int))
    assert slopes.place.tolist() == place


def test_slopes_are_told_by_the_one_in_their_middle():
    found = relative(slopes_of([0.25, 0.5, 1.0], 0.1))
    assert found.value.tolist() == [0.5, 1.0, 2.0]
    assert found.error.tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert len(relative(slopes_of([-0.5, 0.0, 1.0])).value) == 0
    assert len(relative(slopes_of([])).value) == 0


def test_a_quiet_day_is_made_to_tell_as_much_as_another():
    label, day = np.array([0.0, 1, 0, 1, 0, 0, 0, 0, 0, 1]), np.repeat([0, 1], [4, 6])
    even = evened(label, day)
    assert even[:4].tolist() == [0, 2, 0, 2]
    assert even[-1] == pytest.approx(1 / np.sqrt(5 / 36))
    assert np.isfinite(evened(np.zeros(4), np.zeros(4, int))).all()


def test_log_odds_stay_finite():
    assert log_odds(np.array([0.5])).tolist() == [0.0]
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_one_slice_far_below_the_others_is_no_chance_and_the_others_are():
    found = standing(slopes_of([0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.98, 1.02, 1.0, -0.5]))
    assert found.typical == 1.0
    assert found.chance[-1] < 1e-4
    assert (found.chance[:-1] > 0.2).all()
    assert found.share[-1] == 0.75


def test_several_turned_slices_do_not_hide_each_other():
    quiet = [0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.98, 1.02, 1.0, 1.03]
    assert (standing(slopes_of([*quiet, -0.5, -0.6, -0.7])).chance[-3:] < 1e-3).all()


def test_a_slice_far_above_is_nothing_to_fear():
    assert (standing(slopes_of([1.0] * 9 + [3.0])).chance > 0.5).all()


def test_the_chance_is_that_of_one_more_slice_times_the_slices():
    values = np.array([0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.98, 1.02, 1.0, 0.6])
    between = np.mean((values[values >= 1.0] - 1.0) ** 2) - 0.01**2
    error = np.sqrt((between + 0.01**2) * (1 + 1 / 10))
    expected = 10 * student.cdf(-0.4 / error, 8)
    assert standing(slopes_of(values, 0.01)).chance[-1] == pytest.approx(expected)


def test_a_slice_that_says_little_may_lie_further_off():
    values = np.array([0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.98, 1.02, 1.0, 0.3])
    errors = np.full(10, 0.05)
    sure = standing(Slopes(np.arange(10), values, errors)).chance[-1]
    errors[-1] = 0.5
    assert standing(Slopes(np.arange(10), values, errors)).chance[-1] > 10 * sure


def test_few_slices_say_nothing():
    with pytest.raises(ValueError, match="7 slices say nothing"):
        standing(slopes_of([1.0] * 7))
    assert standing(slopes_of([1.0] * 8)).typical == 1.0


@given(st.lists(st.floats(-3, 3, allow_subnormal=False), min_size=8, max_size=40))
def test_chances_and_shares_are_always_between_nothing_and_all(values):
    found = standing(slopes_of(values))
    assert ((found.chance >= 0) & (found.chance <= 1)).all()
    assert ((found.share >= 0) & (found.share <= 1)).all()


def test_an_interval_of_a_share_agrees_with_its_chance():
    values = np.array([0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.98, 1.02, 1.0, 0.6])
    found = standing(slopes_of(values, 0.01))
    low, high = found.between(0.95)
    assert ((low <= found.share) & (found.share <= high)).all()
    # Both ask whether a slice lies as far as one more clean one would: one side, of one slice.
    edge, _ = found.between(1 - 2 * float(found.chance[-1]) / len(values))
    assert edge[-1] == pytest.approx(0.0, abs=1e-9)
    assert (low[-1] > 0, low[:-1].max()) == (True, 0.0)
    wider = found.between(0.99)
    assert wider[0][-1] < low[-1] < high[-1] < wider[1][-1]


def test_nothing_is_told_of_scores_that_say_nothing():
    assert flipped_share(np.array([0.1, -0.1]), 0.0).tolist() == [0.0, 0.0]


def test_the_share_of_rows_that_are_there_several_times_is_told_slice_by_slice():
    rows = np.array([1, 1, 1, 2, 3, 3, 4, 5, 5, 5], dtype=np.uint64)
    slices = np.array([0, 0, 0, 0, 1, 1, 1, 1, -1, -1])
    assert repeated_share(rows, slices, times=3).tolist() == [0.75, 0.0]
    assert repeated_share(rows, slices, times=2).tolist() == [0.75, 0.5]
    assert repeated_share(rows, np.where(slices == 0, 2, -1), times=3).tolist() == [0, 0, 0.75]
