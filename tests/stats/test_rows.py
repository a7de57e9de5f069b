"""Rows that cannot be judged are refused before anything is computed from them."""

from __future__ import annotations

import pytest

from tradewind.errors import EvidenceError
from tradewind.stats.rows import binary_rows, regression_rows

NO_ROWS = "there are no rows to judge on"


@pytest.mark.parametrize(
    ("label", "score", "weight", "message"),
    [
        ([0, 1], [-0.1, 0.2], None, "are no probabilities"),
        ([0, 1], [0.1, 1.2], None, "are no probabilities"),
        ([0, 1], [0.1, 0.2], [0, 1], "all 2 labels are 1: with one class"),
        ([0, 1], [0.1, 0.2], [1, 0], "all 2 labels are 0: with one class"),
    ],
)
def test_binary_rows_that_cannot_be_judged_are_refused(label, score, weight, message):
    with pytest.raises(EvidenceError, match=message):
        binary_rows(label, score, weight=weight)


@pytest.mark.parametrize(
    ("label", "weight"), [([], None), ([1, 2], [0, 0]), ([1, 2], [3, -1]), ([1, 2, 3], [-2, 1, 1])]
)
def test_rows_that_weigh_nothing_or_less_are_none(label, weight):
    with pytest.raises(EvidenceError, match=NO_ROWS):
        regression_rows(label, label, weight=weight)


def test_certain_scores_and_rows_without_weight_are_allowed():
    rows = binary_rows([0, 1, 1], [0.0, 1.0, 0.5], weight=[1, 1, 0])
    assert rows.score.tolist() == [0.0, 1.0, 0.5]
    assert rows.weight.tolist() == [1, 1, 0]
