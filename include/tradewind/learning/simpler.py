"""What is simpler than a model: a tree of three questions, a linear model.

Simple is what a person can follow from the features to the score: a handful of questions, or a sum
with one term a feature (bent or not, as `numbers: splines` bends it). The naive rule, simpler than
all, is not fitted here: it travels with every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from tradewind.definition.learning import BLEND, Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition

_QUESTIONS = 3
_TREES = {
    "binary": "sklearn.tree.DecisionTreeClassifier",
    "regression": "sklearn.tree.DecisionTreeRegressor",
}
_SUMS = {
    "binary": "sklearn.linear_model.LogisticRegression",
    "regression": "sklearn.linear_model.Ridge",
}
_LINEAR, _TREE, _CONSTANT = "sklearn.linear_model.", "sklearn.tree.", "sklearn.dummy."


class Complexity(IntEnum):
    """How much there is to follow, the least first."""

    RULE = 0
    TREE = 1
    LINEAR = 2
    OTHER = 3


@dataclass(frozen=True)
class Simple:
    """A simple model that may be fitted beside another.

    Attributes:
        name: What it is, in a few words.
        candidate: As a definition would declare it.
        params: The searched parameters of one that is declared and searches.
        instead: How to train it, as a clause.
    """

    name: str
    complexity: Complexity
    candidate: Candidate
    params: Mapping[str, Any]
    instead: str


def complexity_of(model: ModelDefinition, name: str, params: Mapping[str, Any]) -> Complexity:
    """How complex one of a model's candidates is.

    Args:
        model: Its definition.
        name: The candidate's; a blend is as complex as can be.
        params: The searched parameters that it has.
    """
    if name == BLEND:
        return Complexity.OTHER
    declared = model.candidates[name]
    depth = {**declared.params, **params}.get("max_depth")
    if declared.origin.startswith(_CONSTANT):
        return Complexity.RULE
    if declared.origin.startswith(_TREE) and depth is not None and depth <= _QUESTIONS:
        return Complexity.TREE
    return Complexity.LINEAR if declared.origin.startswith(_LINEAR) else Complexity.OTHER


def simple_models(model: ModelDefinition) -> list[Simple]:
    """A shallow tree and a linear model of a definition's features, the simpler one first.

    A linear candidate that is declared is the linear one, as it is declared: what it searches over
    has the first of the values.
    """
    return [_tree(model), _linear(model)]


def _tree(model: ModelDefinition) -> Simple:
    estimator = _TREES[model.problem]
    made = Candidate(estimator=estimator, params={"max_depth": _QUESTIONS})
    instead = f"declare {estimator} with max_depth {_QUESTIONS} as the candidate (train.candidates)"
    return Simple(f"a tree of depth {_QUESTIONS}", Complexity.TREE, made, {}, instead)


def _linear(model: ModelDefinition) -> Simple:
    for name, one in model.candidates.items():
        if one.origin.startswith(_LINEAR):
            first = {key: values[0] for key, values in one.search.items()}
            instead = f"train the candidate {name!r} alone (in the form of the training)"
            return Simple(f"the linear {name!r}", Complexity.LINEAR, one, first, instead)
    estimator = _SUMS[model.problem]
    instead = f"declare {estimator} as the candidate (train.candidates)"
    made = Candidate(estimator=estimator)
    return Simple("a linear model", Complexity.LINEAR, made, {}, instead)
