"""Evidence that every gate lets through, to be spoilt in one place at a time."""

from __future__ import annotations

from datetime import date
from typing import Any

from tradewind.definition.schema import ModelDefinition
from tradewind.records import Difference, Estimate, Evidence, GateResult

BODY: dict[str, Any] = {
    "name": "late",
    "owner": "desk",
    "purpose": "to test",
    "problem": "binary",
    "entity_key": "id",
    "event_time": "at",
    "sources": {"s": {"kind": "files", "pattern": "x.csv", "key": ["id"]}},
    "features": {"types": {"x": "numeric"}},
    "label": {"relation": "s", "expression": "y"},
}
EXAMINED = (
    *("slices", "fairness", "leakage", "fragility", "behaviour", "calibration", "simplicity"),
    *("service", "poisoning", "benchmark", "stability", "downstream", "promotion_budget"),
)
"""The gates that decide on findings."""
PASSES = GateResult(gate="beats_naive", outcome="passed", sentence="it is better")
BLOCKS = GateResult(gate="threshold", outcome="blocked", sentence="0.61 is below 0.7")
FLOORS = {"log_loss": {"of_naive": 0.98}, "roc_auc": {"at_least": 0.65}}


def waivers(*gates: str) -> list[dict[str, Any]]:
    """Switch gates off: all that decide on findings where none is named."""
    said = {"by": "a test", "because": "it is about something else", "until": date(2099, 12, 31)}
    return [{"gate": gate, **said} for gate in gates or EXAMINED]


def model(**gates: Any) -> ModelDefinition:
    """A definition with floors, and what else its gates ask for."""
    asked = {"threshold": FLOORS, "waivers": waivers(), **gates}
    return ModelDefinition.model_validate({**BODY, "gates": asked})


def estimate(value: float, error: float = 0.01) -> Estimate:
    """A figure with an interval of two standard errors."""
    return Estimate(
        value=value, low=value - 2 * error, high=value + 2 * error, standard_error=error
    )


def difference(value: float, error: float = 0.005) -> Difference:
    """A difference whose bound is two standard errors below it."""
    return Difference(
        value=value, low=value - 2 * error, standard_error=error, smallest_detectable=3 * error
    )


def figures(log_loss: float, roc_auc: float) -> dict[str, Estimate]:
    """Two metrics of a player."""
    return {"log_loss": estimate(log_loss), "roc_auc": estimate(roc_auc)}


def evidence(**changes: Any) -> Evidence:
    """Evidence about a candidate that is good in every way, but for the changes."""
    sound: dict[str, Any] = {
        "metric": "log_loss",
        "greater_is_better": False,
        "confidence": 0.95,
        "rows": 27_075,
        "units": 30,
        "unit": "day",
        "candidate": figures(0.517, 0.765),
        "naive": figures(0.634, 0.5),
        "champion_state": "judged",
        "champion_version": 3,
        "champion": figures(0.52, 0.76),
        "against_naive": difference(0.117),
        "against_champion": difference(0.003),
        "day": date(2024, 6, 1),
    }
    return Evidence.model_validate({**sound, **changes})
