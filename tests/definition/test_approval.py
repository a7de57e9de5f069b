"""Who approves is declared where an approval is needed, and only there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

import pytest

from tests.definition.folders import TEN_LINES
from tradewind.definition.loader import load_definition
from tradewind.definition.permissions import Action
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.schema import ModelDefinition

SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills"
NOBODY_IS_ASKED = (
    "nobody is asked, and `{}` says nothing: say `approval: required`, or a `risk_tier` of high or "
    "critical"
)
# A higher tier asks who may do what, too.
MAY = f"permissions: {{{', '.join(f'{action}: [ann@example.org]' for action in get_args(Action))}}}"


def definition(folder: Path, more: str) -> ModelDefinition:
    tips = folder / "tips"
    tips.mkdir()
    (tips / "model.yaml").write_text(f"{TEN_LINES}{more}\n{MAY}\n")
    (tips / "features.sql").write_text(SQL)
    return load_definition(tips).model


@pytest.mark.parametrize(
    ("more", "people"),
    [
        pytest.param("", 0, id="low promotes by itself"),
        pytest.param("risk_tier: low", 0, id="low, said"),
        pytest.param("promotion: {approval: required, reviewers: [ann]}", 1, id="required"),
        pytest.param("risk_tier: high\npromotion: {reviewers: [ann]}", 1, id="high needs one"),
        pytest.param("risk_tier: critical\npromotion: {reviewers: [ann, bob]}", 2, id="two"),
        pytest.param(
            "risk_tier: critical\npromotion: {approval: required, reviewers: [ann, bob, cy]}",
            2,
            id="critical, and required too",
        ),
    ],
)
def test_as_many_people_are_needed_as_the_risk_says(tmp_path: Path, more: str, people: int) -> None:
    assert definition(tmp_path, more).approvals_needed == people


def test_there_are_three_days_to_answer_where_nothing_is_said(tmp_path: Path) -> None:
    assert definition(tmp_path, "").promotion.approve_within == timedelta(days=3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(
            "risk_tier: high",
            "risk_tier: `risk_tier: high` needs one reviewer's approval: name at least 1 in "
            "`promotion.reviewers`",
            id="high without reviewers",
        ),
        pytest.param(
            "risk_tier: critical\npromotion: {reviewers: [ann]}",
            "risk_tier: `risk_tier: critical` needs two different reviewers' approval: name at "
            "least 2 in `promotion.reviewers`",
            id="critical with one",
        ),
        pytest.param(
            "promotion: {approval: required}",
            "promotion.approval: `approval: required` needs one reviewer's approval: name at least "
            "1 in `promotion.reviewers`",
            id="required without reviewers",
        ),
        pytest.param(
            "promotion: {reviewers: [ann]}",
            f"promotion.reviewers: {NOBODY_IS_ASKED.format('reviewers')}",
            id="reviewers whom nobody asks",
        ),
        pytest.param(
            "promotion: {approve_within: 1 day}",
            f"promotion.approve_within: {NOBODY_IS_ASKED.format('approve_within')}",
            id="a deadline of no question",
        ),
        pytest.param(
            "promotion: {approval: required, reviewers: [ann, ann]}",
            "promotion.reviewers[0]: 'ann' is named twice: a person counts once",
            id="one person twice",
        ),
        pytest.param(
            "promotion: {approval: required, reviewers: [ann], approve_within: 0 days}",
            "promotion: `approve_within` leaves nobody the time to answer",
            id="no time",
        ),
        pytest.param(
            "risk_tier: hihg",
            "risk_tier: expected one of low, high, critical, found 'hihg'; did you mean high?",
            id="no tier",
        ),
    ],
)
def test_what_does_not_agree_is_said_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        definition(tmp_path, more)
    assert error.value.problems[0].partition(": ")[2] == said
