"""Grounds for decisions, sound unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import yaml

from tests.definition.folders import TEN_LINES
from tradewind.definition.schema import ModelDefinition
from tradewind.nights import (
    Breach,
    ColumnDrift,
    Grounds,
    Guard,
    HarmIndicator,
    LabelCounts,
    LiveState,
    Monitoring,
    PastNight,
    PastRetrain,
    Performance,
    ScoredNight,
)
from tradewind.policy.evidence import LASTING

NIGHT = datetime(2013, 9, 1, 4, tzinfo=UTC)


def declared(**sections: object) -> ModelDefinition:
    """A small model, with these sections."""
    return ModelDefinition.model_validate({**yaml.safe_load(TEN_LINES), **sections})


def nights_ago(count: int) -> datetime:
    """The moment of an earlier night."""
    return NIGHT - timedelta(days=count)


def column(name: str, *, alarm: bool = True, importance: float | None = 0.2) -> ColumnDrift:
    """How a column compares with its reference."""
    return ColumnDrift(
        column=name,
        role="feature",
        kind="numeric",
        rows=7000,
        reference_rows=100_000,
        state="difference" if alarm else "no_difference",
        alarm=alarm,
        effect=0.5 if alarm else 0.0,
        effect_floor=0.05,
        alarm_level=0.3,
        p_value=0.0,
        values={},
        importance=importance,
        sentence=f"{name} moved",
    )


def breach(detector: str = "null_rate", col: str = "price") -> Breach:
    """A part of the contract that does not hold."""
    return Breach(detector=detector, cause="null spike", column=col, sentence="40 % are empty")


def below_bound() -> Performance:
    """Matured rows on which the champion is worse than what it was promoted on."""
    return Performance(
        metric="log_loss",
        greater_is_better=False,
        rows=20_000,
        units=28,
        start=nights_ago(28),
        end=NIGHT,
        figures={},
        naive={},
        below_bound=True,
        sentence="log loss is 0.62 (0.60 to 0.64), and was 0.52 when it was promoted",
    )


def guard(state: str = "first_worse", difference: float = 0.04) -> Guard:
    """The watch over the champion's promotion."""
    return Guard.model_validate(
        {
            "first": 2,
            "second": 1,
            "metric": "log_loss",
            "units": 12,
            "rows": 9000,
            "mean_difference": difference,
            "low": 0.01,
            "high": 0.07,
            "state": state,
            "error": 0.05,
            "sentence": "its log loss is 0.04 above version 1's on the same 9,000 rows",
        }
    )


def harm(name: str = "needless", state: str = "harm", then: str = "switch_off") -> HarmIndicator:
    """A figure by which harm would be seen."""
    said = {
        "name": name,
        "metric": "false_positive_rate",
        "where": "price = 1",
        "rows": 500,
        "units": 28,
        "figure": {"value": 0.4, "low": 0.36, "high": 0.44, "standard_error": 0.02},
        "state": state,
        "then": then,
        "sentence": f"{name}: false positive rate of price = 1 is 0.4 (0.36 to 0.44)",
    }
    return HarmIndicator.model_validate(said)


def sound_look(**changes: object) -> Monitoring:
    """A look at a night on which all is well."""
    night = ScoredNight(
        model="churn",
        night=NIGHT,
        start=nights_ago(1),
        digest="d",
        uri="u",
        features_uri="f",
        features=["price"],
        definition_digest="x",
        rows=900,
        served={"champion": 900},
        fallback_reasons={},
        champion=2,
        arms=[],
    )
    said = {
        "model": "churn",
        "as_of": NIGHT,
        "digest": "m",
        "uri": "monitoring/m.json",
        "champion": 2,
        "champion_since": nights_ago(10),
        "night": night,
        "breaches": [],
        "drift": [column("price", alarm=False)],
        "labels": LabelCounts(predictions=900, matured=800, pending=90, expired=10),
        "performance": None,
        **changes,
    }
    return Monitoring.model_validate(said)


def past(count: int, **changes: object) -> list[PastNight]:
    """So many earlier nights, all of them like this."""
    said = {"alarmed": [], "broken": [], "causes": [], "judged": list(LASTING), **changes}
    return [
        PastNight.model_validate({"as_of": nights_ago(ago), **said}) for ago in range(count, 0, -1)
    ]


def retrain(ago: int, *, cause: str = "drift", outcome: str = "blocked") -> PastRetrain:
    """A training that was launched so many nights ago."""
    return PastRetrain(
        decided=nights_ago(ago), run_id=f"train/{ago}", cause=cause, outcome=outcome, seconds=60
    )


def accepting(*breaches: str) -> LiveState:
    """Who decides, with breaches that a person accepted."""
    return LiveState(
        model="churn",
        as_of=NIGHT,
        champion=2,
        champion_since=nights_ago(10),
        previous=1,
        accepted=list(breaches),
    )


def grounds(look: Monitoring | None = None, **changes: object) -> Grounds:
    """What a decision stands on."""
    said = {
        "monitoring": look or sound_look(),
        "past": [],
        "retrains": [],
        "live": accepting(),
        **changes,
    }
    return Grounds.model_validate(said)
