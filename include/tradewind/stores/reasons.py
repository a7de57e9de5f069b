"""Why a score is what it is: the features that moved it most, adding up to the score.

Effects are of the declared features, and add up to the score BEFORE calibration: the log-odds of a
classifier that has them (`decision_function`), the value of a regressor (for histogram boosting
on the scale of its link), the probability where there is no margin. `mean + sum of effects` is that
margin within `TOLERANCE`.

- Trees, forests and gradient boosting of scikit-learn: exact (`trees`), path-dependent.
- Linear models: coefficient x (value - mean of the fit stretch) (Lundberg and Lee 2017, "A unified
  approach to interpreting model predictions", corollary 1: features taken as independent).
- Anything else: sampled orders over a stored background (`shapley`), additive by construction.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.pipeline import Pipeline

from .shapley import SampledEffects
from .trees import TreeEffects, boosted_trees, grown_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = 1e-6
_BACKGROUND_ROWS = 16
_BOOSTED = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_GRADIENT = ("GradientBoostingClassifier", "GradientBoostingRegressor")
_TREES = (
    "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor",
)  # fmt: skip
_FORESTS = (
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier",
    "ExtraTreesRegressor",
)  # fmt: skip


class Effects(Protocol):
    """How much each column moved an answer."""

    @property
    def mean(self) -> float:
        """The answer where nothing is known of the row."""

    def of(self, rows: Any, /) -> np.ndarray:
        """The effects, shape (columns, rows)."""


@dataclass(frozen=True)
class LinearEffects:
    """The effects of a weighted sum, by feature.

    Attributes:
        weights: Of each column for each feature, shape (columns, features).
        means: Each feature's mean contribution on the fit stretch, shape (features,).
        intercept: What is added to the sum.
    """

    weights: np.ndarray
    means: np.ndarray
    intercept: float

    @property
    def mean(self) -> float:
        """The answer at the mean of every feature."""
        return float(self.intercept + self.means.sum())

    def of(self, rows: Any) -> np.ndarray:
        """The effects, shape (features, rows)."""
        return np.asarray(rows @ self.weights - self.means).T


@dataclass(frozen=True)
class Explainer:
    """What tells the reasons of a model's scores.

    Attributes:
        types: The features' types by name, in the model's order.
        estimator: The estimator within whatever calibrates it.
        effects: Of its columns; None where the model came without what they are told against.
        owners: For trees the feature of each column, shape (columns,); None where the effects
            are of the features themselves.
    """

    types: Mapping[str, str]
    estimator: Any
    effects: Effects | None
    owners: np.ndarray | None = None

    @classmethod
    def of(cls, estimator: Any, types: Mapping[str, str], told: Mapping[str, Any]) -> Explainer:
        """Find how this estimator is explained.

        Args:
            estimator: The stored scikit-learn object, calibrated or not.
            types: The features' types by name, in the model's order.
            told: What `told_against` gave when the model was trained.
        """
        inner = within(estimator)
        _, model, owners = _opened(inner, types)
        trees = _trees(model) if owners is not None else None
        if trees is not None and owners is not None:
            return cls(types, inner, TreeEffects(trees), owners[_order(model, len(owners))])
        if "means" in told and owners is not None:
            means = np.asarray(told["means"], dtype=np.float64)
            intercept = float(np.ravel(model.intercept_)[0])
            return cls(
                types, inner, LinearEffects(_weights(model, owners, types), means, intercept)
            )
        if "background" in told:
            rows = _background(told["background"], types)
            return cls(types, inner, SampledEffects(lambda frame: margin(inner, frame), rows))
        return cls(types, inner, None)

    def explain(self, features: pd.DataFrame) -> tuple[float, np.ndarray]:
        """The margin's mean, and how much each feature moved each row's margin from it.

        Args:
            features: As `cast_features` returns them.

        Returns:
            The mean, and the effects, shape (rows, features).

        Raises:
            ValueError: The model was stored without what its reasons are told against.
        """
        if self.effects is None:
            message = "this model was stored without what its reasons are told against (format 1)"
            raise ValueError(message)
        if isinstance(self.effects, SampledEffects):
            return self.effects.mean, self.effects.of(features).T
        prepare, model, _ = _opened(self.estimator, self.types)
        rows = features if prepare is None else prepare.transform(features)
        if self.owners is None:
            return self.effects.mean, self.effects.of(rows).T
        columns = self.effects.of(_as_trees_take(model, rows))
        summed = np.zeros((len(self.types), len(features)))
        np.add.at(summed, self.owners, columns)
        return self.effects.mean + _before_trees(model), summed.T

    def tell(
        self, features: pd.DataFrame, *, most: int, skip: np.ndarray | None = None
    ) -> np.ndarray:
        """The features that moved each row's score most, in words.

        Args:
            features: As `cast_features` returns them.
            most: How many a row; what moved nothing is left out.
            skip: Rows that get no reasons, shape (rows,).

        Returns:
            Shape (rows,), a list a row, greatest effect first, the declared order where two are
            equal: `feature`, `value` (as text; None where missing), `effect` on the margin, and
            `words`.
        """
        told = np.empty(len(features), dtype=object)
        told[:] = [[] for _ in range(len(features))]
        rows = np.arange(len(features)) if skip is None else np.flatnonzero(~skip)
        if self.effects is None or not len(rows):
            return told
        _, effects = self.explain(features.iloc[rows])
        order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :most]
        columns = [features[name].to_numpy()[rows].tolist() for name in self.types]
        names, kinds = list(self.types), list(self.types.values())
        strongest = np.take_along_axis(effects, order, axis=1).tolist()
        for at, (row, places, moved) in enumerate(
            zip(rows.tolist(), order.tolist(), strongest, strict=True)
        ):
            told[row] = [
                _reason(names[place], columns[place][at], effect, kind=kinds[place])
                for place, effect in zip(places, moved, strict=True)
                if effect != 0.0
            ]
        return told


def told_against(
    estimator: Any, types: Mapping[str, str], features: pd.DataFrame
) -> dict[str, Any]:
    """What must travel with a model so that its reasons can be told, as plain values.

    Args:
        estimator: The fitted scikit-learn object, calibrated or not.
        types: The features' types by name, in the model's order.
        features: The rows that it was fitted on, as `cast_features` returns them.

    Returns:
        Nothing for trees, which know their rows; `means`, each feature's mean contribution, for
        linear models; `background`, a few rows spread evenly over the fit stretch, for all others.
    """
    inner = within(estimator)
    prepare, model, owners = _opened(inner, types)
    if owners is not None and _trees(model) is not None:
        return {}
    if owners is not None and _is_linear(model):
        rows = features if prepare is None else prepare.transform(features)
        means = np.asarray(rows.mean(axis=0)).ravel() @ _weights(model, owners, types)
        return {"means": means.tolist()}
    places = np.linspace(0, len(features) - 1, _BACKGROUND_ROWS).round().astype(int)
    some = features.iloc[np.unique(places)].astype(object)
    values = some.where(some.notna(), None)
    return {"background": {name: values[name].tolist() for name in features.columns}}


def within(estimator: Any) -> Any:
    """The estimator within whatever calibrates it, or it itself."""
    while True:
        kind = type(estimator).__name__
        if kind == "CalibratedClassifierCV" and len(estimator.calibrated_classifiers_) == 1:
            estimator = estimator.calibrated_classifiers_[0].estimator
        elif kind == "FrozenEstimator":
            estimator = estimator.estimator
        else:
            return estimator


def margin(estimator: Any, features: pd.DataFrame) -> np.ndarray:
    """What the effects add up to: see the module.

    Args:
        estimator: The estimator within whatever calibrates it.
        features: As `cast_features` returns them.
    """
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if type(model).__name__ == "HistGradientBoostingRegressor":
        rows = estimator[:-1].transform(features) if model is not estimator else features
        return np.asarray(model._raw_predict(rows)[:, 0])  # noqa: SLF001 -- before the link
    if is_regressor(model):
        return np.asarray(estimator.predict(features), dtype=np.float64)
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(features), dtype=np.float64)
    return np.asarray(estimator.predict_proba(features)[:, 1], dtype=np.float64)


def _opened(estimator: Any, types: Mapping[str, str]) -> tuple[Any, Any, np.ndarray | None]:
    """Pre-processing (None without one), model, and the feature of each of the model's columns."""
    if not isinstance(estimator, Pipeline):
        plain = "categorical" not in types.values()
        return None, estimator, np.arange(len(types)) if plain else None
    if list(estimator.named_steps) != ["prepare", "model"]:
        return None, estimator, None
    prepare, names = estimator["prepare"], list(types)
    owners: list[int] = []
    for _, step, columns in prepare.transformers_:
        if len(columns) and step != "drop":
            owners += _outputs(step, [names.index(column) for column in columns])
    return prepare, estimator["model"], np.asarray(owners, dtype=np.intp)


def _outputs(step: Any, places: list[int]) -> list[int]:
    """The feature of each column that a pre-processing step gives."""
    if isinstance(step, Pipeline):
        indicator = step["impute"].indicator_.features_
        return [*places, *(places[column] for column in indicator)]
    if type(step).__name__ == "OneHotEncoder":
        counts = step._n_features_outs  # noqa: SLF001 -- rare categories share one column
        return [place for place, count in zip(places, counts, strict=True) for _ in range(count)]
    return places


def _trees(model: Any) -> list[Any] | None:
    """The trees whose answers, with what comes before them, add up to the margin."""
    kind = type(model).__name__
    if not type(model).__module__.startswith("sklearn."):
        return None
    if kind in _BOOSTED and model.n_trees_per_iteration_ == 1:
        return boosted_trees(model)
    if kind in _GRADIENT and model.estimators_.shape[1] == 1 and _starts_plain(model):
        grown = [one.tree_ for one in model.estimators_[:, 0]]
        scale = model.learning_rate
        return [grown_tree(tree, tree.value[:, 0, 0], scale=scale) for tree in grown]
    if kind in _TREES:
        return [grown_tree(model.tree_, _answers(model, model.tree_), scale=1.0)]
    if kind in _FORESTS:
        scale = 1.0 / len(model.estimators_)
        trees = [one.tree_ for one in model.estimators_]
        return [grown_tree(tree, _answers(model, tree), scale=scale) for tree in trees]
    return None


def _starts_plain(model: Any) -> bool:
    return isinstance(model.init_, str) or type(model.init_).__name__.startswith("Dummy")


def _answers(model: Any, tree: Any) -> np.ndarray:
    # A classifier's node holds the share of each class.
    return np.asarray(tree.value[:, 0, 0 if is_regressor(model) else 1])


def _before_trees(model: Any) -> float:
    """What a boosted model starts from."""
    kind = type(model).__name__
    if kind in _BOOSTED:
        return float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001
    if kind in _GRADIENT:
        nothing = np.zeros((1, model.n_features_in_), dtype=np.float32)
        return float(model._raw_predict_init(nothing)[0, 0])  # noqa: SLF001
    return 0.0


def _as_trees_take(model: Any, rows: Any) -> np.ndarray:
    """The columns as the trees compare them, shape (columns, rows), in the given order."""
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    if type(model).__name__ not in _BOOSTED:
        # They compare in single precision.
        return np.ascontiguousarray(np.asarray(rows, dtype=np.float32).T, dtype=np.float64)
    return np.ascontiguousarray(model._preprocess_X(rows, reset=False).T)  # noqa: SLF001


def _order(model: Any, columns: int) -> np.ndarray:
    """The order in which the trees have the model's columns."""
    places = np.arange(columns)
    if type(model).__name__ not in _BOOSTED or model.is_categorical_ is None:
        return places
    # Histogram boosting puts categories first.
    return np.concatenate([places[model.is_categorical_], places[~model.is_categorical_]])


def _is_linear(model: Any) -> bool:
    module = type(model).__module__
    linear = module.startswith(("sklearn.linear_model.", "sklearn.discriminant_analysis"))
    if not linear or not hasattr(model, "coef_") or not hasattr(model, "intercept_"):
        return False
    # Those with a link answer with another scale than their weighted sum.
    return len(np.atleast_2d(model.coef_)) == 1 and "_glm" not in module


def _weights(model: Any, owners: np.ndarray, types: Mapping[str, str]) -> np.ndarray:
    weights = np.zeros((len(owners), len(types)))
    weights[np.arange(len(owners)), owners] = np.ravel(model.coef_)
    return weights


def _background(told: Mapping[str, list[Any]], types: Mapping[str, str]) -> pd.DataFrame:
    columns = {}
    for name, kind in types.items():
        column = pd.Series(told[name], dtype=object)
        if kind == "categorical":
            columns[name] = column.where(column.notna(), np.nan)
        else:
            columns[name] = pd.to_numeric(column).astype("float64")
    return pd.DataFrame(columns)


def _reason(name: str, value: Any, effect: float, *, kind: str) -> dict[str, Any]:
    # Only a missing value differs from itself.
    text = None if value != value else _text(value, kind)  # noqa: PLR0124
    shown = f"missing {name}" if text is None else f"{name} {text}"
    moved = "raised" if effect > 0 else "lowered"
    return {"feature": name, "value": text, "effect": effect, "words": f"{shown} {moved} it"}


def _text(value: Any, kind: str) -> str:
    if kind == "categorical":
        return str(value)
    if kind == "boolean":
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() else f"{value:.4g}"
