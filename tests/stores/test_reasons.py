from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from tests.learning import frames
from tradewind.definition.learning import Candidate
from tradewind.learning.blend import blended
from tradewind.learning.estimators import build_pipeline
from tradewind.stores.casting import cast, cast_features
from tradewind.stores.reasons import TOLERANCE, Explainer, margin, told_against
from tradewind.stores.trees import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TYPES: Mapping[str, Any] = frames.TYPES
SET = frames.feature_set(days=12)
FEATURES = cast_features(SET, TYPES)
LABEL = SET["label"].astype(int).to_numpy()
ROWS = FEATURES.head(30)
ESTIMATORS = [
    ("binary", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 8}),
    ("regression", "sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 8}),
    ("regression", "sklearn.ensemble.HistGradientBoostingRegressor",
     {"max_iter": 8, "loss": "poisson"}),
    ("binary", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 5}),
    ("regression", "sklearn.ensemble.ExtraTreesRegressor", {"n_estimators": 4, "max_depth": 6}),
    ("binary", "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 5}),
    ("binary", "sklearn.tree.DecisionTreeClassifier", {}),
    ("binary", "sklearn.linear_model.LogisticRegression", {}),
    ("regression", "sklearn.linear_model.Ridge", {}),
    ("regression", "sklearn.linear_model.PoissonRegressor", {}),
    ("binary", "sklearn.naive_bayes.GaussianNB", {}),
]  # fmt: skip


def fitted(path: str, params: dict[str, Any], *, problem: Any) -> Any:
    return built(Candidate(estimator=path, params=params), problem=problem)


def built(declared: Candidate, *, problem: Any = "binary") -> Any:
    pipeline = build_pipeline(declared, {}, types=TYPES, problem=problem, seed=0, where="toy")
    return pipeline.fit(FEATURES, LABEL)


def explained(estimator: Any, types: Mapping[str, str] = TYPES) -> Explainer:
    columns = FEATURES[[*types]]
    return Explainer.of(estimator, types, told_against(estimator, types, columns))


@pytest.mark.parametrize(("problem", "path", "params"), ESTIMATORS)
def test_reasons_add_up_to_the_score_before_calibration(
    problem: str, path: str, params: dict[str, Any]
) -> None:
    estimator = fitted(path, params, problem=problem)
    mean, effects = explained(estimator).explain(ROWS)
    assert effects.shape == ROWS.shape
    assert np.abs(mean + effects.sum(axis=1) - margin(estimator, ROWS)).max() < TOLERANCE


def test_the_reasons_of_bent_and_blended_models_add_up_too() -> None:
    bent = Candidate(estimator="sklearn.linear_model.LogisticRegression", numbers="splines")
    blind = Candidate(
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        params={"max_iter": 8},
        without=["carrier"],
    )
    members = {name: built(one) for name, one in {"bent": bent, "blind": blind}.items()}
    both = blended(members, problem="binary", features=FEATURES, where="toy")
    for estimator in (*members.values(), both):
        mean, effects = explained(estimator).explain(ROWS)
        assert np.abs(mean + effects.sum(axis=1) - margin(estimator, ROWS)).max() < TOLERANCE
    carrier = list(TYPES).index("carrier")
    assert not explained(members["blind"]).explain(ROWS)[1][:, carrier].any()
    each = [explained(one).explain(ROWS)[1] for one in members.values()]
    np.testing.assert_allclose(effects, np.mean(each, axis=0), atol=1e-12)


def test_the_reasons_of_a_blend_of_another_scale_add_up_to_its_value() -> None:
    counts = Candidate(
        estimator="sklearn.ensemble.HistGradientBoostingRegressor",
        params={"loss": "poisson", "max_iter": 5},
    )
    ridge = Candidate(estimator="sklearn.linear_model.Ridge")
    members = {
        name: built(one, problem="regression") for name, one in {"a": counts, "b": ridge}.items()
    }
    both = blended(members, problem="regression", features=FEATURES, where="toy")
    mean, effects = explained(both).explain(ROWS)
    assert np.abs(mean + effects.sum(axis=1) - both.predict(ROWS)).max() < TOLERANCE


def shapley(value: Callable[[tuple[int, ...]], float], players: int) -> np.ndarray:
    """By the definition: the mean over all orders of what each player brings."""
    effects = np.zeros(players)
    for player in range(players):
        others = [one for one in range(players) if one != player]
        for size in range(players):
            weight = math.factorial(size) * math.factorial(players - size - 1)
            for known in itertools.combinations(others, size):
                gain = value((*known, player)) - value(known)
                effects[player] += weight / math.factorial(players) * gain
    return effects


def holds(bitset: np.ndarray, code: int) -> bool:
    return bool((int(bitset[code // 32]) >> (code % 32)) & 1)


def goes_left(node: Any, value: float, *, left: np.ndarray | None, known: np.ndarray) -> bool:
    if np.isnan(value):
        return bool(node["missing_go_to_left"])
    if left is None:
        return bool(value <= node["num_threshold"])
    if holds(left, int(value)):
        return True
    return not holds(known, int(value)) and bool(node["missing_go_to_left"])


def walked(model: Any, row: np.ndarray, known: tuple[int, ...]) -> float:
    """A boosted model's mean answer where only some columns are known, node by node."""
    bitsets, places = model._bin_mapper.make_known_categories_bitsets()

    def left(node: Any, predictor: Any) -> bool:
        column, words = node["feature_idx"], node["is_categorical"]
        codes = predictor.raw_left_cat_bitsets[node["bitset_idx"]] if words else None
        return goes_left(node, row[column], left=codes, known=bitsets[places[column]])

    def below(nodes: Any, at: int, predictor: Any) -> float:
        node = nodes[at]
        if node["is_leaf"]:
            return float(node["value"])
        if int(node["feature_idx"]) in known:
            return below(nodes, int(node["left" if left(node, predictor) else "right"]), predictor)
        sides = [int(node["left"]), int(node["right"])]
        return sum(
            float(nodes[side]["count"]) / float(node["count"]) * below(nodes, side, predictor)
            for side in sides
        )

    start = float(model._baseline_prediction[0, 0])
    trees = [stage[0] for stage in model._predictors]
    return start + sum(below(tree.nodes, 0, tree) for tree in trees)


def test_boosting_is_explained_as_the_definition_says_with_categories_and_gaps() -> None:
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    estimator = fitted(path, {"max_iter": 4, "min_samples_leaf": 5}, problem="binary")
    model = estimator["model"]
    assert any(tree[0].nodes["is_categorical"].any() for tree in model._predictors)
    # Numbers come first out of the preparation, and categories first into the trees.
    order = ["carrier", "distance", "delay", "weekend"]
    rows = pd.concat([ROWS.head(4), ROWS.head(2).assign(carrier=["ZZ", np.nan], distance=np.nan)])
    mean, effects = explained(estimator).explain(rows)
    prepared = model._preprocess_X(estimator["prepare"].transform(rows), reset=False)
    assert mean == pytest.approx(walked(model, prepared[0], ()), abs=1e-12)
    for row, own in zip(prepared, effects, strict=True):
        by_hand = shapley(lambda known, row=row: walked(model, row, known), 4)  # type: ignore[misc]
        assert own == pytest.approx(by_hand[[order.index(name) for name in TYPES]], abs=1e-9)


def test_a_linear_model_is_coefficient_times_distance_from_the_mean() -> None:
    types = {"delay": "numeric", "weekend": "numeric"}
    numbers = FEATURES[[*types]].fillna(0.0)
    model = Ridge().fit(numbers, LABEL)
    told = told_against(model, types, numbers)
    _, effects = Explainer.of(model, types, told).explain(numbers)
    assert np.allclose(effects, (numbers - numbers.mean()) * model.coef_, atol=1e-12)


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.booleans()), min_size=1, max_size=7),
    st.floats(-5, 5),
)
@settings(max_examples=40, deadline=None)
def test_a_leafs_game_is_solved_as_the_definition_says(
    game: list[tuple[float, bool]], value: float
) -> None:
    shares, passes = np.array([g[0] for g in game]), np.array([float(g[1]) for g in game])

    def worth(known: tuple[int, ...]) -> float:
        inside = np.isin(np.arange(len(game)), known)
        return float(value * np.where(inside, passes, shares).prod())

    leaf = Leaf(tuple(range(len(game))), shares, value)
    assert leaf.effects(passes[:, None])[:, 0] == pytest.approx(shapley(worth, len(game)), abs=1e-9)


def test_long_paths_are_exact_too() -> None:
    rng = np.random.default_rng(0)
    # Each column alone cuts off one row: a chain that asks every column once.
    rows = np.vstack([np.eye(70), np.zeros((1, 70))])
    answer = rng.normal(size=71)
    model = DecisionTreeRegressor(random_state=0).fit(rows, answer)
    types = {f"c{number}": "numeric" for number in range(70)}
    frame = pd.DataFrame(rows, columns=[*types])
    mean, effects = Explainer.of(model, types, {}).explain(frame)
    assert model.get_depth() > 62
    assert np.allclose(mean + effects.sum(axis=1), answer, atol=TOLERANCE)


def test_what_calibrates_is_looked_through() -> None:
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    estimator = fitted(path, {"max_iter": 5}, problem="binary")
    around = CalibratedClassifierCV(FrozenEstimator(estimator), method="isotonic")
    around.fit(FEATURES, LABEL)
    plain, calibrated = explained(estimator).explain(ROWS), explained(around).explain(ROWS)
    assert np.array_equal(plain[1], calibrated[1])


def test_reasons_are_told_in_words_the_strongest_first() -> None:
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    estimator = fitted(path, {"max_iter": 8}, problem="binary")
    rows = pd.DataFrame(
        {"distance": [450.0], "delay": [np.nan], "carrier": ["UA"], "weekend": [1.0]}
    )
    explainer = explained(estimator)
    features = cast(rows, TYPES)
    (told,) = explainer.tell(features, most=4).to_pylist()
    _, effects = explainer.explain(rows)
    assert [abs(one["effect"]) for one in told] == sorted(np.abs(effects[0]), reverse=True)
    assert {one["words"].rsplit(" ", 2)[0] for one in told} == {
        *("distance 450", "missing delay", "carrier UA", "weekend true")
    }
    assert all(("raised" in one["words"]) == (one["effect"] > 0) for one in told)
    assert explainer.tell(features, most=1).to_pylist() == [told[:1]]
    assert explainer.tell(features, most=1, skip=np.array([True])).to_pylist() == [[]]


def test_without_what_they_are_told_against_there_are_none() -> None:
    estimator = fitted("sklearn.linear_model.LogisticRegression", {}, problem="binary")
    explainer = Explainer.of(estimator, TYPES, {})
    assert explainer.tell(cast(ROWS, TYPES), most=3).to_pylist() == [[]] * len(ROWS)
    with pytest.raises(ValueError, match="stored without"):
        explainer.explain(ROWS)


def test_trees_without_pre_processing_are_explained_too() -> None:
    types = {"distance": "numeric", "delay": "numeric"}
    numbers = FEATURES[[*types]]
    model = HistGradientBoostingClassifier(max_iter=5).fit(numbers, LABEL)
    mean, effects = explained(model, types).explain(numbers.head(20))
    raw = model.decision_function(numbers.head(20))
    assert np.allclose(mean + effects.sum(axis=1), raw, atol=TOLERANCE)
