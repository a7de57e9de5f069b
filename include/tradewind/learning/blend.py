"""Several fitted models as one: the mean of their log-odds, or of their values.

Forecasts that err in different ways err less together, and a plain mean of them is hard to beat
(Bates and Granger 1969, "The combination of forecasts"; Clemen 1989, "Combining forecasts: a
review"). Weights that are learned on a short stretch would learn that stretch's weather, and so
would a choice between the blend and one of its members: see `outdone`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from tradewind.errors import DefinitionError
from tradewind.learning.calibrate import clustered_standard_error, log_losses

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.learning import Problem

_EITHER_CLASS = 2
_SURELY = 2.0


def blended(
    members: Mapping[str, Any], *, problem: Problem, features: pd.DataFrame, where: str
) -> StackingClassifier | StackingRegressor:
    """Put fitted models together; none of them is fitted again.

    Args:
        members: Fitted pipelines by name, two or more.
        problem: What they solve.
        features: At least two rows as the members take them, for their number and names alone.
        where: The blend's place in the definition, for messages.

    Returns:
        A stacked model of scikit-learn with the same weight for each member and no intercept.

    Raises:
        DefinitionError: A classifier has no log-odds (`decision_function`).
    """
    require_log_odds(members, problem=problem, where=where)
    stacked = _regressor(members) if problem == "regression" else _classifier(members)
    few = features.iloc[:_EITHER_CLASS]
    stacked.fit(few, np.arange(len(few)))
    last = stacked.final_estimator_
    last.coef_ = np.full_like(last.coef_, 1 / len(members), dtype=np.float64)
    last.intercept_ = np.zeros_like(last.intercept_, dtype=np.float64)
    return stacked


def outdone(
    blend: np.ndarray, other: np.ndarray, label: np.ndarray, *, problem: Problem, days: np.ndarray
) -> bool:
    """Whether another model is surely better than the blend, and not by the luck of a few days.

    By more than two standard errors of the mean difference of the log losses, or squared errors,
    with whole days as the units: the rule of Breiman et al. 1984 ("Classification and Regression
    Trees", 3.4.3), which prefers the safer model within one, with more room because days are few.

    Args:
        blend: Its scores on the select stretch, shape (n,).
        other: Those of the other model.
        label: Shape (n,).
        problem: What they solve.
        days: The day of each row, shape (n,), two different ones at least.
    """
    losses = log_losses if problem == "binary" else _squared_errors
    gains = losses(label, blend) - losses(label, other)
    return float(gains.mean()) > _SURELY * clustered_standard_error(gains, days)


def _squared_errors(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    return np.asarray((score - label) ** 2)


def require_log_odds(members: Mapping[str, Any], *, problem: Problem, where: str) -> None:
    """Refuse classifiers that have none, fitted or not.

    Raises:
        DefinitionError: Names them.
    """
    if problem == "regression":
        return
    if without := [name for name, one in members.items() if not hasattr(one, "decision_function")]:
        raise DefinitionError(
            f"{where}: {', '.join(without)} has no log-odds (decision_function) to take the mean of"
        )


def _classifier(members: Mapping[str, Any]) -> StackingClassifier:
    return StackingClassifier(
        list(members.items()),
        final_estimator=LogisticRegression(),
        stack_method="decision_function",
        cv="prefit",
    )


def _regressor(members: Mapping[str, Any]) -> StackingRegressor:
    return StackingRegressor(list(members.items()), final_estimator=LinearRegression(), cv="prefit")
