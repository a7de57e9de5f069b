"""A winner can be made again, and is the same to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.errors import EvidenceError
from tradewind.learning.account import prediction_digest, result_of
from tradewind.learning.fit import Fitted, fit_model, sample
from tradewind.learning.refit import refit
from tradewind.records import TrainedModel
from tradewind.stores.scorer import predict

FRAME = frames.feature_set(rows_a_day=30)
BOOSTING = {
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "params": {"max_iter": 15, "max_features": 0.5},
    "search": {"max_leaf_nodes": [5, 15]},
}
LINEAR = {"estimator": "sklearn.linear_model.LogisticRegression", "search": {"C": [0.01, 1.0]}}
FOREST = {
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 10, "min_samples_leaf": 1},
}


def train(**section: Any) -> dict[str, Any]:
    return {"search": {"trials": 4}, "calibration": "none", **section}


WINNERS = {
    "a search's winner": train(candidates={"boosting": BOOSTING}),
    "a blend": train(candidates={"a": BOOSTING, "b": LINEAR}, blend=["a", "b"]),
    # Trees grown to the last row are far too sure of themselves, and a calibration helps.
    "a calibrated one": train(candidates={"forest": FOREST}, calibration="auto"),
}


def trained(fitted: Fitted, scores: np.ndarray) -> TrainedModel:
    told = result_of(fitted, scores, train_key="k" * 32)
    return TrainedModel(run_id="r", model_uri="models:/m-1", **told)


@pytest.mark.parametrize("kind", WINNERS)
def test_the_same_rows_and_seed_give_the_same_predictions(kind: str) -> None:
    model = frames.definition(train=WINNERS[kind])
    fitted = fit_model(model, FRAME, as_of=AS_OF)
    fit, select = (sample(model, part) for part in (fitted.split.fit, fitted.split.select))
    kept = sample(model, fitted.split.judge).features
    record = trained(fitted, predict(fitted.estimator, kept, problem="binary"))
    assert (record.calibration != "none") == (kind == "a calibrated one")
    assert (record.candidate == "blend") == (kind == "a blend")

    def again(seed: int) -> str:
        estimator = refit(model, record, fit, select, seed=seed)
        return prediction_digest(predict(estimator, kept, problem="binary"))

    assert again(model.train.seed) == record.prediction_digest
    assert again(model.train.seed + 1) != record.prediction_digest
    assert TrainedModel.model_validate(record.model_dump(mode="json")) == record


def test_a_model_that_was_trained_before_parameters_were_recorded_cannot_be_made_again() -> None:
    model = frames.definition(train=train(candidates={"linear": LINEAR}))
    fitted = fit_model(model, FRAME, as_of=AS_OF)
    told = trained(fitted, np.zeros(1)).model_dump(mode="json")
    del told["params"]
    old = TrainedModel.model_validate(told)
    fit = sample(model, fitted.split.fit)
    with pytest.raises(EvidenceError, match="was not recorded when it was trained: train again"):
        refit(model, old, fit, fit, seed=0)
