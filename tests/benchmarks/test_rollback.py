"""Rollback's error and reach on a few real months; `benchmarks/rollback.py` has them all."""

from __future__ import annotations

import pytest
from benchmarks.gate_errors import read_flights
from benchmarks.rollback import (
    PROBATION,
    as_they_are,
    holds,
    pairs_of_halves,
    pairs_of_months,
    rates_of,
    tossed,
    worse_by,
)


@pytest.fixture(scope="module")
def flights():
    """March to July after two months of training."""
    frame = read_flights()
    return frame[frame["month"] <= 7]


@pytest.fixture(scope="module")
def halves(flights):
    return as_they_are(pairs_of_halves(flights, (2,), models=3), nights=PROBATION)


def test_equal_models_are_rolled_back_as_seldom_as_stated(flights):
    months = pairs_of_months(flights, (((1, 1), (1, 2)), ((2, 2), (1, 2))))
    rates = rates_of(tossed(months, nights=PROBATION, swap=3, tosses=15))
    assert holds(rates), rates


def test_models_of_random_halves_are_rolled_back_as_seldom_as_stated(halves):
    rates = rates_of(halves)
    assert holds(rates), rates


def test_a_model_that_loses_a_twentieth_more_is_nearly_always_rolled_back(halves):
    rates = rates_of([worse_by(watched, 0.05) for watched in halves])
    assert rates.worse > 0.95
    assert rates.nights <= 10
