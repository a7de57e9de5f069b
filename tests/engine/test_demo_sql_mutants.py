"""The demo's tests.yaml notices when its features.sql says something else."""

from __future__ import annotations

import pytest

from tradewind.definition.frozen import FrozenDefinition
from tradewind.engine import feature_tests

MUTANTS = {
    "27 days of late rates": ("prediction_day - 28", "prediction_day - 27"),
    "the day itself among the days before": ("day < prediction_day", "day <= prediction_day"),
    "late from 15 minutes on": ("(arr_delay > 15)", "(arr_delay >= 15)"),
    "another weight of the overall rate": (
        "flights, 0) + 50) AS dest",
        "flights, 0) + 40) AS dest",
    ),
    "a group never seen has no rate": (
        "coalesce(by_carrier_origin.late, 0)",
        "by_carrier_origin.late",
    ),
    "rates of the carrier at any airport": (
        "USING (prediction_day, carrier, origin)",
        "USING (prediction_day, carrier)",
    ),
    "the rate of another group": ("by_dest.late, 0)", "by_carrier.late, 0)"),
    "weather before it is published": (
        "weather.known_at <= moments",
        "weather.time_hour <= moments",
    ),
    "weather a minute after it is published": (
        "weather.known_at <= moments",
        "weather.known_at < moments",
    ),
    "weather of another airport": ("weather.origin = moments.origin\n        AND ", ""),
    "weather however old": ("INTERVAL 6 HOUR", "INTERVAL 7 HOUR"),
    "gusts unknown where there were none": ("coalesce(wind_gust, 0)", "wind_gust"),
    "two hours of traffic": ("- INTERVAL 3 HOUR", "- INTERVAL 2 HOUR"),
    "one clock hour too few": ("range(4)", "range(3)"),
    "not the departures of this minute": (
        "gone.known_at <= asked.prediction_time\n    GROUP",
        "gone.known_at < asked.prediction_time\n    GROUP",
    ),
    "departures still to come": (
        "gone.known_at > asked.since AND gone.known_at <= asked.prediction_time",
        "gone.known_at > asked.since",
    ),
    "departures from every airport": ("gone.origin = asked.origin\n        AND date", "date"),
    "waiting as known in the end": (
        "        AND gone.known_at <= asked.prediction_time\n    WHERE due",
        "    WHERE due",
    ),
    "waiting since the opening minute": (
        "due.sched_dep > asked.since",
        "due.sched_dep >= asked.since",
    ),
    "not waiting when due this minute": ("due.sched_dep <= asked", "due.sched_dep < asked"),
    "those who left are waiting": ("gone.known_at IS NULL", "gone.known_at IS NOT NULL"),
    "the weekday in another numbering": ("isodow", "dayofweek"),
    "minutes of an hour forgotten": ("hour * 60 + minute", "hour * 60"),
    "another horizon": ("getvariable('horizon')", "INTERVAL 1 HOUR"),
    "only flights that left": (
        "\nFROM schedule\nLEFT JOIN weather_then",
        (
            "\nFROM schedule SEMI JOIN flights_departure "
            "USING (time_hour, carrier, flight, origin)\nLEFT JOIN weather_then"
        ),
    ),
}


def fails(frozen):
    file = feature_tests._file_of(frozen, where="flight_delay")
    # One that fails is enough: the outcomes come one by one.
    return any(not outcome.passed for outcome in feature_tests._outcomes(file, frozen))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_of_the_demos_sql_is_killed(demo, mutant):
    old, new = MUTANTS[mutant]
    assert old in demo.sql
    sql = demo.sql.replace(old, new)
    assert fails(FrozenDefinition(demo.model, {**demo.files, "features.sql": sql}, demo.digest))
