"""Whether the declared estimators exist, take the declared parameters, and fit the problem."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.learning import Candidate, Problem
    from tradewind.definition.yaml_lines import KeyPath

_OURS = "categorical_features"


def estimator_problems(
    name: str, candidate: Candidate, problem: Problem
) -> Iterator[tuple[KeyPath, str]]:
    """Find what is wrong with a candidate.

    Every value of the search is tried by itself: scikit-learn would say what it thinks of one only
    when a trial of the search is fitted with it.

    Yields:
        The path in model.yaml and what is wrong there.
    """
    at: KeyPath = ("train", "candidates", name)
    made, said = _made(candidate.estimator)
    if made is None:
        yield (*at, "estimator"), said
        return
    sound = dict(candidate.params)
    for path, parameter, value in _values(candidate):
        complaint = _complaint(made, parameter, value)
        if complaint is not None:
            sound.pop(parameter, None)
            yield (*at, *path), complaint
    made.set_params(**{key: value for key, value in sound.items() if key != _OURS})
    if unfit := _unfit(made, problem):
        yield (*at, "estimator"), f"{candidate.estimator} {unfit}"


def _made(path: str) -> tuple[Any, str]:
    """The estimator with its defaults, or None and why there is none."""
    from sklearn.base import BaseEstimator  # noqa: PLC0415 -- seconds that other checks need not pay

    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        return None, f"there is no module {module_name}"
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        classes = [each for each in dir(module) if each[:1].isupper()]
        return None, f"{module_name} has no estimator {name!r}{nearest(name, classes)}"
    try:
        return found(), ""
    except TypeError as error:
        return None, f"{path} cannot stand alone: {error}"


def _values(candidate: Candidate) -> Iterator[tuple[KeyPath, str, Any]]:
    for parameter, value in candidate.params.items():
        yield ("params", parameter), parameter, value
    for parameter, values in candidate.search.items():
        for place, value in enumerate(values):
            yield ("search", parameter, place), parameter, value


def _complaint(made: Any, parameter: str, value: Any) -> str | None:
    known = made.get_params(deep=False)
    if parameter == _OURS:
        return "this follows from features.types: leave it out"
    if parameter not in known:
        return f"no parameter of {type(made).__name__}{nearest(parameter, known)}"
    try:
        # Public only as a part of fitting, for which there are no rows here.
        made.set_params(**{parameter: value})._validate_params()  # noqa: SLF001
    except ValueError as error:
        return str(error)
    finally:
        made.set_params(**{parameter: known[parameter]})
    return None


def _unfit(made: Any, problem: Problem) -> str | None:
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415 -- idem

    if problem == "regression":
        return None if is_regressor(made) else "is no regressor, which `problem: regression` needs"
    if is_classifier(made) and hasattr(made, "predict_proba"):
        return None
    return "is no classifier with probabilities, which `problem: binary` needs"
