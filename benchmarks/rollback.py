"""How often a promotion is taken back for nothing, and which loss is found how soon.

    python -m benchmarks.rollback --keep       # tables, kept in results/rollback.json

Two versions score the same real flights, and each night of a probation of 28 the watch looks at all
days so far (`tradewind.stats.sequential`), as the monitor does. The first that it calls worse is
taken back.

*Equal* pairs are made in two ways. *Exchanged*: models of different months, whose losses are
exchanged day block by day block at the toss of a coin, as in `benchmarks/gate_errors.py`: each day
keeps its weather, and neither is better. *Halves*: models of random halves of the same months, as
they are, each looked at from both sides: no coin is tossed, what follows what is the flights' own.
A *worse* one is an equal one with a fixed loss added to every row. An arm's watch lasts 56 nights
and may end either way.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.gate_errors import FEATURES, PAIRS, fit, read_flights
from scipy.stats import binom

from tradewind.stats.sequential import LEAST_UNITS, PairedUnits, by_unit, compare_so_far

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tradewind.stats.sequential import Side

ERROR = 0.05
PROBATION = 28
ARM = 56
BEFORE = 28
SPANS = (2, 4, 6)
LOSSES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
RESULTS = Path(__file__).parent / "results" / "rollback.json"


@dataclass(frozen=True)
class Watched:
    """Days of a watch, and the days of the same pair before it."""

    units: PairedUnits
    before: PairedUnits


@dataclass(frozen=True)
class Rates:
    """What became of many watches.

    Attributes:
        worse: Share that called the first worse, and `better`.
        nights: Median night of the right call among those that made it; None where none did.
    """

    worse: float
    better: float
    nights: float | None
    watches: int


# ------------------------------------------------------------------------------- flights and models


def row_losses(model, rows: pd.DataFrame) -> np.ndarray:
    """Log loss of each row."""
    chance = model.predict_proba(rows[FEATURES])[:, 1]
    return -np.where(rows["late"] == 1, np.log(chance), np.log1p(-chance))


def pairs_of_months(frame: pd.DataFrame, pairs=PAIRS) -> list[PairedUnits]:
    """Models of different months, on all later days."""
    models = {span: fit(frame, *span) for span in {span for pair in pairs for span in pair}}
    return [
        paired(models[one], models[other], frame[frame["month"] > max(one[1], other[1])])
        for one, other in pairs
    ]


def pairs_of_halves(frame: pd.DataFrame, spans=SPANS, *, models: int = 6) -> list[PairedUnits]:
    """Models of random halves of the same months, on all later days."""
    found = []
    for last in spans:
        random = np.random.default_rng(last)
        known, later = frame[frame["month"] <= last], frame[frame["month"] > last]
        fitted = [fit(known[random.random(len(known)) < 1 / 2], 1, last) for _ in range(models)]
        losses = [row_losses(model, later) for model in fitted]
        found += [by_unit(one - other, later["day"]) for one, other in combinations(losses, 2)]
    return found


def paired(one, other, rows: pd.DataFrame) -> PairedUnits:
    return by_unit(row_losses(one, rows) - row_losses(other, rows), rows["day"])


# --------------------------------------------------------------------------------------- simulation


def windows(series: PairedUnits, *, nights: int, step: int) -> Iterator[Watched]:
    """Watches that begin `step` days apart, each after a stretch of the days before."""
    for start in range(BEFORE, len(series) - nights + 1, step):
        yield Watched(part(series, start, start + nights), part(series, start - BEFORE, start))


def part(series: PairedUnits, first: int, last: int) -> PairedUnits:
    return PairedUnits(series.sums[first:last], series.rows[first:last])


def exchanged(watched: Watched, *, swap: int, seed: int) -> Watched:
    """Exchange the two models by blocks of days, from a random start."""
    random = np.random.default_rng(seed)
    count = len(watched.before) + len(watched.units)
    place = (np.arange(count) + random.integers(0, swap)) // swap
    sign = random.choice([-1.0, 1.0], size=place[-1] + 1)[place]
    cut = len(watched.before)
    return Watched(
        PairedUnits(watched.units.sums * sign[cut:], watched.units.rows),
        PairedUnits(watched.before.sums * sign[:cut], watched.before.rows),
    )


def worse_by(watched: Watched, loss: float) -> Watched:
    """Add a loss to every row of the watch; the days before know nothing of it."""
    units = watched.units
    return Watched(PairedUnits(units.sums + loss * units.rows, units.rows), watched.before)


def outcome(watched: Watched, *, side: Side, known: bool) -> tuple[str, int]:
    """Look every night, and stop at the first word."""
    units = watched.units
    for night in range(LEAST_UNITS, len(units) + 1):
        found = compare_so_far(
            part(units, 0, night),
            error=ERROR,
            horizon=PROBATION,
            side=side,
            before=watched.before if known else None,
        )
        if found.state != "undecided":
            return found.state, night
    return "undecided", len(units)


def rates_of(watches: list[Watched], *, side: Side = "first_worse", known: bool = True) -> Rates:
    """The rates over many watches, with or without the days before."""
    ends = [outcome(watched, side=side, known=known) for watched in watches]
    count = Counter(state for state, _ in ends)
    nights = [night for state, night in ends if state == "first_worse"]
    return Rates(
        count["first_worse"] / len(ends),
        count["first_better"] / len(ends),
        float(np.median(nights)) if nights else None,
        len(ends),
    )


def holds(rates: Rates) -> bool:
    """Whether no more watches of equal pairs erred than a true error of `ERROR` would show."""
    most = binom.ppf(0.99, rates.watches, ERROR) / rates.watches
    return rates.worse + rates.better <= most


def tossed(series: list[PairedUnits], *, nights: int, swap: int, tosses: int) -> list[Watched]:
    """Equal pairs by exchange: every disjoint stretch of every series, tossed many times."""
    found = [window for one in series for window in windows(one, nights=nights, step=nights)]
    return [
        exchanged(window, swap=swap, seed=number * tosses + toss)
        for number, window in enumerate(found)
        for toss in range(tosses)
    ]


def as_they_are(series: list[PairedUnits], *, nights: int, step: int = 14) -> list[Watched]:
    """Pairs of halves from both sides."""
    sided = [PairedUnits(sign * one.sums, one.rows) for one in series for sign in (1.0, -1.0)]
    return [window for one in sided for window in windows(one, nights=nights, step=step)]


def equal_pairs(
    months: list[PairedUnits], halves: list[PairedUnits], *, nights: int, tosses: int
) -> dict[str, list[Watched]]:
    """All equal pairs, by how they were made."""
    by_swap = {
        f"exchanged by {swap} days": tossed(months, nights=nights, swap=swap, tosses=tosses)
        for swap in (1, 3, 5)
    }
    return {**by_swap, "halves": as_they_are(halves, nights=nights)}


# ------------------------------------------------------------------------------------------ tables


def table(pairs: dict[str, list[Watched]], *, side: Side) -> list[dict]:
    """Rates by kind of pair, knowledge and loss."""
    lines = []
    for kind, watches in pairs.items():
        for known in (True, False):
            for loss in (0.0, *LOSSES) if known else (0.0,):
                made = [worse_by(one, loss) for one in watches]
                rates = rates_of(made, side=side, known=known)
                lines.append({"pairs": kind, "known": known, "loss": loss, **asdict(rates)})
                show(lines[-1], rates)
    return lines


def show(line: dict, rates: Rates) -> None:
    verdict = ("holds" if holds(rates) else "DOES NOT HOLD") if line["loss"] == 0 else ""
    print(
        f"{line['pairs']:<20} {line['known']!s:<6} {line['loss']:<6g} "
        f"{rates.worse:<8.2%} {rates.better:<8.2%} {rates.nights or '':<8} "
        f"{rates.watches:<8} {verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tosses", type=int, default=60, help="exchanges of a stretch")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    frame = read_flights()
    months, halves = pairs_of_months(frame), pairs_of_halves(frame)
    kept: dict[str, object] = {"error": ERROR, "probation": PROBATION, "arm": ARM}
    for name, nights, side in (("rollback", PROBATION, "first_worse"), ("arms", ARM, "both")):
        print(f"{name}: {nights} nights, stated error {ERROR:.0%}, looked at every night")
        print("pairs                before loss   worse    better   nights   watches")
        pairs = equal_pairs(months, halves, nights=nights, tosses=asked.tosses)
        kept[name] = table(pairs, side=side)
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
