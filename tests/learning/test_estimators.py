from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tests.learning import frames
from tradewind.definition.learning import Candidate
from tradewind.errors import DefinitionError
from tradewind.learning.estimators import build_pipeline
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FRAME = frames.feature_set(days=10)
FEATURES = cast_features(FRAME, frames.TYPES)
LABEL = FRAME["label"].astype("int8").to_numpy()
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
TREES = [
    BOOSTING,
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.neighbors.KNeighborsClassifier",
]


def _build(estimator: str, problem: Any = "binary", **params: Any) -> Pipeline:
    return _built(Candidate(estimator=estimator, params=params), problem)


def _built(candidate: Candidate, problem: Any = "binary") -> Pipeline:
    return build_pipeline(
        candidate, {}, types=frames.TYPES, problem=problem, seed=7, where="toy: candidates.one"
    )


@pytest.mark.parametrize("estimator", TREES)
def test_missing_and_unknown_values_are_scored_by_every_kind(estimator: str) -> None:
    fitted = _build(estimator).fit(FEATURES, LABEL)
    strange = FEATURES.head(4).copy()
    strange["carrier"] = ["never seen", np.nan, "AA", "never seen"]
    strange[["distance", "weekend"]] = np.nan
    scores = predict(fitted, strange, problem="binary")
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_trees_get_codes_and_linear_models_get_columns() -> None:
    codes = _build(BOOSTING).fit(FEATURES, LABEL)
    assert codes[:-1].transform(FEATURES).shape == (len(FEATURES), 4)
    assert codes["model"].categorical_features == [3]
    columns = _build("sklearn.linear_model.LogisticRegression").fit(FEATURES, LABEL)
    # Three numbers, whether distance was there, and the carriers with the missing one.
    assert columns[:-1].transform(FEATURES).shape == (len(FEATURES), 3 + 1 + 5)


def test_splines_bend_and_level_off_beyond_what_was_learned_from() -> None:
    linear = "sklearn.linear_model.LogisticRegression"
    fitted = _built(Candidate(estimator=linear, numbers="splines")).fit(FEATURES, LABEL)
    rows = FEATURES.head(3).assign(distance=800.0, carrier="AA", weekend=0.0)
    rows["delay"] = [FEATURES["delay"].max(), 1e3, 1e9]
    assert len(set(predict(fitted, rows, problem="binary"))) == 1
    beyond = predict(_build(linear).fit(FEATURES, LABEL), rows, problem="binary")
    assert beyond[2] > beyond[0]


@pytest.mark.parametrize("estimator", [BOOSTING, "sklearn.linear_model.LogisticRegression"])
def test_a_candidate_may_leave_features_out(estimator: str) -> None:
    blind = Candidate(estimator=estimator, without=["delay", "carrier"])
    fitted = _built(blind).fit(FEATURES, LABEL)
    other = FEATURES.assign(delay=FEATURES["delay"] + 3, carrier="UA")
    np.testing.assert_array_equal(
        predict(fitted, FEATURES, problem="binary"), predict(fitted, other, problem="binary")
    )


def test_more_categories_than_the_trees_hold_are_pooled() -> None:
    many = FEATURES.assign(carrier=[f"c{number % 400}" for number in range(len(FEATURES))])
    fitted = _build(BOOSTING, max_bins=50).fit(many, LABEL)
    assert np.isfinite(predict(fitted, many, problem="binary")).all()


def test_only_what_trains_the_seed_into_it_is_random() -> None:
    assert _build("sklearn.ensemble.RandomForestClassifier")["model"].random_state == 7
    assert _build(BOOSTING)["model"].random_state == 7
    own = _build("sklearn.ensemble.RandomForestClassifier", random_state=3)
    assert own["model"].random_state == 3


def test_no_estimator_stops_early_by_a_shuffled_hold_out_unless_told_so() -> None:
    assert _build(BOOSTING)["model"].early_stopping is False
    assert _build(BOOSTING, early_stopping=True)["model"].early_stopping is True


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        ("os.path.Join", {}, r"'os\.path\.Join' is not allowed; expected a class from sklearn\."),
        ("sklearn.ensemble.HistGradientBoostingClasifier", {}, "mean HistGradientBoostingClassif"),
        ("sklearn.nowhere.Estimator", {}, "there is no module sklearn.nowhere"),
        ("sklearn.metrics.log_loss", {}, "sklearn.metrics has no estimator 'log_loss'"),
        ("sklearn.linear_model.Ridge", {}, "is no classifier with probabilities"),
        ("sklearn.svm.LinearSVC", {}, "is no classifier with probabilities"),
        ("sklearn.ensemble.VotingClassifier", {}, "cannot stand alone"),
        ("sklearn.semi_supervised.SelfTrainingClassifier", {}, "another estimator belongs in it"),
        (BOOSTING, {"learning_rat": 0.1}, "did you mean learning_rate"),
        (BOOSTING, {"categorical_features": [0]}, "follows from features.types"),
    ],
)
def test_what_cannot_be_a_candidate_is_refused_with_a_sentence(
    estimator: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=f"toy: candidates.one.*{message}"):
        _build(estimator, **params)


def test_a_classifier_is_no_candidate_for_a_regression() -> None:
    with pytest.raises(DefinitionError, match="is no regressor, which `problem: regression`"):
        _build(BOOSTING, problem="regression")


@pytest.mark.parametrize(
    "column", [[True, None], pd.array([True, None], dtype="boolean"), [1.0, np.nan]]
)
def test_booleans_are_numbers_and_nulls_stay_null(column: Any) -> None:
    cast = cast_features(pd.DataFrame({"weekend": column}), {"weekend": "boolean"})
    assert cast["weekend"].dtype == np.float64
    assert cast["weekend"][0] == 1.0
    assert np.isnan(cast["weekend"][1])
