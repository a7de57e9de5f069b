"""How often the fairness gate blocks, on real flights: where nobody is treated unlike, and where.

    python -m benchmarks.gate_detection_fairness --keep      # kept in results/
    python -m benchmarks.gate_detection_fairness --times 5   # quicker

A model is trained as of the first of each month, and the gate itself is asked of its judge month.

*Made-up groups* are dealt out at random to the real rows: whatever gap there is, luck made it, so
every block is a false one. Once in the sizes that peoples have, once with all but one group as
small as the least rows allow, and once more with a limit far below what such groups can keep.

*Planted*: the scores of a made-up group of a tenth of the rows are lowered, and the share of months
in which that blocks follows.

*Airlines*: as if the airline were a protected attribute. Nothing is planted; what blocks is there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.fixtures.real_flights import TYPES, definition, flights, midnight
from tests.stages.cases import case_of

from tradewind.gates.fairness import check
from tradewind.stages.examination.fairness import gather

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

MONTHS = range(4, 13)
PEOPLES = (0.64, 0.18, 0.10, 0.05, 0.03)
RESULTS = Path(__file__).parent / "results" / "gate_detection_fairness.json"


def model_of(*protected: str, **limits: float) -> ModelDefinition:
    features = {"types": TYPES, "protected": list(protected)}
    return definition(features=features, gates={"fairness": limits})


def judged(month: int) -> Case:
    """A candidate and its judge month."""
    year, following = divmod(month, 12)
    as_of = midnight(2013 + year, following + 1)
    return case_of(model_of("carrier"), flights(), as_of=as_of)


def asked(case: Case, model: ModelDefinition, **columns: Any) -> GateResult:
    """Ask the gate of a case in which everybody has these columns as well."""
    judge = case.split.judge.assign(**columns)
    one = replace(case, model=model, split=replace(case.split, judge=judge))
    told = {"fairness": gather(one).model_dump(mode="json")}
    return check(one.evidence.model_copy(update={"findings": told}), model)


def dealt(case: Case, shares: tuple[float, ...], *, seed: int) -> np.ndarray:
    """Names dealt out at random to the judged rows."""
    names = [f"group {number}" for number in range(len(shares))]
    return np.random.default_rng(seed).choice(names, size=len(case.rows), p=shares)


def smallest(case: Case, groups: int) -> tuple[float, ...]:
    """Shares of which all but the first leave a hundred positives, or a few more."""
    positives = case.rows["label"].to_numpy(dtype=bool).sum()
    small = 130 / positives
    return (1 - (groups - 1) * small, *[small] * (groups - 1))


def false_blocks(case: Case, shares: tuple[float, ...], *, times: int, **limits: float) -> dict:
    """How often made-up groups block, and why."""
    model = model_of("group", **limits)
    told = [asked(case, model, group=dealt(case, shares, seed=seed)) for seed in range(times)]
    blocked = [one for one in told if one.outcome == "blocked"]
    unlike = sum("too unlike" in one.sentence for one in blocked)
    return {"asked": times, "blocked": len(blocked), "called unlike": unlike}


def planted(case: Case, lowered: float, *, times: int) -> dict:
    """How often a group of a tenth whose scores are lowered blocks."""
    model, found = model_of("group"), 0
    candidate = case.players["candidate"]
    for seed in range(times):
        names = dealt(case, (0.9, 0.1), seed=1_000 + seed)
        score = np.where(names == "group 1", candidate.score * (1 - lowered), candidate.score)
        worse = replace(case, answers={**case.answers, "candidate": score})
        found += asked(worse, model, group=names).outcome == "blocked"
    return {"asked": times, "blocked": found}


def airlines(case: Case, month: int) -> dict:
    result = asked(case, model_of("carrier"))
    return {"month": month, "outcome": result.outcome, "sentence": result.sentence}


def added(parts: list[dict]) -> dict:
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def measure(times: int) -> dict[str, Any]:
    """Everything, month by month, added up."""
    rows: dict[str, list[dict]] = {}
    every, seen = [], []
    for month in MONTHS:
        case = judged(month)
        rows.setdefault("as peoples are", []).append(false_blocks(case, PEOPLES, times=times))
        for groups in (2, 8):
            told = false_blocks(case, smallest(case, groups), times=times)
            rows.setdefault(f"{groups} groups, the least rows", []).append(told)
        tight = false_blocks(
            case, PEOPLES, times=times, demographic_parity=0.02, equalised_odds=0.02,
            calibration=0.02,
        )  # fmt: skip
        rows.setdefault("as peoples are, limits of 0.02", []).append(tight)
        for lowered in (0.1, 0.2, 0.3, 0.5):
            caught = planted(case, lowered, times=max(1, times // 4))
            rows.setdefault(f"a tenth scored {lowered:.0%} lower", []).append(caught)
        every.append(airlines(case, month))
        seen.append({"month": month, "rows": len(case.rows), "days": case.evidence.units})
        print(f"month {month} is done", flush=True)
    return {"judged": seen, **{name: added(parts) for name, parts in rows.items()},
            "airlines": every}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=40, help="made-up groups a month")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    given = parser.parse_args()
    found = measure(given.times)
    for name, told in found.items():
        if isinstance(told, dict):
            print(f"{name:<32} {told}")
    blocked = [one["month"] for one in found["airlines"] if one["outcome"] == "blocked"]
    print(f"airlines block in {len(blocked)} of {len(found['airlines'])} months: {blocked}")
    if given.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
