"""Which interval keeps its promise on 30 days whose neighbours correlate.

    python -m benchmarks.interval_coverage

A month of daily differences is drawn as an autoregressive series around zero, with normal or with
heavy-tailed shocks (t with 4 degrees of freedom). A one-sided 95 % bound should lie above zero in
5 % of the months. Compared are, for blocks of several lengths,

* percentile: the 5 % quantile of the block bootstrap's figures;
* normal: figure - 1.645 standard errors of the block bootstrap;
* studentised: the quantile of (draw - figure) / its own batch standard error;
* t: figure - t quantile with (units / block - 1) degrees of freedom * corrected standard error,
  which is what `tradewind.stats.inference` does.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from tradewind.stats.bootstrap import Draws, block_draws

DAYS = 30
MONTHS = 4000
CONFIDENCE = 0.95


def months(*, correlation: float, heavy: bool, seed: int) -> np.ndarray:
    """Autoregressive series around zero: (months, days), after a warm-up of 50 days."""
    random = np.random.default_rng(seed)
    size = (MONTHS, DAYS + 50)
    shocks = random.standard_t(4, size=size) if heavy else random.standard_normal(size)
    series = shocks.copy()
    for day in range(1, size[1]):
        series[:, day] = correlation * series[:, day - 1] + shocks[:, day]
    return series[:, 50:]


def false_alarms(series: np.ndarray, draws: Draws) -> dict[str, float]:
    """Share of months whose lower bound lies above zero, by kind of interval."""
    mean = series.mean(axis=1)
    drawn = series @ draws.weights.T / DAYS
    error = drawn.std(axis=1, ddof=1)
    bound = student.ppf(CONFIDENCE, draws.degrees_of_freedom)
    bounds = {
        "percentile": np.quantile(drawn, 1 - CONFIDENCE, axis=1),
        "normal": mean - 1.645 * error,
        "studentised": studentised(series, draws),
        "t": mean - bound * error * draws.correction,
    }
    return {name: float((low > 0).mean()) for name, low in bounds.items()}


def studentised(series: np.ndarray, draws: Draws) -> np.ndarray:
    """The bootstrap-t with standard errors from batches of as many days as a block has."""
    block, blocks = draws.block, DAYS // draws.block
    kept = blocks * block
    batches = series[:, :kept].reshape(len(series), blocks, block).mean(axis=2)
    own = batches.std(axis=1, ddof=1) / np.sqrt(blocks)
    random = np.random.default_rng(1)
    low = np.empty(len(series))
    starts = random.integers(0, DAYS, size=(500, blocks))
    wrapped = np.concatenate([series, series[:, : block - 1]], axis=1)
    moving = np.lib.stride_tricks.sliding_window_view(wrapped, block, axis=1).mean(axis=2)
    for number, means in enumerate(moving):
        drawn = means[starts]
        error = drawn.std(axis=1, ddof=1) / np.sqrt(blocks)
        ratio = (drawn.mean(axis=1) - means.mean()) / np.maximum(error, 1e-12)
        low[number] = means.mean() - np.quantile(ratio, CONFIDENCE) * own[number]
    return low


def main() -> None:
    print(f"share of {MONTHS} months of {DAYS} days whose 95 % bound is wrong; 5 % is promised")
    print("correlation  shocks  block  percentile  normal  studentised  t")
    for correlation in (0.0, 0.2, 0.4):
        for heavy in (False, True):
            series = months(correlation=correlation, heavy=heavy, seed=0)
            for block in (1, 3, 5, 7):
                draws = block_draws(DAYS, block=block, draws=1000, seed=0)
                found = false_alarms(series, draws)
                print(
                    f"{correlation:<12} {'heavy' if heavy else 'normal':<7} {block:<6} "
                    f"{found['percentile']:<11.1%} {found['normal']:<7.1%} "
                    f"{found['studentised']:<12.1%} {found['t']:.1%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
