"""Nobody learns from the pinned days, and nothing else changes by them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.learning import frames
from tests.learning.frames import AS_OF, ZONE
from tradewind.errors import LabelError
from tradewind.learning.splits import Split, is_pinned, split_frame

FRAME = frames.feature_set(rows_a_day=20)
WHOLE = split_frame(FRAME, frames.definition(), as_of=AS_OF)


def model_with(start: date, end: date):
    said = {"pinned": "0" * 32, "start": start, "end": end}
    return frames.definition(gates={"benchmark": said})


def days(frame) -> set[date]:
    return set(frame["prediction_time"].dt.tz_convert(ZONE).dt.date)


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 100), length=st.integers(7, 20))
def test_the_pinned_days_are_cut_out_of_what_is_learned_from_and_of_nothing_else(
    first: int, length: int
) -> None:
    start = date(2013, 3, 13) + timedelta(days=first)
    end = start + timedelta(days=length)
    model = model_with(start, end)
    split: Split = split_frame(FRAME, model, as_of=AS_OF)
    for name in ("fit", "select"):
        there, whole = getattr(split, name), getattr(WHOLE, name)
        assert not any(start <= day < end for day in days(there))
        assert there.equals(whole[~is_pinned(whole["prediction_time"], model)])
    assert split.judge.equals(WHOLE.judge)
    assert split.boundaries == WHOLE.boundaries
    cut = len(WHOLE.fit) + len(WHOLE.select) - len(split.fit) - len(split.select)
    # A row that was held back anyhow may be of the pinned days too.
    assert split.pinned + split.held_back == cut + WHOLE.held_back
    assert 0 <= split.pinned - cut <= WHOLE.held_back


def test_the_days_begin_and_end_at_local_midnights() -> None:
    model = model_with(date(2013, 5, 1), date(2013, 5, 8))
    times = FRAME["prediction_time"]
    pinned = days(FRAME[is_pinned(times, model)])
    assert pinned == {date(2013, 5, day) for day in range(1, 8)}
    assert not is_pinned(times, frames.definition()).any()


def test_where_all_of_a_stretch_is_pinned_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(LabelError, match="the select stretch"):
        split_frame(FRAME, model_with(date(2013, 5, 11), date(2013, 6, 1)), as_of=AS_OF)
