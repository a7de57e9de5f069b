"""Kinds of model and their settings, each with one line that explains it."""

from __future__ import annotations

_TREES = "many decision trees, each of some of the rows and features, whose answers are averaged"
_BOOSTING = (
    "many small decision trees, one after the other, each of which learns what those before it got "
    "wrong; the answer is their sum (boosting)"
)
_SMALL_WEIGHTS = "a weighted sum of the features, whose weights are kept small"
_SPARSE = "a weighted sum of the features, in which many weights become zero"

KINDS = {
    "HistGradientBoosting": _BOOSTING,
    "GradientBoosting": _BOOSTING,
    "AdaBoost": _BOOSTING,
    "RandomForest": _TREES,
    "ExtraTrees": _TREES,
    "DecisionTree": "one decision tree: yes-or-no questions about the features, one by one",
    "LogisticRegression": (
        "a weighted sum of the features, taken to a score between 0 and 1 by an S-shaped curve"
    ),
    "LinearRegression": "a weighted sum of the features",
    "Ridge": _SMALL_WEIGHTS,
    "BayesianRidge": _SMALL_WEIGHTS,
    "Lasso": _SPARSE,
    "ElasticNet": _SPARSE,
    "Huber": "a weighted sum of the features, on which single very large errors have little weight",
    "Poisson": "a weighted sum of the features, taken to a figure above zero",
    "Gamma": "a weighted sum of the features, taken to a figure above zero",
    "Tweedie": "a weighted sum of the features, taken to a figure above zero",
    "GaussianNB": "each feature speaks for itself, as if it knew nothing of the others",
    "KNeighbors": "the mean of the training rows that are most alike",
    "MLP": "a neural network: layers of weighted sums, one upon the other",
}
"""What the usual kinds of model are, by the name of their class but for its last word."""

BLENDED = "models that err in different ways err less together"

SETTINGS = {
    "learning_rate": "how much each tree may correct those before it: less is slower and steadier",
    "max_iter": "how many rounds it learns at most; in boosting each adds one tree",
    "n_estimators": "how many trees it has",
    "max_leaf_nodes": "how many groups of rows one tree may tell apart at most: more is finer",
    "max_depth": "how many questions one tree may ask in a row",
    "min_samples_leaf": (
        "how many training rows a group of a tree has at least: more rows make a coarser tree, "
        "which learns less by heart"
    ),
    "min_samples_split": "how many training rows a group must have to be divided further",
    "max_features": "how many of the features (as a share, below 1) each question may choose from",
    "max_bins": "into how many steps the values of a feature are rounded",
    "l2_regularization": "how strongly the trees' answers are drawn towards zero: more is coarser",
    "subsample": "which share of the training rows each tree is shown",
    "bootstrap": "whether each tree is shown rows that were drawn anew",
    "criterion": "by which loss a tree chooses its questions",
    "loss": "which error is made small in learning",
    "C": "how freely the weights may grow: less makes them smaller, and the model coarser",
    "alpha": "how strongly the weights are held towards zero: more makes the model coarser",
    "l1_ratio": "how much of that holding makes weights exactly zero",
    "penalty": "in which way the weights are held towards zero",
    "solver": "by which method the weights are found",
    "tol": "from which improvement on learning stops",
    "class_weight": "how much more the rows of one answer count in learning",
    "n_neighbors": "how many of the nearest training rows are asked",
    "weights": "whether nearer training rows count for more",
    "hidden_layer_sizes": "how many sums each layer has",
    "var_smoothing": "by how much the spread of each feature is widened, so that none is zero",
}
"""What the settings of the usual kinds of model do."""

CALIBRATIONS = {
    "none": "none: the scores are as the model gives them",
    "isotonic": "isotonic: each score becomes the share that came true of scores like it, in steps",
    "sigmoid": "sigmoid: the scores are moved along an S-shaped curve of two numbers",
    "temperature": "temperature: all scores are drawn towards one half, or away from it, alike",
}
"""What was done to the scores after training."""

_UNKNOWN = "described in scikit-learn's documentation"


def kind_of(origin: str) -> str:
    """An estimator's import path and what it is; where a trained model comes from, as it is."""
    if not origin.startswith("sklearn."):
        return origin
    return f"{origin}: {KINDS.get(_family(origin), _UNKNOWN)}"


def setting_of(name: str, origin: str) -> str:
    """What a setting does.

    Args:
        name: As the estimator calls it.
        origin: The estimator's import path.
    """
    return SETTINGS.get(name, f"a setting of {origin.rpartition('.')[2]}, {_UNKNOWN}")


def _family(origin: str) -> str:
    name = origin.rpartition(".")[2].removesuffix("CV")
    return next((own for own in (name.removesuffix(end) for end in _ENDS) if own in KINDS), name)


_ENDS = ("Classifier", "Regressor", "Regression", "")
