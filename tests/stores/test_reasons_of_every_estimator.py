"""Reasons on real flights: of every estimator that a definition may name they add up, always alike.

And where both are exact, they are what the shap package says.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import all_estimators

from tests.fixtures.real_flights import TYPES, flights
from tradewind.definition.estimators import load_estimator, unfit
from tradewind.definition.learning import Candidate
from tradewind.errors import DefinitionError
from tradewind.learning.blend import blended
from tradewind.learning.calibrate import METHODS, calibrated_by
from tradewind.learning.estimators import build_pipeline
from tradewind.stores.casting import cast_features
from tradewind.stores.model_files import open_model, write_model
from tradewind.stores.reasons import TOLERANCE, Explainer, margin, told_against, within
from tradewind.stores.scorer import predict
from tradewind.stores.shapley import SampledEffects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Spread over the year, so that all weathers, carriers and gaps are among them.
ROWS, ASKED = 400, 12
SOME = flights().iloc[:: len(flights()) // ROWS].head(ROWS).reset_index(drop=True)
FEATURES = cast_features(SOME, TYPES)
WORDS = [name for name, kind in TYPES.items() if kind == "categorical"]
# More flights, none of which anything was fitted on.
MANY = flights().iloc[7 :: len(flights()) // 6000].head(6000).reset_index(drop=True)
LATE = SOME["label"].astype(int).to_numpy()
MINUTES = SOME["arr_delay"].to_numpy(dtype=float)
SMALL = {
    "n_estimators": 5,
    "max_iter": 200,
    "cv": 2,
    "n_nearest_features": None,
    "radius": 1e6,  # every row has neighbours
}
# Of some the declared rows or labels are refused when they are fitted, whatever explains them.
REFUSED = {
    *("CCA", "PLSCanonical"),  # several targets
    *("MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"),
    *("CategoricalNB", "ComplementNB", "MultinomialNB"),  # counts only
    "IsotonicRegression",  # one column only
}
POSITIVE = {"GammaRegressor"}


def allowed(problem: str) -> list[str]:
    """Every estimator of scikit-learn that a candidate of this problem may name."""
    kind = "classifier" if problem == "binary" else "regressor"
    found = []
    for name, made in all_estimators(kind):
        path = f"{made.__module__.rsplit('._', 1)[0]}.{name}"
        try:
            refused = unfit(load_estimator(path), problem)
        except DefinitionError:  # one that cannot stand alone
            continue
        if refused is None:
            found.append(path)
    return found


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    EVERY = [(problem, path) for problem in ("binary", "regression") for path in allowed(problem)]


def small(path: str) -> dict[str, Any]:
    """Parameters that make it quick."""
    known = load_estimator(path).get_params(deep=False)
    wanted = {name: value for name, value in SMALL.items() if name in known}
    if path.endswith("RANSACRegressor"):
        wanted["min_samples"] = 60
    if path.endswith("QuadraticDiscriminantAnalysis"):
        wanted["reg_param"] = 0.1
    if path.endswith("OrthogonalMatchingPursuitCV"):
        del wanted["max_iter"]
    return {"optimizer": None} if "gaussian_process" in path else wanted


def target(path: str, problem: str) -> np.ndarray:
    name = path.rpartition(".")[2]
    if problem == "binary":
        return LATE
    plus = name in POSITIVE or name in ("PoissonRegressor", "TweedieRegressor")
    return np.abs(MINUTES) + 1 if plus else MINUTES


@cache
def fitted(path: str, problem: str, **_: Any) -> Any:
    """A pipeline of the project, fitted on real flights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        pipeline = built(Candidate(estimator=path, params=small(path)), problem)
        return pipeline.fit(FEATURES, target(path, problem))


def built(candidate: Candidate, problem: Any) -> Any:
    return build_pipeline(candidate, {}, types=TYPES, problem=problem, seed=0, where="flights")


def explained(estimator: Any, types: Mapping[str, str] = TYPES) -> Explainer:
    return Explainer.of(estimator, types, told_against(estimator, types, FEATURES[[*types]]))


def hard(rows: pd.DataFrame) -> pd.DataFrame:
    """Some rows, and the same with gaps, with a carrier never seen, and far outside."""
    gaps = rows.head(2).assign(temp=np.nan, carrier=np.nan)
    new = rows.head(2).assign(carrier="ZZ", dest="XXX")
    far = rows.head(2).assign(distance=1e5, precip=40.0)
    return pd.concat([rows, gaps, new, far], ignore_index=True)


def agrees(estimator: Any, rows: pd.DataFrame) -> None:
    """Reasons add up to the margin, and are the same when they are asked for again."""
    explainer = explained(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean, effects = explainer.explain(rows)
        reached = margin(within(estimator), rows)
        again = explained(estimator).explain(rows)
    assert effects.shape == rows.shape
    # A row without a finite score is the fallback's, and needs no reasons.
    scored = np.isfinite(reached)
    assert scored.sum() >= len(rows) / 2
    # Minutes, and a regression far outside its rows, may be large: there the tolerance is relative.
    scale = np.maximum(np.abs(reached[scored]), 1.0)
    added = mean + effects[scored].sum(axis=1)
    assert (np.abs(added - reached[scored]) / scale).max() < TOLERANCE
    assert again[0] == mean
    assert np.array_equal(again[1], effects, equal_nan=True)


@pytest.mark.parametrize(("problem", "path"), EVERY, ids=[path for _, path in EVERY])
def test_reasons_add_up_for_every_estimator_that_may_be_declared(problem: str, path: str) -> None:
    if path.rpartition(".")[2] in REFUSED:
        with pytest.raises((ValueError, TypeError, AssertionError)):
            agrees(fitted(path, problem), FEATURES.head(ASKED))
        return
    agrees(fitted(path, problem), hard(FEATURES.head(ASKED)))


# ------------------------------------------------------------------------- calibrated and blended

BOOSTING = Candidate(
    estimator="sklearn.ensemble.HistGradientBoostingClassifier",
    params={"max_iter": 20, "min_samples_leaf": 10},
)
BENT = Candidate(
    estimator="sklearn.linear_model.LogisticRegression", params={"C": 0.1}, numbers="splines"
)
BLIND = Candidate(
    estimator="sklearn.ensemble.RandomForestClassifier",
    params={"n_estimators": 8},
    without=["temp", "humid"],
)
VALUES = [
    Candidate(estimator="sklearn.ensemble.HistGradientBoostingRegressor", params={"max_iter": 20}),
    Candidate(estimator="sklearn.linear_model.Ridge", numbers="splines"),
]


@cache
def member(place: int) -> Any:
    return built((BOOSTING, BENT, BLIND)[place], "binary").fit(FEATURES, LATE)


@cache
def blend(problem: str) -> Any:
    if problem == "binary":
        members = {"boosting": member(0), "bent": member(1)}
    else:
        pairs = zip(("boosting", "bent"), VALUES, strict=True)
        members = {name: built(one, problem).fit(FEATURES, MINUTES) for name, one in pairs}
    return blended(members, problem=problem, features=FEATURES, where="flights")


@cache
def calibrated(method: str, *, blends: bool) -> Any:
    inner = blend("binary") if blends else member(0)
    days = SOME["prediction_time"].to_numpy("datetime64[D]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return calibrated_by(method, inner, FEATURES, LATE, units=days)


@pytest.mark.parametrize("blends", [False, True], ids=["boosting", "blend"])
@pytest.mark.parametrize("method", METHODS)
def test_reasons_add_up_before_every_calibration(method: str, *, blends: bool) -> None:
    agrees(calibrated(method, blends=blends), hard(FEATURES.head(ASKED)))


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_reasons_of_blends_add_up(problem: str) -> None:
    agrees(blend(problem), hard(FEATURES.head(ASKED)))


def answerers() -> dict[str, Any]:
    """One of each way of explaining: trees, a weighted sum, sampled orders, blends, calibrated."""
    return {
        "boosting": member(0),
        "bent": member(1),
        "blind forest": member(2),
        "sampled": fitted("sklearn.naive_bayes.GaussianNB", "binary"),
        "blend": blend("binary"),
        "calibrated": calibrated("sigmoid", blends=True),
        "values": blend("regression"),
    }


@given(
    name=st.sampled_from(sorted(answerers())),
    places=st.lists(st.integers(0, len(MANY) - 1), min_size=1, max_size=6),
    gaps=st.sets(st.sampled_from(sorted(TYPES)), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_reasons_add_up_for_any_real_flights_with_any_gaps(
    name: str, places: list[int], gaps: set[str]
) -> None:
    rows = cast_features(MANY.iloc[places], TYPES).reset_index(drop=True)
    rows = rows.assign(**dict.fromkeys(gaps, np.nan))
    agrees(answerers()[name], rows.astype({name: object for name in gaps if name in WORDS}))


def test_a_flights_reasons_do_not_depend_on_who_is_asked_with_it() -> None:
    for estimator in answerers().values():
        explainer = explained(estimator)
        _, together = explainer.explain(FEATURES.head(ASKED))
        alone = [explainer.explain(FEATURES.iloc[[place]])[1][0] for place in range(ASKED)]
        np.testing.assert_allclose(np.vstack(alone), together, atol=1e-9)


def test_reasons_are_the_same_from_a_model_that_was_stored_and_read_again(tmp_path: Path) -> None:
    for name, estimator in answerers().items():
        told = told_against(estimator, TYPES, FEATURES)
        metadata = {
            "model": "late",
            "candidate": name,
            "problem": "regression" if name == "values" else "binary",
            "features": dict(TYPES),
            "decision_threshold": None,
            "explains": told,
        }
        write_model(tmp_path / name, estimator, metadata=metadata)
        first, second = (open_model(tmp_path / name).explainer for _ in range(2))
        here = Explainer.of(estimator, TYPES, told).explain(FEATURES.head(ASKED))
        for read in (first.explain(FEATURES.head(ASKED)), second.explain(FEATURES.head(ASKED))):
            assert read[0] == pytest.approx(here[0], abs=1e-12)
            np.testing.assert_array_equal(read[1], here[1])


def test_the_margin_leads_to_the_score_that_is_served() -> None:
    for name in ("boosting", "bent", "blend"):
        estimator = answerers()[name]
        mean, effects = explained(estimator).explain(FEATURES)
        odds = mean + effects.sum(axis=1)
        score = predict(estimator, FEATURES, problem="binary")
        np.testing.assert_allclose(1 / (1 + np.exp(-odds)), score, atol=TOLERANCE)


# -------------------------------------------------------------------------------------- the referee

NUMBERS = {name: "numeric" for name, kind in TYPES.items() if kind == "numeric"}
EXACT = 1e-6


def referee() -> Any:
    return pytest.importorskip("shap", reason="the referee of reasons is not installed")


def numbers(frame: pd.DataFrame = FEATURES, *, filled: bool) -> pd.DataFrame:
    columns = frame[[*NUMBERS]]
    return columns.fillna(columns.mean()) if filled else columns


TREES = [
    ("binary", "sklearn.tree.DecisionTreeClassifier", {"max_depth": 6}, True),
    ("regression", "sklearn.tree.ExtraTreeRegressor", {"max_depth": 6}, True),
    ("binary", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 10}, True),
    ("binary", "sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 10}, True),
    ("regression", "sklearn.ensemble.RandomForestRegressor", {"n_estimators": 10}, True),
    ("binary", "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 20}, True),
    ("regression", "sklearn.ensemble.GradientBoostingRegressor", {"n_estimators": 20}, True),
    ("binary", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 20}, False),
    ("regression", "sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 20}, False),
    (
        "regression",
        "sklearn.ensemble.HistGradientBoostingRegressor",
        {"max_iter": 20, "loss": "poisson"},
        False,
    ),
]


@pytest.mark.parametrize(("problem", "path", "params", "filled"), TREES)
def test_trees_are_explained_as_the_referee_does(
    problem: str, path: str, params: dict[str, Any], *, filled: bool
) -> None:
    shap = referee()
    rows = numbers(filled=filled)
    # It takes the columns in single precision, where a few of ours would fall on the other side.
    rows = rows.astype("float32").astype("float64")
    label = LATE if problem == "binary" else np.abs(MINUTES) + 1
    model = load_estimator(path).set_params(random_state=0, **params).fit(rows, label)
    mean, effects = explained_plain(model, rows)
    tree = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    theirs = np.asarray(tree.shap_values(rows.head(ASKED), check_additivity=False))
    expected = np.ravel(tree.expected_value)[-1]
    theirs = theirs[..., 1] if theirs.ndim > 2 else theirs
    np.testing.assert_allclose(effects, theirs, atol=EXACT * max(1.0, np.abs(theirs).max()))
    assert mean == pytest.approx(expected, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize(
    ("problem", "path"),
    [
        ("binary", "sklearn.linear_model.LogisticRegression"),
        ("binary", "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"),
        ("regression", "sklearn.linear_model.Ridge"),
        ("regression", "sklearn.linear_model.Lasso"),
    ],
)
def test_weighted_sums_are_explained_as_the_referee_does(problem: str, path: str) -> None:
    shap = referee()
    rows = numbers(filled=True)
    rows = (rows - rows.mean()) / rows.std()
    model = load_estimator(path).fit(rows, LATE if problem == "binary" else MINUTES)
    mean, effects = explained_plain(model, rows)
    whole = shap.maskers.Independent(rows, max_samples=len(rows))
    theirs = shap.LinearExplainer(model, whole)
    np.testing.assert_allclose(effects, theirs.shap_values(rows.head(ASKED)), atol=EXACT)
    assert mean == pytest.approx(theirs.expected_value, abs=EXACT)


def explained_plain(model: Any, rows: pd.DataFrame) -> tuple[float, np.ndarray]:
    """The reasons of a model without pre-processing."""
    told = told_against(model, NUMBERS, rows)
    explainer = Explainer.of(model, NUMBERS, told)
    assert not isinstance(explainer.effects, SampledEffects)
    return explainer.explain(rows.head(ASKED))
