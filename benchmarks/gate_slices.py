"""What the gate `slices` finds on real flights, and how often it blocks a good model.

    python -m benchmarks.gate_slices --keep        # three tables, kept in results/gate_slices.json
    python -m benchmarks.gate_slices --part good --months 7 8   # one of them, of fewer months

Each month of 2013 from April on is judged by a model of the months before it, with the definition
of `tests/fixtures/real_flights.py` and `gates.slices.by: [origin, carrier]`. Good models are judged
alone, and beside a champion: the good model of the month before. The faults are of one airport or
one airline, another one each month, and are judged in the same two ways:

* `left out`: none of its flights is in the fit stretch, as if its source had not been delivered;
* `on time`: its delays were recorded as none in the fit stretch, so that the model learns it so;
* `shuffled`: its flights get each other's scores on the judged rows, as a broken join gives them.

A fault is found where the gate blocks and names that airport or airline. `costs` is by how much the
fault raises the log loss there, case by case: one that costs nothing need not be found.

The last table asks whether bounds that hold together keep their promise. Two equal players are made
of the good model and the naive rule, by exchanging what they say in blocks of days at the toss of a
coin; how often is any slice called worse? Beside it stands Bonferroni's reach.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.fixtures.real_flights import definition, flights, midnight
from tests.stages.cases import Loaded, case_of, judged_case

from tradewind.gates.slices import check
from tradewind.learning.fit import fit_model
from tradewind.learning.slicing import slices_by
from tradewind.learning.splits import boundaries
from tradewind.stages.examination._parts import part_of, too_small
from tradewind.stages.examination.slices import gather
from tradewind.stats.inference import quantile
from tradewind.stats.metrics import BINARY, log_loss
from tradewind.stats.simultaneous import joint_reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from tradewind.learning.fit import Fitted
    from tradewind.records import GateResult
    from tradewind.stages._case import Case

MONTHS = range(4, 14)
BY = ["origin", "carrier"]
FAULTY = {"origin": ("EWR", "JFK", "LGA"), "carrier": ("UA", "B6", "EV", "DL")}
FAULTS = ("left out", "on time", "shuffled")
MODEL = definition(gates={"slices": {"by": BY}})
RESULTS = Path(__file__).parent / "results" / "gate_slices.json"


def as_of(month: int):
    """The moment at which the month before is judged; the thirteenth month is next January."""
    return midnight(2013, month) if month <= 12 else midnight(2014, month - 12)


# -------------------------------------------------------------------------------- models and faults


@cache
def good(month: int) -> Fitted:
    """The model of a month, of sound rows."""
    return fit_model(MODEL, flights(), as_of=as_of(month))


def answers_of(fitted: Fitted) -> Callable[[pd.DataFrame], np.ndarray]:
    """A champion: what another fitted model answers for raw rows."""
    whole = Loaded(fitted.estimator, MODEL.features.types, MODEL.problem)
    return lambda frame: whole.score(frame)["score"].to_numpy()


def spoilt_frame(fault: str, column: str, value: str, *, month: int) -> pd.DataFrame:
    """The flights as a broken source gave them until the fit stretch ended."""
    frame = flights()
    early = frame["prediction_time"] < boundaries(MODEL, as_of=as_of(month)).select
    broken = early & (frame[column] == value)
    if fault == "left out":
        return frame[~broken]
    return frame.assign(label=frame["label"] & ~broken)


def shuffled(column: str, value: str):
    """Give the rows of one value each other's scores."""

    def spoil(frame: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        inside = np.flatnonzero((frame[column] == value).to_numpy())
        order = np.random.default_rng(0).permutation(inside)
        spoilt = score.copy()
        spoilt[inside] = score[order]
        return spoilt

    return spoil


def faulty_case(fault: str, column: str, value: str, *, month: int) -> Case:
    """A candidate with one fault, judged alone."""
    moment = as_of(month)
    if fault == "shuffled":
        spoil = shuffled(column, value)
        return case_of(MODEL, flights(), as_of=moment, fitted=good(month), spoil=spoil)
    frame = spoilt_frame(fault, column, value, month=month)
    return case_of(MODEL, frame, as_of=moment)


def judged_ways(case: Case, *, month: int) -> dict[str, Case]:
    """The candidate alone, and beside the good model of the month before, where there is one."""
    ways = {"naive rule": case}
    if month - 1 in MONTHS:
        fitted = replace(good(month), split=case.split)
        champion = answers_of(good(month - 1))
        ways["champion"] = judged_case(
            MODEL, fitted, case.scorer, as_of=as_of(month), champion=champion
        )
    return ways


def cost(case: Case, column: str, value: str, *, month: int) -> float:
    """By how much the fault raises the log loss of the rows that it is about."""
    inside = (case.rows[column] == value).to_numpy()
    own = part_of(case.players["candidate"], inside)
    sound = replace(own, score=answers_of(good(month))(case.rows[inside]))
    return BINARY["log_loss"].of(own) - BINARY["log_loss"].of(sound)


def verdict(case: Case) -> GateResult:
    """Ask the gate, with what its examiner finds."""
    found = gather(case).model_dump(mode="json")
    evidence = case.evidence.model_copy(update={"findings": {"slices": found}})
    return check(evidence, MODEL)


def named(result: GateResult, column: str, value: str) -> bool:
    """Whether the gate blocks, and a slice of this value falls short."""
    short = [line["slice"] for line in result.table if line["says"] == "falls short"]
    return result.outcome == "blocked" and any(f"{column} is {value}" in name for name in short)


# ------------------------------------------------------------------------------------------- tables


def false_blocks(months: Iterable[int]) -> list[dict[str, Any]]:
    """How often a good model is blocked, alone and beside the champion."""
    outcomes: dict[str, list[str]] = defaultdict(list)
    rows, slices = [], []
    for month in months:
        alone = case_of(MODEL, flights(), as_of=as_of(month), fitted=good(month))
        for who, case in judged_ways(alone, month=month).items():
            result = verdict(case)
            outcomes[who].append(result.outcome)
            slices.append(sum("unknown" not in line["says"] for line in result.table))
        rows.append(len(alone.rows))
    return [
        {
            "against": who,
            "models": len(found),
            "blocked": found.count("blocked"),
            "rows": [min(rows), max(rows)],
            "known_slices": [min(slices), max(slices)],
        }
        for who, found in outcomes.items()
    ]


def detections(months: Iterable[int]) -> list[dict[str, Any]]:
    """How often each fault is found, by fault and by what the candidate is judged beside.

    `which` tells it month by month, from the last of `costs` back: the first month has no champion.
    """
    found: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for month in months:
        for fault in FAULTS:
            for column, values in FAULTY.items():
                value = values[month % len(values)]
                alone = faulty_case(fault, column, value, month=month)
                costs[fault, column].append(cost(alone, column, value, month=month))
                for who, case in judged_ways(alone, month=month).items():
                    found[fault, column, who].append(named(verdict(case), column, value))
        print(month, {" ".join(key): f"{sum(f)}/{len(f)}" for key, f in found.items()}, flush=True)
    return [
        {
            "fault": fault,
            "of": column,
            "against": who,
            "cases": len(f),
            "found": sum(f),
            "which": f,
            "costs": [round(one, 3) for one in costs[fault, column]],
        }
        for (fault, column, who), f in found.items()
    ]


def error_rates(months: Iterable[int], *, tosses: int = 200) -> list[dict[str, Any]]:
    """How often some slice of two equal players is called worse."""
    table = []
    for swap in (1, 3, 5):
        wrong = np.concatenate([_wrong(month, swap=swap, tosses=tosses) for month in months])
        table.append(
            {
                "exchanged_days": swap,
                "pairs": len(wrong),
                "joint": float(wrong[:, 0].mean()),
                "bonferroni": float(wrong[:, 1].mean()),
                "joint_reach": float(wrong[:, 2].mean()),
                "bonferroni_reach": float(wrong[:, 3].mean()),
            }
        )
    return table


def _wrong(month: int, *, swap: int, tosses: int) -> np.ndarray:
    """For each equal pair: wrong by joint bounds, by Bonferroni's, and both reaches."""
    case = case_of(MODEL, flights(), as_of=as_of(month), fitted=good(month))
    gaps, rows = _sums(case)
    draws, random = case.draws, np.random.default_rng(month)
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    counts, found = weights @ rows, []
    apart = quantile(1 - (1 - MODEL.gates.confidence) / rows.shape[1], draws)
    for _ in range(tosses):
        signs = random.choice([-1.0, 1.0], -(-draws.units // swap))
        signs = np.repeat(signs, swap)[: draws.units, None]
        figures = weights @ (gaps * signs) / counts
        errors = figures[1:].std(axis=0, ddof=1) * draws.correction
        least = float((figures[0] / errors).min())
        reach = joint_reach(figures, draws, confidence=MODEL.gates.confidence, side="above")
        found.append((least < -reach, least < -apart, reach, apart))
    return np.array(found, dtype=np.float64)


def _sums(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """By day and slice: the naive rule's loss above the candidate's, and the rows."""
    gaps, counts = [], []
    kinds = MODEL.features.types
    for column in kinds:
        for part in slices_by(case.rows, column, kinds=kinds, origin="important", most=8):
            inside = part.holds(case.rows)
            own, naive = (part_of(case.players[name], inside) for name in ("candidate", "naive"))
            if too_small(own, case) is None:
                days = np.bincount(own.unit, minlength=own.units).astype(np.float64)
                each = [log_loss(rows)(np.eye(own.units)) for rows in (naive, own)]
                gaps.append(np.nan_to_num(each[0] - each[1]) * days)
                counts.append(days)
    gap, count = np.column_stack(gaps), np.column_stack(counts)
    drawn = ((case.draws.weights @ count) > 0).all(axis=0)
    return gap[:, drawn], count[:, drawn]


PARTS = {"good": false_blocks, "equal": error_rates, "faults": detections}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, nargs="*", default=list(MONTHS), help="as-of months")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=list(PARTS), help="tables")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in asked.part:
        table = PARTS[part](asked.months)
        print(part, *table, sep="\n", flush=True)
        kept[part] = {"months": asked.months, "table": table}
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
