"""What counts as simple, and how simple."""

from __future__ import annotations

from typing import Any

import pytest

from tests.learning import frames
from tradewind.learning.simpler import Complexity, complexity_of, simple_models


def candidate(estimator: str, **body: Any) -> dict[str, Any]:
    return {"estimator": estimator, **body}


TREE = "sklearn.tree.DecisionTreeClassifier"
KINDS = {
    "rule": (candidate("sklearn.dummy.DummyClassifier"), {}, Complexity.RULE),
    "stump": (candidate(TREE, params={"max_depth": 3}), {}, Complexity.TREE),
    "searched": (candidate(TREE, search={"max_depth": [2, 9]}), {"max_depth": 2}, Complexity.TREE),
    "deeper": (candidate(TREE, search={"max_depth": [2, 4]}), {"max_depth": 4}, Complexity.OTHER),
    "deepest": (candidate(TREE), {}, Complexity.OTHER),
    "sum": (candidate("sklearn.linear_model.LogisticRegression"), {}, Complexity.LINEAR),
    "forest": (candidate("sklearn.ensemble.RandomForestClassifier"), {}, Complexity.OTHER),
}


def model(**candidates: Any):
    return frames.definition(train={"search": {"trials": 9}, "candidates": candidates})


@pytest.mark.parametrize("name", KINDS)
def test_a_candidate_is_as_complex_as_what_there_is_to_follow(name: str) -> None:
    body, params, expected = KINDS[name]
    assert complexity_of(model(**{name: body}), name, params) == expected


def test_a_blend_is_as_complex_as_can_be() -> None:
    assert complexity_of(model(sum=KINDS["sum"][0]), "blend", {}) == Complexity.OTHER


def test_a_declared_linear_candidate_is_the_linear_one() -> None:
    body = {**KINDS["sum"][0], "params": {"max_iter": 300}, "search": {"C": [0.5, 1.0]}}
    tree, linear = simple_models(model(forest=KINDS["forest"][0], straight=body))
    assert (tree.complexity, linear.complexity) == (Complexity.TREE, Complexity.LINEAR)
    assert (linear.candidate.params, linear.params) == ({"max_iter": 300}, {"C": 0.5})
    assert linear.instead == "train the candidate 'straight' alone (in the form of the training)"


@pytest.mark.parametrize(
    ("problem", "named"),
    [
        ("binary", ["tree.DecisionTreeClassifier", "linear_model.LogisticRegression"]),
        ("regression", ["tree.DecisionTreeRegressor", "linear_model.Ridge"]),
    ],
)
def test_where_none_is_declared_the_usual_ones_are_taken(problem: str, named: list[str]) -> None:
    forest = model(forest=KINDS["forest"][0]).model_copy(update={"problem": problem})
    made = simple_models(forest)
    assert [one.candidate.estimator for one in made] == [f"sklearn.{name}" for name in named]
    assert made[0].candidate.params == {"max_depth": 3}
