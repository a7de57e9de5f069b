"""Tier high stands on a commit that somebody beside its author answers for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.gates.evidence import BODY, evidence
from tradewind.definition.schema import ModelDefinition
from tradewind.gates import run_gates
from tradewind.gates.revision import Found, check

if TYPE_CHECKING:
    from tradewind.records import GateResult

ADA, GRACE = "Ada <ada@example.org>", "Grace <grace@example.org>"
SHA = "0123456789abcdef" * 2 + "01234567"


def model(tier: str) -> ModelDefinition:
    approval = {} if tier == "low" else {"promotion": {"reviewers": ["ada", "grace"]}}
    return ModelDefinition.model_validate({**BODY, "risk_tier": tier, **approval})


def asked(tier: str = "high", **found: Any) -> GateResult:
    told = Found(**{"commit": SHA, "author": ADA, **found}).model_dump(mode="json")
    return check(evidence(findings={"revision": told}), model(tier))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"reviewers": [GRACE]}, f"was reviewed by {GRACE}; definition"),
        ({"tags": ["v1"]}, "is signed as v1; definition"),
        ({"reviewers": [GRACE], "tags": ["v1"]}, f"was reviewed by {GRACE} and is signed as v1"),
    ],
)
@pytest.mark.parametrize("tier", ["high", "critical"])
def test_a_review_or_a_signed_tag_is_enough(tier, found, words):
    result = asked(tier, **found)
    assert result.outcome == "passed"
    assert f"The commit 0123456789ab by {ADA} {words}" in result.sentence
    assert (result.figure, result.threshold) == (len(found), 1.0)


def test_what_nobody_answers_for_blocks():
    result = asked()
    assert result.outcome == "blocked"
    assert (result.figure, result.threshold) == (0.0, 1.0)
    assert "a model of tier high needs one of them" in result.sentence


def test_a_review_of_no_commit_is_none():
    assert asked(commit="", reviewers=[GRACE]).outcome == "blocked"


def test_tier_low_asks_for_nothing():
    assert check(evidence(), model("low")).outcome == "not_applicable"


def test_without_its_finding_it_blocks_and_says_why():
    shown = evidence(unfound={"revision": "git tells of no commit"})
    (result,) = (one for one in run_gates(shown, model("high")) if one.gate == "revision")
    assert result.outcome == "blocked"
    assert "git tells of no commit" in result.sentence
