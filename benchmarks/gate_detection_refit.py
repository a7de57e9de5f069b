"""How often `stability` and `simplicity` block good models, and models that deserve it.

    python -m benchmarks.gate_detection_refit --keep     # kept in results/gate_detection_refit.json
    python -m benchmarks.gate_detection_refit --months 8,9 --models boosting,deep_tree

Models of real flights (schedule and weather, two hours before departure; every third flight), each
trained as of the first of a month on the 20,000 before the select stretch, two months of them, and
judged on the thirty days before that first: then both gates are asked. The budgets were set on
models as of May and July, which are not among the months here.

`boosting`, `sampled` (boosting that looks at a part of the columns in each split), `blend` and
`linear` are what one would want to run. `deep_tree`, `five_trees` and `wild` (steep, deep boosting)
learn rows by heart: other rows would have taught them something else. `three_steps` is boosting
that was stopped after three trees.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tests.fixtures.real_flights import BOOSTING, LINEAR, definition, flights, midnight
from tests.stages.cases import case_of
from threadpoolctl import threadpool_limits

from tradewind.gates import simplicity, stability
from tradewind.stages.examination.simplicity import gather as find_simplicity
from tradewind.stages.examination.stability import gather as find_stability

HISTOGRAM = "sklearn.ensemble.HistGradientBoostingClassifier"
SAMPLED = {"max_iter": 160, "learning_rate": 0.05, "max_features": 0.15, "min_samples_leaf": 400}
WILD = {"max_iter": 200, "learning_rate": 0.5, "min_samples_leaf": 5, "max_leaf_nodes": 63}
CANDIDATES = {
    "boosting": {"boosting": BOOSTING},
    "sampled": {"boosting": {"estimator": HISTOGRAM, "params": SAMPLED}},
    "blend": {"boosting": BOOSTING, "linear": LINEAR},
    "linear": {"linear": LINEAR},
    "deep_tree": {
        "tree": {
            "estimator": "sklearn.tree.DecisionTreeClassifier",
            "params": {"min_samples_leaf": 20},
        }
    },
    "five_trees": {
        "forest": {
            "estimator": "sklearn.ensemble.RandomForestClassifier",
            "params": {"n_estimators": 5},
        }
    },
    "wild": {"boosting": {"estimator": HISTOGRAM, "params": WILD}},
    "three_steps": {"boosting": {"estimator": HISTOGRAM, "params": {"max_iter": 3}}},
}
GOOD = ("boosting", "sampled", "blend", "linear")
UNSTABLE = ("deep_tree", "five_trees", "wild")
NOT_WORTH_IT = ("deep_tree", "five_trees", "wild", "three_steps")
ROWS = 20_000
EVERY = 3
MONTHS = (8, 10, 12, 6, 9, 11)
RESULTS = Path(__file__).parent / "results" / "gate_detection_refit.json"


def model_of(name: str):
    candidates = CANDIDATES[name]
    blend = {"blend": list(candidates)} if name == "blend" else {}
    search = {"trials": len(candidates), "rows": ROWS}
    return definition(train={"search": search, "candidates": candidates, **blend})


def asked(case, gate, find):
    """What one gate says of a case, and how many seconds of a core it took to find."""
    began = time.process_time()
    with threadpool_limits(limits=1):
        found = find(case)
    seconds = time.process_time() - began
    name = gate.__name__.rpartition(".")[2]
    evidence = case.evidence.model_copy(update={"findings": {name: found.model_dump(mode="json")}})
    return gate.check(evidence, case.model), found, round(seconds, 1)


def line_of(name: str, month: int) -> dict:
    """One model as of the first of one month, before both gates."""
    case = case_of(model_of(name), flights().iloc[::EVERY], as_of=midnight(2013, month))
    steady, fits, steady_seconds = asked(case, stability, find_stability)
    simple, simpler, simple_seconds = asked(case, simplicity, find_simplicity)
    error = case.evidence.candidate[case.evidence.metric].standard_error
    return {
        "model": name,
        "as_of": f"2013-{month:02}-01",
        "fit_rows": len(case.fit.label),
        "judged_rows": case.evidence.rows,
        "beats_naive": case.evidence.against_naive.low > 0,
        "winner": case.trained.candidate,
        "stability": steady.outcome,
        "again": fits.again == fits.recorded,
        "by_seed": round(fits.attempts[0].changed.value, 3),
        "by_stretch": [round(one.changed.value, 3) for one in fits.attempts[1:]],
        "worse_in_errors": round(max(-one.better.value for one in fits.attempts) / error, 2),
        "stability_seconds": steady_seconds,
        "simplicity": simple.outcome,
        "advantage_in_errors": {
            one.name: round(one.advantage.value / one.advantage.standard_error, 2)
            for one in simpler.simpler
        },
        "simplicity_seconds": simple_seconds,
    }


def rate(lines: list[dict], gate: str, models: tuple[str, ...]) -> str:
    """How many of these models a gate blocks."""
    seen = [one for one in lines if one["model"] in models]
    blocked = [one for one in seen if one[gate] == "blocked"]
    return f"{len(blocked)} of {len(seen)}"


def summary_of(lines: list[dict]) -> dict[str, str]:
    return {
        "stability blocks good models": rate(lines, "stability", GOOD),
        "stability blocks unstable models": rate(lines, "stability", UNSTABLE),
        "simplicity blocks good models": rate(lines, "simplicity", GOOD),
        "simplicity blocks models that are not worth it": rate(lines, "simplicity", NOT_WORTH_IT),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", default=",".join(map(str, MONTHS)))
    parser.add_argument("--models", default=",".join(CANDIDATES))
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    given = parser.parse_args()
    lines: list[dict] = []
    for month in map(int, given.months.split(",")):
        for name in given.models.split(","):
            lines.append(line_of(name, month))
            print(json.dumps(lines[-1]), flush=True)
        summary = summary_of(lines)
        if given.keep:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps({**summary, "lines": lines}, indent=2) + "\n")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
