"""What is made up of a number stays among the values that it was seen to take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stats.observed import Observed

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)
RAIN = Observed.of([0.0, 0.0, 0.0, np.nan, 0.2, 1.0])


def test_its_values_are_distinct_in_order_and_without_gaps():
    assert RAIN.values.tolist() == [0.0, 0.2, 1.0]
    assert RAIN.deviation == pytest.approx(np.std([0, 0, 0, 0.2, 1.0]))


@pytest.mark.parametrize(
    ("wanted", "near"), [(-3, 0), (0.09, 0), (0.1, 0), (0.11, 0.2), (0.7, 1.0), (9, 1.0)]
)
def test_a_wish_goes_to_the_nearest_value_and_of_two_to_the_lower(wanted, near):
    assert RAIN.nearest(np.array([float(wanted)])).tolist() == [near]


@pytest.mark.parametrize(
    ("own", "step", "there"),
    [(0.0, 0.19, 0.0), (0.0, 0.2, 0.2), (0.2, -0.19, 0.2), (0.2, -0.2, 0.0), (0.2, 5, 1.0)],
)
def test_a_step_goes_as_far_as_it_may_and_no_further(own, step, there):
    assert RAIN.towards(np.array([own]), step).tolist() == [there]


def test_what_is_missing_stays_missing():
    gap = np.array([np.nan])
    assert np.isnan(RAIN.nearest(gap)).all()
    assert np.isnan(RAIN.towards(gap, 1.0)).all()
    assert not RAIN.spans(gap).any()


def test_what_was_never_seen_leaves_nothing_to_choose_from():
    nothing = Observed.of([np.nan, np.nan])
    assert nothing.deviation == 0
    assert np.isnan(nothing.nearest(np.array([1.0]))).all()
    assert np.isnan(nothing.towards(np.array([np.nan]), 1.0)).all()
    assert not nothing.spans(np.array([1.0])).any()


def test_both_ends_are_spanned_and_nothing_beyond_them():
    assert RAIN.spans(np.array([-0.1, 0.0, 1.0, 1.1])).tolist() == [False, True, True, False]


@given(NUMBERS, st.floats(-1e6, 1e6))
def test_a_step_never_leaves_its_bound_nor_what_was_seen(numbers, step):
    seen, own = Observed.of(numbers), np.array(numbers)
    there = seen.towards(own, step)
    assert np.isin(there, seen.values).all()
    assert (np.abs(there - own) <= abs(step) + 1e-9 * (1 + np.abs(own))).all()
    assert (np.sign(there - own) * np.sign(step) >= 0).all()
