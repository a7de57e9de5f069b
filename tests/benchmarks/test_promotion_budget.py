"""A year within its budget on real flights; `benchmarks/promotion_budget.py` has all of it."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.gate_errors import read_flights
from benchmarks.promotion_budget import Days, days_of, equal_years, holds, judging, rates_of

PLANNED = 26


@pytest.fixture(scope="module")
def days() -> Days:
    """Two models of a month each, on three months that neither has seen."""
    frame = read_flights()
    pairs = (((1, 1), (2, 2)),)
    return next(days_of(frame[frame["month"] <= 6], pairs=pairs, judged=(4, 5, 6)))


def test_a_year_of_comparisons_errs_as_seldom_as_declared_and_without_a_budget_it_does_not(days):
    draws = judging()
    years = equal_years(days, draws, planned=PLANNED, years=80, swap=1, seed=0)
    rates = rates_of([years], draws, planned=PLANNED)
    assert holds(rates, error=0.2), rates
    assert rates.alone > 0.2
    assert rates.passing > 0.75


def test_a_year_is_of_the_real_days_and_neither_model_is_better(days):
    years = equal_years(days, judging(), planned=PLANNED, years=200, swap=1, seed=0)
    assert years.value.shape == years.error.shape == (200, PLANNED)
    assert abs(np.mean(years.value / years.error)) < 0.1
