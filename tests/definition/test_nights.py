"""Nights follow each other without a gap and without an overlap, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definition.folders import SQL, WHOLE, write_model
from tradewind.definition.loader import load_definition, parse_definition
from tradewind.definition.moments import (
    days_before,
    midnight,
    next_night,
    night_days,
    night_of,
    night_start,
    nights_between,
    watched_time,
    window_start,
)
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.definition.schema import ModelDefinition

PLACES = ("America/New_York", "Europe/London", "Asia/Kathmandu", "America/Havana", "UTC")
LENGTHS = ("30 minutes", "1 hour", "2 hours", "6 hours", "1 day", "2 days", "1 week")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS = st.datetimes(
    datetime(2013, 1, 1),  # noqa: DTZ001 (the strategy asks for these)
    datetime(2013, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@cache
def model(every: str = "1 day", zone: str = "America/New_York", more: str = "") -> ModelDefinition:
    text = WHOLE.replace("timezone: America/New_York", f"timezone: {zone}")
    text = text.replace("horizon: 2 hours\n", "")
    text = text[: text.index("schedule:")] + f"score: {{every: {every}}}\n{more}"
    return parse_definition({"model.yaml": text, "features.sql": SQL}, where="here").model


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@settings(max_examples=100, deadline=None)
@given(moment=MOMENTS, every=st.sampled_from(LENGTHS), zone=st.sampled_from(PLACES))
def test_each_prediction_time_belongs_to_exactly_one_night(
    moment: datetime, every: str, zone: str
) -> None:
    known = model(every, zone)
    nights = [night_of(moment - known.score.every - 3 * HOUR, known)]
    while nights[-1] <= moment + 3 * HOUR and len(nights) < 150:
        nights.append(next_night(nights[-1], known))
    assert [night_start(night, known) for night in nights[1:]] == nights[:-1]
    assert len([night for night in nights[1:] if night_start(night, known) < moment <= night]) == 1
    assert night_of(moment, known) == max(night for night in nights if night <= moment)
    assert list(nights_between(nights[0], nights[-1], known)) == nights


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2013, 3, 10), 23), (date(2013, 11, 3), 25), (date(2013, 7, 1), 24)]
)
def test_a_night_is_the_local_day_before_it_however_long_that_was(day: date, hours: int) -> None:
    known = model()
    night = midnight(day + DAY, known)
    assert night_start(night, known) == midnight(day, known)
    assert night - night_start(night, known) == hours * HOUR


def test_hourly_ticks_are_nights_of_their_own() -> None:
    ticks = [at(f"2013-07-01T0{hour}:05:00+00:00") for hour in (5, 6, 7)]
    found = [night_of(tick, model("1 hour")) for tick in ticks]
    assert found == [tick.replace(minute=0) for tick in ticks]


def test_an_hour_that_the_clock_shows_twice_is_two_nights() -> None:
    known = model("1 hour")
    day = midnight(date(2013, 11, 3), known), midnight(date(2013, 11, 4), known)
    assert len(list(nights_between(*day, known))) == 26
    assert len(list(nights_between(*day, model("6 hours")))) == 5


def test_weeks_begin_on_a_monday_or_with_the_first_night() -> None:
    friday = at("2013-07-05T12:00:00+00:00")
    assert night_of(friday, model("1 week")) == at("2013-07-01T04:00:00+00:00")
    told = "schedule: {score: '0 5 * * 3', first_night: 2013-01-02}\n"
    assert night_of(friday, model("1 week", more=told)) == at("2013-07-03T04:00:00+00:00")


def test_days_before_a_midnight_are_midnights() -> None:
    known = model()
    found = days_before(midnight(date(2013, 3, 20), known), 28 * DAY, known)
    assert found == midnight(date(2013, 2, 20), known)


@pytest.mark.parametrize(
    ("every", "more", "watched", "days"),
    [
        # 28 days are watched where nothing is said, and labels expire after 7.
        ("1 day", "", 28, 36),
        ("1 hour", "", 28, 36),
        ("6 hours", "monitor: {drift: {window: 60 days}}\n", 60, 68),
        ("1 day", "horizon: 10 days\n", 38, 56),
        ("1 hour", "horizon: 10 days\n", 38, 56),
        ("60 days", "", 28, 68),
    ],
)
def test_a_night_takes_in_the_days_that_it_scores_and_those_whose_labels_it_watches(
    every: str, more: str, watched: int, days: int
) -> None:
    known = model(every, more=more)
    assert watched_time(known) == watched * DAY
    assert night_days(known) == days


@pytest.mark.parametrize("every", ["1 hour", "1 day", "2 days", "60 days"])
def test_the_first_watched_night_is_taken_in_whole(every: str) -> None:
    known = model(every, more="horizon: 3 days\n")
    night = night_of(at("2013-11-20T12:00:00+00:00"), known)
    since = days_before(night, watched_time(known), known)
    first = next_night(since, known)
    taken_in = window_start(known, as_of=night, window_days=night_days(known))
    assert taken_in is not None
    assert taken_in <= night_start(min(first, night), known)


@pytest.mark.parametrize(
    ("every", "cron", "refusal"),
    [
        ("36 hours", "0 5 * * *", "'36 hours' is neither whole days nor a part of a day"),
        ("7 hours", "0 * * * *", "'7 hours' is neither whole days nor a part of a day"),
        ("0 days", "0 * * * *", "'0 days' is neither whole days nor a part of a day"),
        ("50 minutes", "*/5 * * * *", "'50 minutes' is neither whole days nor a part of a day"),
        ("90 minutes", "*/30 * * * *", None),
        ("48 hours", "0 5 * * *", None),
        ("1 hour", "0 5 * * *", "comes less often than a night ends .*1 hour"),
        ("1 hour", "5 * * * *", None),
        ("1 day", "0 5 * * 1-5", None),
        ("1 day", "0 5 * * 1", "comes less often than a night ends"),
        ("2 weeks", "0 5 * * 3", None),
    ],
)
def test_a_night_is_whole_days_or_a_part_of_one_and_has_its_tick(
    every: str, cron: str, refusal: str | None, tmp_path: Path
) -> None:
    text = WHOLE + f"  score: '{cron}'\n  first_night: 2013-01-02\nscore: {{every: {every}}}\n"
    folder = write_model(tmp_path, text)
    if refusal is None:
        assert load_definition(folder).model.schedule.score == cron
    else:
        with pytest.raises(DefinitionError, match=refusal):
            load_definition(folder)
