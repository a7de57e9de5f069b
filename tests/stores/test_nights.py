"""The record of a night: one, the first, and rebuilt from the events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradewind.nights import ScoredNight
from tradewind.stores.events import NIGHT_SCORED
from tradewind.stores.ledger import Ledger

NIGHT = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def scored(night: datetime = NIGHT, **changes: Any) -> ScoredNight:
    told = {
        "model": "m", "night": night, "start": night - DAY, "digest": "d", "uri": "predictions/d",
        "features_uri": "features/f", "features": ["x"], "definition_digest": "e", "rows": 3,
        "served": {"champion": 3}, "fallback_reasons": {}, "champion": 1, "arms": [],
    }  # fmt: skip
    return ScoredNight.model_validate({**told, **changes})


def record(ledger: Ledger, night: ScoredNight) -> ScoredNight:
    return ledger.record_night(night, actor="ann", reason="a test")


def test_the_first_record_of_a_night_is_final(ledger: Ledger) -> None:
    first = record(ledger, scored())
    assert record(ledger, scored(digest="another")) == first
    assert ledger.night("m", NIGHT) == first
    assert len(ledger.events(kind=NIGHT_SCORED)) == 1


def test_nights_come_oldest_first_and_by_model(ledger: Ledger) -> None:
    nights = [record(ledger, scored(NIGHT + number * DAY)) for number in (2, 0, 1)]
    record(ledger, scored(model="other"))
    oldest_first = sorted(nights, key=lambda one: one.night)
    assert ledger.nights("m") == oldest_first
    assert ledger.nights("m", since=NIGHT + DAY, until=NIGHT + DAY) == oldest_first[1:2]
    assert ledger.nights("m", until=NIGHT + DAY, limit=1) == oldest_first[1:2]
    assert ledger.night("m", NIGHT - DAY) is None


def test_nights_are_rebuilt_from_the_events(ledger: Ledger) -> None:
    kept = [record(ledger, scored(NIGHT + number * DAY)) for number in range(2)]
    ledger.rebuild_projections()
    assert ledger.nights("m") == kept
