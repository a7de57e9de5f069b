"""How often the gate `fragility` passes sound models, and blocks brittle ones, on real flights.

    python -m benchmarks.gate_detection_fragility --keep     # kept in results/
    python -m benchmarks.gate_detection_fragility --months 7 # quicker

In each month a model is fitted on the flights before it and asked by the gate on its own judge
stretch, with the default budgets. Sound are boosting, splines under a logistic regression, a forest
of large leaves and a shallow tree. Brittle are a tree that learned its rows by heart, the nearest
neighbour, and boosting that hangs on one number, which nearly is the label. By the log loss those
that learned by heart have no advantage over the naive rule, and block because of that; so the
ranking decides here, and it is the faults that are looked at.

The budgets were chosen on the months of `CHOSEN_ON`, by the sound models alone.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.fixtures.real_flights import BOOSTING, LINEAR, TYPES, definition, flights, midnight
from tests.stages.cases import case_of

from tradewind.errors import TradewindError
from tradewind.gates.fragility import Found, check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.fragility import gather

if TYPE_CHECKING:
    import pandas as pd

RESULTS = Path(__file__).parent / "results" / "gate_detection_fragility.json"
MONTHS = (4, 5, 6, 7, 8, 9, 10, 11, 12)
CHOSEN_ON = (5, 9)
_TREE = "sklearn.tree.DecisionTreeClassifier"
SOUND: dict[str, dict[str, Any]] = {
    "boosting": BOOSTING,
    "splines": LINEAR,
    "forest": {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 30, "min_samples_leaf": 50, "max_features": 0.3},
    },
    "shallow tree": {"estimator": _TREE, "params": {"max_depth": 6, "min_samples_leaf": 200}},
}
BRITTLE: dict[str, dict[str, Any]] = {
    "tree by heart": {"estimator": _TREE, "params": {"min_samples_leaf": 5}},
    "nearest neighbour": {
        "estimator": "sklearn.neighbors.KNeighborsClassifier",
        "params": {"n_neighbors": 1},
    },
    "hangs on one": BOOSTING,
}
_ROWS = {"nearest neighbour": 5_000, "forest": 20_000}


def hinted() -> pd.DataFrame:
    """The flights with a number that nearly is the label."""
    frame = flights()
    noise = np.random.default_rng(5).normal(0, 0.2, len(frame))
    return frame.assign(hint=frame["label"].to_numpy(dtype=float) + noise)


def verdict_of(kind: str, month: int, metric: str) -> dict[str, Any]:
    """Fit one model before a month's first day, and ask the gate about it."""
    hangs = kind == "hangs on one"
    frame = hinted() if hangs else flights()
    as_of = midnight(2013, month)
    frame = frame[frame["prediction_time"] < as_of + timedelta(days=1)]
    train = {
        "search": {"trials": 1, "rows": _ROWS.get(kind, 60_000)},
        "candidates": {"one": {**SOUND, **BRITTLE}[kind]},
    }
    model = definition(
        train=train,
        metrics={"decides": metric, "resample": {"draws": 400}},
        features={"types": {**TYPES, "hint": "numeric"} if hangs else TYPES},
    )
    case = case_of(model, frame, as_of=as_of, fitted=fit_model(model, frame, as_of=as_of))
    try:
        found = gather(case)
    except TradewindError as error:
        return {"outcome": "blocked", "because": str(error)}
    told = {"fragility": found.model_dump(mode="json")}
    result = check(case.evidence.model_copy(update={"findings": told}), model)
    return {"outcome": result.outcome, "because": result.sentence, "bounds": _bounds(found)}


def _bounds(found: Found) -> dict[str, list[float]]:
    """The upper bounds of what was lost and turned, by fault."""
    each = {fault.name: [fault.lost.high, fault.moved.high] for fault in found.faults}
    search = {"search": [found.search.turned.high]} if found.search else {}
    return {name: [round(one, 3) for one in ends] for name, ends in {**each, **search}.items()}


def main() -> None:
    """Ask, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, nargs="+", default=list(MONTHS))
    parser.add_argument("--kinds", nargs="+", default=[*SOUND, *BRITTLE])
    parser.add_argument("--metric", default="roc_auc")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    kept: dict[str, dict[str, Any]] = defaultdict(dict)
    for month in asked.months:
        for kind in asked.kinds:
            found = verdict_of(kind, month, asked.metric)
            kept[kind][str(month)] = found
            print(f"{month:>2} {kind:<18} {found['outcome']} {found.get('bounds', '')}", flush=True)
    for kind, months in kept.items():
        blocked = sum(found["outcome"] == "blocked" for found in months.values())
        print(f"{kind:<18} blocked in {blocked} of {len(months)} months")
    if asked.keep:
        told = {"metric": asked.metric, "chosen_on": CHOSEN_ON, "verdicts": kept}
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
