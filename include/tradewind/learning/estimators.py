"""From a declared candidate to a pipeline that can be fitted.

What an estimator may be is said in `tradewind.definition.estimators`. What the definition leaves
open is closed here in one way, so that nothing depends on chance or on the machine: the seed, and
no stopping by a random hold-out (it would shuffle time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline

from tradewind.definition.estimators import CATEGORICAL, load_estimator, unfit, unknown_parameter
from tradewind.errors import DefinitionError
from tradewind.learning.preprocess import categories_of, one_hot, ordinal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.base import BaseEstimator

    from tradewind.definition.learning import Candidate, FeatureType, Problem
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.sample import Sample

# HistGradientBoosting holds at most this many categories, unless `max_bins` says fewer.
_MOST_CATEGORIES = 255


def fit_candidate(
    model: ModelDefinition,
    candidate: Candidate,
    params: Mapping[str, Any],
    rows: Sample,
    *,
    seed: int,
    where: str,
) -> Pipeline:
    """Fit one configuration.

    Args:
        model: Its features and its problem.
        candidate: What the definition declares.
        params: The searched parameters of this configuration, over the fixed ones.
        rows: What it learns from.
        seed: Of whatever is random in the estimator.
        where: The candidate's place in the definition, for messages.

    Raises:
        DefinitionError: The estimator refuses its parameters or these rows.
    """
    types, problem = model.features.types, model.problem
    pipeline = build_pipeline(
        candidate, params, types=types, problem=problem, seed=seed, where=where
    )
    try:
        pipeline.fit(rows.features, rows.label)
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"{where}: with {dict(params)}: {error}") from error
    return pipeline


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
    types = {name: kind for name, kind in types.items() if name not in candidate.without}
    made = _made(candidate.origin, where=where)
    known = made.get_params(deep=False)
    declared = {**candidate.params, **params}
    for name in declared:
        if said := unknown_parameter(made, name):
            raise DefinitionError(f"{where}.{name}: {said}")
    wanted = {**_settled(known, seed=seed), **declared}
    made.set_params(**wanted)
    if said := unfit(made, problem):
        raise DefinitionError(f"{where}.estimator: {candidate.estimator} {said}")
    if CATEGORICAL not in known:
        sparse = bool(made.__sklearn_tags__().input_tags.sparse)
        prepare = one_hot(types, sparse=sparse, splines=candidate.numbers == "splines")
        return Pipeline([("prepare", prepare), ("model", made)])
    words = categories_of(types)
    first = len(types) - len(words)
    made.set_params(**{CATEGORICAL: list(range(first, len(types))) or None})
    most = min(_MOST_CATEGORIES, int(wanted.get("max_bins", _MOST_CATEGORIES)))
    return Pipeline([("prepare", ordinal(types, max_categories=most)), ("model", made)])


def _settled(known: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    settled = {"random_state": seed, "early_stopping": False}
    return {name: value for name, value in settled.items() if name in known}


def _made(path: str, *, where: str) -> BaseEstimator:
    try:
        return load_estimator(path)
    except DefinitionError as error:
        raise DefinitionError(f"{where}.estimator: {error}") from error
