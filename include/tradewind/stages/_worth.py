"""What the model's decisions were worth above the naive rule's, in the owner's currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.stages._measuring import LEAST_ROWS, Measured, measured
from tradewind.stages._watching import CONTROL, Look, matured
from tradewind.stats.inference import estimate, standard_error
from tradewind.stats.metrics import worth
from tradewind.stats.panel import compare
from tradewind.stats.rows import Rows

if TYPE_CHECKING:
    from tradewind.records import Estimate


def value_of(look: Look) -> tuple[Estimate | None, str]:
    """What the model's decisions were worth above the naive rule's, over the matured rows.

    Returns:
        By the control share where there is one, else by what the rule would have decided on the
        same rows; and how it was found, in words.
    """
    model, champion = look.model, look.champion
    if model.value is None or champion is None:
        return None, "no worth of a decision is declared"
    rows = matured(look.of_version(champion.version))
    served = rows[rows["source"] == "champion"]
    control = rows[rows["source"] == CONTROL]
    if served.empty:
        return None, "no decision of the champion has matured"
    if champion.naive_threshold is None or champion.threshold is None:
        return None, "the thresholds of the model and of the rule are not known"
    if model.score.control_share and len(control) >= LEAST_ROWS:
        return _by_control(look, pd.concat([served, control])), "by the control share"
    return _by_same_rows(look, served), "by what the naive rule would have decided on the same rows"


def _by_same_rows(look: Look, served: pd.DataFrame) -> Estimate | None:
    own = measured(look, served, {"champion": "model_score", "naive": "naive_score"})
    if own.draws is None or look.model.value is None:
        return None
    money = {"money": worth(look.model.value)}
    panel = compare(own.players, metrics=money, draws=own.draws, confidence=_confidence(look))
    gaps = panel.figures["champion"]["money"] - panel.figures["naive"]["money"]
    return _worth(gaps, own, rows=len(served), confidence=_confidence(look))


def _by_control(look: Look, rows: pd.DataFrame) -> Estimate | None:
    """Mean worth of a served row less that of a control row, for all served rows."""
    own = measured(look, rows, {"champion": "model_score", "naive": "naive_score"})
    if own.draws is None or look.model.value is None:
        return None
    is_control = (rows["source"] == CONTROL).to_numpy()
    weights = np.vstack([np.ones((1, own.draws.units)), own.draws.weights])
    metric = worth(look.model.value)
    means = [
        metric.statistic(_weighed(own.players[player], mask))(weights)
        for player, mask in (("champion", ~is_control), ("naive", is_control))
    ]
    count = int((~is_control).sum())
    return _worth(means[0] - means[1], own, rows=count, confidence=_confidence(look))


def _weighed(rows: Rows, mask: np.ndarray) -> Rows:
    return Rows(rows.label, rows.score, rows.unit, mask.astype(float), rows.units, rows.threshold)


def _worth(gaps: np.ndarray, own: Measured, *, rows: int, confidence: float) -> Estimate | None:
    if own.draws is None or not np.isfinite(gaps).all():
        return None
    error = standard_error(gaps[1:], own.draws, name="worth")
    found = estimate(float(gaps[0]), error, own.draws, confidence=confidence)
    return found.model_copy(update={n: one * rows for n, one in found.model_dump().items()})


def _confidence(look: Look) -> float:
    return look.model.monitor.performance.confidence
