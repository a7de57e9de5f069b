"""The distances say what scipy says of the same rows, from the stored profile alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tradewind.errors import EvidenceError
from tradewind.stats import distances
from tradewind.stats.bins import Bins
from tradewind.stats.tallies import CategoryTally, NumericTally

KINDS = {
    "normal": lambda random, rows: random.normal(size=rows),
    "heavy tail": lambda random, rows: random.standard_t(3, size=rows),
    "log-normal": lambda random, rows: np.exp(1.5 * random.normal(size=rows)),
    "zeros": lambda random, rows: np.where(
        random.random(rows) < 0.93, 0, random.exponential(size=rows)
    ),
    "whole numbers": lambda random, rows: random.poisson(300, size=rows).astype(float),
    "few values": lambda random, rows: random.integers(0, 5, size=rows).astype(float),
    "times of day": lambda random, rows: (
        100.0 * random.integers(5, 24, size=rows) + random.integers(0, 60, size=rows)
    ),
    "thousands of numbers": lambda random, rows: random.integers(1, 6_000, size=rows).astype(float),
    "two humps": lambda random, rows: (
        random.normal(size=rows) + 8 * random.integers(0, 2, size=rows)
    ),
}
counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=40)


def both(reference, current) -> tuple[NumericTally, NumericTally]:
    bins = Bins.of(reference)
    return NumericTally.of(reference, bins=bins), NumericTally.of(current, bins=bins)


@pytest.mark.parametrize("moved", [0.0, 0.01, 0.3, 5.0])
@pytest.mark.parametrize("rows", [40, 20_000])
@pytest.mark.parametrize("kind", KINDS)
def test_kolmogorov_smirnov_and_wasserstein_are_scipys(kind, rows, moved):
    random = np.random.default_rng(rows)
    reference = KINDS[kind](random, rows)
    current = KINDS[kind](random, rows // 2) + moved * reference.std()
    tallies = both(reference, current)
    exact = stats.ks_2samp(reference, current, method="asymp").statistic
    assert distances.kolmogorov_smirnov(*tallies) == pytest.approx(exact, abs=1e-3)
    exact = stats.wasserstein_distance(reference, current) / reference.std()
    assert distances.wasserstein(*tallies) == pytest.approx(exact, abs=2e-3, rel=1e-4)


@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(2, 6_000),
    st.floats(0, 0.5),
    st.floats(0, 0.1),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_a_shift_by_any_fraction_of_a_step_is_scipys(kind, rows, moved, stretched, seed):
    random = np.random.default_rng(seed)
    reference = KINDS[kind](random, rows)
    assume(reference.std() > 0)
    current = KINDS[kind](random, rows) * (1 + stretched) + moved * reference.std()
    tallies = both(reference, current)
    exact = stats.wasserstein_distance(reference, current) / (distances.scale(*tallies) or 1.0)
    assert distances.wasserstein(*tallies) == pytest.approx(exact, abs=2e-3, rel=1e-4)
    exact = stats.ks_2samp(reference, current, method="asymp").statistic
    assert distances.kolmogorov_smirnov(*tallies) == pytest.approx(exact, abs=1e-3)


@given(counts)
def test_chi_squared_is_scipys_on_the_same_table(pairs):
    table = np.array(pairs, dtype=np.int64).T
    if (table.sum(axis=1) > 0).all():
        kept = table[:, table.sum(axis=0) > 0]
        expected = stats.chi2_contingency(kept, correction=False)
        statistic, degrees = distances.chi_squared(*table)
        assert statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
        assert degrees == expected.dof
        assert distances.chi_squared_p_value(statistic, degrees) == pytest.approx(
            expected.pvalue, rel=1e-6, abs=1e-12
        )


@given(counts)
def test_jensen_shannon_is_scipys_to_base_two(pairs):
    reference, current = np.array(pairs, dtype=np.int64).T
    if reference.sum() and current.sum():
        found = distances.jensen_shannon(reference, current)
        assert found == pytest.approx(jensenshannon(reference, current, base=2), abs=1e-6)
        assert 0 <= found <= 1


def test_psi_is_the_textbooks_where_no_cell_is_near_empty():
    reference, current = np.array([5_000, 3_000, 2_000]), np.array([4_000, 3_500, 2_500])
    p, q = reference / 10_000, current / 10_000
    textbook = ((q - p) * np.log(q / p)).sum()
    found = distances.population_stability_index(reference, current)
    assert found == pytest.approx(textbook, rel=1e-3)


def test_one_row_in_an_empty_cell_does_not_explode_psi():
    reference, current = np.array([10_000, 0]), np.array([9_999, 1])
    assert distances.population_stability_index(reference, current) < 1e-3


def test_psi_of_a_small_shift_is_about_its_square():
    random = np.random.default_rng(0)
    cells = distances.cells(*both(random.normal(size=50_000), random.normal(size=50_000) + 0.2))
    assert len(cells[0]) == 10
    assert distances.population_stability_index(*cells) == pytest.approx(0.04, abs=0.01)


def test_a_column_full_of_zeros_keeps_them_in_one_cell():
    rain = KINDS["zeros"](np.random.default_rng(0), 10_000)
    reference, _ = distances.cells(*both(rain, rain))
    assert reference.max() == np.count_nonzero(rain == 0)
    assert len(reference) > 1


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(KINDS)))
@settings(max_examples=20)
def test_mann_whitney_is_scipys_up_to_ties_within_bins(seed, kind):
    random = np.random.default_rng(seed)
    reference, current = KINDS[kind](random, 2_000), KINDS[kind](random, 1_500)
    exact = stats.mannwhitneyu(reference, current, use_continuity=False, method="asymptotic").pvalue
    assert distances.mann_whitney_p_value(*both(reference, current)) == pytest.approx(
        exact, abs=0.05
    )


@pytest.mark.parametrize("kind", ["normal", "heavy tail", "zeros", "few values"])
def test_what_chance_adds_to_wasserstein_is_known(kind):
    random = np.random.default_rng(3)
    found, expected = [], []
    for _ in range(60):
        tallies = both(KINDS[kind](random, 1_000), KINDS[kind](random, 1_000))
        found.append(distances.wasserstein(*tallies))
        expected.append(distances.wasserstein_by_chance(*tallies))
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.2)


def test_a_constant_reference_has_a_distance_too():
    moved = both(np.ones(100), np.full(100, 3.0))
    assert distances.wasserstein(*moved) == pytest.approx(2.0)
    assert distances.wasserstein(*both(np.ones(100), np.ones(50))) == 0.0


def test_a_unit_change_beyond_every_edge_is_measured():
    reference = np.random.default_rng(0).normal(20, 5, 5_000)
    current = 100 * reference
    exact = stats.wasserstein_distance(reference, current) / reference.std()
    assert distances.wasserstein(*both(reference, current)) == pytest.approx(exact, rel=1e-6)


def test_a_side_without_a_value_is_an_error_not_a_nan():
    with pytest.raises(EvidenceError, match="one side has none"):
        distances.kolmogorov_smirnov(*both(np.ones(3), np.array([np.nan])))


def test_categories_are_set_side_by_side_by_name():
    reference = CategoryTally({"a": 5, "b": 1}, nulls=0, rest=4)
    current = CategoryTally({"b": 2, "never seen": 3}, nulls=1)
    left, right = distances.aligned(reference, current)
    assert (left.tolist(), right.tolist()) == ([5, 1, 4], [0, 2, 3])
