"""A leak is caught by recomputing with the future cut away, whatever its score looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from tests.engine.conftest import UNTIL
from tests.engine.small import AS_OF, NOON, SQL, TOWNS, definition, parcels
from tests.engine.test_features import ADD, WITH_HEAVY
from tradewind.definition.frozen import FrozenDefinition
from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.engine.proof import choose_moments, prove
from tradewind.errors import DefinitionError, LeakError

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def loaded(flights_loaded):
    with flights_loaded() as connection:
        yield connection


def planted(demo, *changes):
    """The demo with its SQL changed."""
    sql = demo.sql
    for old, new in changes:
        assert old in sql, old
        sql = sql.replace(old, new)
    return FrozenDefinition(demo.model, {**demo.files, "features.sql": sql}, demo.digest)


def proven(connection, frozen, *, moments=4, seed=1):
    built = features.build(connection, frozen, as_of=UNTIL)
    return prove(connection, frozen, built, moments=moments, seed=seed)


def test_the_demo_is_proven_on_its_newest_day_and_the_night_the_clocks_change(loaded, demo):
    proof = proven(loaded, demo)
    assert proof.moments >= 4
    assert proof.rows >= proof.moments


def test_the_relations_are_left_cut_where_they_were(loaded, demo):
    proven(loaded, demo, moments=1)
    assert loaded.execute("SELECT getvariable('as_of')").fetchall() == [(UNTIL,)]


LAST_JOIN = "LEFT JOIN waiting USING (origin, prediction_time, carrier)"
KEY = "(time_hour, carrier, flight, origin)"
LEAKS = {
    "the flight's own time in the air": [
        ("distance,\n", "air_time AS distance,\n"),
        (LAST_JOIN, f"{LAST_JOIN} LEFT JOIN flights_arrival USING {KEY}"),
    ],
    "a tail number, which only a cancelled flight lacks": [
        ("distance,\n", "(tailnum IS NULL)::INTEGER AS distance,\n"),
        (LAST_JOIN, f"{LAST_JOIN} LEFT JOIN flights_departure USING {KEY}"),
    ],
    "only flights that landed": [
        (LAST_JOIN, f"{LAST_JOIN} JOIN flights_arrival USING {KEY}"),
    ],
    "only flights that were not cancelled": [
        (LAST_JOIN, f"{LAST_JOIN} WHERE {KEY} NOT IN (SELECT {KEY} FROM flights_departure)"),
    ],
    "the weather at departure": [
        (
            "weather.known_at <= moments.prediction_time",
            "weather.known_at <= moments.prediction_time + INTERVAL 2 HOUR",
        ),
    ],
    "the mean over the whole window": [
        ("distance,\n", "avg(distance) OVER () AS distance,\n"),
    ],
    "late rates that count the day itself": [
        ("day < prediction_day", "day <= prediction_day"),
    ],
    "departures of the next hour": [
        (
            "gone.known_at <= asked.prediction_time\n    GROUP",
            "gone.known_at <= asked.prediction_time + INTERVAL 1 HOUR\n    GROUP",
        ),
        ("to_hours(back)", "to_hours(back - 1)"),
    ],
    "who is still waiting, as known in the end": [
        ("        AND gone.known_at <= asked.prediction_time\n    WHERE due", "    WHERE due"),
    ],
    "how old the row is today": [
        ("distance,\n", "date_diff('day', prediction_time, now()) AS distance,\n"),
    ],
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught(loaded, demo, leak):
    with pytest.raises(LeakError, match=r"features\.sql: .*(known later|which rows there are)"):
        proven(loaded, planted(demo, *LEAKS[leak]))


UNCUT = {
    "in another case": "__LOADED.flights",
    "quoted": '"__loaded"."flights"',
    "by a text": "query('SELECT * FROM __loa' || 'ded.flights')",
    "by a name in pieces": "query_table('__loa' || 'ded.flights')",
    "in the catalog": "work.__loaded.flights",
}


@pytest.mark.parametrize("uncut", UNCUT)
def test_the_uncut_tables_cannot_be_reached(loaded, demo, uncut):
    """They do not move with the cut: recomputed, such a leak would be equal to itself."""
    late = f"(SELECT avg(arr_delay) FROM {UNCUT[uncut]})"
    leak = planted(demo, ("distance,\n", f"{late} AS distance,\n"))
    with pytest.raises(
        DefinitionError, match=r"^flight_delay/features\.sql:160: .* for a model to read"
    ):
        proven(loaded, leak)


def test_the_message_names_feature_row_both_values_and_the_moment():
    sql = SQL.replace(
        "weight, town, fragile\nFROM parcels",
        "minutes AS weight, town, fragile\nFROM parcels JOIN (SELECT parcel, minutes FROM "
        "parcels_delivery) USING (parcel)".replace("JOIN", "LEFT JOIN"),
    )
    with pytest.raises(LeakError) as caught:
        prove_small(definition(sql))
    assert str(caught.value) == (
        "parcels/features.sql: feature weight of parcel=0 is 0.0 in the feature set, and None when "
        "every source is cut at its prediction time, 2024-05-01T11:00Z. It uses what became known "
        "later: join on known_at <= prediction_time, and aggregate over such rows only"
    )


def prove_small(frozen, *, rows=None, moments=24):
    with open_database(memory="200MB", threads=1) as connection:
        given = {"parcels": parcels() if rows is None else rows, "towns": TOWNS}
        relations.load(connection, frozen, given)
        built = features.build(connection, frozen, as_of=AS_OF)
        return prove(connection, frozen, built, moments=moments, seed=0)


def test_few_moments_are_all_proven():
    proof = prove_small(definition())
    assert (proof.moments, proof.rows) == (3, 3)


def test_a_leak_that_appears_as_a_new_row_is_caught():
    sql = SQL + "WHERE parcel NOT IN (SELECT parcel FROM parcels_delivery WHERE minutes > 30)"
    with pytest.raises(LeakError, match="the row of parcel=2 is not in the feature set, but it is"):
        prove_small(definition(sql), rows=parcels({2: {"due": NOON + timedelta(hours=1)}}))


def test_a_function_that_looks_at_one_row_at_a_time_is_proven():
    assert prove_small(definition(module=ADD, features=WITH_HEAVY)).rows == 3


def test_a_function_may_look_at_earlier_rows():
    module = "def add(frame):\n    return frame.assign(heavy=frame.weight.shift(1) > 0)\n"
    assert prove_small(definition(module=module, features=WITH_HEAVY)).rows == 3


def test_a_function_that_looks_at_all_rows_is_caught():
    module = "def add(frame):\n    return frame.assign(heavy=frame.weight >= frame.weight.mean())\n"
    with pytest.raises(LeakError, match="feature heavy of parcel=0 is False"):
        prove_small(definition(module=module, features=WITH_HEAVY))


def test_a_difference_in_the_last_digits_is_told_apart():
    sql = SQL.replace(
        "weight, town", "weight + 1e-12 * date_diff('day', due, now()) AS weight, town"
    )
    with pytest.raises(LeakError, match="differ in the last digits only"):
        prove_small(definition(sql), rows=parcels({0: {"weight": 3.0}}))


# ------------------------------------------------------------------------- which moments are tried


def times(start, *, hours, step=timedelta(hours=1)):
    moments = [start + step * n for n in range(hours)]
    return pa.chunked_array([pa.array(moments, pa.timestamp("us", "UTC"))])


def test_the_sample_is_spread_over_the_window_and_is_the_same_for_the_same_seed():
    column = times(NOON, hours=2400)
    chosen = choose_moments(column, count=24, seed=5, zone=NEW_YORK)
    assert chosen == choose_moments(column, count=24, seed=5, zone=NEW_YORK)
    assert chosen != choose_moments(column, count=24, seed=6, zone=NEW_YORK)
    tenths = {int((moment - NOON) / timedelta(hours=240)) for moment in chosen}
    assert tenths == set(range(10))


@pytest.mark.parametrize("seed", range(5))
def test_the_newest_day_and_a_change_of_the_clock_are_always_in_it(seed):
    start = datetime(2013, 1, 1, tzinfo=UTC)
    chosen = choose_moments(times(start, hours=24 * 200), count=2, seed=seed, zone=NEW_YORK)
    days = {moment.astimezone(NEW_YORK).date().isoformat() for moment in chosen}
    assert {"2013-03-10", "2013-07-19"} <= days


def test_without_a_change_of_the_clock_none_is_invented():
    chosen = choose_moments(times(NOON, hours=500), count=3, seed=0, zone=ZoneInfo("UTC"))
    assert 3 <= len(chosen) <= 4
