"""What a model takes along for its nights: the rows that it knows, counted, and what matters to it.

The rows themselves are never read again: a night is compared with these files, which lie beside the
model and travel with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.learning.splits import local_days
from tradewind.stats.contracts import contract_reference, local_times
from tradewind.stats.profiles import FrameProfile, profile
from tradewind.stats.tallies import Coded
from tradewind.stores.fallback import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.learning import FeatureType
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.contracts import LocalTimes
    from tradewind.stats.tallies import Kind

PROFILE_FILE = "profile.json"
CONTRACT_FILE = "contract.json"
IMPORTANCE_FILE = "importance.json"
_FILES = (PROFILE_FILE, CONTRACT_FILE, IMPORTANCE_FILE)
# No feature can have these names: they are not what a SELECT calls a column.
PREDICTION = "(prediction)"
LABEL = "(label)"


@dataclass(frozen=True)
class Reference:
    """What lies beside a model, as far as it was read.

    Attributes:
        profile: Of the features, the prediction and the label.
        contract: What a day of the features is like.
        importance: Each feature's share of what the model loses without it; empty where unknown.
    """

    profile: FrameProfile
    contract: Mapping[str, Any]
    importance: Mapping[str, float]


def reference_files(
    model: ModelDefinition,
    frame: pd.DataFrame,
    judge: pd.DataFrame,
    *,
    score: np.ndarray,
    importance: Mapping[str, float],
) -> dict[str, bytes]:
    """Make the files that lie beside a model.

    Args:
        model: Its features, its time zone, and the window that nights are compared in.
        frame: The whole feature set: features, protected columns and labels are counted there.
        judge: The judge stretch.
        score: The model's scores on it, which no row of it has trained, shape (rows,).
        importance: Each feature's share of what the model loses without it.

    Returns:
        The content of each file, by name.
    """
    labelled = frame[frame["label"].notna()]
    kinds: dict[str, FeatureType] = dict.fromkeys(model.features.protected, "categorical")
    kinds = {
        name: kind for name, kind in {**kinds, **model.features.types}.items() if name in frame
    }
    known = _profile(columns_of(frame, kinds), model, frame, kinds)
    scores = _profile({PREDICTION: score}, model, judge, {PREDICTION: "numeric"})
    labels = _profile({LABEL: label_column(labelled)}, model, labelled, {LABEL: label_kind(model)})
    columns = {str(name): frame[name] for name in frame.columns}
    contract = contract_reference(
        columns, model.features.types, times=times_of(frame, model), key=model.entity_key
    )
    return {
        PROFILE_FILE: _json(known.together(scores, labels).as_json()),
        CONTRACT_FILE: _json(contract),
        IMPORTANCE_FILE: _json({name: float(one) for name, one in importance.items()}),
    }


def read_reference(beside: Mapping[str, bytes]) -> Reference:
    """Read the files beside a model.

    Args:
        beside: Their content by name.

    Raises:
        EvidenceError: A file is not there (the model is of an earlier release), or was written by
            another version.
    """
    missing = [name for name in _FILES if name not in beside]
    if missing:
        raise EvidenceError(
            f"no {' and no '.join(missing)} beside the model: an earlier release trained it, and "
            "its rows cannot be compared with; train it anew"
        )
    told = {name: json.loads(beside[name]) for name in _FILES}
    known = FrameProfile.from_json(told[PROFILE_FILE])
    return Reference(known, told[CONTRACT_FILE], told[IMPORTANCE_FILE])


def columns_of(frame: pd.DataFrame, types: Mapping[str, FeatureType]) -> dict[str, Any]:
    """The features of a frame as they are counted, by name.

    Args:
        frame: Rows with at least these columns.
        types: How each feature is read.
    """
    return {name: _column(frame[name], kind) for name, kind in types.items()}


def times_of(frame: pd.DataFrame, model: ModelDefinition) -> LocalTimes:
    """In which local day each row is predicted, and at which minute its event is."""
    return local_times(frame["prediction_time"], frame["event_time"], timezone=model.timezone)


def label_column(labelled: pd.DataFrame) -> np.ndarray:
    """The labels of rows that have one, as figures or truth values."""
    values = labelled["label"]
    is_truth = pd.api.types.is_bool_dtype(values.dtype) or values.dtype == object
    return values.to_numpy(dtype=np.bool_ if is_truth else np.float64)


def label_kind(model: ModelDefinition) -> Kind:
    """How a label is counted."""
    return "boolean" if model.problem == "binary" else "numeric"


def drift_days(model: ModelDefinition) -> int:
    """Length in days of the nights that are compared, as many as the window has."""
    every = model.score.every
    return max(1, -(-window_nights(model) * every // timedelta(days=1)))


def window_nights(model: ModelDefinition) -> int:
    """How many nights the window that is compared has."""
    return max(1, model.monitor.drift.window // model.score.every)


def _profile(
    columns: Mapping[str, Any],
    model: ModelDefinition,
    rows: pd.DataFrame,
    kinds: Mapping[str, Kind],
) -> FrameProfile:
    days = local_days(rows["prediction_time"], zone=model.zone).to_numpy("datetime64[D]")
    return profile(columns, kinds=kinds, days=days, window_days=(drift_days(model),))


def _column(values: pd.Series, kind: FeatureType) -> Any:
    if kind == "categorical":
        codes, categories = pd.factorize(values)
        return Coded(codes, [as_text(name) for name in categories])
    if kind == "numeric":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.astype(object).where(values.notna(), None).to_numpy()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
