"""A window begins at a local midnight, whatever the clocks did since."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, WHOLE
from tradewind.definition.loader import parse_definition
from tradewind.definition.moments import window_start

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition


def _model(window: str) -> ModelDefinition:
    text = WHOLE.replace("  window: {start: 2013-01-01}", f"  window: {window}")
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="here").model


@pytest.mark.parametrize(
    ("window", "as_of", "asked", "expected"),
    [
        # The clocks of New York went back on 2013-11-03, and forward on 2013-03-10.
        ("{days: 60}", "2013-12-01T05:00Z", None, "2013-10-02T04:00Z"),
        ("{days: 60}", "2013-04-01T04:00Z", None, "2013-01-31T05:00Z"),
        ("{days: 60}", "2013-12-01T17:30Z", None, "2013-10-02T04:00Z"),
        ("{days: 90}", "2013-12-01T05:00Z", 60, "2013-10-02T04:00Z"),
        ("{start: 2013-07-01}", "2013-12-01T05:00Z", None, "2013-07-01T04:00Z"),
        ("{start: 2013-07-01}", "2013-12-01T05:00Z", 60, "2013-10-02T04:00Z"),
        ("{}", "2013-12-01T05:00Z", None, None),
    ],
)
def test_the_window_begins_at_a_local_midnight(
    window: str, as_of: str, asked: int | None, expected: str | None
) -> None:
    found = window_start(_model(window), as_of=datetime.fromisoformat(as_of), window_days=asked)
    assert found == (expected and datetime.fromisoformat(expected))


def test_the_history_is_a_key_of_the_window() -> None:
    assert _model("{start: 2013-07-01}").train.window.history.days == 35
    window = _model("{start: 2013-07-01, history: 60 days}").train.window
    assert (window.start, window.history.days) == (date(2013, 7, 1), 60)
