"""Some of the faults of `benchmarks/triage.py`, learned from less; the benchmark has them all."""

from __future__ import annotations

import json
import re
from datetime import date

import numpy as np
import pytest
from benchmarks.triage import (
    FIRST,
    KINDS,
    LEAST_LIKE,
    MOST_LIKE,
    RESULTS,
    build_changed,
    layers,
)
from benchmarks.triage_cases import CASES, MODEL, build, read_sources, times_of
from benchmarks.triage_sizes import dependence, level, size, volume

from tests.fixtures.sandbox import CLONE
from tradewind.stats.contracts import contract_reference, detect, night_figures

BY_CAUSE = {case.cause: case for case in CASES}
BEFORE = date(2013, 9, 9)


@pytest.fixture(scope="module")
def sources():
    return read_sources()


@pytest.fixture(scope="module")
def known(sources):
    """Sixteen days to learn from, and the last of them as history."""
    frame = build(sources, start=date(2013, 8, 25), end=BEFORE)
    reference = contract_reference(frame, KINDS, times=times_of(frame), key=MODEL.entity_key)
    last = frame[frame["night"] == np.datetime64(BEFORE)]
    return reference, [night_figures(reference, last, times=times_of(last), night=BEFORE)]


def causes(known, frame):
    reference, history = known
    found = detect(reference, frame, times=times_of(frame), night=FIRST, history=history)
    return [breach.cause for breach in found]


@pytest.fixture(scope="module")
def sound(sources):
    return build(sources, start=FIRST, end=FIRST)


@pytest.fixture(scope="module", params=["truncated file", "clock shift"])
def case(request):
    return BY_CAUSE[request.param]


@pytest.fixture(scope="module")
def fault(sources, case):
    return build_changed(case.fault, sources, [FIRST])


def test_a_fault_in_the_rows_of_a_source_is_named_in_the_features(known, case, fault):
    assert causes(known, fault) == [case.cause]


def test_a_natural_twin_is_of_like_size_and_breaks_no_contract(sources, known, sound, case, fault):
    twin = build_changed(case.twin_of(1), sources, [FIRST])
    like = size(case.measure, twin, sound) / size(case.measure, fault, sound)
    assert LEAST_LIKE <= like <= MOST_LIKE
    assert causes(known, twin) == []


def test_the_night_as_it_was_breaks_no_contract_and_has_no_size(known, sound):
    assert causes(known, sound) == []
    assert volume(sound, sound) == dependence(sound, sound) == 0
    assert level(sound, sound, column="distance") == 0


def test_a_night_without_a_row_is_a_change_of_all_flights_and_of_no_relation(sound):
    nothing = sound.iloc[:0]
    assert volume(nothing, sound) == 1
    assert np.isnan(dependence(nothing, sound))


def test_every_incident_is_put_down_to_the_layer_that_failed():
    said = layers([])
    assert len(said) >= 14
    assert [each for each in said if each["truth"] != each["said"]] == []


def kept(kind: str) -> list[dict]:
    return [row for row in json.loads(RESULTS.read_text())["cases"] if row["kind"] == kind]


def test_the_kept_figures_are_of_every_fault_of_one_night_and_of_fourteen_and_none_was_learned():
    faults, every = kept("fault"), {(cause, nights) for cause in BY_CAUSE for nights in (1, 14)}
    assert {(row["case"], row["nights"]) for row in faults} == every
    assert [row["named"] for row in faults] == [row["case"] for row in faults]
    assert {row["retrain_on"] for row in faults} == {None}
    assert {(row["case"], row["beside"]) for row in kept("twin")} == every


def test_every_kept_twin_was_of_like_size_and_learned_and_nothing_was_where_nothing_changed():
    for twin in kept("twin"):
        assert LEAST_LIKE <= twin["like"] <= MOST_LIKE, twin["case"]
        assert twin["retrain_on"], twin["case"]
        assert not twin["nights_with_breach"], twin["case"]
    (control,) = kept("control")
    assert control["actions"] == {"nothing": control["nights"]}


def change_of(twin: dict):
    """The change that a row of a twin is of: mostly one for the fault of either length."""
    return BY_CAUSE[twin["case"]].twin_of(twin["beside"])


def test_the_guide_tells_the_kept_figures():
    page = " ".join((CLONE / "docs" / "nights.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"(\d+) of (\d+) faults were named .*? (\d+) changes such .*?: (\d+) pairs, in which the "
        r"change was ([\d.]+) to ([\d.]+) times as big .*? (\d+) of (\d+) changes broke .*? "
        r"between the (\d+)\w\w and the (\d+)\w\w night; (\d+) sound nights",
        page,
    )
    assert told is not None
    faults, twins, (control,) = kept("fault"), kept("twin"), kept("control")
    named = [row for row in faults if row["right"]]
    changes = {change_of(row) for row in twins}
    learned = changes - {change_of(row) for row in twins if not row["right"]}
    likes, nights = ([row[name] for row in twins] for name in ("like", "retrain_on"))
    assert [float(each) for each in told.groups()] == [
        len(named), len(faults), len(changes), len(twins), min(likes), max(likes),
        len(learned), len(changes), min(nights), max(nights), control["nights"],
    ]  # fmt: skip
