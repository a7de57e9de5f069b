"""How a stored model answers: self-contained, so that this very file travels with each model.

MLflow runs a copy of it wherever the model is served; here the same class scores every night. So it
imports nothing of Tradewind, and nothing beyond what a scoring server has: numpy, pandas,
scikit-learn and skops.

A model is a folder of two files: `model.skops`, the scikit-learn object, and `model.json`, what
else one must know to use it: features and their types, the decision threshold, the types that may
be loaded, and where it came from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
OBJECT_FILE = "model.skops"
METADATA_FILE = "model.json"
TRUSTED_PREFIXES = ("sklearn.", "numpy.")
# Trees that bin their input hold a partial of scikit-learn's own check.
TRUSTED_TYPES = ("functools.partial",)


class UntrustedTypeError(ValueError):
    """A stored model names a type that is not of scikit-learn or numpy."""


def untrusted(types: list[str]) -> list[str]:
    """The types that may not be loaded, out of those that a model needs."""
    return [
        name
        for name in types
        if name not in TRUSTED_TYPES and not name.startswith(TRUSTED_PREFIXES)
    ]


def cast_features(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """The features as every model sees them, in training as in scoring.

    Args:
        frame: Rows with at least the features' columns, of whatever type carries their values.
        types: `numeric`, `boolean` or `categorical` by feature, in the model's order.

    Returns:
        Numbers and booleans as float64, words as objects; whatever is missing is NaN.

    Raises:
        KeyError: A feature's column is not there.
    """
    missing = [name for name in types if name not in frame.columns]
    if missing:
        message = f"these features are not in the frame: {', '.join(missing)}"
        raise KeyError(message)
    columns = {name: _cast(frame[name], kind) for name, kind in types.items()}
    return pd.DataFrame(columns, index=frame.index)


def _cast(column: pd.Series, kind: str) -> pd.Series:
    if kind != "categorical":
        return pd.to_numeric(column).astype("float64")
    words = column.astype(object)
    return words.where(words.notna(), np.nan)


class Scorer:
    """A model, loaded: frames in, scores out.

    Attributes:
        metadata: What `model.json` says.
    """

    def __init__(self, estimator: Any, metadata: dict[str, Any]) -> None:
        self.estimator = estimator
        self.metadata = metadata

    @classmethod
    def open(cls, folder: str | Path) -> Scorer:
        """Load a model from its folder.

        Raises:
            UntrustedTypeError: It needs a type that may not be loaded.
            ValueError: It is of a format that this version does not know.
        """
        import skops.io  # noqa: PLC0415 -- only who loads a model pays for it

        metadata = json.loads(Path(folder, METADATA_FILE).read_text(encoding="utf-8"))
        if metadata.get("format") != FORMAT:
            message = f"{folder}: a model of format {metadata.get('format')!r}; {FORMAT} is known"
            raise ValueError(message)
        trusted = list(metadata["trusted_types"])
        if refused := untrusted(trusted):
            message = f"{folder}: may not load {', '.join(refused)}"
            raise UntrustedTypeError(message)
        return cls(skops.io.load(Path(folder, OBJECT_FILE), trusted=trusted), metadata)

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Score rows.

        Args:
            frame: One row an entity, with the features' columns; others are ignored.

        Returns:
            On the frame's index: `score` (a probability, or the predicted value), for a binary
            problem `decision` (1 from the decision threshold on), and `source`, always `model`.
        """
        features = cast_features(frame, self.metadata["features"])
        result = pd.DataFrame({"score": self._scores(features)}, index=frame.index)
        threshold = self.metadata["decision_threshold"]
        if threshold is not None:
            result["decision"] = (result["score"] >= threshold).astype("int64")
        result["source"] = "model"
        return result

    def _scores(self, features: pd.DataFrame) -> np.ndarray:
        if features.empty:
            return np.empty(0, dtype=np.float64)
        if self.metadata["problem"] == "binary":
            return np.asarray(self.estimator.predict_proba(features)[:, 1], dtype=np.float64)
        return np.asarray(self.estimator.predict(features), dtype=np.float64)
