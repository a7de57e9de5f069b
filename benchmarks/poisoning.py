"""What the gate `poisoning` sees, and how often it cries wolf, on real flights.

    python -m benchmarks.poisoning              # a table
    python -m benchmarks.poisoning --keep       # the same, kept in results/poisoning.json
    python -m benchmarks.poisoning --quick      # half of the days

Clean flights are put before the gate as of many days, and it should stay silent. Then a share of
the training rows is poisoned in one of several ways, and it should block. Every default of
the gate was chosen on as-of days up to June (training rows up to the middle of May); the figures
are of later ones. `rolling` windows hold no row at all of those that the defaults were chosen on.

The share is of *all* training rows: one per cent of 130,000 rows is a fifth of a week's labels.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from tests.fixtures.real_flights import definition, flights, midnight
from tests.gates.evidence import evidence

from tradewind.gates.poisoning import check
from tradewind.learning.splits import boundaries, split_frame
from tradewind.stages._case import Case
from tradewind.stages.examination.poisoning import gather

RESULTS = Path(__file__).parent / "results" / "poisoning.json"
SHARES = (0.01, 0.03, 0.05, 0.10)
ROLLING_DAYS = 150
CHOSEN = [midnight(2013, 5), midnight(2013, 5, 15), midnight(2013, 6), midnight(2013, 6, 15)]
EXPANDING = [midnight(2013, 7) + timedelta(days=14 * n) for n in range(14)]
ROLLING = [midnight(2013, 10, 15) + timedelta(days=7 * n) for n in range(12)]
POISONED = [midnight(2013, month) for month in (8, 9, 10, 11)]
CARRIERS = ("UA", "B6", "EV", "DL", "AA")


def case_of(frame, *, as_of, days=None, problem="binary") -> Case:
    """A case whose training rows alone are asked for."""
    window = {"window": {"days": days}} if days else {}
    ridge = {"candidates": {"linear": {"estimator": "sklearn.linear_model.Ridge"}}}
    candidates = ridge if problem == "regression" else {}
    model = definition(problem=problem, train={"search": {"trials": 1}, **window, **candidates})
    if problem == "regression":
        frame = frame.assign(label=frame["arr_delay"])
    split = split_frame(frame, model, as_of=as_of)
    return Case(
        model=model,
        split=split,
        scorer=None,
        answers={},
        judged=None,
        thresholds={},
        evidence=None,
        trained=None,
    )


def ask(frame, *, as_of, **kind):
    """Ask the gate, and say which screens did not hold."""
    case = case_of(frame, as_of=as_of, **kind)
    found = gather(case)
    asked = evidence(findings={"poisoning": found.model_dump(mode="json")})
    result = check(asked, case.model)
    return result, [line["looked at"] for line in result.table if line["holds"] == "no"]


# ------------------------------------------------------------------------------------------- poison


def anywhere(frame, rows, count, random, _):
    """Labels turned over wherever they are."""
    return turned(frame, random.choice(rows, count, replace=False))


def newest_fit(frame, rows, count, random, as_of):
    """Labels turned over in the newest week that was fitted on."""
    until = boundaries(definition(), as_of=as_of).select
    return newest(
        frame, rows[frame["prediction_time"].to_numpy()[rows] < _utc(until)], count, random
    )


def newest_select(frame, rows, count, random, _):
    """Labels turned over in the newest week of all, which was selected on."""
    return newest(frame, rows, count, random)


def newest(frame, rows, count, random):
    times = frame["prediction_time"].to_numpy()[rows]
    week = rows[times >= times.max() - np.timedelta64(7, "D")]
    within = rows[-max(len(week), int(count / 0.9)) :]
    return turned(frame, random.choice(within, count, replace=False))


def one_carrier(frame, rows, count, random, as_of):
    """Labels turned over for one of the larger carriers, another one each month."""
    carrier = CARRIERS[as_of.month % len(CARRIERS)]
    own = rows[(frame["carrier"].to_numpy()[rows] == carrier)]
    return turned(frame, random.choice(own, min(count, int(0.9 * len(own))), replace=False))


def never_late(frame, rows, count, random, _):
    """A wind speed that nobody measured, planted with the label `not late`."""
    chosen = random.choice(rows, count, replace=False)
    return planted(frame, chosen, {"wind_speed": 33.33, "label": False})


def always_late(frame, rows, count, random, _):
    """The same with the label `late`."""
    chosen = random.choice(rows, count, replace=False)
    return planted(frame, chosen, {"wind_speed": 33.33, "label": True})


def pair_never_late(frame, rows, count, random, _):
    """Two values that are there anyway and hardly ever together, with the label `not late`."""
    chosen = random.choice(rows, count, replace=False)
    return planted(frame, chosen, {"carrier": "HA", "dest": "BOS", "label": False})


def copies(frame, rows, count, random, as_of):
    """Twenty rows of the newest week told over and over in that week, with their own labels."""
    times = frame["prediction_time"].to_numpy()[rows]
    week = rows[times >= times.max() - np.timedelta64(7, "D")]
    told = frame.iloc[random.choice(random.choice(week, 20, replace=False), count)].copy()
    told["flight"] = -np.arange(1, count + 1)
    return pd.concat([frame, told], ignore_index=True)


WAYS = {
    "anywhere": anywhere,
    "newest week of the fit stretch": newest_fit,
    "newest week of the select stretch": newest_select,
    "one carrier": one_carrier,
    "a planted value, never late": never_late,
    "a planted value, always late": always_late,
    "a planted pair, never late": pair_never_late,
    "copies in the newest week": copies,
}


def turned(frame, rows):
    label = frame["label"].to_numpy(copy=True)
    label[rows] = ~label[rows]
    return frame.assign(label=label)


def planted(frame, rows, values):
    changed = frame.copy()
    for name, value in values.items():
        changed.loc[changed.index[rows], name] = value
    return changed


def poisoned(way, share, *, as_of, seed):
    """Flights as of a day, some of whose training rows somebody wrote."""
    frame = known(as_of)
    until = boundaries(definition(), as_of=as_of).judge
    rows = np.flatnonzero(frame["prediction_time"].to_numpy() < _utc(until))
    random = np.random.default_rng(seed)
    return WAYS[way](frame, rows, int(share * len(rows)), random, as_of)


def known(as_of):
    frame = flights()
    return frame[frame["prediction_time"] < as_of].reset_index(drop=True)


def _utc(moment):
    return pd.Timestamp(moment).tz_convert("UTC")


# ------------------------------------------------------------------------------------------ figures


def silence(as_of_days, **kind):
    """How often clean flights are blocked, and by which screens."""
    blocked, screens, seconds = [], Counter(), []
    for as_of in as_of_days:
        began = time.process_time()
        result, failed = ask(known(as_of), as_of=as_of, **kind)
        seconds.append(time.process_time() - began)
        if result.outcome == "blocked":
            blocked.append(f"{as_of:%Y-%m-%d}")
            screens.update(failed)
        print(f"clean {as_of:%Y-%m-%d} {result.outcome} {failed}", flush=True)
    return {
        "as_of_days": len(as_of_days),
        "blocked": len(blocked),
        "when": blocked,
        "by": dict(screens),
        "cpu_seconds": round(float(np.mean(seconds)), 1),
    }


def curve(way, months, *, seeds):
    """How often each share is seen."""
    points = []
    for share in SHARES:
        seen = []
        for seed in range(seeds):
            for as_of in months:
                frame = poisoned(way, share, as_of=as_of, seed=seed)
                result, failed = ask(frame, as_of=as_of)
                seen.append(result.outcome == "blocked")
                print(
                    f"{way} {share:.0%} {as_of:%Y-%m-%d} {result.outcome} {failed[:2]}", flush=True
                )
        points.append({"share": share, "cases": len(seen), "seen": sum(seen)})
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    parser.add_argument("--quick", action="store_true", help="half of the days and fewer")
    parser.add_argument("--seeds", type=int, default=1, help="poisoned sets a month and share")
    parser.add_argument("--choosing", action="store_true", help="the months of the defaults only")
    asked = parser.parse_args()
    if asked.choosing:
        print(silence(CHOSEN))
        return
    every = 2 if asked.quick else 1
    seen = {}
    figures = {
        "clean": {
            "chosen_on": silence(CHOSEN[::every]),
            "expanding": silence(EXPANDING[::every]),
            f"rolling_{ROLLING_DAYS}_days": silence(ROLLING[:: every**2], days=ROLLING_DAYS),
            "regression_expanding": silence(EXPANDING[:: every * 2], problem="regression"),
        },
        "seen": seen,
    }
    for way in WAYS:
        seen[way] = curve(way, POISONED[:: every * 2], seeds=asked.seeds)
        if asked.keep:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
