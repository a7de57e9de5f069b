"""Small feature sets with a known truth, and the definitions that go with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tradewind.definition.frozen import FrozenDefinition, digest_of_files
from tradewind.definition.schema import ModelDefinition
from tradewind.records import Reference

ZONE = "America/New_York"
AS_OF = datetime(2013, 7, 1, 4, tzinfo=UTC)
"""Midnight in New York."""
TYPES = {
    "distance": "numeric",
    "delay": "numeric",
    "carrier": "categorical",
    "weekend": "boolean",
}


LINEAGE = {
    "snapshot": Reference(digest="s" * 32, uri="snapshots/s.json"),
    "validated": Reference(digest="w" * 32, uri="validated/w/manifest.json"),
}
"""What a feature set was made from."""


def body(**changes: Any) -> dict[str, Any]:
    """What a model.yaml of these frames says, with `changes` over it."""
    return {
        "name": "toy",
        "owner": "tests",
        "purpose": "to be learned quickly",
        "problem": "binary",
        "entity_key": ["flight"],
        "event_time": "event_time",
        "horizon": "2 hours",
        "timezone": ZONE,
        "sources": {
            "flights": {
                "kind": "postgres",
                "connection": "demo",
                "table": "flights",
                "key": ["flight"],
                "time_column": "event_time",
            }
        },
        "features": {"types": dict(TYPES)},
        "label": {"relation": "flights", "expression": "late"},
        "train": {
            "search": {"trials": 4},
            "candidates": {
                "boosting": {
                    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
                    "params": {"max_iter": 15},
                    "search": {"learning_rate": [0.1, 0.3], "max_leaf_nodes": [5, 15]},
                },
                "linear": {
                    "estimator": "sklearn.linear_model.LogisticRegression",
                    "search": {"C": [0.1, 1.0]},
                },
            },
        },
        **changes,
    }


def definition(**changes: Any) -> ModelDefinition:
    """The typed definition."""
    return ModelDefinition.model_validate(body(**changes))


def frozen(**changes: Any) -> FrozenDefinition:
    """The definition as a run holds it."""
    files = {"model.yaml": yaml.safe_dump(body(**changes)), "features.sql": "SELECT 1"}
    return FrozenDefinition(definition(**changes), files, digest_of_files(files))


def feature_set(
    *, days: int = 110, rows_a_day: int = 60, seed: int = 0, end: datetime = AS_OF
) -> pd.DataFrame:
    """Rows of the days before `end`; labels follow six hours after the prediction.

    The label depends on all features; numbers are missing in places, and so are words.
    """
    rng = np.random.default_rng(seed)
    rows = days * rows_a_day
    start = end - timedelta(days=days)
    minutes = np.sort(rng.uniform(0, days * 24 * 60, rows)).astype(int)
    prediction = pd.Series(pd.Timestamp(start) + pd.to_timedelta(minutes, unit="min")).dt.as_unit(
        "us"
    )
    distance = rng.gamma(3.0, 300.0, rows)
    delay = rng.normal(size=rows)
    carrier = rng.choice(["AA", "DL", "UA", "WN"], rows, p=[0.4, 0.3, 0.2, 0.1])
    weekend = prediction.dt.day_of_week.to_numpy() >= 5
    drive = 1.2 * delay + 0.8 * (carrier == "UA") - 0.5 * weekend - distance / 2000 - 0.5
    late = rng.random(rows) < 1 / (1 + np.exp(-drive))
    return pd.DataFrame(
        {
            "flight": np.arange(rows),
            "event_time": prediction + pd.Timedelta(hours=2),
            "prediction_time": prediction,
            "distance": np.where(rng.random(rows) < 0.05, np.nan, distance),
            "delay": delay,
            "carrier": pd.Series(np.where(rng.random(rows) < 0.05, None, carrier)).astype("str"),
            "weekend": weekend,
            "label": pd.Series(late).astype(object),
            "label_known_at": prediction + pd.Timedelta(hours=6),
            "label_state": "known",
        }
    )
