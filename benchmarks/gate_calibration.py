"""What the gate `calibration` finds on real flights, and how often it blocks a good model.

    python -m benchmarks.gate_calibration --keep        # kept in results/gate_calibration.json
    python -m benchmarks.gate_calibration --months 7 8  # of fewer months

Each month of 2013 from April on is judged by a model of the months before it, with the definition
of `benchmarks/gate_slices.py`. The faults are put into the good model's scores, or are models that
deserve it: `overfitted`, trees of two hundred leaves and no regularisation on the same rows, and
`of the winter`, the good recipe on January and February alone, judged from May on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.gate_slices import BY, MODEL, MONTHS, as_of, good
from tests.fixtures.real_flights import definition, flights, midnight
from tests.stages.cases import case_of

from tradewind.gates.calibration import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.calibration import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from tradewind.records import GateResult
    from tradewind.stages._case import Case

RESULTS = Path(__file__).parent / "results" / "gate_calibration.json"
OVERFITTED = {
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "params": {
        "max_iter": 150,
        "learning_rate": 0.2,
        "max_leaf_nodes": 200,
        "min_samples_leaf": 5,
        "l2_regularization": 0.0,
    },
}
_ODD = 1e-6


# ------------------------------------------------------------------------------------------- faults


def moved(by: float, *, times: float = 1.0) -> Callable[..., np.ndarray]:
    """Multiply the log-odds, and add to them."""

    def spoil(_: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        inside = np.clip(score, _ODD, 1 - _ODD)
        return 1 / (1 + np.exp(-(times * np.log(inside / (1 - inside)) + by)))

    return spoil


def scaled(times: float) -> Callable[..., np.ndarray]:
    """Multiply the scores themselves, up to 1."""
    return lambda _, score: np.minimum(times * score, 1.0)


FAULTS: dict[str, Callable[..., np.ndarray]] = {
    "odds times 1.6": moved(0.5),
    "odds times 2.7": moved(1.0),
    "odds times 4.5": moved(1.5),
    "odds over 1.6": moved(-0.5),
    "odds over 2.7": moved(-1.0),
    "scores halved": scaled(0.5),
    "scores doubled": scaled(2.0),
    "log-odds doubled": moved(0.0, times=2.0),
    "log-odds times 4": moved(0.0, times=4.0),
}


def case_with(spoil: Callable[..., np.ndarray] | None, *, month: int) -> Case:
    """The good model of a month, its scores spoilt."""
    return case_of(MODEL, flights(), as_of=as_of(month), fitted=good(month), spoil=spoil)


def overfitted(month: int) -> Case:
    """A model that learned its rows by heart."""
    train = {"search": {"trials": 1}, "candidates": {"deep": OVERFITTED}, "calibration": "none"}
    model = definition(gates={"slices": {"by": BY}}, train=train)
    return case_of(model, flights(), as_of=as_of(month))


def of_the_winter(month: int) -> Case:
    """The good recipe, which has seen January and February alone."""
    winter = flights()[flights()["prediction_time"] < midnight(2013, 4)]
    old = fit_model(MODEL, winter, as_of=midnight(2013, 4))
    return case_of(
        MODEL, flights(), as_of=as_of(month), fitted=replace(old, split=good(month).split)
    )


def verdict(case: Case) -> GateResult:
    """Ask the gate, with what its examiner finds."""
    found = gather(case).model_dump(mode="json")
    evidence = case.evidence.model_copy(update={"findings": {"calibration": found}})
    return check(evidence, case.model)


# ------------------------------------------------------------------------------------------- tables


def rates(months: Iterable[int]) -> list[dict[str, Any]]:
    """How often each kind of model is blocked, and by what."""
    made: dict[str, Callable[[int], Case]] = {
        "good": lambda month: case_with(None, month=month),
        **{
            name: lambda month, spoil=spoil: case_with(spoil, month=month)
            for name, spoil in FAULTS.items()
        },
        "overfitted": overfitted,
        "of the winter": of_the_winter,
    }
    table = []
    for name, make in made.items():
        outcomes = [_outcome(make(month)) for month in months]
        table.append(
            {
                "model": name,
                "months": len(outcomes),
                "blocked": sum(blocked for blocked, *_ in outcomes),
                "level": [min(one[1] for one in outcomes), max(one[1] for one in outcomes)],
                "slope": [min(one[2] for one in outcomes), max(one[2] for one in outcomes)],
                "rows": [min(one[3] for one in outcomes), max(one[3] for one in outcomes)],
            }
        )
        print(table[-1], flush=True)
    return table


def _outcome(case: Case) -> tuple[bool, float, float, int]:
    found = gather(case)
    findings = {"calibration": found.model_dump(mode="json")}
    result = check(case.evidence.model_copy(update={"findings": findings}), case.model)
    return (
        result.outcome == "blocked",
        round(found.level.value, 3),
        round(found.slope.value, 3),
        found.rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, nargs="*", default=list(MONTHS), help="as-of months")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    found = {"months": asked.months, "rates": rates(asked.months)}
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
