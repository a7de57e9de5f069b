"""A stretch is gone through night by night, whatever a night is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import TEN_LINES
from tradewind.definition.loader import parse_definition
from tradewind.replay import nights
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.settings import Settings


@pytest.mark.parametrize(
    ("every", "count", "second"),
    [
        ("1 hour", 48, datetime(2013, 3, 9, 6, tzinfo=UTC)),
        ("1 day", 3, datetime(2013, 3, 10, 5, tzinfo=UTC)),
        ("2 days", 2, datetime(2013, 3, 11, 4, tzinfo=UTC)),
    ],
)
def test_each_night_of_a_stretch_is_run_once_also_where_the_clocks_change(
    every: str, count: int, second: datetime, monkeypatch: pytest.MonkeyPatch, home: Settings
) -> None:
    told = f"timezone: America/New_York\nscore: {{every: {every}}}\n"
    told += "schedule: {score: 0 5 * * *, first_night: 2013-03-09}\n"
    files = {"model.yaml": TEN_LINES + told, "features.sql": "SELECT 1"}
    model = parse_definition(files, where="here").model
    run: list[datetime] = []

    def note(_: ModelDefinition, night: datetime, *, stores: Stores) -> None:
        run.append(night)

    monkeypatch.setattr(nights, "replay_night", note)
    list(
        nights.replay(
            model, first=date(2013, 3, 9), last=date(2013, 3, 11), stores=Stores.open(home)
        )
    )
    assert len(run) == len(set(run)) == count
    assert run[1] == second
    assert run[-1] - run[0] == timedelta(hours=47)
