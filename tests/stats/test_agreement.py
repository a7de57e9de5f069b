"""How far two models agree is the same figure for decisions and for values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tradewind.errors import EvidenceError
from tradewind.stats.agreement import disagreement, moved_by
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.rows import Rows, binary_rows, regression_rows

UNITS = 30
DRAWS = block_draws(UNITS, block=7, draws=200, seed=0)
UNIT = np.repeat(np.arange(UNITS), 40)


def share(one: Rows, other: Rows) -> float:
    return disagreement(one, other, draws=DRAWS, confidence=0.95).value


def deciders(seed: int, *, rate: float, noise: float) -> tuple[Rows, Rows]:
    """Two that share a score and err by themselves, each deciding for about a rate of the rows."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, len(UNIT))
    common = random.normal(size=len(UNIT))
    scores = [1 / (1 + np.exp(-common - noise * random.normal(size=len(UNIT)))) for _ in range(2)]
    cut = float(np.quantile(scores[0], 1 - rate))
    one, other = (binary_rows(label, score, unit=UNIT, threshold=cut) for score in scores)
    return one, other


@given(st.integers(0, 1_000), st.floats(0.05, 0.95), st.floats(0.01, 3))
def test_of_decisions_it_is_what_cohens_kappa_lacks(seed: int, rate: float, noise: float) -> None:
    one, other = deciders(seed, rate=rate, noise=noise)
    kappa = cohen_kappa_score(one.decision, other.decision)
    assert share(one, other) == pytest.approx(min(1 - kappa, 2.0))


@given(st.integers(0, 1_000), st.floats(-1e4, 1e4), st.floats(0.01, 100))
def test_of_figures_it_is_what_lins_concordance_lacks(
    seed: int, shift: float, scale: float
) -> None:
    random = np.random.default_rng(seed)
    x = shift + scale * random.normal(size=len(UNIT))
    y = x + scale * (0.3 + random.normal(size=len(UNIT)))
    lin = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    one, other = (regression_rows(x, score, unit=UNIT) for score in (x, y))
    assert share(one, other) == pytest.approx(min(1 - lin, 2.0), rel=1e-6)


def test_it_means_the_same_where_few_rows_are_decided_for_and_where_many_are() -> None:
    rare, common = (share(*deciders(0, rate=rate, noise=0.3)) for rate in (0.05, 0.5))
    assert 0.5 < rare / common < 2.5


def test_agreement_on_every_row_is_zero_and_an_answer_by_lot_is_one() -> None:
    one, _ = deciders(0, rate=0.3, noise=0.1)
    lot = replace(one, score=np.random.default_rng(1).permutation(one.score))
    assert share(one, one) == 0
    assert share(one, lot) == pytest.approx(1, abs=0.1)


def test_two_that_give_all_rows_the_same_answer_agree() -> None:
    one, _ = deciders(0, rate=0.3, noise=0.1)
    never = replace(one, threshold=2.0)
    assert share(never, never) == 0


def test_its_interval_holds_the_figure_and_ends_at_zero() -> None:
    one, other = deciders(0, rate=0.3, noise=0.3)
    found = disagreement(one, other, draws=DRAWS, confidence=0.95)
    assert 0 <= found.low < found.value < found.high


def test_how_far_decisions_move_is_the_share_of_those_that_are_otherwise() -> None:
    one, other = deciders(0, rate=0.3, noise=0.3)
    found = moved_by(one, other, draws=DRAWS, confidence=0.95)
    assert found.value == pytest.approx(np.mean(one.decision != other.decision))
    assert 0 < found.low < found.value < found.high < 1
    assert moved_by(one, one, draws=DRAWS, confidence=0.95).value == 0


def test_how_far_figures_move_is_told_in_standard_deviations_of_the_label() -> None:
    random = np.random.default_rng(0)
    label, score = random.normal(5, 3, len(UNIT)), random.normal(size=len(UNIT))
    one = regression_rows(label, score, unit=UNIT)
    other = replace(one, score=score + 1.5 + 0.1 * random.normal(size=len(UNIT)))
    found = moved_by(one, other, draws=DRAWS, confidence=0.95)
    usual = np.sqrt(np.mean((one.score - other.score) ** 2)) / label.std()
    assert found.value == pytest.approx(usual)
    assert found.low < found.value < found.high


def test_one_that_decides_cannot_be_held_against_one_that_does_not() -> None:
    one, other = deciders(0, rate=0.3, noise=0.3)
    with pytest.raises(EvidenceError, match="no decision threshold"):
        disagreement(one, replace(other, threshold=None), draws=DRAWS, confidence=0.95)
