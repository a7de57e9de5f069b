"""The drift figures on real flights, a few of them; `benchmarks/drift_alarms.py` has them all."""

from __future__ import annotations

import pytest
from benchmarks.drift_alarms import (
    caught,
    employment,
    false_differences,
    peers,
    quiet_weeks,
    read_flights,
    shown_shifts,
    without_weather,
)


@pytest.fixture(scope="module")
def flights():
    return read_flights()


def test_random_halves_of_real_flights_differ_as_seldom_as_promised(flights):
    found = false_differences(without_weather(flights[0]), rows=1_000, splits=20)
    assert found["with_a_difference"] <= found["at_most"], found


def test_a_shift_is_shown_and_so_are_planted_changes(flights):
    own = without_weather(flights[0])
    assert shown_shifts(own, rows=10_000, by=0.1, splits=1)["least"] == 1.0
    found = caught(own, rows=10_000, splits=1)
    assert {share for name, share in found.items() if "%" in name} == {1.0}, found


def test_held_back_quiet_weeks_keep_within_the_budget(flights):
    assert quiet_weeks(*flights, reference_weeks=13, deals=1)["alarms_in_30"] <= 3


def test_what_is_not_installed_is_left_out_and_said_so(flights):
    assert "left out" in employment(None)
    assert "left out" in peers(flights[0], None, rows=1_000, splits=1)
