"""From a model's features to the numbers that an estimator takes, inside the scikit-learn pipeline.

Everything that is learned here (categories, medians, scales) is learned from the fit stretch and
stored with the model. Only objects of scikit-learn, numpy and scipy's splines take part, so that
skops holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.base import TransformerMixin

    from tradewind.definition.learning import FeatureType

# A category seen more rarely than this says more about its rows than about itself.
_RARE = 20


def numbers_of(types: Mapping[str, FeatureType]) -> list[str]:
    """The features that arrive as numbers: numeric ones, and booleans as 0 and 1."""
    return [name for name, kind in types.items() if kind != "categorical"]


def categories_of(types: Mapping[str, FeatureType]) -> list[str]:
    """The features that arrive as words."""
    return [name for name, kind in types.items() if kind == "categorical"]


def ordinal(types: Mapping[str, FeatureType], *, max_categories: int) -> ColumnTransformer:
    """For trees that take categories natively: codes, with unknown and missing as missing.

    Nulls stay null: such trees learn on which side a missing value belongs.

    Args:
        types: Features by name; the numbers come out first, the codes after them.
        max_categories: Rarer categories than this many share one code.
    """
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=max_categories,
    )
    return ColumnTransformer(
        [("numbers", "passthrough", numbers_of(types)), ("categories", codes, categories_of(types))]
    )


def one_hot(
    types: Mapping[str, FeatureType], *, sparse: bool, splines: bool = False
) -> ColumnTransformer:
    """For everything else: medians for nulls, one scale, and a column for each category.

    Args:
        types: Features by name.
        sparse: Whether the estimator takes sparse matrices.
        splines: Gives each number a few columns, so that a weighted sum of them can bend with it.
    """
    numbers = Pipeline(
        [
            # Values are not missing at random (pressure is, when it rains), so that the absence
            # of a value is a feature beside the median that stands in for it.
            (
                "impute",
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            ),
            *(_bent(sparse=sparse) if splines else [("scale", StandardScaler())]),
        ]
    )
    words = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=_RARE, sparse_output=sparse
    )
    return ColumnTransformer(
        [("numbers", numbers, numbers_of(types)), ("categories", words, categories_of(types))],
        sparse_threshold=1.0 if sparse else 0.0,
    )


def _bent(*, sparse: bool) -> list[tuple[str, TransformerMixin]]:
    # By rank first: a number far outside what was learned from stands where the outermost stood.
    rank = QuantileTransformer(
        n_quantiles=200, output_distribution="normal", subsample=None, random_state=0
    )
    return [
        ("rank", rank),
        ("bend", SplineTransformer(n_knots=4, degree=2, sparse_output=sparse)),
    ]
