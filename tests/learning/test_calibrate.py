from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from tradewind.learning.calibrate import (
    METHODS,
    calibrate,
    calibrated_by,
    clustered_standard_error,
)
from tradewind.stores.scorer import predict


class Shouting(ClassifierMixin, BaseEstimator):
    """Says its one feature as a probability, its logit stretched."""

    def __init__(self, stretch: float = 1.0) -> None:
        self.stretch = stretch

    def fit(self, features: pd.DataFrame, label: np.ndarray) -> Shouting:
        self.classes_ = np.unique(label)
        self.n_features_in_ = features.shape[1]
        return self

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        score = 1 / (1 + np.exp(-self.stretch * np.asarray(features)[:, 0]))
        return np.column_stack([1 - score, score])

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return self.predict_proba(features)[:, 1] >= 0.5


def _world(
    days: int = 20, rows: int = 200, early: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Labels that follow the logit, shifted by `early` in the first half of the days."""
    rng = np.random.default_rng(3)
    units = np.repeat(np.arange(days), rows)
    logit = rng.normal(0, 1.5, len(units))
    moved = logit + np.where(units < days // 2, early, 0.0)
    label = (rng.random(len(units)) < 1 / (1 + np.exp(-moved))).astype(np.int8)
    return pd.DataFrame({"logit": logit}), label, units


def test_an_overconfident_model_is_calibrated() -> None:
    features, label, units = _world()
    model = Shouting(stretch=4.0).fit(features, label)
    kept = calibrate(model, features, label, units=units)
    assert kept.method in {"sigmoid", "temperature", "isotonic"}
    before = predict(model, features, problem="binary")
    after = predict(kept.estimator, features, problem="binary")
    assert np.abs(after - 0.5).mean() < np.abs(before - 0.5).mean()


def test_a_calibrated_model_is_left_as_it_is() -> None:
    features, label, units = _world()
    model = Shouting().fit(features, label)
    kept = calibrate(model, features, label, units=units)
    assert kept.method == "none"
    assert kept.estimator is model
    assert [t.method for t in kept.trials] == ["isotonic", "sigmoid", "temperature"]


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_asks_each_earlier_row_once_and_keeps_none(method: str) -> None:
    features, label, units = _world()
    asked: list[int] = []

    class Counting(Shouting):
        def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
            asked.extend(features.index)
            return super().predict_proba(features)

    model = Counting(stretch=4.0).fit(features, label)
    made = calibrated_by(method, model, features, label, units=units)
    assert asked == [*np.flatnonzero(units < 10)]
    assert made.cv is None


def test_a_calibration_that_the_later_days_contradict_is_dropped() -> None:
    features, label, units = _world(early=2.0)
    model = Shouting().fit(features, label)
    assert calibrate(model, features, label, units=units).method == "none"


@pytest.mark.parametrize(("days", "one_class"), [(13, False), (20, True)])
def test_too_little_to_try_it_on_is_no_calibration(days: int, one_class: bool) -> None:
    features, label, units = _world(days=days)
    if one_class:
        label = np.where(units < days // 2, 0, label)
    kept = calibrate(Shouting().fit(features, label), features, label, units=units)
    assert kept.method == "none"
    assert kept.trials == ()


def test_rows_of_one_day_count_as_one_when_they_agree() -> None:
    by_day = np.random.default_rng(0).normal(size=30)
    units = np.repeat(np.arange(30), 100)
    error = clustered_standard_error(np.repeat(by_day, 100), units)
    assert error == pytest.approx(by_day.std(ddof=1) / np.sqrt(30))
