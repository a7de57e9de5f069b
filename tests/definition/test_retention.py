"""How long things are kept is declared in whole days, or for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tradewind.definition.retention import Retention


def test_evidence_is_kept_for_good_where_nothing_is_said() -> None:
    said = Retention()
    assert said.age("evidence") is None
    ages = {kind: said.age(kind) for kind in Retention.model_fields if kind != "evidence"}  # type: ignore[arg-type]
    assert all(age is not None and age >= timedelta(days=90) for age in ages.values())


def test_an_age_is_in_days_or_for_good() -> None:
    said = Retention.model_validate({"raw": "keep", "predictions": "2 weeks"})
    assert (said.age("raw"), said.age("predictions")) == (None, timedelta(days=14))


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"raw": "3 hours"}, "whole days"),
        ({"raw": "36 hours"}, "whole days"),
        ({"raw": "0 days"}, "whole days"),
        ({"raw": "for ever"}, "a duration such as"),
        ({"quarantined": "1 day"}, "Extra inputs"),
    ],
    ids=str,
)
def test_another_age_is_an_error(said: dict[str, str], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Retention.model_validate(said)
