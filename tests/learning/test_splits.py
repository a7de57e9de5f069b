from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.learning import frames
from tests.learning.frames import AS_OF, ZONE
from tradewind.errors import EvidenceError, LabelError
from tradewind.learning.splits import boundaries, local_days, prove_separation, split_frame

FRAME = frames.feature_set(rows_a_day=20)


def test_stretches_begin_at_local_midnights_counted_back_from_the_as_of() -> None:
    edges = boundaries(frames.definition(), as_of=AS_OF)
    assert edges.judge == datetime(2013, 6, 1, 4, tzinfo=UTC)
    assert edges.select == datetime(2013, 5, 11, 4, tzinfo=UTC)
    assert edges.end == AS_OF
    assert edges.fit is None


def test_a_boundary_before_the_clocks_change_is_still_a_local_midnight() -> None:
    edges = boundaries(frames.definition(), as_of=datetime(2013, 4, 1, 4, tzinfo=UTC))
    # New York leaves standard time (UTC-5) on 2013-03-10.
    assert edges.judge == datetime(2013, 3, 2, 5, tzinfo=UTC)


def test_an_as_of_within_a_day_leaves_the_boundaries_at_midnight() -> None:
    edges = boundaries(frames.definition(), as_of=AS_OF + timedelta(hours=9))
    assert edges.judge == datetime(2013, 6, 1, 4, tzinfo=UTC)
    assert edges.end == AS_OF + timedelta(hours=9)


def test_the_window_starts_the_fit_stretch_and_an_override_wins() -> None:
    train = {**frames.body()["train"], "window": {"days": 90}}
    model = frames.definition(train=train)
    assert boundaries(model, as_of=AS_OF).fit == datetime(2013, 4, 2, 4, tzinfo=UTC)
    assert boundaries(model, as_of=AS_OF, window_days=61).fit == datetime(2013, 5, 1, 4, tzinfo=UTC)
    train["window"] = {"start": date(2013, 2, 1)}
    model = frames.definition(train=train)
    assert boundaries(model, as_of=AS_OF).fit == datetime(2013, 2, 1, 5, tzinfo=UTC)


@settings(max_examples=30, deadline=None)
@given(
    hours=st.integers(0, 60),
    lag_hours=st.integers(0, 72),
    judge_days=st.integers(28, 35),
    select_days=st.integers(7, 21),
)
@example(hours=44, lag_hours=0, judge_days=28, select_days=7)
def test_every_label_in_a_stretch_was_known_before_the_next_began(
    hours: int, lag_hours: int, judge_days: int, select_days: int
) -> None:
    train = {**frames.body()["train"], "judge_days": judge_days, "select_days": select_days}
    as_of = AS_OF - timedelta(hours=hours)
    lag = pd.to_timedelta((FRAME["flight"] * 7 % (lag_hours + 1)), unit="h")
    frame = FRAME.assign(label_known_at=FRAME["prediction_time"] + lag)
    try:
        split = split_frame(frame, frames.definition(train=train), as_of=as_of)
    except EvidenceError:
        # The last days' labels may all be unknown yet, which leaves too few of them.
        assert judge_days - (hours + lag_hours) / 24 < 28
        return
    parts = (split.fit, split.select, split.judge)
    for earlier, later in pairwise(parts):
        assert earlier["label_known_at"].max() < later["prediction_time"].min()
        assert earlier["prediction_time"].max() < later["prediction_time"].min()
    assert split.judge["label_known_at"].max() <= as_of
    assert split.judge["prediction_time"].max() < as_of
    assert len(set(pd.concat(parts)["flight"])) == sum(map(len, parts))
    # What is predicted at the as-of itself is of the night that follows, however soon it is known.
    past = frame[frame["prediction_time"] < as_of]
    usable = (past["label_known_at"] <= as_of).sum()
    assert split.held_back == usable - sum(map(len, parts))


def test_rows_without_a_label_enter_no_stretch() -> None:
    unlabelled = FRAME["flight"] % 10 == 0
    frame = FRAME.assign(label=FRAME["label"].where(~unlabelled, None))
    split = split_frame(frame, frames.definition(), as_of=AS_OF)
    for part in (split.fit, split.select, split.judge):
        assert not part["flight"].isin(FRAME["flight"][unlabelled]).any()


def test_the_order_of_the_file_changes_nothing() -> None:
    shuffled = FRAME.sample(frac=1, random_state=1)
    first = split_frame(FRAME, frames.definition(), as_of=AS_OF)
    second = split_frame(shuffled, frames.definition(), as_of=AS_OF)
    assert first.fit["flight"].tolist() == second.fit["flight"].tolist()


def test_a_day_is_that_of_the_models_own_zone() -> None:
    times = pd.Series(pd.to_datetime(["2013-07-01T03:59Z", "2013-07-01T04:00Z"], utc=True))
    days = local_days(times, zone=frames.definition().zone)
    assert days.dt.strftime("%Y-%m-%d").tolist() == ["2013-06-30", "2013-07-01"]
    assert frames.definition().timezone == ZONE


def test_an_empty_stretch_is_an_error_that_names_it_and_its_dates() -> None:
    young = FRAME[FRAME["prediction_time"] >= pd.Timestamp("2013-05-20T00:00Z")]
    with pytest.raises(LabelError, match=r"fit stretch \(the first row to 2013-05-11\).*no row"):
        split_frame(young, frames.definition(), as_of=AS_OF)


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("fit", "2013-01-01", "2013-05-11"),
        ("select", "2013-05-11", "2013-06-01"),
        ("judge", "2013-06-01", "2013-07-01"),
    ],
)
def test_one_class_in_a_stretch_is_an_error_with_its_count(
    name: str, since: str, until: str
) -> None:
    times = FRAME["prediction_time"]
    inside = (times >= pd.Timestamp(f"{since}T04:00Z")) & (times < pd.Timestamp(f"{until}T04:00Z"))
    frame = FRAME.assign(label=FRAME["label"].where(~inside, other=False))
    with pytest.raises(LabelError, match=rf"in the {name} stretch .*one class only \([\d,]+ rows"):
        split_frame(frame, frames.definition(), as_of=AS_OF)


def test_a_judge_stretch_of_too_few_days_is_an_error() -> None:
    days = local_days(FRAME["prediction_time"], zone=frames.definition().zone)
    gap = (days >= "2013-06-10") & (days < "2013-06-13")
    with pytest.raises(EvidenceError, match=r"holds labelled rows of 27 days; 28 are needed"):
        split_frame(FRAME[~gap], frames.definition(), as_of=AS_OF)


def test_the_same_row_twice_is_an_error_that_shows_it() -> None:
    frame = pd.concat([FRAME, FRAME.tail(1).assign(prediction_time=FRAME["prediction_time"][5])])
    frame["label_known_at"] = frame["prediction_time"]
    with pytest.raises(EvidenceError, match=r"2 rows are there more than once, in fit and judge"):
        split_frame(frame, frames.definition(), as_of=AS_OF)


@pytest.mark.parametrize("column", ["prediction_time", "label_known_at"])
def test_judging_on_what_was_trained_on_is_refused(column: str) -> None:
    split = split_frame(FRAME, frames.definition(), as_of=AS_OF)
    late = split.select.copy()
    late.loc[late.index[-1], column] = split.judge["prediction_time"].min()
    with pytest.raises(EvidenceError, match=f"select and judge are not apart: {column}"):
        prove_separation(replace(split, select=late), key=["flight"])
    prove_separation(split, key=["flight"])
