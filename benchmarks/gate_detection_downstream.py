"""How far scores move when a champion is replaced, on real flights, and what the gate says of it.

    python -m benchmarks.gate_detection_downstream --keep   # kept in results/

As of the first of each month a candidate is trained, and the champion is the model of a month
before. A consumer is registered who takes half a standard deviation of level, and a spread of one
and a half times. *Retrained*: the same estimator, a month fresher. *Balanced*: the classes weighted
alike, a change that people make and that raises every score; nothing is planted. *Louder* and
*flatter*: the candidate's own log-odds moved up by a half, and halved.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit
from tests.fixtures.real_flights import BOOSTING, definition, flights, midnight
from tests.stages.cases import Loaded, case_of

from tradewind.gates.downstream import check
from tradewind.learning.fit import fit_model
from tradewind.stages.examination.downstream import gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.gates.downstream import Moved
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

MONTHS = range(5, 13)
CONSUMERS = {"crew": {"owner": "the crew desk", "level": 0.5, "spread": 1.5}}
RESULTS = Path(__file__).parent / "results" / "gate_detection_downstream.json"
SPOILT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "louder": lambda score: expit(logit(score) + 0.5),
    "flatter": lambda score: expit(logit(score) / 2),
}


def model_of(*, balanced: bool = False) -> Any:
    params = {**BOOSTING["params"], **({"class_weight": "balanced"} if balanced else {})}
    train = {
        "search": {"trials": 1},
        "candidates": {"boosting": {**BOOSTING, "params": params}},
    }
    return definition(train=train, gates={"downstream": {"consumers": CONSUMERS}})


def first_of(month: int) -> Any:
    return midnight(2013 + month // 13, (month - 1) % 12 + 1)


def asked(case: Case) -> tuple[GateResult, Moved | None]:
    found = gather(case)
    told = {"downstream": found.model_dump(mode="json")}
    shown = case.evidence.model_copy(update={"findings": told})
    return check(shown, case.model), found.moved


def spoilt(case: Case, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    answers = {
        **case.answers,
        "candidate": change(np.clip(case.answers["candidate"], 1e-9, 1 - 1e-9)),
    }
    return replace(case, answers=answers)


def cases_of(month: int, champion: Any) -> tuple[dict[str, Case], Any]:
    """Every candidate of a month, and what the retrained one is asked with as the next champion."""
    as_of, model = first_of(month + 1), model_of()
    fitted = fit_model(model, flights(), as_of=as_of)
    whole = Loaded(fitted.estimator, model.features.types, model.problem)
    retrained = case_of(model, flights(), as_of=as_of, fitted=fitted, champion=champion)
    balanced = case_of(model_of(balanced=True), flights(), as_of=as_of, champion=champion)
    others = {name: spoilt(retrained, change) for name, change in SPOILT.items()}
    return {"retrained": retrained, "balanced": balanced, **others}, whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    given = parser.parse_args()
    model = model_of()
    before = fit_model(model, flights(), as_of=first_of(MONTHS[0]))
    speaker = Loaded(before.estimator, model.features.types, model.problem)
    blocked: Counter[str] = Counter()
    lines = []
    for month in MONTHS:

        def champion(frame: Any, own: Loaded = speaker) -> np.ndarray:
            return own.score(frame)["score"].to_numpy()

        cases, speaker = cases_of(month, champion)
        for name, case in cases.items():
            result, moved = asked(case)
            blocked[name] += result.outcome == "blocked"
            lines.append(
                {
                    "month": month,
                    "candidate": name,
                    "rows": len(case.rows),
                    "outcome": result.outcome,
                    "level_sd": moved.level.value / moved.deviation,
                    "spread": moved.spread.value,
                    "decisions_changed": moved.changed,
                }
            )
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in lines[-1].items()},
                  flush=True)  # fmt: skip
    found = {"months": len(MONTHS), "blocked": dict(blocked), "lines": lines}
    print(found["blocked"])
    if given.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
