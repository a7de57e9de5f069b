"""March to December 2013, night by night, through the very stages that Airflow runs.

    python -m benchmarks.replay_year --keep                       # ten months: about an hour
    python -m benchmarks.replay_year --last 2013-04-15            # quicker

Every night is scored, looked at and decided as of its own moment, and a training is run where the
decision launches one; nothing is told what comes later. The first training is launched by the
policy too: there is no champion before it, and the naive rule serves the first nights.

Compared with, on the same flights and the same features (each as of its own prediction time):

- `monthly`: the study's model once a month, fitted on all labels known by then. It keeps no
  rows back to be judged on, and is deployed without being judged: the figure of the data study.
- `monthly, judged`: the same, with the rows that the pipeline keeps back to select and to judge
  left out of the fit: what judging before deploying costs.
- `never`: the first of the `monthly` models, for ever.
- `naive`: the declared rule.

The home is a platform of its own, kept below `--home`, so that a replay that was stopped goes on
where it stood: a night that was served, looked at or decided is final.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tradewind.definition.learning import Candidate
from tradewind.definition.loader import load_definition
from tradewind.definition.moments import midnight
from tradewind.learning.estimators import build_pipeline
from tradewind.learning.naive import fit_naive
from tradewind.live import live_state
from tradewind.local import demo, platform
from tradewind.pipeline import run_pipeline
from tradewind.records import FeatureSet, RunRequest
from tradewind.replay.nights import replay_night
from tradewind.settings import load_settings
from tradewind.stores.prediction_log import read_log
from tradewind.stores.scorer import cast_features, predict
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.replay.nights import ReplayedNight
    from tradewind.settings import Settings

MODEL = "flight_delay"
CLONE = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "replay_year.json"
FIRST, LAST = date(2013, 3, 2), date(2013, 12, 31)
# The study's model, whose figure is the target.
STUDY = Candidate(
    estimator="sklearn.ensemble.HistGradientBoostingClassifier",
    params={
        "max_iter": 60,
        "learning_rate": 0.1,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 200,
        "l2_regularization": 1.0,
    },
)
STUDY_EXPANDING, STUDY_NEVER = 0.473, 0.486


def settings_of(home: Path) -> Settings:
    """The settings of the replay's own home, with the demo's definition, but for `today`."""
    config = home / "config"
    if not config.exists():
        shutil.copytree(CLONE / "config", config)
        file = config / "models" / MODEL / "model.yaml"
        text = file.read_text(encoding="utf-8")
        # Two months are all there is at first: the shortest stretches that may be kept back.
        text = text.replace("judge_days: 30", "judge_days: 28")
        text = text.replace("select_days: 21", "select_days: 7")
        file.write_text(text, encoding="utf-8")
    return load_settings({"TRADEWIND_HOME": str(home), "TRADEWIND_CONFIG": str(config)})


def row_of(found: ReplayedNight, seconds: float) -> dict[str, Any]:
    """What is kept of a night."""
    return {
        "night": found.night.isoformat(),
        "rows": found.scored.rows,
        "served": found.scored.served,
        "champion": found.scored.champion,
        "actions": found.decision.actions,
        "cause": found.decision.cause,
        "reason": found.decision.reason[:200],
        "outcome": found.outcome,
        "breaches": [breach.name for breach in found.scored.breaches],
        "problems": found.monitoring.problems,
        "seconds": round(seconds, 1),
    }


def replay_all(
    model: ModelDefinition, stores: Stores, *, first: date, last: date
) -> list[dict[str, Any]]:
    """Run every night, and say of each what came of it."""
    rows = []
    for day in pd.date_range(first, last):
        begun = time.monotonic()
        found = replay_night(model, midnight(day.date(), model), stores=stores)
        rows.append(row_of(found, time.monotonic() - begun))
        print(json.dumps(rows[-1]), flush=True)
    return rows


# ------------------------------------------------------------------------------ what it is held to


def truth(model: ModelDefinition, stores: Stores) -> pd.DataFrame:
    """Every flight of the year with its features and label, each as of its own prediction time."""
    request = RunRequest(
        model=MODEL,
        run_id="train/truth",
        as_of=midnight(date(2013, 12, 31), model),
        actor="benchmark",
        reason="the labels of the year",
        override="a benchmark",
    )
    records = run_pipeline(request, stores=stores, until="features")
    features = records["features"]
    if not isinstance(features, FeatureSet):
        raise TypeError(features)
    frame = stores.lake.read_table(features.uri).to_pandas()
    return frame[frame["label"].notna()].reset_index(drop=True)


def log_loss(label: np.ndarray, score: np.ndarray) -> float:
    """Mean log loss a row."""
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label, np.log(clipped), np.log1p(-clipped))))


def by_month(frame: pd.DataFrame, score: np.ndarray) -> dict[str, float]:
    """Mean log loss of each month, and the mean of the months."""
    month = frame["prediction_time"].dt.tz_convert("America/New_York").dt.strftime("%m")
    found = {}
    for name in sorted(month.unique()):
        rows = (month == name).to_numpy() & np.isfinite(score)
        found[name] = log_loss(frame["label"].to_numpy(dtype=bool)[rows], score[rows])
    return {**found, "mean": float(np.mean(list(found.values())))}


def fitted(model: ModelDefinition, frame: pd.DataFrame) -> Any:
    estimator = build_pipeline(
        STUDY,
        {},
        types=model.features.types,
        problem="binary",
        seed=model.train.seed,
        where="the study",
    )
    features = cast_features(frame, model.features.types)
    return estimator.fit(features, frame["label"].to_numpy(dtype=bool))


def monthly(
    model: ModelDefinition, frame: pd.DataFrame, months: list[int], *, kept_back: int = 0
) -> dict[str, np.ndarray]:
    """Scores of a model a month, of the first of them for ever, and of the naive rule."""
    expanding = np.full(len(frame), np.nan)
    never, naive = expanding.copy(), expanding.copy()
    first = rule = None
    local = frame["prediction_time"].dt.tz_convert(model.timezone)
    for month in months:
        start = midnight(date(2013, month, 1), model)
        until = pd.Timestamp(start) - pd.Timedelta(days=kept_back)
        known = (frame["label_known_at"] <= start) & (frame["prediction_time"] < until)
        rows = (local.dt.month == month).to_numpy()
        past, now = frame[known], cast_features(frame[rows], model.features.types)
        estimator = fitted(model, past)
        first, rule = first or estimator, rule or fit_naive(model, past)
        expanding[rows] = predict(estimator, now, problem="binary")
        never[rows] = predict(first, now, problem="binary")
        naive[rows] = fit_naive(model, past).score(frame[rows])
    return {"expanding": expanding, "never": never, "naive": naive}


def served_scores(
    model: ModelDefinition, stores: Stores, frame: pd.DataFrame
) -> tuple[np.ndarray, pd.DataFrame]:
    """The score that was served for each flight, and the whole log."""
    log = read_log(stores.lake, stores.ledger.nights(MODEL)).to_pandas()
    key = [json.dumps([*map(str, row)]) for row in frame[model.entity_key].itertuples(index=False)]
    served = log[log["source"] != "shadow"].drop_duplicates("entity").set_index("entity")
    loose = {_plain(entity): score for entity, score in served["score"].items()}
    return np.array([loose.get(_plain(one), np.nan) for one in key]), log


def _plain(entity: str) -> str:
    """An entity whatever way its moments are written."""
    parts = [str(part) for part in json.loads(entity)]
    moment = pd.Timestamp(parts[0])
    moment = moment.tz_localize(UTC) if moment.tzinfo is None else moment.tz_convert(UTC)
    return json.dumps([moment.isoformat(), *parts[1:]])


def gains(stores: Stores, log: pd.DataFrame, frame: pd.DataFrame, model: ModelDefinition) -> list:
    """What each retrain gained against the version before it, on the rows both scored."""
    labels = {
        _plain(json.dumps([*map(str, row)])): bool(label)
        for row, label in zip(
            frame[model.entity_key].itertuples(index=False), frame["label"], strict=True
        )
    }
    shadows = log[log["alias"].fillna("").str.startswith("previous:")]
    events = stores.ledger.events(model=MODEL, kind="intended")
    told = []
    for event in events:
        champion, previous = event.payload["version"], event.payload["previous"]
        if previous is None:
            continue
        own = log[(log["version"] == champion) & log["model_score"].notna()]
        before = shadows[shadows["version"] == previous]
        own = own[own["as_of"] > pd.Timestamp(event.as_of)]
        both = own.drop_duplicates("entity").merge(
            before[before["as_of"] > pd.Timestamp(event.as_of)].drop_duplicates("entity"),
            on="entity",
            suffixes=("", "_before"),
        )
        label = np.array([labels.get(_plain(one)) for one in both["entity"]], dtype=object)
        known = np.array([one is not None for one in label])
        if not known.any():
            continue
        truthful = label[known].astype(bool)
        new = log_loss(truthful, both["model_score"].to_numpy(float)[known])
        old = log_loss(truthful, both["model_score_before"].to_numpy(float)[known])
        told.append(
            {
                "as_of": event.as_of.date().isoformat(),
                "version": champion,
                "action": event.payload.get("action", "promote"),
                "rows": int(known.sum()),
                "log_loss": round(new, 4),
                "of_the_version_before": round(old, 4),
                "gain": round(old - new, 4),
            }
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=CLONE / ".tradewind" / "replay")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST)
    parser.add_argument("--last", type=date.fromisoformat, default=LAST)
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    parser.add_argument("--figures-only", action="store_true", help="of the nights that are done")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    settings = settings_of(asked.home.resolve())
    running = platform.up(settings, airflow=False)
    demo.load(running.demo_dsn)
    settings = settings_of(asked.home.resolve())
    stores = Stores.open(settings)
    model = load_definition(settings.config_dir / "models" / MODEL).model
    nights = (
        [] if asked.figures_only else replay_all(model, stores, first=asked.first, last=asked.last)
    )
    told = figures(model, stores, nights)
    print(json.dumps(told, indent=1))
    if asked.keep:
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def figures(model: ModelDefinition, stores: Stores, nights: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that is reported, from the nights that the ledger has."""
    frame = truth(model, stores)
    score, log = served_scores(model, stores, frame)
    seen = np.isfinite(score)
    local = frame["prediction_time"].dt.tz_convert(model.timezone)
    months = sorted(set(local[seen].dt.month))
    all_of_it = monthly(model, frame, months)
    back = model.train.judge_days + model.train.select_days
    judged = monthly(model, frame, months, kept_back=back)
    rows = frame[seen]
    launched = stores.ledger.events(model=MODEL, kind="retrain_launched")
    ended = stores.ledger.events(model=MODEL, kind="retrain_ended")
    outcomes = {event.payload["run_id"]: event.payload["outcome"] for event in ended}
    moments = [event.as_of for event in launched]
    gaps = [(after - before).days for before, after in pairwise(moments)]
    return {
        "nights": len(stores.ledger.nights(MODEL)),
        "rows": int(seen.sum()),
        "log_loss": {
            "served": by_month(rows, score[seen]),
            "monthly": by_month(rows, all_of_it["expanding"][seen]),
            "monthly, judged": by_month(rows, judged["expanding"][seen]),
            "never": by_month(rows, all_of_it["never"][seen]),
            "naive": by_month(rows, all_of_it["naive"][seen]),
        },
        "study": {"expanding": STUDY_EXPANDING, "never": STUDY_NEVER},
        "retrains": [
            {
                "as_of": event.as_of.date().isoformat(),
                "cause": event.payload["cause"],
                "wider": event.payload["wider"],
                "outcome": outcomes.get(event.payload["run_id"], "running"),
            }
            for event in launched
        ],
        "shortest_gap_days": min(gaps, default=None),
        "gains": gains(stores, log, frame, model),
        "champion": live_state(stores.ledger, MODEL).champion,
        "decisions": dict(Counter(night["cause"] for night in nights)),
        "seconds_a_night": float(np.median([n["seconds"] for n in nights])) if nights else None,
        "measured": datetime.now(tz=UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()
