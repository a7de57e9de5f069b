"""The champion gate's two error rates on real flights; `benchmarks/gate_errors.py` has them all."""

from __future__ import annotations

import pytest
from benchmarks.gate_errors import (
    Month,
    holds,
    log_losses,
    measure,
    months_of,
    read_flights,
    row_wise_superior,
    simulate,
)
from benchmarks.gate_errors import coin_tosses as tosses

from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import BINARY
from tradewind.stats.panel import compare

PAIRS = (((1, 1), (1, 2)), ((2, 2), (1, 2)))


@pytest.fixture(scope="module")
def months() -> list[Month]:
    """Two pairs of models of real months, each on three months that neither has seen."""
    frame = read_flights()
    return list(months_of(frame[frame["month"] <= 6], pairs=PAIRS, judged=(4, 5, 6)))


@pytest.mark.parametrize(("metric", "pairs"), [("log_loss", 300), ("roc_auc", 60)])
@pytest.mark.parametrize("swap", [1, 3])
def test_by_weeks_of_days_the_gate_errs_as_seldom_as_it_promises(months, metric, pairs, swap):
    rates = measure(months, metric=metric, swap=swap, block=7, pairs=pairs)
    assert holds(rates), rates


def test_by_single_days_a_spell_of_weather_looks_like_a_better_model(months):
    rates = measure(months, metric="log_loss", swap=5, block=1, pairs=300)
    assert not holds(rates), rates


def test_by_rows_equal_models_are_called_better_in_tens_of_per_cent(months):
    shares = [
        row_wise_superior(
            month, tosses(month.one.units, pairs=50, block=1, seed=0), draws=100, seed=0
        )
        for month in months
    ]
    assert sum(shares) / len(shares) > 0.2


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
def test_what_is_simulated_is_what_the_panel_measures(months, metric):
    month = months[0]
    never, _ = simulate(month, metric=metric, pairs=1, block=7, swap=60, seed=0)
    draws = block_draws(month.one.units, block=7, draws=1000, seed=0)
    players = {"one": month.one, "other": month.other}
    panel = compare(players, metrics={metric: BINARY[metric]}, draws=draws, confidence=0.95)
    found = panel.difference(metric, better="one", than="other")
    # Exchanging every day at once, or none, is one model against the other, either way round.
    assert abs(never.value[0]) == pytest.approx(abs(found.value), rel=1e-9)
    assert never.error[0] == pytest.approx(found.standard_error, rel=1e-9)
    assert log_losses(month.one).mean() == pytest.approx(BINARY["log_loss"].of(month.one))
