"""Bounds of many figures hold together: far enough for all, and no farther than they need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tradewind.stats.bootstrap import Draws, block_draws
from tradewind.stats.inference import quantile
from tradewind.stats.simultaneous import joint_reach

UNITS, DRAWS = 28, 2_000


@pytest.fixture(scope="module")
def draws() -> Draws:
    return block_draws(UNITS, block=7, draws=DRAWS, seed=0)


def figures(count: int, *, shared: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(1)
    own = random.normal(size=(1 + DRAWS, count)) * np.sqrt(1 - shared)
    drawn = own + random.normal(size=(1 + DRAWS, 1)) * np.sqrt(shared)
    drawn[0] = 0.0
    return drawn


def reach(drawn, draws, side="above", confidence=0.95):
    return joint_reach(drawn, draws, confidence=confidence, side=side)


@pytest.mark.parametrize(("side", "level"), [("above", 0.95), ("both", 0.975)])
def test_a_single_figure_has_its_own_reach(draws, side, level):
    assert reach(figures(1), draws, side) == pytest.approx(quantile(level, draws), rel=0.05)


@pytest.mark.parametrize(("side", "tails"), [("above", 1), ("both", 2)])
def test_independent_figures_reach_as_far_as_their_number_asks(draws, side, tails):
    count = 20
    alone = 0.95 if side == "above" else 0.975
    each = 1 - (1 - 0.95 ** (1 / count)) / tails
    expected = norm.ppf(each) / norm.ppf(alone) * quantile(alone, draws)
    assert reach(figures(count), draws, side) == pytest.approx(expected, rel=0.04)


def test_figures_that_err_together_are_not_counted_many_times(draws):
    apart, alike, one = (reach(figures(20, shared=s), draws) for s in (0.0, 0.8, 1.0))
    assert one < alike < apart
    assert one == pytest.approx(quantile(0.95, draws), rel=0.05)


def test_above_looks_at_figures_that_come_out_too_low(draws):
    lopsided = -(np.abs(figures(1)) ** 2)
    lopsided[0] = 0.0
    low = reach(lopsided, draws)
    high = reach(-lopsided, draws)
    assert low > high == pytest.approx(quantile(0.95, draws))


def test_more_confidence_reaches_farther_and_never_less_than_one_figure_does(draws):
    drawn = figures(5)
    assert reach(drawn, draws, confidence=0.99) > reach(drawn, draws, confidence=0.95)
    assert reach(drawn, draws) >= quantile(0.95, draws)


def test_the_scale_of_a_figure_does_not_matter_and_a_constant_one_is_left_out(draws):
    drawn = figures(3)
    scaled = drawn * np.array([1.0, 1e-6, 1e6]) + np.array([0.0, 5.0, -3.0])
    assert reach(scaled, draws) == pytest.approx(reach(drawn, draws))
    constant = np.column_stack([drawn, np.full(1 + DRAWS, 0.25)])
    assert reach(constant, draws) == reach(drawn, draws)
    assert reach(np.full((1 + DRAWS, 2), 0.25), draws) == quantile(0.95, draws)
