"""Harm was thought about, by somebody, until a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.gates.evidence import BODY, evidence
from tradewind.definition.governance import HarmReview
from tradewind.definition.schema import ModelDefinition
from tradewind.errors import EvidenceError
from tradewind.gates.harm_review import check
from tradewind.records import Estimate

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


def looked(
    name: str, low: float | None = None, high: float | None = None, *, missing: str = ""
) -> dict[str, Any]:
    """An indicator on 1,200 judged rows; without an interval it has no figure."""
    figure = None
    if low is not None and high is not None:
        middle = (low + high) / 2
        figure = Estimate(value=middle, low=low, high=high, standard_error=0.01).model_dump()
    return {"name": name, "rows": 1200, "figure": figure, "missing": missing}


def asked(
    tier: str = "low",
    day: date = date(2024, 6, 1),
    found: list[dict[str, Any]] | None = None,
    **review: Any,
) -> GateResult:
    body = {**BODY, "risk_tier": tier, **({"harm_review": review} if review else {})}
    if tier != "low":
        body["promotion"] = {"reviewers": ["ada", "grace"]}
    findings = {} if found is None else {"harm_review": {"looked": found}}
    return check(evidence(day=day, findings=findings), ModelDefinition.model_validate(body))


@pytest.mark.parametrize("tier", ["low", "high", "critical"])
def test_a_review_that_holds_passes_on_its_last_day_too(tier):
    result = asked(tier, **REVIEW)
    assert result.outcome == "passed"
    assert result.sentence == (
        "The harm review by Grace Hopper of 2024-01-02 holds until 2024-06-01. It helps: "
        "passengers with a tight connection. It harms or could harm: passengers who are warned for "
        "nothing; crews that wait; no figure is watched for it."
    )
    assert (result.rows, result.units) == (0, 0)


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


WITHIN = [looked("needless", 0.2, 0.28), looked("hidden", missing="there is no row of it")]


def test_what_the_nights_watch_stands_in_its_table_with_the_judged_rows():
    result = asked(found=WITHIN, **{**REVIEW, "indicators": INDICATORS})
    assert result.outcome == "passed"
    assert (result.rows, result.units) == (27_075, 30)
    assert result.sentence.endswith(
        "2 figures are watched each night for it. On the judged rows 1 of 2 could be said, none is "
        "harm."
    )
    assert result.table == [
        {
            "indicator": "needless",
            "figure": "false positive rate",
            "of": "all rows",
            "allowed": "at most 0.3",
            "on the judged rows": "0.24 (0.2 to 0.28)",
            "rows": "1,200",
            "beyond it at night": "switches the model off",
        },
        {
            "indicator": "hidden",
            "figure": "selection rate",
            "of": "x = 1, y = a",
            "allowed": "at least 0.1",
            "on the judged rows": "unknown: there is no row of it",
            "rows": "1,200",
            "beyond it at night": "opens an incident",
        },
    ]
    alone = {"needless": INDICATORS["needless"]}
    result = asked(found=WITHIN[:1], **{**REVIEW, "indicators": alone})
    assert "1 figure is watched" in result.sentence


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (WITHIN[:1] * 2, "On the judged rows 2 of 2 could be said, none is harm."),
        (WITHIN[1:] * 2, "2 figures are watched each night for it."),
    ],
    ids=["all", "none"],
)
def test_it_is_told_of_how_many_figures_something_is_known(found, said):
    named = [{**one, "name": name} for one, name in zip(found, INDICATORS, strict=True)]
    result = asked(found=named, **{**REVIEW, "indicators": INDICATORS})
    assert result.sentence.endswith(said)


@pytest.mark.parametrize(
    ("needless", "hidden", "outcome"),
    [
        ((0.30, 0.40), (0.05, 0.10), "passed"),
        ((0.3001, 0.40), (0.05, 0.10), "blocked"),
        ((0.30, 0.40), (0.05, 0.0999), "blocked"),
        ((0.1, 0.9), (0.0, 0.9), "passed"),
    ],
    ids=["both touch their limits", "above the most", "below the least", "nobody can say"],
)
def test_a_figure_that_lies_wholly_beyond_its_limit_blocks(needless, hidden, outcome):
    found = [looked("needless", *needless), looked("hidden", *hidden)]
    assert asked(found=found, **{**REVIEW, "indicators": INDICATORS}).outcome == outcome


def test_what_is_harm_already_is_told_with_its_figure():
    found = [looked("needless", 0.31, 0.41), WITHIN[1]]
    result = asked(found=found, **{**REVIEW, "indicators": INDICATORS})
    assert result.sentence.endswith(
        "On the judged rows harm is seen already: needless, the false positive rate of all rows, "
        "is 0.36 (0.31 to 0.41) on 1,200 rows; at most 0.3 is declared."
    )


def test_a_review_that_ended_blocks_whatever_the_figures_say():
    assert (
        asked(day=date(2024, 6, 2), found=WITHIN, **{**REVIEW, "indicators": INDICATORS}).outcome
        == "blocked"
    )


def test_figures_that_nobody_looked_for_are_no_consent():
    with pytest.raises(EvidenceError, match="nobody looked"):
        asked(**{**REVIEW, "indicators": INDICATORS})


def test_one_that_was_declared_since_is_unknown():
    result = asked(found=WITHIN[:1], **{**REVIEW, "indicators": INDICATORS})
    assert result.table[1]["on the judged rows"] == "unknown: nobody looked"


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
