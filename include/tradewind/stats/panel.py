"""Several players judged on the same rows, by the same metrics, under the same draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.inference import difference, estimate, standard_error, undefined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.records import Difference, Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.metrics import Metric
    from tradewind.stats.rows import Floats, Rows


@dataclass(frozen=True)
class Panel:
    """Every player's figure by every metric, on the rows themselves and in each draw.

    Attributes:
        figures: By player and metric, shape (1 + draws,): first the rows themselves. Every one is
            finite.
        missing: Why a metric of a player is not among the figures, by player and metric.
        metrics: By name.
        draws: The same for all, so that differences are paired.
        confidence: Of every bound and interval.
    """

    figures: Mapping[str, Mapping[str, Floats]]
    missing: Mapping[str, Mapping[str, str]]
    metrics: Mapping[str, Metric]
    draws: Draws
    confidence: float

    def estimates(self, player: str) -> dict[str, Estimate]:
        """Give a player's figures with their intervals, by metric; what is missing is not there."""
        return {name: self._estimate(player, name) for name in self.figures[player]}

    def has(self, metric: str, *players: str) -> bool:
        """Say whether each of these players has a figure by this metric."""
        return all(metric in self.figures[player] for player in players)

    def difference(self, metric: str, *, better: str, than: str) -> Difference:
        """Compare two players by one metric; above zero `better` is the better one.

        Raises:
            EvidenceError: The metric has no better direction, or a player's figure is missing.
        """
        direction = self.metrics[metric].greater_is_better
        if direction is None:
            raise EvidenceError(f"{metric} has a sign and no better direction: compare by another")
        for player in (better, than):
            if not self.has(metric, player):
                raise EvidenceError(f"{metric} of the {player}: {self.missing[player][metric]}")
        sign = 1.0 if direction else -1.0
        gaps = sign * (self.figures[better][metric] - self.figures[than][metric])
        error = standard_error(gaps[1:], self.draws, name=f"{metric}, {better} against {than}")
        return difference(float(gaps[0]), error, self.draws, confidence=self.confidence)

    def _estimate(self, player: str, name: str) -> Estimate:
        figures, metric = self.figures[player][name], self.metrics[name]
        return estimate(
            float(figures[0]),
            standard_error(figures[1:], self.draws, name=f"{name} of the {player}"),
            self.draws,
            confidence=self.confidence,
            lowest=metric.lowest,
            highest=metric.highest,
        )


def compare(
    players: Mapping[str, Rows],
    *,
    metrics: Mapping[str, Metric],
    draws: Draws,
    confidence: float,
) -> Panel:
    """Judge players on the same rows.

    Args:
        players: Scores by player; label, unit and weight are the same rows' for all.
        metrics: What to judge by.
        draws: Resamples of the rows' units.
        confidence: Of every bound and interval.

    Returns:
        Their figures; one that these rows or an owner's own function do not allow is missing.

    Raises:
        EvidenceError: The players stand on different rows.
    """
    _same_rows(players, draws)
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    figures: dict[str, dict[str, Floats]] = {player: {} for player in players}
    missing: dict[str, dict[str, str]] = {player: {} for player in players}
    for player, name in product(players, metrics):
        try:
            figures[player][name] = _figures(metrics[name], players[player], weights)
        except EvidenceError as error:
            missing[player][name] = str(error)
    return Panel(figures, missing, metrics, draws, confidence)


def _figures(metric: Metric, rows: Rows, weights: Floats) -> Floats:
    figures = metric.statistic(rows)(weights)
    if not math.isfinite(figures[0]):
        raise EvidenceError(f"it cannot be computed from these rows: it is {figures[0]}")
    if reason := undefined(figures[1:]):
        raise EvidenceError(reason)
    return figures


def _same_rows(players: Mapping[str, Rows], draws: Draws) -> None:
    first = next(iter(players.values()))
    for player, rows in players.items():
        same = (
            rows.units == draws.units
            and np.array_equal(rows.label, first.label)
            and np.array_equal(rows.unit, first.unit)
            and np.array_equal(rows.weight, first.weight)
        )
        if not same:
            raise EvidenceError(f"the {player} was scored on other rows than the rest")
