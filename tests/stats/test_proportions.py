"""A share of rows that were looked at, and how far it stands for the rest."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from tradewind.stats.proportions import wilson


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (7, 20), (1_999, 2_000)])
def test_it_is_what_scipy_makes_of_it(count, rows):
    known = binomtest(count, rows).proportion_ci(0.9, method="wilson")
    assert wilson(count, rows, confidence=0.95) == pytest.approx((known.low, known.high))
