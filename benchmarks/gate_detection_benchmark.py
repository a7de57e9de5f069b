"""Whether the gate `benchmark` tells worse candidates from sound ones on pinned flights.

    python -m benchmarks.gate_detection_benchmark --keep    # kept in results/

Each month of 2013 from May on, a boosting model of real flights is trained on what was known by
then. The model of one month is champion, that of the next the candidate: as it is (sound), or made
worse in one of four ways. Both are measured on pinned days of March, from which none of them
learned, and the gate is asked, with the limits that a definition has by default.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.fixtures.real_flights import BOOSTING, definition, flights, midnight
from tests.gates.evidence import evidence

from tradewind.gates.benchmark import Champion, Found, Measured, check
from tradewind.learning.fit import fit_model
from tradewind.learning.splits import is_pinned
from tradewind.stages.examination.benchmark import panel_of, rows_of
from tradewind.stores.scorer import cast_features, predict

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import GateResult

RESULTS = Path(__file__).parent / "results" / "gate_detection_benchmark.json"
DIGEST = "0" * 32
PINNED = {7: date(2013, 3, 11), 14: date(2013, 3, 18)}
"""The day after the last pinned one, by how many days are pinned from 4 March on."""
MONTHS = range(5, 12)
MADE_WORSE = ("a fifth of the labels flipped", "45 days only", "no schedule")
ROWS = 60_000
"""The last so many flights are learned from."""


def model_of(days: int, **candidate: Any) -> ModelDefinition:
    said = {"pinned": DIGEST, "start": date(2013, 3, 4), "end": PINNED[days]}
    search = {"trials": 1, "rows": ROWS}
    train = {"search": search, "candidates": {"one": {**BOOSTING, **candidate}}}
    asked = {"gates": {"benchmark": said}, "train": {**train, "calibration": "none"}}
    return definition(**asked)


def flipped(frame: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    tossed = np.random.default_rng(seed).random(len(frame)) < 0.2
    return frame.assign(label=np.where(tossed, ~frame["label"], frame["label"]))


def noisy(score: np.ndarray, *, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.5, len(score))
    return 1 / (1 + np.exp(-(np.log(score / (1 - score)) + noise)))


def fitted_scores(way: str, month: int, rows: pd.DataFrame) -> np.ndarray:
    """What a model of this kind, trained by the first of a month, says of the pinned rows."""
    without = ["departure_minute", "carrier", "dest", "origin"] if way == "no schedule" else []
    model = model_of(max(PINNED), without=without)
    frame = flipped(flights(), seed=month) if way == "a fifth of the labels flipped" else flights()
    # Judging takes 30 days of the window, and selecting 21.
    window = 51 + 45 if way == "45 days only" else None
    fitted = fit_model(model, frame, as_of=midnight(2013, month), window_days=window)
    return predict(fitted.estimator, cast_features(rows, model.features.types), problem="binary")


def ask(days: int, rows: pd.DataFrame, **scores: np.ndarray) -> GateResult:
    """What the gate says of `candidate` beside `champion`, on so many pinned days."""
    model = model_of(days)
    chosen = is_pinned(rows["prediction_time"], model).to_numpy()
    players = {
        name: rows_of(model, rows[chosen], score[chosen], 0.5) for name, score in scores.items()
    }
    panel = panel_of(model, players)
    figures = {name: panel.estimates(name)["log_loss"] for name in players}
    gap = panel.difference("log_loss", better="candidate", than="champion")
    found = Found(
        digest=DIGEST,
        rows=int(chosen.sum()),
        days=players["candidate"].units,
        candidate=Measured(now=figures["candidate"]),
        champion=Champion(now=figures["champion"], version=1, gap=gap),
    )
    return check(evidence(findings={"benchmark": found.model_dump(mode="json")}), model)


def measure(months: range) -> list[dict[str, Any]]:
    """Every month's candidate of every kind."""
    pinned = is_pinned(flights()["prediction_time"], model_of(max(PINNED)))
    rows, table = flights()[pinned], []
    champion = fitted_scores("sound", months[0], rows)
    for month in months:
        sound = fitted_scores("sound", month + 1, rows)
        told = {"sound": sound, "noise in its scores": noisy(sound, seed=month)}
        told |= {way: fitted_scores(way, month + 1, rows) for way in MADE_WORSE}
        for (way, own), days in product(told.items(), PINNED):
            result = ask(days, rows, candidate=own, champion=champion)
            line = {"days": days, "rows": result.rows, "month": month + 1, "way": way}
            table.append({**line, "outcome": result.outcome, "advantage": result.figure})
            print(*table[-1].values(), f"{result.threshold:.4f}", result.interval, flush=True)
        champion = sound
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    parser.add_argument("--months", type=int, default=len(MONTHS), help="how many")
    asked = parser.parse_args()
    months = MONTHS[: asked.months]
    table = measure(months)
    rates = {}
    for days, way in dict.fromkeys((row["days"], row["way"]) for row in table):
        outcomes = [r["outcome"] for r in table if (r["days"], r["way"]) == (days, way)]
        rates[f"{days} days, {way}"] = f"{outcomes.count('blocked')} of {len(outcomes)} blocked"
    print(json.dumps(rates, indent=2))
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"rates": rates, "cases": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
