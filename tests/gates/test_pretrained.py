"""A model from elsewhere is judged on what it has surely not seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gates.evidence import evidence, model
from tradewind.definition.learning import Train
from tradewind.gates import run_gates
from tradewind.gates.pretrained import Found, check
from tradewind.records import Pretrained

JUDGED = datetime(2013, 6, 1, tzinfo=UTC)


def declared() -> Any:
    """A definition with a candidate that was trained elsewhere."""
    given = {
        "from": "given.skops",
        "digest": "0" * 64,
        "provenance": "the desk",
        "licence": "MIT",
        "trained_until": "unknown",
    }
    train = Train.model_validate({"candidates": {"given": given}})
    return model().model_copy(update={"train": train})


def answer(until: datetime | None, *, here: bool = False) -> Any:
    told = Pretrained(
        source="given.skops", provenance="the desk", licence="MIT", trained_until=until
    )
    found = Found(elsewhere=None if here else told, judged_from=JUDGED)
    given = evidence(findings={"pretrained": found.model_dump(mode="json")})
    return check(given, declared())


def test_a_training_that_ended_before_the_judged_rows_passes() -> None:
    result = answer(JUDGED - timedelta(days=31))
    assert result.outcome == "passed"
    assert result.sentence == (
        "The candidate was trained elsewhere: given.skops (the desk; licence: MIT). It was trained "
        "up to 2013-04-30, and the judged rows begin on 2013-06-01: it has not seen them. Judged "
        "on 27,075 rows of 30 days."
    )
    assert (result.figure, result.threshold) == (31, 0)


@pytest.mark.parametrize(
    ("later", "outcome"),
    [(timedelta(0), "passed"), (timedelta(seconds=1), "blocked"), (timedelta(days=9), "blocked")],
)
def test_training_may_reach_to_the_first_judged_row_and_no_further(
    later: timedelta, outcome: str
) -> None:
    assert answer(JUDGED + later).outcome == outcome


def test_an_overlap_is_told_in_days() -> None:
    result = answer(JUDGED + timedelta(days=9))
    assert "the judged rows begin 9 days before that has ended" in result.sentence
    assert result.figure == -9


def test_what_is_unknown_is_said_and_not_counted_as_passed() -> None:
    result = answer(None)
    assert result.outcome == "not_applicable"
    assert "is declared unknown: it may have seen the judged rows" in result.sentence


def test_a_model_that_was_trained_here_has_nothing_to_declare() -> None:
    assert answer(None, here=True).outcome == "not_applicable"


def test_where_a_model_comes_from_must_be_known() -> None:
    results = run_gates(evidence(), declared())
    result = next(one for one in results if one.gate == "pretrained")
    assert result.outcome == "blocked"


def test_where_no_candidate_comes_from_elsewhere_nothing_need_be_found() -> None:
    assert check(evidence(), model()).outcome == "not_applicable"
