from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.learning import frames
from tests.learning.frames import AS_OF
from tradewind.learning.fit import fit_model, sample
from tradewind.learning.search import draw_trials
from tradewind.stores.scorer import predict

_SCRIPT = """
import hashlib
from tests.learning import frames
from tests.learning.test_fit import judge_scores
print(hashlib.sha256(judge_scores(seed=1).tobytes()).hexdigest())
"""


def judge_scores(*, seed: int) -> np.ndarray:
    """What a forest, a boosting and a linear model, searched with this seed, say of June."""
    train = frames.body()["train"]
    forest = {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 20, "min_samples_leaf": 10},
        "search": {"max_features": [1, 2]},
    }
    candidates = {**train["candidates"], "forest": forest}
    model = frames.definition(train={**train, "seed": seed, "candidates": candidates})
    fitted = fit_model(
        model,
        frames.feature_set(),
        as_of=AS_OF,
        trials=draw_trials(model, candidate="forest"),
    )
    judge = sample(model, fitted.split.judge)
    return predict(fitted.estimator, judge.features, problem="binary")


def test_two_processes_give_the_same_scores_to_the_last_bit() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    digests.add(hashlib.sha256(judge_scores(seed=1).tobytes()).hexdigest())
    assert len(digests) == 1


def test_another_seed_gives_another_forest() -> None:
    assert not np.array_equal(judge_scores(seed=1), judge_scores(seed=2))


def test_a_regression_has_no_threshold_and_no_calibration() -> None:
    frame = frames.feature_set()
    frame["label"] = frame["delay"] * 10 + frame["label"].astype(float)
    body = frames.body()
    del body["train"]["candidates"]
    model = frames.definition(problem="regression", train=body["train"])
    fitted = fit_model(model, frame, as_of=AS_OF)
    assert fitted.decision_threshold is None
    assert fitted.calibrated.method == "none"
    assert {t.candidate for t in fitted.found.trials} == {"boosting", "linear"}
    assert fitted.found.winner.scores[-1] < 2


def test_a_declared_threshold_and_no_calibration_are_kept() -> None:
    train = {**frames.body()["train"], "decision_threshold": 0.4, "calibration": "none"}
    fitted = fit_model(frames.definition(train=train), frames.feature_set(), as_of=AS_OF)
    assert fitted.decision_threshold == 0.4
    assert fitted.calibrated.trials == ()


@pytest.mark.parametrize("metric", ["f1", "cost"])
def test_a_metric_of_decisions_can_decide(metric: str) -> None:
    own = {"cost": {"kind": "cost", "false_positive": 1, "false_negative": 3}}
    model = frames.definition(metrics={"decides": metric, "own": own})
    fitted = fit_model(model, frames.feature_set(), as_of=AS_OF)
    assert all(np.isfinite(t.scores).all() for t in fitted.found.trials)


def test_nothing_of_the_judge_stretch_reaches_the_model() -> None:
    frame = frames.feature_set()
    plain = fit_model(frames.definition(), frame, as_of=AS_OF)
    broken = frame.copy()
    judged = broken["prediction_time"] >= plain.split.boundaries.judge
    broken.loc[judged, "delay"] = 99.0
    broken.loc[judged, "label"] = ~broken.loc[judged, "label"].astype(bool)
    other = fit_model(frames.definition(), broken, as_of=AS_OF)
    select = sample(frames.definition(), plain.split.select)
    assert np.array_equal(
        predict(plain.estimator, select.features, problem="binary"),
        predict(other.estimator, select.features, problem="binary"),
    )
    assert plain.decision_threshold == other.decision_threshold
