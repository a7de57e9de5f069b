"""Faults of data by name, and the natural changes that look like them and are none."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.contracts import (
    contract_reference,
    detect,
    local_times,
    night_figures,
)
from tradewind.stats.contracts.conversions import CONVERSIONS

KINDS = {
    "heat": "numeric",
    "damp": "numeric",
    "wait": "numeric",
    "length": "numeric",
    "told": "numeric",
    "town": "categorical",
    "line": "categorical",
    "night_bus": "boolean",
}
TOWNS = [f"T{number}" for number in range(12)]
LENGTHS = dict(
    zip(TOWNS, (120, 230, 345, 410, 520, 605, 730, 850, 940, 1010, 1250, 1700), strict=True)
)
TONIGHT = date(2024, 6, 1)


def a_day(day: date, *, rows: int = 320, warmer: float = 0.0, towns=TOWNS):
    """Rides of one local day in Berlin, from five to midnight, with the air of their hour."""
    random = np.random.default_rng(day.toordinal())
    minute = np.sort(random.choice(np.arange(300, 1440, 5), rows))
    hour = minute // 60
    level = 55 + warmer + 12 * np.sin(day.toordinal() / 9) + random.normal(0, 3)
    wave = 8 * np.sin((hour - 9) / 24 * 2 * np.pi) + random.normal(0, 0.7, 24)[hour]
    heat = np.round(level + wave)
    damp = np.clip(
        95 - (heat - level) * 1.5 - random.gamma(4, 4) + random.normal(0, 2, 24)[hour], 5, 100
    )
    wait = np.exp(
        random.normal(2.5, 0.4) + random.normal(0, 0.5, 24)[hour] + random.normal(0, 0.1, rows)
    )
    wait[random.random(rows) < 0.05] = np.nan
    town = random.choice(towns, rows)
    midnight = np.datetime64(day) - np.timedelta64(2, "h")
    moment = midnight.astype("datetime64[us]") + minute.astype("timedelta64[m]")
    return {
        "ride": np.arange(rows),
        "at": moment,
        "heat": heat,
        "damp": np.round(damp, 2),
        "wait": wait,
        "length": np.array([LENGTHS.get(name, 500.0) for name in town], dtype=float),
        "told": minute.astype(float),
        "town": town.astype(object),
        "line": np.array([f"L{LENGTHS.get(name, 0) % 4}" for name in town], dtype=object),
        "night_bus": random.random(rows) < 0.1,
    }


def together(days):
    return {name: np.concatenate([day[name] for day in days]) for name in days[0]}


def times_of(frame):
    return local_times(frame["at"], frame["at"], timezone="Europe/Berlin")


@pytest.fixture(scope="module")
def reference():
    return learned([a_day(TONIGHT - timedelta(days=n)) for n in range(40, 0, -1)])


def learned(days):
    frame = together(days)
    made = contract_reference(frame, KINDS, times=times_of(frame), key=["ride", "at"])
    return json.loads(json.dumps(made))


def found(reference, frame, *, night=TONIGHT, **asked):
    return detect(reference, frame, times=times_of(frame), night=night, **asked)


def only(reference, frame):
    [breach] = found(reference, frame)
    return breach.detector, breach.cause, breach.column


def broken(**changed):
    return {**a_day(TONIGHT), **changed}


def picked(chosen):
    return {name: values[chosen] for name, values in a_day(TONIGHT).items()}


def dealt_out(name):
    values = a_day(TONIGHT)[name]
    return broken(**{name: np.random.default_rng(1).permutation(values)})


TODAY = a_day(TONIGHT)
STREWN = np.random.default_rng(2).random(len(TODAY["at"])) < 0.3
GARBLED = np.array(
    [f"X{n}" if n % 3 == 0 else name for n, name in enumerate(TODAY["town"])], object
)
YESTERDAY = a_day(TONIGHT - timedelta(days=1))

FAULTS = {
    "null spike": (broken(heat=np.where(STREWN, np.nan, TODAY["heat"])), "null_rate", "heat"),
    "unit change": (broken(heat=(TODAY["heat"] - 32) / 1.8), "unit_change", "heat"),
    "unit change, no grid": (broken(wait=TODAY["wait"] / 60), "unit_change", "wait"),
    "unit change, known values": (
        broken(length=TODAY["length"] * 1.609344), "unit_change", "length",
    ),
    "constant column": (broken(damp=np.full(len(TODAY["at"]), 61.0)), "constant", "damp"),
    "duplicated day": (
        {**YESTERDAY, "at": YESTERDAY["at"] + np.timedelta64(1, "D")}, "repeated_day", None,
    ),
    "missing day": (picked(slice(0, 0)), "volume", None),
    "shuffled column": (dealt_out("heat"), "dependence", "heat"),
    "shuffled column, by category": (dealt_out("length"), "dependence", "length"),
    "category flood": (broken(town=GARBLED), "categories", "town"),
    "truncated file": (picked(TODAY["told"] < 900), "truncation", None),
    "truncated file, at all hours": (picked(np.arange(len(TODAY["at"])) % 3 == 0), "volume", None),
    "clock shift": (broken(at=TODAY["at"] + np.timedelta64(2, "h")), "clock", None),
    "swapped columns": (broken(heat=TODAY["wait"], wait=TODAY["heat"]), "exchange", "heat"),
    "swapped columns, categories": (
        broken(town=TODAY["line"], line=TODAY["town"]), "exchange", "town",
    ),
    "duplicated rows": (
        {name: np.concatenate([v, v[:100]]) for name, v in TODAY.items()}, "duplicate_keys", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_own_name(reference, fault):
    frame, detector, column = FAULTS[fault]
    assert only(reference, frame) == (detector, fault.split(",")[0], column)


NATURAL = {
    "a cold wave": broken(heat=TODAY["heat"] - 30),
    "a damp spell": broken(damp=np.clip(80 + TODAY["damp"] / 5, 0, 100)),
    "longer waits": broken(wait=TODAY["wait"] * 2.2),
    "short waits": broken(wait=TODAY["wait"] * 0.5),
    "more missing": broken(wait=np.where(np.arange(320) % 12 == 0, np.nan, TODAY["wait"])),
    "a new town": broken(town=np.where(STREWN, "NEW", TODAY["town"]).astype(object)),
    "long rides": a_day(TONIGHT, towns=TOWNS[6:]),
    "a town less": picked(TODAY["town"] != "T3"),
    "fewer rides": picked(np.arange(320) % 3 > 0),
    "more rides": a_day(TONIGHT, rows=520),
    "a looser relation": broken(
        damp=0.6 * TODAY["damp"] + 40 * np.random.default_rng(3).random(320)
    ),
    "two levels at once": broken(heat=TODAY["heat"] - 15, damp=TODAY["damp"] - 30),
}


@pytest.mark.parametrize("change", NATURAL)
def test_a_natural_change_of_like_size_is_no_fault(reference, change):
    assert found(reference, NATURAL[change]) == []


@pytest.mark.parametrize("other", ["wait", "damp"])
def test_what_behaves_like_another_column_and_keeps_to_its_own_values_is_weather(other):
    nights = [(TONIGHT - timedelta(days=n), 8 * (n % 8) - 40) for n in range(40, 0, -1)]
    reference = learned([a_day(night, warmer=by) for night, by in nights])
    known = np.array(reference["known"]["heat"])
    nearest = known[np.abs(np.nan_to_num(TODAY[other])[:, None] - known).argmin(axis=1)]
    like_it = np.where(np.isnan(TODAY[other]), np.nan, nearest)
    exchanged = broken(**{"heat": TODAY[other], other: TODAY["heat"]})
    assert only(reference, exchanged) == ("exchange", "swapped columns", "heat")
    assert found(reference, broken(**{"heat": like_it, other: TODAY["heat"] + 0.371})) == []


def test_a_single_gust_on_a_calm_day_was_not_dealt_out_anew():
    def windy(day, *, calm):
        rides = a_day(day)
        gust = np.zeros(320) if calm else np.maximum(0.0, np.round(rides["told"] / 60) - 12)
        return {**rides, "gust": gust}

    nights = [TONIGHT - timedelta(days=n) for n in range(40, 0, -1)]
    days = together([windy(night, calm=number % 10 == 0) for number, night in enumerate(nights)])
    known = contract_reference(days, {**KINDS, "gust": "numeric"}, times=times_of(days))
    tonight = windy(TONIGHT, calm=True)
    tonight["gust"][100] = 9.0
    assert found(known, tonight) == []
    shuffled = windy(TONIGHT, calm=False)
    shuffled["gust"] = np.random.default_rng(1).permutation(shuffled["gust"])
    assert only(known, shuffled) == ("dependence", "shuffled column", "gust")


def test_evening_rides_that_leave_in_the_morning_are_a_new_timetable(reference):
    late = (TODAY["told"] >= 1000) & (np.arange(320) % 5 > 0)
    back = np.where(late, 600, 0)
    frame = broken(at=TODAY["at"] - back.astype("timedelta64[m]"), told=TODAY["told"] - back)
    assert found(reference, frame) == []


def test_new_sound_nights_of_the_same_kind_break_nothing(reference):
    for later in range(12):
        night = TONIGHT + timedelta(days=later)
        assert found(reference, a_day(night), night=night) == [], night


def test_a_fault_of_many_nights_is_found_on_each_of_them_while_only_sound_ones_are_history(
    reference,
):
    history = []
    for later in range(5):
        night = TONIGHT + timedelta(days=later)
        frame = a_day(night)
        if later >= 2:
            frame["wait"] = frame["wait"] * 60
        breaches = found(reference, frame, night=night, history=history)
        assert [breach.cause for breach in breaches] == ["unit change"] * (later >= 2)
        if not breaches:
            history.append(night_figures(reference, frame, times=times_of(frame), night=night))


def test_values_that_came_with_the_season_are_known_once_two_sound_nights_had_them(reference):
    nights = [TONIGHT + timedelta(days=n) for n in range(3)]
    towns = [*TOWNS, *(f"S{n}" for n in range(14))]
    days = [a_day(night, towns=towns) for night in nights]
    assert found(reference, days[2], night=nights[2])[0].cause == "category flood"
    history = [
        night_figures(reference, day, times=times_of(day), night=night)
        for day, night in zip(days[:2], nights[:2], strict=True)
    ]
    assert found(reference, days[2], night=nights[2], history=history) == []


def test_the_levels_of_a_day_are_its_quantiles(reference):
    shown = reference["days"][-1]
    rows = a_day(date.fromisoformat(shown["day"]))
    for place, name in enumerate(reference["numeric"]):
        low, middle, high = np.nanquantile(rows[name].astype(float), (0.05, 0.5, 0.95))
        assert shown["median"][place] == pytest.approx(middle, rel=1e-4), name
        assert shown["spread"][place] == pytest.approx(high - low, rel=1e-4), name


@pytest.mark.parametrize(("unlike", "tells"), [(4, True), (5, False)])
def test_a_column_that_is_the_clock_on_nine_days_of_ten_is_known_as_one(unlike, tells):
    days = [a_day(TONIGHT - timedelta(days=back)) for back in range(40, 0, -1)]
    for day in days[:unlike]:
        day["told"] = np.roll(day["told"], len(day["told"]) // 2)
    found = learned(days)["clocks"]
    assert [clock["column"] for clock in found] == (["told"] if tells else [])


def test_the_figures_of_another_reference_are_passed_over(reference):
    figures = night_figures(reference, TODAY, times=times_of(TODAY), night=TONIGHT)
    foreign = {**figures, "reference": "another", "rows": 1, "median": []}
    assert found(reference, TODAY, history=[foreign]) == []


def test_columns_of_a_source_that_sent_nothing_are_missing_together(reference):
    nothing = np.where(TODAY["told"] > 420, np.nan, 1.0)
    frame = broken(**{name: TODAY[name] * nothing for name in ("heat", "damp", "wait")})
    assert only(reference, frame) == ("joined_rows", "missing day", "heat")


def test_an_ignored_column_is_not_watched_and_the_source_is_named(reference):
    frame = FAULTS["null spike"][0]
    assert found(reference, frame, ignore=["heat"]) == []
    assert found(reference, frame, source="rides")[0].source == "rides"


def test_too_few_rows_bear_no_word_on_distributions(reference):
    few = picked(slice(0, 320, 14))
    assert [breach.detector for breach in found(reference, few)] == ["volume"]


def test_a_reference_needs_days(reference):
    with pytest.raises(EvidenceError, match="at least 5"):
        contract_reference(TODAY, KINDS, times=times_of(TODAY))
    with pytest.raises(EvidenceError, match="wait"):
        found(reference, {name: v for name, v in TODAY.items() if name != "wait"})


def test_the_reference_is_small_and_the_same_each_time(reference):
    days = together([a_day(TONIGHT - timedelta(days=n)) for n in range(40, 0, -1)])
    again = contract_reference(days, KINDS, times=times_of(days), key=["ride", "at"])
    assert again["digest"] == reference["digest"]
    assert len(json.dumps(again)) < 100_000


def test_the_order_of_rows_and_the_clocks_going_forward_change_nothing(reference):
    mixed = picked(np.random.default_rng(5).permutation(320))
    assert found(reference, mixed) == []
    before, after = (local_times([m], [m], timezone="Europe/Berlin") for m in
                     ("2024-03-31T00:30:00Z", "2024-03-31T01:30:00Z"))  # fmt: skip
    assert (int(before.minute[0]), int(after.minute[0])) == (90, 210)


@settings(max_examples=20, deadline=None)
@given(
    conversion=st.sampled_from([c for c in CONVERSIONS if abs(np.log(c.factor)) > 3]),
    night=st.integers(0, 8),
)
def test_whatever_the_conversion_a_column_without_a_grid_shows_it(reference, conversion, night):
    day = TONIGHT + timedelta(days=night)
    frame = a_day(day)
    frame["wait"] = frame["wait"] * conversion.factor + conversion.offset
    breaches = found(reference, frame, night=day)
    assert [(each.cause, each.column) for each in breaches] == [("unit change", "wait")]


@settings(max_examples=20, deadline=None)
@given(by=st.floats(-60, 60), wider=st.floats(0.7, 1.4), night=st.integers(0, 8))
def test_no_change_of_level_or_spread_alone_is_a_unit_change(reference, by, wider, night):
    # On whole numbers a spread that grows by just a unit's factor is what the unit would do.
    factors = [each.factor for each in CONVERSIONS if each.factor != 1]
    assume(all(abs(wider / factor - 1) > 0.01 for factor in factors))
    day = TONIGHT + timedelta(days=night)
    frame = a_day(day)
    middle = np.median(frame["heat"])
    frame["heat"] = middle + by + (frame["heat"] - middle) * wider
    assert found(reference, frame, night=day) == []


def test_conversions_come_in_pairs_that_undo_each_other():
    for there, back in list(pairwise(CONVERSIONS))[::2]:
        value = 17.3 * there.factor + there.offset
        assert value * back.factor + back.offset == pytest.approx(17.3)
