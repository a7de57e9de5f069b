"""A share of rows that were looked at, and how far it stands for the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from tradewind.errors import EvidenceError
from tradewind.stats.bootstrap import block_draws, fitting
from tradewind.stats.proportions import share_of_rows, wilson
from tradewind.stats.rows import regression_rows


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (7, 20), (1_999, 2_000)])
def test_it_is_what_scipy_makes_of_it(count, rows):
    known = binomtest(count, rows).proportion_ci(0.9, method="wilson")
    assert wilson(count, rows, confidence=0.95) == pytest.approx((known.low, known.high))


UNIT = np.repeat(np.arange(30), 20)
ROWS = regression_rows(np.zeros(600), np.zeros(600), unit=UNIT)


def share_of(those, **changes):
    draws = block_draws(30, block=1, draws=2_000, seed=0)
    asked = {"draws": draws, "confidence": 0.95, "name": "a share", **changes}
    return share_of_rows(ROWS, those, **asked)


def test_a_share_has_the_interval_of_the_days_that_it_was_counted_on():
    alike = share_of(UNIT < 6)
    assert alike.value == pytest.approx(0.2)
    # Where the rows of a day are all alike, thirty days are thirty rows.
    assert alike.standard_error == pytest.approx(np.sqrt(0.2 * 0.8 / 29), rel=0.05)
    spread = share_of(np.arange(600) % 5 == 0)
    assert spread.value == pytest.approx(0.2)
    assert spread.standard_error == pytest.approx(0.0, abs=1e-9)


def test_a_share_lies_between_nothing_and_all():
    few = share_of(UNIT == 0)
    assert (few.low, few.high > few.value) == (0.0, True)
    assert share_of(UNIT > 0).high == 1.0


def test_of_rows_that_are_it_probably_the_share_that_is_expected_is_measured():
    chance = np.linspace(0.2, 0.8, 600)
    told = share_of(chance)
    assert told.value == pytest.approx(0.5)
    # The days lie apart, evenly: their means are what varies.
    means = chance.reshape(30, 20).mean(axis=1)
    assert told.standard_error == pytest.approx(means.std() / np.sqrt(29), rel=0.05)
    sure = share_of((chance > 0.5).astype(float))
    assert sure == share_of(chance > 0.5)


def test_the_interval_of_what_is_expected_holds_it_as_often_as_it_says():
    # Twenty days of unlike size, alike within a day, as those of a rare pattern.
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        unit = np.repeat(np.arange(20), random.integers(1, 12, 20))
        chance = (0.7 + 0.2 * random.uniform(-1, 1, 20))[unit]
        rows = regression_rows(np.zeros(len(unit)), chance, unit=unit)
        draws = block_draws(20, block=fitting(20, block=7), draws=200, seed=seed)
        told = share_of_rows(rows, chance, draws=draws, confidence=0.9, name="a share")
        held += told.low <= 0.7 <= told.high
    assert held >= 170


def test_days_without_a_row_allow_no_share():
    own = replace(ROWS, weight=(UNIT == 3).astype(float))
    draws = block_draws(30, block=1, draws=100, seed=0)
    with pytest.raises(EvidenceError, match=r"a share: .* resamples do not allow it"):
        share_of_rows(own, UNIT == 3, draws=draws, confidence=0.95, name="a share")
