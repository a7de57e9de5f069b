"""How often a year of comparisons promotes a worse model, on real flights.

    python -m benchmarks.promotion_budget --keep     # kept in results/promotion_budget.json

Pairs of models that were trained on different months meet the flights that neither has seen, day
after day for a year: the real days in their order, and again from the start when they end. A year
is made *equal* by exchanging what the two say, day block by day block, at the toss of a coin, and
*worse by the margin* by taking the mean automatic margin of each comparison off its difference.
Every comparison is of thirty days, and is judged by the gate itself: every fortnight (26 a year) or
every night (365 a year), so that the judged days of neighbours overlap as they do in earnest. What
counts is a year in which at least one comparison ends in a promotion, because none should.

Beside it stands the same year with `beats_champion` alone, which is every comparison at 95 %.

A margin that is declared as a number errs as `superior` does: a model that is worse by just that
much must be found better than one that is.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.gate_errors import CONFIDENCE, PAIRS, coin_tosses, log_losses, months_of
from scipy.stats import binom

from benchmarks import gate_errors
from tradewind.definition.schema import ModelDefinition
from tradewind.gates import beats_champion, promotion_budget
from tradewind.gates.promotion_budget import Found
from tradewind.stats.bootstrap import Draws, block_draws
from tradewind.stats.inference import difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tradewind.records import Difference, Evidence

YEAR, JUDGED, BLOCK = 365, 30, 7
EXCHANGED = (1, 3, 5)
PLANS = (26, 365)
CAP = 0.03
RESULTS = Path(__file__).parent / "results" / "promotion_budget.json"


@dataclass(frozen=True)
class Days:
    """Two models on real days in their order: gap in loss and rows of each, shape (days,)."""

    gap: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Years:
    """Comparisons of many years: the differences and their errors, shape (years, comparisons)."""

    value: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Rates:
    """Shares of years with a wrong promotion, and what the budget costs.

    `budget` and `alone` are years of equal models under `superior`; `worse` and `worse_alone` of
    models worse by the margin under `non_inferior`. `passing` is the share of comparisons of equal
    models that pass under `non_inferior`, `capped` where the margin is capped at 0.03, and
    `capped_alone` so many with `beats_champion` alone. `wider` is how many times as wide the margin
    is as that of one comparison at 95 %.
    """

    planned: int
    years: int
    budget: float
    alone: float
    worse: float
    worse_alone: float
    passing: float
    capped: float
    capped_alone: float
    wider: float


def days_of(frame: pd.DataFrame, pairs=PAIRS, judged=range(1, 13)) -> Iterator[Days]:
    """The days of every pair, as both models answer them."""
    for pair in pairs:
        months = list(months_of(frame, pairs=(pair,), judged=judged))
        one = [m.other.sums(log_losses(m.other)) - m.one.sums(log_losses(m.one)) for m in months]
        rows = [m.one.sums(np.ones(len(m.one.label))) for m in months]
        yield Days(np.concatenate(one)[:, 0], np.concatenate(rows)[:, 0])


def judging() -> Draws:
    """The draws of thirty days, as the gates judge by."""
    return block_draws(JUDGED, block=BLOCK, draws=1000, seed=0)


def equal_years(days: Days, draws: Draws, *, planned: int, years: int, swap: int, seed: int):
    """Years of comparisons of models of which neither is better."""
    place = np.arange(YEAR + JUDGED) % len(days.gap)
    coins = coin_tosses(len(place), pairs=years, block=swap, seed=seed)
    gap, rows = np.where(coins == 1, -days.gap[place], days.gap[place]), days.rows[place]
    value, error = np.empty((years, planned)), np.empty((years, planned))
    for number, start in enumerate(np.arange(planned) * YEAR // planned):
        own, counted = gap[:, start : start + JUDGED], rows[start : start + JUDGED]
        drawn = (own @ draws.weights.T) / (draws.weights @ counted)
        value[:, number] = own.sum(axis=1) / counted.sum()
        error[:, number] = drawn.std(axis=1, ddof=1) * draws.correction
    return Years(value, error)


def definition(policy: str, planned: int, **more) -> ModelDefinition:
    """A definition that asks for a policy, and for a budget of so many comparisons."""
    body = gate_errors.definition(policy).model_dump(mode="json", by_alias=True, exclude_unset=True)
    body["gates"]["beats_champion"] |= more
    body["gates"]["promotion_budget"] = {"comparisons": planned}
    return ModelDefinition.model_validate(body)


def margins(years: Years, draws: Draws, *, confidence: float) -> np.ndarray:
    """The mean automatic margin of each comparison, shape (comparisons,)."""
    one = difference(0.0, 1.0, draws, confidence=confidence).smallest_detectable
    return one * years.error.mean(axis=0)


def budget_passes(years: Years, draws: Draws, model: ModelDefinition) -> np.ndarray:
    """What the budget lets through, shape (years, comparisons)."""
    planned = years.value.shape[1]
    level = model.gates.promotion_budget.error / planned
    return _asked(years, draws, model, promotion_budget, level=level)


def alone_passes(years: Years, draws: Draws, model: ModelDefinition) -> np.ndarray:
    """What `beats_champion` alone lets through."""
    return _asked(years, draws, model, beats_champion, level=1 - CONFIDENCE)


def _asked(years: Years, draws: Draws, model, gate, *, level: float) -> np.ndarray:
    """Ask a gate of every comparison."""
    sound = gate_errors.evidence(0.0, 1.0, draws)
    # The bound is a multiple of the error: looked up once, and not a hundred thousand times.
    one = difference(0.0, 1.0, draws, confidence=1 - level)
    passed = np.empty(years.value.shape, dtype=bool)
    for (year, number), value in np.ndenumerate(years.value):
        error = float(years.error[year, number])
        against = one.model_copy(
            update={
                "value": float(value),
                "low": float(value) + one.low * error,
                "standard_error": error,
                "smallest_detectable": one.smallest_detectable * error,
            }
        )
        evidence = _evidence(sound, against, level, number, years.value.shape[1])
        passed[year, number] = gate.check(evidence, model).outcome == "passed"
    return passed


def _evidence(sound: Evidence, against: Difference, level: float, number: int, planned: int):
    found = Found(
        level=level, planned=planned, earlier=number, spent=number * level, against=against
    )
    findings = {"promotion_budget": found.model_dump(mode="json")}
    return sound.model_copy(update={"against_champion": against, "findings": findings})


def wrong_years(passed: np.ndarray) -> float:
    """The share of years with a promotion."""
    return float(passed.any(axis=1).mean())


def rates_of(many: list[Years], draws: Draws, *, planned: int) -> Rates:
    """All rates of one plan."""
    equal = Years(*(np.vstack([getattr(one, part) for one in many]) for part in ("value", "error")))
    superior, near = definition("superior", planned), definition("non_inferior", planned)
    capped = definition("non_inferior", planned, at_most=CAP)
    level = near.gates.promotion_budget.error / planned
    worse, worse_alone = (
        Years(
            np.vstack([one.value - margins(one, draws, confidence=c) for one in many]), equal.error
        )
        for c in (1 - level, CONFIDENCE)
    )
    at = [
        difference(0.0, 1.0, draws, confidence=c).smallest_detectable
        for c in (1 - level, CONFIDENCE)
    ]
    return Rates(
        planned=planned,
        years=len(equal.value),
        budget=wrong_years(budget_passes(equal, draws, superior)),
        alone=wrong_years(alone_passes(equal, draws, superior)),
        worse=wrong_years(budget_passes(worse, draws, near)),
        worse_alone=wrong_years(alone_passes(worse_alone, draws, near)),
        passing=float(budget_passes(equal, draws, near).mean()),
        capped=float(budget_passes(equal, draws, capped).mean()),
        capped_alone=float(alone_passes(equal, draws, capped).mean()),
        wider=at[0] / at[1],
    )


def holds(rates: Rates, *, error: float) -> bool:
    """Whether wrong years are as seldom as declared, within what chance does at this many."""
    most = binom.ppf(0.99, rates.years, error) / rates.years
    return max(rates.budget, rates.worse) <= most


def simulate(pairs: list[Days], draws: Draws, *, planned: int, years: int) -> list[Years]:
    """So many years in all, shared among the pairs and the lengths of what is exchanged."""
    kinds = [(days, swap) for days in pairs for swap in EXCHANGED]
    shares = [len(part) for part in np.array_split(np.arange(years), len(kinds))]
    return [
        equal_years(days, draws, planned=planned, years=share, swap=swap, seed=seed)
        for seed, ((days, swap), share) in enumerate(zip(kinds, shares, strict=True))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=400, help="pairs of models, a year each")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    draws, pairs = judging(), list(days_of(gate_errors.read_flights()))
    error = definition("superior", 1).gates.promotion_budget.error
    table = []
    for planned in PLANS:
        many = simulate(pairs, draws, planned=planned, years=asked.years)
        rates = rates_of(many, draws, planned=planned)
        table.append(vars(rates))
        for name, figure in vars(rates).items():
            print(
                f"{name:<14} {figure:.3f}" if isinstance(figure, float) else f"{name:<14} {figure}"
            )
        word = "holds" if holds(rates, error=error) else "DOES NOT HOLD"
        print(f"declared       {error:.3f}  {word}", flush=True)
    if asked.keep:
        days = [len(one.gap) for one in pairs]
        kept = {"error": error, "judged_days": JUDGED, "real_days": days, "rates": table}
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
