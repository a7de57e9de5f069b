"""Whether the gate `service` tells sound models from those made too slow, too big or not whole.

    python -m benchmarks.gate_detection_service --keep    # kept in results/

Real flights of 2013, real estimators, MLflow's own serving in a clean interpreter, and the limits
that a definition has by default. Seconds are of the machine that it ran on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from tests.fixtures.real_flights import BOOSTING, LINEAR, definition, flights, midnight
from tests.gates.evidence import evidence
from tests.stages.cases import case_of

from tradewind.gates.service import Found, check
from tradewind.learning import account
from tradewind.learning.carried import carried
from tradewind.learning.fit import Fitted, fit_model, sample
from tradewind.stages.examination.service import serve
from tradewind.stores.model_files import write_model
from tradewind.stores.provenance import scoring_requirements
from tradewind.stores.pyfunc_files import save_pyfunc

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from tradewind.definition.schema import ModelDefinition

RESULTS = Path(__file__).parent / "results" / "gate_detection_service.json"
AS_OF = midnight(2013, 7)
NEIGHBOURS = {
    "estimator": "sklearn.neighbors.KNeighborsClassifier",
    "params": {"n_neighbors": 50, "algorithm": "brute"},
    # Sparse columns, which words become, cannot be stored of neighbours.
    "without": ["carrier", "origin", "dest"],
}
FOREST = {
    "estimator": "sklearn.ensemble.ExtraTreesClassifier",
    "params": {"n_estimators": 300, "min_samples_leaf": 1},
}


@dataclass(frozen=True)
class Kind:
    """A model to be served.

    Attributes:
        sound: Whether the gate is to let it through.
        rows: Of the flights before the as-of, how many it is fitted on at most.
        change: What is done to its logged files.
    """

    name: str
    candidate: dict[str, Any]
    sound: bool
    rows: int = 20_000
    change: Callable[[Path], None] | None = None


def needs_another_package(place: Path) -> None:
    """Its code imports what its requirements do not name; here it is installed."""
    code = place / "model.py"
    code.write_text("import duckdb\n" + code.read_text())


def answers_otherwise(place: Path) -> None:
    """Its files were changed after it was judged: another intercept's worth of certainty."""
    code = next((place / "code").rglob("scorer.py"))
    code.write_text(
        code.read_text().replace(
            "predict_proba(features)[:, 1], dtype", "predict_proba(features)[:, 1] * 0.99, dtype"
        )
    )


def other_version(place: Path) -> None:
    file = place / "requirements.txt"
    file.write_text(file.read_text().replace("skops==", "skops==0."))


KINDS = (
    Kind("boosting", BOOSTING, sound=True, rows=100_000),
    Kind("linear", LINEAR, sound=True),
    Kind("50 neighbours of 100,000 rows", NEIGHBOURS, sound=False, rows=100_000),
    Kind("forest of 300 full trees on 20,000 rows", FOREST, sound=False),
    Kind("code needs a package not named", LINEAR, sound=False, change=needs_another_package),
    Kind("pins another version", LINEAR, sound=False, change=other_version),
    Kind("answers otherwise than judged", LINEAR, sound=False, change=answers_otherwise),
)


def thinned() -> pd.DataFrame:
    """Flights of which the last fifty days have one in fifteen: neighbours answer slowly."""
    frame = flights()
    last = frame["prediction_time"] >= midnight(2013, 5, 11)
    return frame[~last | (frame.index % 15 == 0)].reset_index(drop=True)


def logged(fitted: Fitted, model: ModelDefinition, folder: Path) -> Path:
    """The folder that MLflow would load it from."""
    metadata = {**account.metadata_of(fitted, model), **carried(fitted, model), "origin": {}}
    write_model(folder / "model", fitted.estimator, metadata=metadata)
    save_pyfunc(
        folder / "pyfunc",
        folder / "model",
        described=mlflow.models.Model(),
        example=sample(model, fitted.split.judge).features.head(3),
        requirements=scoring_requirements(),
    )
    return folder / "pyfunc"


def measure(kind: Kind) -> tuple[Found, str, float]:
    """What is found of a model, what the gate says, and how long the examination took."""
    train = {"search": {"trials": 1, "rows": kind.rows}, "candidates": {"one": kind.candidate}}
    model = definition(train={**train, "calibration": "none"})
    frame = thinned()
    fitted = fit_model(model, frame, as_of=AS_OF)
    with tempfile.TemporaryDirectory() as folder:
        place = logged(fitted, model, Path(folder))
        case = case_of(model, frame, as_of=AS_OF, fitted=fitted)
        if kind.change is not None:
            kind.change(place)
        start = time.monotonic()
        found = serve(case, place, Path(folder))
        seconds = time.monotonic() - start
    told = {"service": found.model_dump(mode="json")}
    result = check(evidence(findings=told, rows=len(case.rows)), model)
    print(f"{kind.name}: {result.outcome} after {seconds:.0f} s\n  {result.sentence}", flush=True)
    return found, result.outcome, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    parser.add_argument("--only", type=int, help="one of the kinds, by its number")
    asked = parser.parse_args()
    table = []
    for kind in KINDS if asked.only is None else KINDS[asked.only : asked.only + 1]:
        found, outcome, seconds = measure(kind)
        right = (outcome == "passed") == kind.sound
        row = {"kind": kind.name, "sound": kind.sound, "outcome": outcome, "right": right}
        table.append({**row, "seconds": round(seconds, 1), "found": found.model_dump(mode="json")})
    print(f"{sum(row['right'] for row in table)} of {len(table)} as they should be")
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
