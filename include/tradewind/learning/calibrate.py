"""Calibration, kept only where it helps on rows that it was not fitted on.

A forward split inside the select stretch: each method is fitted on the earlier days and tried on
the later ones. It is kept if the log loss there falls by more than the standard error of that fall,
with whole days as the units, because rows of a day share their weather and are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("isotonic", "sigmoid", "temperature")
_TINY = float(np.finfo(np.float64).eps)
# In fewer days than two weeks a calibration learns what the weather was.
_FEWEST_UNITS = 14
_CLASSES = 2


@dataclass(frozen=True)
class CalibrationTrial:
    """One method, tried on the later part of the select stretch.

    Attributes:
        gain: By how much the mean log loss fell; negative where it rose.
        standard_error: Of the gain, with days as units.
    """

    method: str
    gain: float
    standard_error: float

    @property
    def helps(self) -> bool:
        """Whether the gain is more than its standard error."""
        return self.gain > self.standard_error


@dataclass(frozen=True)
class Calibrated:
    """The model after calibration, or as it was.

    Attributes:
        method: The method kept, or `none`.
        trials: Every method that was tried.
    """

    estimator: Any
    method: str
    trials: tuple[CalibrationTrial, ...]


def calibrate(
    estimator: Any, features: pd.DataFrame, label: np.ndarray, *, units: np.ndarray
) -> Calibrated:
    """Try each method forward in time and keep the best one that helps, if any does.

    Args:
        estimator: A fitted classifier; it is not fitted again.
        features: The select stretch, in the order of time.
        label: 0 or 1, shape (n,).
        units: The day of each row, shape (n,), ascending.
    """
    days, early = np.unique(units), _earlier_half(units)
    both = all(len(np.unique(label[part])) == _CLASSES for part in (early, ~early))
    if len(days) < _FEWEST_UNITS or not both:
        return Calibrated(estimator, "none", ())
    plain = _losses(estimator, features[~early], label[~early])
    tried = []
    for method in METHODS:
        model = calibrated_by(method, estimator, features, label, units=units)
        gains = plain - _losses(model, features[~early], label[~early])
        tried.append((_tried(method, gains, units[~early]), model))
    trials = tuple(trial for trial, _ in tried)
    best, model = max(tried, key=lambda pair: pair[0].gain)
    if not best.helps:
        return Calibrated(estimator, "none", trials)
    return Calibrated(model, best.method, trials)


def calibrated_by(
    method: str, estimator: Any, features: pd.DataFrame, label: np.ndarray, *, units: np.ndarray
) -> CalibratedClassifierCV:
    """Calibrate by one method, on the earlier half of the days.

    Args:
        method: One of `METHODS`.
        estimator: A fitted classifier; it is not fitted again.
        features: The select stretch, in the order of time.
        label: 0 or 1, shape (n,); both in the earlier half.
        units: The day of each row, shape (n,), ascending.
    """
    early = _earlier_half(units)
    every = np.arange(np.count_nonzero(early))
    # One fold of all rows: what is not fitted again says in every fold what it says of all.
    one_fold = [(every, every)]
    model = CalibratedClassifierCV(FrozenEstimator(estimator), method=method, cv=one_fold)
    # The model is stored, and its rows are not to be.
    return model.fit(features[early], label[early]).set_params(cv=None)


def _earlier_half(units: np.ndarray) -> np.ndarray:
    days = np.unique(units)
    return np.asarray(units < days[len(days) // 2])


def clustered_standard_error(values: np.ndarray, units: np.ndarray) -> float:
    """Standard error of the mean of rows that come in units.

    The linearised variance of a ratio of unit totals (Cochran, Sampling Techniques, 3rd ed., 6.3).

    Args:
        values: One a row, shape (n,).
        units: The unit of each row, shape (n,); at least two distinct ones.
    """
    _, place = np.unique(units, return_inverse=True)
    residuals = np.bincount(place, weights=values - values.mean())
    count = len(residuals)
    return float(np.sqrt(count / (count - 1) * np.sum(residuals**2)) / len(values))


def _tried(method: str, gains: np.ndarray, units: np.ndarray) -> CalibrationTrial:
    return CalibrationTrial(method, float(gains.mean()), clustered_standard_error(gains, units))


def log_losses(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The log loss of each row, shape (n,)."""
    score = np.clip(score, _TINY, 1 - _TINY)
    return np.asarray(-np.where(label == 1, np.log(score), np.log1p(-score)))


def _losses(model: Any, features: pd.DataFrame, label: np.ndarray) -> np.ndarray:
    return log_losses(label, predict(model, features, problem="binary"))
