from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tradewind.definition.learning import Value
from tradewind.learning.thresholds import find_threshold

ROWS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.5001, 0.9, 1.0])),
    min_size=2,
    max_size=40,
).filter(lambda rows: 0 < sum(label for label, _ in rows) < len(rows))


def _columns(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([int(y) for y, _ in rows]), np.array([s for _, s in rows])


def _money(value: Value, label: np.ndarray, decided: np.ndarray) -> float:
    return float(
        value.true_positive * np.sum(label & decided)
        + value.false_positive * np.sum((1 - label) & decided)
        + value.false_negative * np.sum(label & (1 - decided))
        + value.true_negative * np.sum((1 - label) & (1 - decided))
    )


@settings(max_examples=40)
@given(ROWS)
def test_no_threshold_has_a_greater_f1(rows: list[tuple[bool, float]]) -> None:
    label, score = _columns(rows)
    chosen = f1_score(label, score >= find_threshold(label, score, value=None))
    others = [f1_score(label, score >= t, zero_division=0) for t in {*score, 1.1}]
    assert chosen >= max(others) - 1e-12


@given(ROWS, st.floats(0, 100), st.floats(-100, 0), st.floats(-100, 0))
def test_no_threshold_is_worth_more(
    rows: list[tuple[bool, float]], hit: float, alarm: float, miss: float
) -> None:
    label, score = _columns(rows)
    value = Value(true_positive=hit, false_positive=alarm, false_negative=miss)
    threshold = find_threshold(label, score, value=value)
    chosen = _money(value, label, (score >= threshold).astype(int))
    for other in {*score, 1.1}:
        assert chosen >= _money(value, label, (score >= other).astype(int)) - 1e-9


def test_where_every_alarm_costs_nothing_is_decided_positive() -> None:
    score = np.array([0.2, 1.0])
    value = Value(false_positive=-10, true_positive=1)
    threshold = find_threshold(np.array([1, 0]), score, value=value)
    assert not (score >= threshold).any()


def test_a_tie_goes_to_the_higher_threshold() -> None:
    label, score = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])
    value = Value(true_positive=1, false_positive=-1)
    assert find_threshold(label, score, value=value) == pytest.approx(0.9)
