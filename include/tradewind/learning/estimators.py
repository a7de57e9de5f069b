"""From a declared candidate to a pipeline that can be fitted.

An import path is followed only within the allowed prefixes, and only to a class of scikit-learn's
kind that fits the problem. What the definition leaves open is closed here in one way, so that
nothing depends on chance or on the machine: the seed, and no stopping by a random hold-out (it
would shuffle time).
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from tradewind.definition.learning import ALLOWED_PREFIXES
from tradewind.errors import DefinitionError
from tradewind.learning.preprocess import categories_of, one_hot, ordinal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.learning import Candidate, FeatureType, Problem

# What the pre-processing knows and the definition cannot.
_OURS = "categorical_features"
# HistGradientBoosting holds at most this many categories, unless `max_bins` says fewer.
_MOST_CATEGORIES = 255


def load_estimator(candidate: Candidate, *, where: str) -> BaseEstimator:
    """Follow a candidate's import path to an estimator, with its own defaults.

    Args:
        candidate: What the definition declares.
        where: The candidate's place in the definition, for messages.

    Raises:
        DefinitionError: The path is outside the allowed prefixes, leads nowhere, or leads to
            something that is not an estimator on its own.
    """
    path = candidate.estimator
    if not path.startswith(ALLOWED_PREFIXES):
        allowed = ", ".join(ALLOWED_PREFIXES)
        raise DefinitionError(f"{where}.estimator: {path} is not within the allowed {allowed}*")
    found = _follow(path, where=where)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise DefinitionError(f"{where}.estimator: {path} is no class of estimators")
    try:
        return found()
    except TypeError as error:
        raise DefinitionError(f"{where}.estimator: {path} cannot stand alone: {error}") from error


def build_pipeline(
    candidate: Candidate,
    params: Mapping[str, Any],
    *,
    types: Mapping[str, FeatureType],
    problem: Problem,
    seed: int,
    where: str,
) -> Pipeline:
    """Make the unfitted pipeline of one configuration: pre-processing and estimator.

    Args:
        candidate: What the definition declares.
        params: The searched parameters of this configuration, over the fixed ones.
        types: The model's features.
        problem: What the estimator must be able to do.
        seed: Of whatever is random in the estimator.
        where: The candidate's place in the definition, for messages.

    Raises:
        DefinitionError: The class or one of its parameters is not what it should be.
    """
    made = load_estimator(candidate, where=where)
    known = made.get_params(deep=False)
    wanted = {**_settled(known, seed=seed), **candidate.params, **params}
    _require_known(wanted, known=set(known), where=where)
    made.set_params(**wanted)
    _require_fitness(made, problem=problem, where=f"{where}.estimator: {candidate.estimator}")
    if _OURS not in known:
        sparse = bool(made.__sklearn_tags__().input_tags.sparse)
        return Pipeline([("prepare", one_hot(types, sparse=sparse)), ("model", made)])
    words = categories_of(types)
    first = len(types) - len(words)
    made.set_params(**{_OURS: list(range(first, len(types))) or None})
    most = min(_MOST_CATEGORIES, int(wanted.get("max_bins", _MOST_CATEGORIES)))
    return Pipeline([("prepare", ordinal(types, max_categories=most)), ("model", made)])


def predict(estimator: Any, features: pd.DataFrame, *, problem: Problem) -> np.ndarray:
    """Scores, one a row: the probability of the positive class, or the predicted value."""
    if problem == "binary":
        return np.asarray(estimator.predict_proba(features)[:, 1], dtype=np.float64)
    return np.asarray(estimator.predict(features), dtype=np.float64)


def _settled(known: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    settled = {"random_state": seed, "early_stopping": False}
    return {name: value for name, value in settled.items() if name in known}


def _follow(path: str, *, where: str) -> Any:
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise DefinitionError(f"{where}.estimator: {path}: {error}") from error
    if not hasattr(module, name):
        raise DefinitionError(
            f"{where}.estimator: {module_name} has no {name}" + _nearest(name, dir(module))
        )
    return getattr(module, name)


def _require_fitness(made: BaseEstimator, *, problem: Problem, where: str) -> None:
    if problem == "regression":
        fits, needed = is_regressor(made), "a regressor"
    else:
        # Some have probabilities with some of their parameters only, so the instance is asked.
        fits = is_classifier(made) and hasattr(made, "predict_proba")
        needed = "a classifier with probabilities (predict_proba)"
    if not fits:
        raise DefinitionError(f"{where} is not {needed}, which problem: {problem} needs")


def _require_known(wanted: Mapping[str, Any], *, known: set[str], where: str) -> None:
    if _OURS in wanted:
        raise DefinitionError(f"{where}: {_OURS} follows from features.types; leave it out")
    for name in wanted:
        if name not in known:
            raise DefinitionError(
                f"{where}: {name} is no parameter of this estimator" + _nearest(name, sorted(known))
            )


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
