"""Harm was thought about, by somebody, until a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.gates.evidence import BODY, evidence
from tradewind.definition.governance import HarmReview
from tradewind.definition.schema import ModelDefinition
from tradewind.gates.harm_review import check

if TYPE_CHECKING:
    from tradewind.records import GateResult

REVIEW: dict[str, Any] = {
    "by": "Grace Hopper",
    "on": date(2024, 1, 2),
    "until": date(2024, 6, 1),
    "helps": ["passengers with a tight connection"],
    "harms": ["passengers who are warned for nothing", "crews that wait"],
}
INDICATORS = {
    "needless": {"metric": "false_positive_rate", "at_most": 0.3, "then": "switch_off"},
    "hidden": {"metric": "selection_rate", "where": {"x": 1, "y": "a"}, "at_least": 0.1},
}


def asked(tier: str = "low", day: date = date(2024, 6, 1), **review: Any) -> GateResult:
    body = {**BODY, "risk_tier": tier, **({"harm_review": review} if review else {})}
    if tier != "low":
        body["promotion"] = {"reviewers": ["ada", "grace"]}
    return check(evidence(day=day), ModelDefinition.model_validate(body))


@pytest.mark.parametrize("tier", ["low", "high", "critical"])
def test_a_review_that_holds_passes_on_its_last_day_too(tier):
    result = asked(tier, **REVIEW)
    assert result.outcome == "passed"
    assert result.sentence == (
        "The harm review by Grace Hopper of 2024-01-02 holds until 2024-06-01. It helps: "
        "passengers with a tight connection. It harms or could harm: passengers who are warned for "
        "nothing; crews that wait; no figure is watched for it."
    )


@pytest.mark.parametrize("tier", ["low", "high"])
def test_an_expired_review_blocks(tier):
    result = asked(tier, date(2024, 6, 2), **REVIEW)
    assert result.outcome == "blocked"
    assert "ended on 2024-06-01: somebody has to look again" in result.sentence


@pytest.mark.parametrize(
    ("tier", "outcome"), [("low", "not_applicable"), ("high", "blocked"), ("critical", "blocked")]
)
def test_from_tier_high_on_there_must_be_one(tier, outcome):
    result = asked(tier)
    assert result.outcome == outcome
    assert "Nobody has reviewed" in result.sentence


def test_what_the_nights_watch_stands_in_its_table():
    result = asked(**{**REVIEW, "indicators": INDICATORS})
    assert "2 figures are watched each night for it" in result.sentence
    assert result.table == [
        {
            "indicator": "needless",
            "figure": "false positive rate",
            "of": "all rows",
            "allowed": "at most 0.3",
            "beyond it": "switches the model off",
        },
        {
            "indicator": "hidden",
            "figure": "selection rate",
            "of": "x = 1, y = a",
            "allowed": "at least 0.1",
            "beyond it": "opens an incident",
        },
    ]
    alone = {"needless": INDICATORS["needless"]}
    assert "1 figure is watched" in asked(**{**REVIEW, "indicators": alone}).sentence


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"until": date(2024, 1, 2)}, "is not after `on: 2024-01-02`"),
        ({"helps": []}, "at least 1 item"),
        ({"harms": []}, "at least 1 item"),
        ({"indicators": {"a": {"metric": "mean_score"}}}, "say one of at_least, at_most"),
        ({"indicators": {"a": {"metric": "luck", "at_most": 1.0}}}, "Input should be"),
    ],
)
def test_a_review_says_whom_until_when_and_what_is_watched(changes, said):
    with pytest.raises(ValidationError, match=said):
        HarmReview.model_validate({**REVIEW, **changes})
