"""Level, slope and tenths of scores beside what came of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.reliability import figures_of, gaps_of, in_deviations, slope, tenths
from tradewind.stats.rows import regression_rows

RANDOM = np.random.default_rng(0)
ROWS, UNITS = 2_000, 20
SCORE = RANDOM.uniform(0, 1, ROWS)
LABEL = 0.2 + 0.7 * SCORE + RANDOM.normal(0, 0.1, ROWS)
UNIT = np.arange(ROWS) % UNITS
DRAWS = block_draws(UNITS, block=2, draws=200, seed=0)


def rows(label=LABEL, score=SCORE, **more):
    return regression_rows(label, score, unit=UNIT, **more)


def test_the_slope_is_that_of_least_squares():
    expected = np.polyfit(SCORE, LABEL, 1)[0]
    assert slope(rows())(np.ones((1, UNITS)))[0] == pytest.approx(expected)


def test_the_slope_of_a_draw_is_that_of_the_rows_in_it():
    figures = figures_of(slope(rows()), DRAWS)
    times = DRAWS.weights[3][UNIT]
    repeated = np.repeat(np.arange(ROWS), times.astype(int))
    assert figures[4] == pytest.approx(np.polyfit(SCORE[repeated], LABEL[repeated], 1)[0])


@given(st.floats(0.1, 10), st.floats(-1e3, 1e3))
def test_the_slope_follows_the_scale_of_the_score_and_not_its_level(times, plus):
    own = slope(rows())(np.ones((1, UNITS)))[0]
    moved = slope(rows(score=times * SCORE + plus))(np.ones((1, UNITS)))[0]
    assert moved == pytest.approx(own / times, rel=1e-6)


def test_scores_that_are_all_the_same_have_no_slope():
    with pytest.raises(EvidenceError, match="201 of 201 resamples"):
        figures_of(slope(rows(score=np.full(ROWS, 0.25))), DRAWS)


def test_gaps_are_truth_less_score():
    found = gaps_of(rows(), DRAWS)
    assert found.shape == (201,)
    assert found[0] == pytest.approx(float(np.mean(LABEL - SCORE)))


def test_tenths_hold_every_row_once_and_are_of_equal_size():
    parts = tenths(rows(), least_rows=100)
    assert [int(inside.sum()) for _, inside in parts] == [200] * 10
    assert (np.sum([inside for _, inside in parts], axis=0) == 1).all()
    assert parts[0][0].startswith(f"score {SCORE.min():.3g} to ")
    assert parts[-1][0].endswith(f" to {SCORE.max():.3g}")


@pytest.mark.parametrize(("least", "count"), [(200, 10), (201, 9), (1_000, 2), (2_001, 1)])
def test_parts_are_fewer_where_a_tenth_would_be_too_small(least, count):
    assert len(tenths(rows(), least_rows=least)) == count


def test_scores_of_few_values_make_fewer_parts_and_none_is_empty():
    parts = tenths(rows(score=np.round(SCORE)), least_rows=10)
    assert len(parts) == 2
    assert sum(int(inside.sum()) for _, inside in parts) == ROWS


def test_in_deviations_the_labels_have_a_deviation_of_one():
    scaled = in_deviations(rows())
    assert float(np.std(scaled.label)) == pytest.approx(1.0)
    assert np.allclose(scaled.score / SCORE, 1 / np.std(LABEL))
    with pytest.raises(EvidenceError, match="all judged labels are the same"):
        in_deviations(rows(label=np.ones(ROWS)))
