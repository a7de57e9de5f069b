"""What is kept of the reference: counted once, added chunk by chunk, read back as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradewind.errors import EvidenceError
from tradewind.stats.bins import Bins
from tradewind.stats.profiles import FrameProfile, added, profile
from tradewind.stats.tallies import CATEGORIES, CategoryTally, Coded, NumericTally

figures = arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(
        st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf])
    ),
)


def tally(values) -> NumericTally:
    return NumericTally.of(values, bins=Bins.of(values))


def frame(rows: int = 2_000, seed: int = 0):
    random = np.random.default_rng(seed)
    rain = np.where(random.random(rows) < 0.9, 0.0, random.exponential(size=rows))
    rain[random.random(rows) < 0.1] = np.nan
    names = np.array(["EWR", "JFK", "LGA", None], dtype=object)
    return {
        "rain": rain,
        "origin": names[random.integers(0, 4, rows)],
        "holiday": random.random(rows) < 0.1,
    }


KINDS = {"rain": "numeric", "origin": "categorical", "holiday": "boolean"}


@given(figures)
def test_every_row_is_counted_once(values):
    found = tally(values)
    assert found.rows == len(values)
    assert found.nulls == np.count_nonzero(~np.isfinite(values))


@given(figures)
def test_mean_and_spread_are_those_of_the_values(values):
    present = values[np.isfinite(values)]
    if len(present):
        found = tally(values)
        assert found.mean == pytest.approx(present.mean(), rel=1e-9, abs=1e-6)
        assert found.standard_deviation == pytest.approx(present.std(), rel=1e-6, abs=1e-3)
        assert (found.low, found.high) == (present.min(), present.max())


@given(figures, figures, figures)
@settings(max_examples=50)
def test_chunks_add_up_to_the_whole_and_a_part_can_be_taken_off(reference, one, other):
    bins = Bins.of(reference)
    whole = NumericTally.of(np.concatenate([one, other]), bins=bins)
    parts = [NumericTally.of(values, bins=bins) for values in (one, other)]
    for found, expected in ((parts[0] + parts[1], whole), (whole - parts[0], parts[1])):
        assert found.counts.tolist() == expected.counts.tolist()
        assert found.nulls == expected.nulls
        assert found.sums == pytest.approx(expected.sums, rel=1e-6, abs=1e-3)


def test_a_value_that_repeats_is_a_bin_of_its_own():
    rain = np.concatenate([np.zeros(900), np.linspace(0.01, 1, 100)])
    bins = Bins.of(rain)
    zero = np.searchsorted(bins.edges, 0.0)
    assert NumericTally.of(rain, bins=bins).counts[zero] == 900
    assert NumericTally.of([-1e-9, 1e-9], bins=bins).counts[zero] == 0


@given(st.integers(1, 60_000), st.floats(1e-3, 3), st.sampled_from([1e-9, 1.0, 1e9]))
@settings(max_examples=30, deadline=None)
def test_a_few_thousand_edges_are_kept_whatever_the_rows(rows, spread, unit):
    edges = Bins.of(unit * np.exp(spread * np.random.default_rng(rows).normal(size=rows))).edges
    assert len(edges) < 2_600
    assert (np.diff(edges) > 0).all()


def test_stretches_without_rows_are_cut_too():
    hours = np.repeat(100.0 * np.arange(5, 24), 50)
    edges = Bins.of(hours).edges
    assert np.diff(edges).max() <= 2


def test_a_large_mean_costs_no_digits():
    found = tally(1e12 + np.array([0.0, 1.0, 2.0, 3.0]))
    assert found.standard_deviation == pytest.approx(np.sqrt(1.25), rel=1e-9)


def test_a_mean_of_no_value_is_an_error_not_a_nan():
    with pytest.raises(EvidenceError, match="no value in any of 2 rows"):
        _ = tally(np.array([np.nan, np.nan])).mean


def test_a_category_reads_the_same_whatever_type_it_came_as():
    counted = [CategoryTally.of(values).counts for values in ([1, 2, 2], [1.0, 2.0, 2.0, np.nan])]
    assert counted[0] == counted[1] == {"1": 1, "2": 2}
    assert CategoryTally.of(np.array([True, False])).counts == {"true": 1, "false": 1}


def test_codes_count_as_the_values_they_stand_for():
    values = np.array(["a", None, "b", "a"], dtype=object)
    coded = Coded(np.array([1, -1, 0, 1]), ["b", "a", "never seen"])
    assert CategoryTally.of(coded) == CategoryTally.of(values)


def test_a_profile_comes_back_as_it_was_stored():
    days = np.arange(2_000) // 25
    stored = profile(frame(), kinds=KINDS, days=days, window_days=(7, 1))
    text = json.dumps(stored.as_json(), sort_keys=True, allow_nan=False)
    again = FrameProfile.from_json(json.loads(text))
    assert json.dumps(again.as_json(), sort_keys=True) == text
    assert len(again.columns["rain"].slices[7]["values"]) == 11


def test_the_same_rows_in_another_order_have_the_same_counts():
    order = np.random.default_rng(1).permutation(2_000)
    one = profile(frame(), kinds=KINDS)
    other = profile({name: values[order] for name, values in frame().items()}, kinds=KINDS)
    for name in KINDS:
        left, right = (p.as_json()["columns"][name] for p in (one, other))
        assert left["counts"] == right["counts"]


def test_thirty_columns_take_well_under_two_megabytes():
    values = np.random.default_rng(0).normal(size=20_000)
    stored = profile({"x": values}, kinds={"x": "numeric"})
    assert 30 * len(json.dumps(stored.as_json())) < 2_000_000


def test_chunks_of_a_night_add_up():
    stored = profile(frame(), kinds=KINDS)
    night = frame(seed=1)
    chunks = [
        stored.count({name: values[rows] for name, values in night.items()})
        for rows in (slice(0, 700), slice(700, None))
    ]
    total = added(*chunks)
    whole = stored.count(night)
    assert total["origin"] == whole["origin"]
    assert total["rain"].counts.tolist() == whole["rain"].counts.tolist()


def test_beyond_the_categories_that_are_told_apart_the_rest_is_counted_together():
    many = np.array([f"c{number}" for number in range(CATEGORIES + 10)] * 2 + ["c0"])
    kept = profile({"id": many}, kinds={"id": "categorical"}).columns["id"].tally
    assert (len(kept.counts), kept.rest, kept.counts["c0"]) == (CATEGORIES, 20, 3)


@pytest.mark.parametrize(
    ("columns", "kinds", "said"),
    [
        ({"x": []}, {"x": "numeric"}, "a reference without rows"),
        ({"x": [1.0]}, {}, "say whether it is numeric"),
    ],
)
def test_what_cannot_be_profiled_is_an_error(columns, kinds, said):
    with pytest.raises(EvidenceError, match=said):
        profile(columns, kinds=kinds)


def test_a_profile_of_another_version_is_refused():
    with pytest.raises(EvidenceError, match="version 99"):
        FrameProfile.from_json({"version": 99, "columns": {}})


def test_two_profiles_of_one_column_cannot_be_put_together():
    one = profile({"x": [1.0]}, kinds={"x": "numeric"})
    assert set(one.together(profile({"y": [1.0]}, kinds={"y": "numeric"})).columns) == {"x", "y"}
    with pytest.raises(EvidenceError, match="x: a column of two profiles"):
        one.together(one)
