"""Documents of what people did by hand: which test, by whom, and until when they hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from tradewind.definition.scorecard import ScorecardSection

SOUND: dict[str, Any] = {
    "where": "docs/review.md",
    "by": "ada",
    "on": date(2026, 1, 1),
    "review": date(2026, 7, 1),
}


@pytest.mark.parametrize("test", ["data_1", "model_7", "infrastructure_3", "monitoring_6"])
def test_a_document_belongs_to_a_test_of_the_rubric(test: str) -> None:
    assert test in ScorecardSection.model_validate({"documents": {test: SOUND}}).documents


@pytest.mark.parametrize("test", ["data_0", "data_8", "Data_1", "privacy", "model_11"])
def test_a_test_that_there_is_not_is_an_error(test: str) -> None:
    with pytest.raises(ValidationError, match="String should"):
        ScorecardSection.model_validate({"documents": {test: SOUND}})


@pytest.mark.parametrize("review", [date(2026, 1, 1), date(2025, 12, 31)])
def test_a_document_holds_for_a_while(review: date) -> None:
    with pytest.raises(ValidationError, match="is not after `on: 2026-01-01`"):
        ScorecardSection.model_validate({"documents": {"data_1": {**SOUND, "review": review}}})


@pytest.mark.parametrize("missing", list(SOUND))
def test_a_document_says_all_of_it(missing: str) -> None:
    said = {name: value for name, value in SOUND.items() if name != missing}
    with pytest.raises(ValidationError, match=missing):
        ScorecardSection.model_validate({"documents": {"data_1": said}})
