"""Performance estimated from calibrated scores, against the truth they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.estimated import ASSUMPTION, estimate_performance, expected_rows
from tradewind.stats.metrics import BINARY
from tradewind.stats.rows import binary_rows

ROWS, DAYS = 30_000, 30


@pytest.fixture(scope="module")
def calibrated():
    """Calibrated scores of 30 days, and labels drawn from them."""
    random = np.random.default_rng(0)
    unit = np.arange(ROWS) % DAYS
    score = random.beta(1.0 + 0.02 * unit, 3.0)
    return score, (random.random(ROWS) < score).astype(float), unit


@pytest.mark.parametrize("metric", ["log_loss", "brier", "roc_auc", "precision", "recall"])
def test_of_calibrated_scores_the_estimate_is_what_the_labels_then_show(calibrated, metric):
    score, label, unit = calibrated
    truth = BINARY[metric].of(binary_rows(label, score, unit=unit, threshold=0.4))
    metrics = {metric: BINARY[metric]}
    found = estimate_performance(score, unit=unit, metrics=metrics, threshold=0.4, draws=50)[metric]
    assert found.estimate.value == pytest.approx(truth, abs=0.015)
    assert found.estimate.low <= found.estimate.value <= found.estimate.high
    assert (found.rows, found.units) == (ROWS, DAYS)


def test_a_model_that_is_no_longer_calibrated_is_estimated_as_good_as_ever(calibrated):
    score, label, unit = calibrated
    wrong = 1 - label
    truth = BINARY["log_loss"].of(binary_rows(wrong, score, unit=unit))
    found = estimate_performance(score, unit=unit)["log_loss"].estimate
    assert found.high < truth - 0.1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=30))
def test_log_loss_and_brier_are_the_expected_ones_row_by_row(scores):
    p = np.array(scores)
    rows = expected_rows(p)
    entropy = -(p * np.log(p) + (1 - p) * np.log1p(-p)).mean()
    assert BINARY["log_loss"].of(rows) == pytest.approx(entropy)
    assert BINARY["brier"].of(rows) == pytest.approx((p * (1 - p)).mean())
    assert rows.weight.sum() == pytest.approx(len(p))


def test_the_sentence_says_that_it_is_an_estimate_and_what_it_stands_on(calibrated):
    score, _, unit = calibrated
    words = estimate_performance(score, unit=unit, draws=50)["brier"].sentence
    assert words.startswith("Estimated, not measured: brier 0.1")
    assert ASSUMPTION in words


def test_the_same_seed_gives_the_same_interval(calibrated):
    score, _, unit = calibrated
    one, other = (estimate_performance(score, unit=unit, draws=20) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("score", "unit", "words"),
    [
        ([], [], "no rows"),
        ([0.2, np.nan], [0, 1], "missing or not finite"),
        ([0.2, 1.2], [0, 1], "no probabilities"),
        ([0.2, 0.3], [0, 0], "at least two blocks"),
    ],
)
def test_what_cannot_be_estimated_is_refused(score, unit, words):
    with pytest.raises(EvidenceError, match=words):
        estimate_performance(score, unit=unit)
