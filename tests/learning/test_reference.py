"""What a model takes along for its nights, and what each feature matters to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.learning import frames
from tradewind.errors import EvidenceError
from tradewind.learning.importance import importance
from tradewind.learning.reference import (
    CONTRACT_FILE,
    IMPORTANCE_FILE,
    LABEL,
    PREDICTION,
    PROFILE_FILE,
    columns_of,
    read_reference,
    reference_files,
)
from tradewind.stats.drift import compare

FRAME = frames.feature_set()
JUDGE = FRAME.tail(1800)
SCORE = np.random.default_rng(0).random(len(JUDGE))


def made(**changes: object) -> dict[str, bytes]:
    model = frames.definition(**changes)
    return reference_files(model, FRAME, JUDGE, score=SCORE, importance={"delay": 0.8})


def test_features_prediction_and_label_are_kept_and_nothing_else() -> None:
    files = made()
    assert set(files) == {PROFILE_FILE, CONTRACT_FILE, IMPORTANCE_FILE}
    reference = read_reference(files)
    assert set(reference.profile.columns) == {*frames.TYPES, PREDICTION, LABEL}
    assert reference.profile.columns[PREDICTION].tally.rows == len(JUDGE)
    assert reference.profile.columns[LABEL].tally.rows == len(FRAME)
    assert reference.importance == {"delay": 0.8}


def test_the_same_rows_give_the_same_files() -> None:
    assert made() == made()


def test_the_rows_themselves_are_no_different_from_their_reference() -> None:
    reference = read_reference(made())
    found = compare(reference.profile, columns_of(FRAME, frames.TYPES), window_days=7)
    assert not any(one.state == "difference" or one.alarm for one in found)
    moved = FRAME.assign(delay=FRAME["delay"] + 2)
    found = compare(reference.profile, columns_of(moved, frames.TYPES), window_days=7)
    assert [one.column for one in found if one.alarm] == ["delay"]


def test_a_model_without_these_files_is_of_an_earlier_release() -> None:
    files = made()
    del files[PROFILE_FILE]
    with pytest.raises(EvidenceError, match=r"no profile\.json beside the model: an earlier"):
        read_reference(files)


def test_importance_is_the_share_of_the_loss_and_sums_to_one() -> None:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(3000, 3)), columns=["strong", "weak", "noise"])
    drive = 3 * rows["strong"] + 0.7 * rows["weak"]
    label = (rng.random(3000) < 1 / (1 + np.exp(-drive))).astype(int).to_numpy()
    fitted = LogisticRegression().fit(rows, label)
    found = importance(fitted, rows, label, problem="binary", seed=0)
    assert sum(found.values()) == pytest.approx(1)
    assert found["strong"] > 0.8
    assert 0.2 > found["weak"] > 0.02 > found["noise"]
    assert found == importance(fitted, rows, label, problem="binary", seed=0)


def test_importance_of_a_regression_and_of_a_model_that_needs_nothing() -> None:
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(rng.normal(size=(500, 2)), columns=["used", "unused"])
    fitted = LinearRegression().fit(rows, 2 * rows["used"])
    found = importance(fitted, rows, 2 * rows["used"].to_numpy(), problem="regression", seed=0)
    assert found["used"] == pytest.approx(1)
    constant = LinearRegression().fit(rows, np.ones(500))
    found = importance(constant, rows, np.ones(500), problem="regression", seed=0)
    assert max(found.values()) < 1.01
