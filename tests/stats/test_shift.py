"""How far one player's scores lie from another's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.rows import regression_rows
from tradewind.stats.shift import shift_of

DRAWS = block_draws(30, block=7, draws=200, seed=0)


def rows_of(seed: int, *, offset: float = 0.0):
    random = np.random.default_rng(seed)
    label = random.normal(size=900)
    return regression_rows(label, random.normal(size=900) + offset, unit=np.arange(900) % 30)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.floats(-5, 5), st.floats(0.1, 10))
def test_scores_that_are_moved_and_stretched_are_found_to_be(seed, by, times):
    old = rows_of(seed, offset=1e3)
    centre = old.score.mean()
    new = replace(old, score=(old.score - centre) * times + centre + by)
    found = shift_of(new, old, draws=DRAWS, confidence=0.95)
    assert found.level.value == pytest.approx(by, abs=1e-9)
    assert found.spread.value == pytest.approx(times)
    assert found.spread.standard_error == pytest.approx(0.0, abs=1e-6)
    assert found.mean.low < found.mean.value < found.mean.high
    assert (found.mean.value, found.deviation) == pytest.approx((centre, old.score.std()))


def test_the_difference_is_a_paired_one():
    old = rows_of(1)
    hard_days = (old.unit % 7 == 0) * 5.0
    both = [replace(one, score=one.score + hard_days) for one in (rows_of(2), old)]
    apart = [replace(one, score=one.score) for one in (rows_of(2), old)]
    with_days, without = (
        shift_of(new, champion, draws=DRAWS, confidence=0.95) for new, champion in (both, apart)
    )
    assert with_days.level.model_dump() == pytest.approx(without.level.model_dump())
    assert with_days.level.low < with_days.level.value < with_days.level.high


def test_a_spread_is_no_multiple_of_none():
    old = rows_of(3)
    with pytest.raises(EvidenceError, match="the same of every row"):
        shift_of(old, replace(old, score=np.ones(900)), draws=DRAWS, confidence=0.95)


def test_scores_that_became_one_figure_have_no_spread_left():
    old = rows_of(4)
    found = shift_of(replace(old, score=np.ones(900)), old, draws=DRAWS, confidence=0.95)
    assert found.spread.value == 0.0
