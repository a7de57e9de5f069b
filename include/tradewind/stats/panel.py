"""Several players judged on the same rows, by the same metrics, under the same draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.stats.inference import difference, estimate, standard_error

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
        figures: By player and metric, shape (1 + draws,): first the rows themselves.
        metrics: By name.
        draws: The same for all, so that differences are paired.
        confidence: Of every bound and interval.
    """

    figures: Mapping[str, Mapping[str, Floats]]
    metrics: Mapping[str, Metric]
    draws: Draws
    confidence: float

    def estimates(self, player: str) -> dict[str, Estimate]:
        """Give a player's figures with their intervals, by metric."""
        return {name: self._estimate(player, name) for name in self.metrics}

    def difference(self, metric: str, *, better: str, than: str) -> Difference:
        """Compare two players by one metric; above zero `better` is the better one.

        Raises:
            EvidenceError: The metric has no better direction, or some draws do not allow it.
        """
        direction = self.metrics[metric].greater_is_better
        if direction is None:
            raise EvidenceError(f"{metric} has a sign and no better direction: compare by another")
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

    Raises:
        EvidenceError: The players stand on different rows, or a metric cannot be computed.
    """
    _same_rows(players, draws)
    weights = np.vstack([np.ones((1, draws.units)), draws.weights])
    figures = {
        player: {name: _figures(metric, rows, weights) for name, metric in metrics.items()}
        for player, rows in players.items()
    }
    return Panel(figures, metrics, draws, confidence)


def _figures(metric: Metric, rows: Rows, weights: Floats) -> Floats:
    try:
        figures = metric.statistic(rows)(weights)
    except EvidenceError:
        raise
    except Exception as error:  # an owner's own metric may raise anything
        raise EvidenceError(f"the metric {metric.name} failed: {error!r}") from error
    if not math.isfinite(figures[0]):
        raise EvidenceError(f"{metric.name} cannot be computed from these rows: it is {figures[0]}")
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
