"""What a column's own past slices show: how they are cut, measured and turned into a level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stats.slices import LEAST_SLICES, alarm_level, levels, slice_rows, slice_sizes
from tradewind.stats.tallies import CategoryTally


def test_slices_are_whole_and_end_with_the_last_day():
    days = np.datetime64("2013-01-01") + np.repeat(np.arange(23), 10)
    slices = slice_rows(days, window_days=7)
    assert [(days[rows].min(), days[rows].max()) for rows in slices] == [
        (np.datetime64(first), np.datetime64(last))
        for first, last in (
            ("2013-01-03", "2013-01-09"),
            ("2013-01-10", "2013-01-16"),
            ("2013-01-17", "2013-01-23"),
        )
    ]


def test_a_slice_with_hardly_any_rows_is_left_out():
    days = np.concatenate([np.repeat(np.arange(14), 10), [15, 20]])
    assert len(slice_rows(days, window_days=7)) == 2


def test_half_of_the_usual_rows_are_enough_for_a_slice():
    days = np.repeat(np.arange(21), [4] * 7 + [2] * 7 + [4] * 7)
    assert [len(rows) for rows in slice_rows(days, window_days=7)] == [28, 14, 28]


def test_a_slice_without_rows_is_none_even_where_most_have_none():
    assert [len(rows) for rows in slice_rows([0, 34], window_days=7)] == [1, 1]
    assert slice_rows([], window_days=7) == []
    assert slice_rows([0, 1], window_days=7) == []


def test_each_slice_is_held_against_the_rest_where_both_have_rows():
    whole = CategoryTally({"EWR": 40, "JFK": 40}, nulls=20)
    half = CategoryTally({"EWR": 20, "JFK": 20}, nulls=10)
    assert slice_sizes(whole, [half, half])["nulls"] == [0.0, 0.0]
    assert slice_sizes(whole, [whole]) == {}
    assert slice_sizes(whole, [CategoryTally({}, nulls=0)]) == {}


@given(st.lists(st.floats(0, 10), min_size=LEAST_SLICES, max_size=60))
def test_the_level_is_above_every_slice_and_grows_as_the_budget_shrinks(sizes):
    wide, narrow = (alarm_level(sizes, probability=p, floor=0.05) for p in (0.03, 0.0003))
    assert narrow >= wide >= max(*sizes, 0.05)


def test_too_few_slices_say_nothing():
    assert alarm_level([0.1] * (LEAST_SLICES - 1), probability=0.01, floor=0.05) is None
    assert alarm_level([0.1] * LEAST_SLICES, probability=0.01, floor=0.05) == pytest.approx(0.1)


def test_small_sizes_are_lifted_for_categories_alone():
    sizes = [0.0] * 10 + [0.3]
    found = levels({"category": sizes, "mix": sizes}, probability=0.01, floor=0.05)
    lifted = alarm_level(sizes, probability=0.01, floor=0.05, least=0.1)
    assert found == {
        "category": lifted,
        "mix": alarm_level(sizes, probability=0.01, floor=0.05),
    }
    assert found["category"] != found["mix"]
