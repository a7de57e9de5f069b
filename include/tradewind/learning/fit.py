"""From a feature set to a finished model: split, search, calibrate, find the threshold. No refit.

What leaves here is what will be judged and registered. The judge stretch is cut off first and is
looked at by nothing in this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from tradewind.learning.calibrate import Calibrated, calibrate
from tradewind.learning.sample import Sample
from tradewind.learning.search import Found, draw_trials, search
from tradewind.learning.splits import Split, local_days, split_frame
from tradewind.learning.thresholds import find_threshold
from tradewind.stats.metrics import metrics_of
from tradewind.stats.rows import binary_rows, regression_rows
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.search import Trial
    from tradewind.records import Pretrained
    from tradewind.stats.metrics import Metric


@dataclass(frozen=True)
class Ready:
    """A model that was trained elsewhere.

    Attributes:
        estimator: The fitted scikit-learn object.
        told: Where it comes from.
    """

    estimator: Any
    told: Pretrained


@dataclass(frozen=True)
class Fitted:
    """A finished model and how it came to be.

    Attributes:
        estimator: The scikit-learn object that scores: the winner, calibrated where that helped.
        found: The search's winner and every trial.
        calibrated: Which calibration was kept, and every one tried.
        decision_threshold: From which score a row is positive; None for regression.
        split: The rows of each stretch.
        pretrained: Where the winner comes from, if it was not fitted here.
    """

    estimator: Any
    found: Found
    calibrated: Calibrated
    decision_threshold: float | None
    split: Split
    pretrained: Pretrained | None = None


def fit_model(
    model: ModelDefinition,
    frame: pd.DataFrame,
    *,
    as_of: datetime,
    window_days: int | None = None,
    trials: Sequence[Trial] | None = None,
    files: Mapping[str, str] | None = None,
    ready: Mapping[str, Ready] | None = None,
) -> Fitted:
    """Train one model. The same arguments and threads give the same model to the last bit.

    Args:
        model: What is to be learned, and with which budget.
        frame: The feature set.
        as_of: The end of the judge stretch.
        window_days: Days from the first of the fit stretch to the as-of, over what is declared.
        trials: What to try; drawn from the definition's candidates where nothing is given.
        files: The definition's, for a deciding metric of the owner's own.
        ready: The candidates that were trained elsewhere, by name.

    Raises:
        LabelError: A stretch has no labelled row, or one class only.
        EvidenceError: The judge stretch is too short, or the stretches are not apart.
        DefinitionError: A candidate cannot be fitted as it is declared.
        SearchTimeoutError: The search took longer than the definition allows.
    """
    split = split_frame(frame, model, as_of=as_of, window_days=window_days)
    ready = ready or {}
    metric = metrics_of(model, files)[model.deciding_metric]
    fit = sample(model, split.fit.tail(model.train.search.rows))
    select = sample(model, split.select)
    # The thread count is an input like any other: sums in another order are other sums.
    with threadpool_limits(limits=model.resources.threads):
        found = search(
            model,
            fit=fit,
            select=select,
            objective=partial(_measure, model, metric),
            greater_is_better=bool(metric.greater_is_better),
            trials=draw_trials(model) if trials is None else trials,
            ready={name: one.estimator for name, one in ready.items()},
        )
        calibrated = _calibrated(model, found, select)
        score = predict(calibrated.estimator, select.features, problem=model.problem)
    threshold = decision_threshold(model, select.label, score)
    winner = ready.get(found.winner.candidate)
    return Fitted(
        calibrated.estimator, found, calibrated, threshold, split, winner.told if winner else None
    )


def sample(model: ModelDefinition, frame: pd.DataFrame) -> Sample:
    """The features as a model sees them, beside the label as numbers."""
    kind = np.int8 if model.problem == "binary" else np.float64
    return Sample(
        cast_features(frame, model.features.types),
        frame["label"].astype(kind).to_numpy(copy=True),
        local_days(frame["prediction_time"], zone=model.zone).to_numpy(),
    )


def decision_threshold(
    model: ModelDefinition, label: np.ndarray, score: np.ndarray
) -> float | None:
    """The declared threshold, or the best one on these rows; None for regression."""
    if model.problem == "regression":
        return None
    declared = model.train.decision_threshold
    return find_threshold(label, score, value=model.value) if declared == "auto" else declared


def _calibrated(model: ModelDefinition, found: Found, select: Sample) -> Calibrated:
    if model.problem == "regression" or model.train.calibration == "none":
        return Calibrated(found.estimator, "none", ())
    return calibrate(found.estimator, select.features, select.label, units=select.days)


def _measure(model: ModelDefinition, metric: Metric, label: np.ndarray, score: np.ndarray) -> float:
    if model.problem == "regression":
        return metric.of(regression_rows(label, score))
    threshold = decision_threshold(model, label, score)
    return metric.of(binary_rows(label, score, threshold=threshold))
