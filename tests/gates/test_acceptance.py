"""The error that somebody signed for: reached or not, and only until its review."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.gates.evidence import BODY, evidence, figures
from tradewind.definition.governance import Acceptance
from tradewind.definition.schema import ModelDefinition
from tradewind.errors import EvidenceError
from tradewind.gates import run_gates, threshold
from tradewind.gates.acceptance import check

if TYPE_CHECKING:
    from tradewind.records import Evidence, GateResult

SIGNED = {
    "metric": "roc_auc",
    "at_least": 0.6,
    "by": "Ada Lovelace",
    "on": date(2024, 5, 1),
    "review": date(2024, 6, 1),
}


def model(tier: str = "low", floors: dict[str, Any] | None = None, **said: Any) -> ModelDefinition:
    acceptance = {"acceptance": said} if said else {}
    gates = {"threshold": floors or {}}
    body = {**BODY, "risk_tier": tier, "gates": gates, **acceptance}
    if tier != "low":
        body["promotion"] = {"reviewers": ["ada", "grace"]}
    return ModelDefinition.model_validate(body)


def asked(shown: Evidence | None = None, **changes: Any) -> GateResult:
    return check(shown or evidence(), model(**{**SIGNED, **changes}))


def test_a_candidate_that_reaches_the_accepted_level_passes_and_says_who_accepted_it():
    result = asked()
    assert result.outcome == "passed"
    assert (result.figure, result.threshold) == (0.765, 0.6)
    assert result.interval == (0.745, 0.785)
    assert result.sentence == (
        "Ada Lovelace accepted on 2024-05-01 that roc_auc is at least 0.6; the candidate's is "
        "0.765 (0.745 to 0.785), which reaches it. It is to be looked at again by 2024-06-01. "
        "Judged on 27,075 rows of 30 days."
    )


@pytest.mark.parametrize(("level", "outcome"), [(0.765, "passed"), (0.76501, "blocked")])
def test_a_level_may_be_met_exactly_from_below(level, outcome):
    assert asked(at_least=level).outcome == outcome


@pytest.mark.parametrize(("level", "outcome"), [(0.517, "passed"), (0.51699, "blocked")])
def test_a_level_may_be_met_exactly_from_above(level, outcome):
    result = asked(metric="log_loss", at_least=None, at_most=level)
    assert (result.outcome, result.threshold) == (outcome, level)


@pytest.mark.parametrize(
    ("day", "outcome"), [(date(2024, 6, 1), "passed"), (date(2024, 6, 2), "blocked")]
)
def test_an_expired_signature_blocks_also_a_candidate_that_reaches_it(day, outcome):
    result = asked(evidence(day=day))
    assert result.outcome == outcome
    assert ("The signature ended on 2024-06-01" in result.sentence) == (outcome == "blocked")


@pytest.mark.parametrize(("tier", "outcome"), [("low", "not_applicable"), ("high", "blocked"),
                                               ("critical", "blocked")])  # fmt: skip
def test_from_tier_high_on_somebody_must_sign(tier, outcome):
    result = check(evidence(), model(tier))
    assert result.outcome == outcome
    assert "Nobody has signed which error is acceptable" in result.sentence


def test_a_signed_model_of_tier_high_passes():
    assert check(evidence(), model("high", **SIGNED)).outcome == "passed"


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"at_least": None, "at_most": 0.9}, "at_least"),
        ({"metric": "log_loss", "at_least": 0.1}, "at_most"),
    ],
)
def test_a_level_on_the_wrong_side_would_accept_anything_and_is_refused(changes, right):
    with pytest.raises(EvidenceError, match=f"so say `{right}`"):
        asked(**changes)


def test_a_metric_that_was_not_measured_blocks():
    results = run_gates(evidence(), model(**{**SIGNED, "metric": "f1"}))
    (result,) = (one for one in results if one.gate == "acceptance")
    assert result.outcome == "blocked"
    assert "there is no f1 of the candidate" in result.sentence


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"at_most": 0.7}, "say one of at_least, at_most"),
        ({"at_least": None}, "say one of at_least, at_most"),
        ({"review": date(2024, 5, 1)}, "is not after `on: 2024-05-01`"),
        ({"by": ""}, "at least 1 character"),
    ],
)
def test_a_signature_has_one_level_a_name_and_a_last_day(changes, said):
    with pytest.raises(ValidationError, match=said):
        Acceptance.model_validate({**SIGNED, **changes})


# ---------------------------------------------------------------------- a weak first model ships

FLOORS = {"roc_auc": {"at_least": 0.7}, "log_loss": {"at_most": 0.6}}
WEAK = figures(0.59, 0.62)


def floors_of(champion: str = "never", signed: dict[str, Any] | None = None, **changes: Any):
    shown = evidence(candidate=WEAK, champion_state=champion, **changes)
    return threshold.check(shown, model(floors=FLOORS, **(signed if signed is not None else {})))


def test_a_weak_first_model_ships_where_it_is_signed_and_says_by_whom():
    assert floors_of().outcome == "blocked"
    result = floors_of(signed=SIGNED)
    assert result.outcome == "passed"
    assert (
        "roc_auc 0.62 (0.6 to 0.64) is at least 0.6, which Ada Lovelace accepted until 2024-06-01 "
        "in the place of the floor, as there has never been a champion"
    ) in result.sentence
    assert "log_loss 0.59 (0.57 to 0.61) is at most 0.6." in result.sentence


def test_what_is_accepted_from_above_takes_the_place_of_its_floor_alone():
    signed = {**SIGNED, "metric": "log_loss", "at_least": None, "at_most": 0.589}
    result = floors_of(signed=signed)
    assert result.outcome == "blocked"
    assert "log_loss 0.59 (0.57 to 0.61) is not at most 0.589, which Ada" in result.sentence
    assert "roc_auc 0.62 (0.6 to 0.64) is not at least 0.7" in result.sentence


@pytest.mark.parametrize(
    "changes",
    [{"champion": "judged"}, {"champion": "unusable"}, {"day": date(2024, 6, 2)}],
    ids=["champion", "champion that cannot be judged", "expired"],
)
def test_the_floor_stands_once_there_was_a_champion_and_after_the_review(changes):
    result = floors_of(signed=SIGNED, **changes)
    assert result.outcome == "blocked"
    assert "is not at least 0.7" in result.sentence


def test_the_signature_holds_on_its_last_day():
    assert floors_of(signed=SIGNED, day=date(2024, 6, 1)).outcome == "passed"


def test_a_floor_of_the_naive_rule_gives_way_too():
    shown = evidence(candidate=WEAK, champion_state="never")
    floors = {"roc_auc": {"of_naive": 1.3}}
    assert threshold.check(shown, model(floors=floors)).outcome == "blocked"
    assert threshold.check(shown, model(floors=floors, **SIGNED)).outcome == "passed"


def test_a_loss_is_accepted_up_to_a_level_and_the_sentence_says_at_most():
    said = {**SIGNED, "metric": "log_loss", "at_most": 0.6}
    del said["at_least"]
    result = check(evidence(), model(**said))
    assert result.outcome == "passed"
    assert "that log_loss is at most 0.6; the candidate's is 0.517" in result.sentence


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_a_metric_without_a_better_direction_is_held_to_what_was_signed(problem):
    """`sharpness` is nobody's metric here, and the bias of a regression is best at zero."""
    name = "bias" if problem == "regression" else "sharpness"
    said = {**SIGNED, "metric": name, "at_most": 0.6}
    del said["at_least"]
    signed = model(**said).model_copy(update={"problem": problem})
    shown = evidence(candidate={name: figures(0.5, 0.7)["log_loss"]})
    assert check(shown, signed).outcome == "passed"
