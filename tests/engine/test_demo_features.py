"""The demo's features on real flights, against what pandas counts row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.engine.conftest import UNTIL
from tradewind.engine import features

NEW_YORK = ZoneInfo("America/New_York")
KEY = ["time_hour", "carrier", "flight", "origin"]


@pytest.fixture(scope="module")
def built(flights_loaded, demo):
    """The feature set as of 12 March 2013."""
    with flights_loaded() as connection:
        return features.build(connection, demo, as_of=UNTIL)


@pytest.fixture(scope="module")
def facts(flights):
    """The flights with the moments at which each thing about them became known."""
    frame = flights["flights"].to_pandas()
    frame["due"] = frame.time_hour + pd.to_timedelta(frame.minute, unit="min")
    frame["left"] = frame.due + pd.to_timedelta(frame.dep_delay, unit="min")
    frame["landed"] = frame.left + pd.to_timedelta(frame.air_time + 40, unit="min")
    return frame


def test_every_flight_whose_time_has_come_is_there_once(built, facts):
    asked = facts[facts.due - pd.Timedelta(hours=2) <= UNTIL]
    assert len(built) == len(asked)
    assert len(built) > 30_000


def test_labels_are_known_for_those_that_landed(built, facts):
    landed = facts[facts.landed <= UNTIL]
    found = built.filter(pc.equal(built["label_state"], "known"))
    assert len(found) == len(landed)
    assert pc.sum(found["label"]).as_py() == (landed.arr_delay > 15).sum()


def _sample(built, count):
    chosen = np.random.default_rng(7).choice(len(built), size=count, replace=False)
    return built.take(np.sort(chosen)).to_pylist()


def test_traffic_is_what_row_by_row_counting_finds(built, facts):
    for row in _sample(built, 60):
        then = row["prediction_time"]
        since = then - timedelta(hours=3)
        here = facts[facts.origin == row["origin"]]
        gone = here[(here.left > since) & (here.left <= then)]
        waiting = here[(here.due > since) & (here.due <= then) & ~(here.left <= then)]
        for prefix, mine in (("origin", slice(None)), ("carrier", row["carrier"])):
            own = gone if prefix == "origin" else gone[gone.carrier == mine]
            due = waiting if prefix == "origin" else waiting[waiting.carrier == mine]
            expected = [
                own.dep_delay.sum() / len(own) if len(own) else None,
                (own.dep_delay > 15).mean() if len(own) else None,
                len(due),
            ]
            names = [f"{prefix}_{what}" for what in ("delay", "late_share", "waiting")]
            assert [row[name] for name in names] == expected, (row, prefix)


def test_late_rates_are_what_row_by_row_counting_finds(built, facts):
    for row in _sample(built, 60):
        today = row["prediction_time"].replace(hour=0, minute=0)
        known = facts[(facts.landed >= today - timedelta(days=28)) & (facts.landed < today)]
        late = known.arr_delay > 15
        if not len(known):
            assert row["carrier_late_rate"] is None
            continue
        hour = row["time_hour"].astimezone(NEW_YORK).hour
        groups = {
            "carrier_late_rate": known.carrier == row["carrier"],
            "dest_late_rate": known.dest == row["dest"],
            "carrier_origin_late_rate": (known.carrier == row["carrier"])
            & (known.origin == row["origin"]),
            "origin_hour_late_rate": (known.origin == row["origin"]) & (known.hour == hour),
        }
        for name, group in groups.items():
            expected = (late[group].sum() + 50 * (late.sum() / len(late))) / (group.sum() + 50)
            assert row[name] == pytest.approx(expected, rel=1e-12), (row, name)


def test_weather_is_the_newest_that_was_published(built, flights):
    weather = flights["weather"].to_pandas()
    for row in _sample(built, 60):
        then = row["prediction_time"]
        seen = weather[
            (weather.origin == row["origin"])
            & (weather.time_hour + pd.Timedelta(minutes=10) <= then)
            & (weather.time_hour + pd.Timedelta(minutes=10) > then - timedelta(hours=6))
        ]
        expected = None if seen.empty else seen.sort_values("time_hour").temp.iloc[-1]
        assert row["temp"] == expected


@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2013, 2, 20, 5, tzinfo=UTC),
        datetime(2013, 2, 9, 17, 30, tzinfo=UTC),  # in the blizzard
        datetime(2013, 3, 10, 7, tzinfo=UTC),  # the clocks go forward
    ],
)
def test_features_are_the_same_whenever_they_are_built(built, flights_loaded, demo, as_of):
    with flights_loaded(threads=1) as connection:
        earlier = features.build(connection, demo, as_of=as_of)
    names = [*KEY, "event_time", "prediction_time", *demo.model.features.types]
    shared = built.filter(
        pc.less_equal(built["prediction_time"], pa.scalar(as_of, pa.timestamp("us", "UTC")))
    )
    names = list(dict.fromkeys(names))
    assert earlier.select(names).equals(shared.select(names))


def test_little_memory_gives_the_same(built, flights_loaded, demo):
    with flights_loaded(memory="100MB", threads=1) as connection:
        assert features.build(connection, demo, as_of=UNTIL).equals(built)
