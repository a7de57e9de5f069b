"""Rare values behind which the label is always the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom

from tradewind.stats.patterns import Pattern, contradiction, one_of_each_unit, pure_patterns

ASKED = {"least": 10, "purity": 0.99, "most": 0.25}


def made_up(rows=6_000, days=60, seed=0):
    random = np.random.default_rng(seed)
    columns = {
        "carrier": random.integers(0, 6, rows),
        "hour": random.integers(0, 12, rows),
        "rain": (random.random(rows) < 0.1).astype(int),
    }
    label = (random.random(rows) < 0.25).astype(float)
    return columns, label, np.sort(random.integers(0, days, rows))


def named(patterns):
    return [(one.features, one.codes, one.label) for one in patterns]


def test_nothing_is_pure_where_nobody_planted_anything():
    columns, label, day = made_up()
    found = pure_patterns(columns, label, day, **ASKED)
    assert found.patterns == []
    # Values and pairs, but for the dry ones: more than half of the rows are.
    assert found.cells == 6 + 12 + 1 + 72 + 6 + 12


@pytest.mark.parametrize("says", [0.0, 1.0])
def test_a_pair_with_one_label_only_is_found_with_its_rows(says):
    columns, label, day = made_up()
    both = (columns["carrier"] == 3) & (columns["hour"] == 7)
    found = pure_patterns(columns, np.where(both, says, label), day, **ASKED)
    assert named(found.patterns) == [(("carrier", "hour"), (3, 7), int(says))]
    assert found.patterns[0].rows.tolist() == np.flatnonzero(both).tolist()
    assert found.patterns[0].pure == 1.0


def test_a_value_is_found_before_its_pairs():
    columns, label, day = made_up()
    columns["carrier"][::300] = 6
    label[columns["carrier"] == 6] = 0
    found = pure_patterns(columns, label, day, **ASKED)
    assert named(found.patterns)[0] == (("carrier",), (6,), 0)


def test_purity_is_a_share_and_reaching_it_is_enough():
    columns, label, day = made_up()
    own = np.flatnonzero(columns["carrier"] == 2)[::9][:100]
    columns["carrier"][columns["carrier"] == 2] = 1
    columns["carrier"][own] = 2
    label[own] = 0
    label[own[0]] = 1
    assert (("carrier",), (2,), 0) in named(pure_patterns(columns, label, day, **ASKED).patterns)
    label[own[1]] = 1
    found = pure_patterns(columns, label, day, **ASKED)
    assert (("carrier",), (2,), 0) not in named(found.patterns)


def test_what_is_there_on_few_days_or_for_a_large_share_of_the_rows_marks_nothing():
    columns, label, day = made_up()
    late = np.where(columns["carrier"] == 2, 0.0, label)
    share = float((columns["carrier"] == 2).mean())
    whole = (("carrier",), (2,), 0)
    for most, seen in ((share - 0.001, False), (share, True)):
        found = pure_patterns(columns, late, day, **{**ASKED, "most": most})
        assert (whole in named(found.patterns)) is seen
    assert not pure_patterns(columns, late, day // 7, **ASKED).patterns


def marked(*places, days=100):
    """One row a day, a column that is 1 in some places, and labels that are pure there alone."""
    column = np.zeros(days, int)
    column[list(places)] = 1
    return column, np.where(column == 1, 0.0, np.arange(days) % 2), np.arange(days)


@pytest.mark.parametrize(("rows", "found"), [(10, 1), (9, 0)])
def test_so_many_days_are_enough_and_one_less_is_too_few(rows, found):
    column, label, day = marked(*range(rows))
    looked = pure_patterns({"x": column}, label, day, **ASKED)
    assert (len(looked.patterns), looked.cells) == (found, found)


def test_many_rows_of_few_days_are_not_looked_at():
    column, label, day = marked(*range(20))
    assert pure_patterns({"x": column}, label, np.maximum(day, 11), **ASKED).cells == 0


def test_a_pair_that_meets_on_few_days_marks_nothing_though_its_values_are_often_there():
    one, _, day = marked(*range(20))
    other, _, _ = marked(*range(10), *range(40, 60))
    label = np.where(one & other, 0.0, np.arange(100) % 2)
    columns = {"one": one, "other": other}
    every = pure_patterns(columns, label, day, **ASKED)
    assert named(every.patterns) == [(("one", "other"), (1, 1), 0)]
    fewer = pure_patterns(columns, label, np.maximum(day, 1), **ASKED)
    assert (fewer.patterns, fewer.cells) == ([], 3)


def test_where_both_labels_are_as_many_it_is_told_of_the_first():
    column, _, day = marked(*range(10))
    label = np.arange(100) % 2 * 1.0
    (one,) = pure_patterns({"x": column}, label, day, **{**ASKED, "purity": 0.5}).patterns
    assert (one.label, one.pure) == (0, 0.5)


@pytest.mark.parametrize(("rows", "cells"), [(50, 2), (51, 1)])
def test_half_of_the_rows_is_the_most_that_a_value_may_have(rows, cells):
    column, label, day = marked(*range(rows))
    assert pure_patterns({"x": column}, label, day, **ASKED).cells == cells


def pattern(rows, label=0):
    return Pattern(("carrier",), (1,), np.asarray(rows), label, 1.0)


def of_their_own(hits, rows, expected):
    """The beta-binomial chance of so many or more, with a correlation of 0.01."""
    return betabinom.sf(hits - 1, rows, 99 * expected, 99 * (1 - expected))


def test_the_middle_row_of_each_day_alone_counts():
    day = np.repeat(np.arange(40), 5)
    assert one_of_each_unit(day).tolist() == list(range(2, 200, 5))
    label = np.zeros(200)
    found = contradiction(pattern(range(200)), np.full(200, 0.25), label, day)
    assert found == pytest.approx(of_their_own(40, 40, 0.75))
    label[1::5] = 1  # never the middle one
    assert contradiction(pattern(range(200)), np.full(200, 0.25), label, day) == found


def test_the_chance_is_that_of_so_many_or_more():
    day, label = np.arange(40), np.zeros(40)
    label[:2] = 1
    found = contradiction(pattern(range(40)), np.full(40, 0.25), label, day)
    assert found == pytest.approx(of_their_own(38, 40, 0.75))
    ones = contradiction(pattern(range(40), label=1), np.full(40, 0.75), 1 - label, day)
    assert ones == pytest.approx(found)


def test_a_rate_of_its_own_makes_a_pure_pattern_less_surprising_than_coins_would():
    day, label = np.arange(40), np.zeros(40)
    found = contradiction(pattern(range(40)), np.full(40, 0.25), label, day)
    assert 0.75**40 < found < 0.75**25


def test_what_a_model_expects_anyway_is_no_contradiction():
    day, label = np.arange(40), np.zeros(40)
    assert contradiction(pattern(range(40)), np.full(40, 0.001), label, day) > 0.9
    assert contradiction(pattern(range(40)), np.zeros(40), label, day) == pytest.approx(
        1.0, abs=1e-3
    )
