"""Why a score is what it is: the features that moved it most, adding up to the score.

Effects are of the declared features, and add up to the score BEFORE calibration: the log-odds of a
classifier that has them (`decision_function`), the value of a regressor (for histogram boosting
on the scale of its link), the probability where there is no margin. `mean + sum of effects` is that
margin within `TOLERANCE`.

- Trees, forests and gradient boosting of scikit-learn: exact (`trees`), path-dependent.
- Linear models: coefficient x (value - mean of the fit stretch) (Lundberg and Lee 2017, "A unified
  approach to interpreting model predictions", corollary 1: features taken as independent).
- Blends (stacked models): the sum, as they weigh them, of their members' effects.
- Anything else: sampled orders over a stored background (`shapley`), additive by construction.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.pipeline import Pipeline

from .shapley import SampledEffects
from .telling import in_words
from .trees import TreeEffects, boosted_trees, grown_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from .casting import Cast

TOLERANCE = 1e-6
_BACKGROUND_ROWS = 16
_BOOSTED = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_LINKED = ("poisson", "gamma")
_GRADIENT = ("GradientBoostingClassifier", "GradientBoostingRegressor")
_BLENDS = ("StackingClassifier", "StackingRegressor")
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
class BlendEffects:
    """The effects of a weighted sum of other models' margins: the same sum of their effects.

    Attributes:
        parts: Each member's weight, and what explains it.
        intercept: What is added to the sum.
    """

    parts: Sequence[tuple[float, Explainer]]
    intercept: float

    @property
    def mean(self) -> float:
        """The margin where nothing is known of the row."""
        return self.intercept + sum(weight * part.mean for weight, part in self.parts)

    def of(self, rows: pd.DataFrame | list[Any]) -> np.ndarray:
        """The effects, shape (features, rows), of features or of what each member prepared."""
        each = rows if isinstance(rows, list) else [part.rows(rows) for _, part in self.parts]
        moved = zip(self.parts, each, strict=True)
        return np.asarray(sum(weight * part.effects_of(one) for (weight, part), one in moved))


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
        if _is_blend(inner):
            return cls(types, inner, _blend(inner, types, told))
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

    @property
    def mean(self) -> float:
        """The margin where nothing is known of the row.

        Raises:
            ValueError: The model was stored without what its reasons are told against.
        """
        if self.effects is None:
            message = "this model was stored without what its reasons are told against (format 1)"
            raise ValueError(message)
        if self.owners is None:
            return self.effects.mean
        return self.effects.mean + _before_trees(_opened(self.estimator, self.types)[1])

    def prepared(self, features: pd.DataFrame) -> Any:
        """What the pipeline's own model takes, where its reasons are told of the same.

        Args:
            features: As `cast_features` returns them.

        Returns:
            Of a blend a list, what each member's model takes. None where there are no reasons, or
            they are told of the features themselves (of a blend: those of any member).
        """
        if self.effects is None or isinstance(self.effects, SampledEffects):
            return None
        if isinstance(self.effects, BlendEffects):
            if not all(isinstance(one, Pipeline) for one in self.estimator.estimators_):
                return None
            each = [part.prepared(features) for _, part in self.effects.parts]
            return None if any(one is None for one in each) else each
        prepare, _, _ = _opened(self.estimator, self.types)
        return None if prepare is None else prepare.transform(features)

    def rows(self, features: pd.DataFrame) -> Any:
        """What the effects are told of: what `prepared` gives, or else the features themselves."""
        prepared = self.prepared(features)
        return features if prepared is None else prepared

    def last_step(self, prepared: Any) -> tuple[Any, Any]:
        """The estimator that answers, and what it takes, where all before it is done.

        Args:
            prepared: What `prepared` gave. Of a blend each member's margin is taken from it, as
                the blend itself would.
        """
        if not isinstance(self.effects, BlendEffects):
            return self.estimator[-1], prepared
        blend = self.estimator
        members = zip(blend.estimators_, blend.stack_method_, prepared, strict=True)
        margins = [getattr(member[-1], asked)(columns) for member, asked, columns in members]
        return blend.final_estimator_, np.column_stack(margins)

    def explain(self, features: pd.DataFrame, *, prepared: Any = None) -> tuple[float, np.ndarray]:
        """The margin's mean, and how much each feature moved each row's margin from it.

        Args:
            features: As `cast_features` returns them.
            prepared: What `prepared` gave for them; made anew where nothing is given.

        Returns:
            The mean, and the effects, shape (rows, features).

        Raises:
            ValueError: The model was stored without what its reasons are told against.
        """
        mean = self.mean
        rows = self.rows(features) if prepared is None else prepared
        return mean, self.effects_of(rows).T

    def effects_of(self, rows: Any) -> np.ndarray:
        """The effects of what `rows` gave, shape (features, rows)."""
        effects = cast("Effects", self.effects)
        if self.owners is None:
            return effects.of(rows)
        _, model, _ = _opened(self.estimator, self.types)
        columns = effects.of(_as_trees_take(model, rows))
        summed = np.zeros((len(self.types), columns.shape[1]))
        np.add.at(summed, self.owners, columns)
        return summed

    def tell(
        self,
        features: Cast,
        *,
        most: int,
        skip: np.ndarray | None = None,
        prepared: Any = None,
    ) -> pa.ListArray:
        """The features that moved each row's score most, in words.

        Args:
            features: They.
            most: How many a row; what moved nothing is left out.
            skip: Rows that get no reasons, shape (rows,).
            prepared: What `prepared` gave for them; made anew where nothing is given.

        Returns:
            Of type `prediction_schema.REASONS`: a list a row, greatest effect first, the declared
            order where two are equal, of `feature`, `value` (as text; null where missing), `effect`
            on the margin, and `words`.
        """
        frame, rows = features.frame, np.arange(len(features.frame))
        if self.effects is None:
            rows = rows[:0]
        elif skip is not None and skip.any():
            rows = np.flatnonzero(~skip)
            frame, prepared = frame.iloc[rows], _taken(prepared, rows)
        effects = np.empty((0, len(self.types)))
        if len(rows):
            _, effects = self.explain(frame, prepared=prepared)
        return in_words(effects, features, self.types, most=most, rows=rows)


def told_against(
    estimator: Any, types: Mapping[str, str], features: pd.DataFrame
) -> dict[str, Any]:
    """What must travel with a model so that its reasons can be told, as plain values.

    Args:
        estimator: The fitted scikit-learn object, calibrated or not.
        types: The features' types by name, in the model's order.
        features: The rows that it was fitted on, as `cast_features` returns them.

    Returns:
        Nothing for trees, which know their rows; `members`, the same of each, for blends; `means`,
        each feature's mean contribution, for linear models; `background`, a few rows spread evenly
        over the fit stretch, for all others.
    """
    inner = within(estimator)
    if _is_blend(inner):
        return {"members": [told_against(one, types, features) for one in inner.estimators_]}
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


def _is_blend(model: Any) -> bool:
    """Whether a model is a weighted sum of its members' margins."""
    return type(model).__name__ in _BLENDS and not any(map(_has_link, model.estimators_))


def _has_link(estimator: Any) -> bool:
    """Whether a regressor's margin is another than its value."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return type(model).__name__ == _BOOSTED[1] and model.loss in _LINKED


def _taken(prepared: Any, rows: np.ndarray) -> Any:
    """Some rows of what was prepared."""
    if prepared is None:
        return None
    return [one[rows] for one in prepared] if isinstance(prepared, list) else prepared[rows]


def _blend(model: Any, types: Mapping[str, str], told: Mapping[str, Any]) -> BlendEffects | None:
    members = told.get("members", [{}] * len(model.estimators_))
    parts = [
        Explainer.of(one, types, own) for one, own in zip(model.estimators_, members, strict=True)
    ]
    if any(part.effects is None for part in parts):
        return None
    last = model.final_estimator_
    weights = np.ravel(last.coef_).tolist()
    return BlendEffects(list(zip(weights, parts, strict=True)), float(np.ravel(last.intercept_)[0]))


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
        given = [*places, *(places[column] for column in indicator)]
        bend = step.named_steps.get("bend")
        bends = bend.n_features_out_ // bend.n_features_in_ if bend is not None else 1
        return [place for place in given for _ in range(bends)]
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
