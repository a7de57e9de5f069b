"""What a declared estimator may be: where it comes from, what it takes, what it must be able to.

`tradewind check` asks before anything runs, and the training asks again of what it builds. The
estimators' own library is loaded only when one is looked at.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tradewind.definition.learning import ALLOWED_PREFIXES
from tradewind.definition.problems import nearest
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sklearn.base import BaseEstimator

    from tradewind.definition.learning import Candidate, Problem
    from tradewind.definition.yaml_lines import KeyPath

CATEGORICAL = "categorical_features"
"""The parameter that only the pre-processing knows, and no definition may set."""


def is_allowed(path: str) -> bool:
    """Whether an import path leads into one of the libraries that estimators may come from."""
    words = all(part.isidentifier() for part in path.split("."))
    return words and path.startswith(ALLOWED_PREFIXES)


def load_estimator(path: str) -> BaseEstimator:
    """Follow an import path to an estimator, with its own defaults.

    Raises:
        DefinitionError: The path is outside the allowed prefixes, leads nowhere, or leads to
            something that is not an estimator on its own. Where it was declared is not said.
    """
    from sklearn.base import BaseEstimator  # noqa: PLC0415 -- seconds that others need not pay
    from sklearn.utils import get_tags  # noqa: PLC0415 -- idem

    if not is_allowed(path):
        allowed = ", ".join(ALLOWED_PREFIXES)
        raise DefinitionError(f"{path!r} is not allowed; expected a class from {allowed}")
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        raise DefinitionError(f"there is no module {module_name}") from None
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        classes = [each for each in dir(module) if each[:1].isupper()]
        raise DefinitionError(f"{module_name} has no estimator {name!r}{nearest(name, classes)}")
    try:
        made = found()
        get_tags(made)
    except TypeError as error:
        raise DefinitionError(f"{path} cannot stand alone: {error}") from error
    except AttributeError:
        # It asks the estimator within it what it is, and there is none.
        raise DefinitionError(
            f"{path} cannot stand alone: another estimator belongs in it"
        ) from None
    return made


def unknown_parameter(made: BaseEstimator, parameter: str) -> str | None:
    """What is wrong with a parameter's name; None where the definition may set it."""
    known = made.get_params(deep=False)
    if parameter == CATEGORICAL:
        return "this follows from features.types: leave it out"
    if parameter not in known:
        return f"no parameter of {type(made).__name__}{nearest(parameter, known)}"
    return None


def unfit(made: BaseEstimator, problem: Problem) -> str | None:
    """Why an estimator cannot solve a problem; None where it can.

    Some have probabilities with some of their parameters only, so the instance is asked.
    """
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415 -- idem

    if problem == "regression":
        return None if is_regressor(made) else "is no regressor, which `problem: regression` needs"
    if is_classifier(made) and hasattr(made, "predict_proba"):
        return None
    return "is no classifier with probabilities, which `problem: binary` needs"


def estimator_problems(
    name: str, candidate: Candidate, problem: Problem
) -> Iterator[tuple[KeyPath, str]]:
    """Find what is wrong with a candidate.

    A model that is trained already is looked at when it is loaded.

    Every value of the search is tried by itself: scikit-learn would say what it thinks of one only
    when a trial of the search is fitted with it.

    Yields:
        The path in model.yaml and what is wrong there.
    """
    at: KeyPath = ("train", "candidates", name)
    if candidate.estimator is None:
        return
    try:
        made = load_estimator(candidate.estimator)
    except DefinitionError as error:
        yield (*at, "estimator"), str(error)
        return
    sound = dict(candidate.params)
    for path, parameter, value in _values(candidate):
        complaint = _complaint(made, parameter, value)
        if complaint is not None:
            sound.pop(parameter, None)
            yield (*at, *path), complaint
    made.set_params(**sound)
    if said := unfit(made, problem):
        yield (*at, "estimator"), f"{candidate.estimator} {said}"


def _values(candidate: Candidate) -> Iterator[tuple[KeyPath, str, Any]]:
    for parameter, value in candidate.params.items():
        yield ("params", parameter), parameter, value
    for parameter, values in candidate.search.items():
        for place, value in enumerate(values):
            yield ("search", parameter, place), parameter, value


def _complaint(made: BaseEstimator, parameter: str, value: Any) -> str | None:
    said = unknown_parameter(made, parameter)
    if said is not None:
        return said
    before = made.get_params(deep=False)[parameter]
    try:
        # Public only as a part of fitting, for which there are no rows here.
        made.set_params(**{parameter: value})._validate_params()  # noqa: SLF001
    except ValueError as error:
        return str(error)
    finally:
        made.set_params(**{parameter: before})
    return None
