"""Some of the faults of `benchmarks/triage.py`, learned from less; the benchmark has them all."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from benchmarks.triage import FIRST, KINDS, RESULTS, build_broken, layers
from benchmarks.triage_cases import CASES, MODEL, build, read_sources, times_of

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


@pytest.mark.parametrize("cause", ["truncated file", "clock shift"])
def test_a_fault_in_the_rows_of_a_source_is_named_in_the_features(sources, known, cause):
    assert causes(known, build_broken(BY_CAUSE[cause], sources, [FIRST])) == [cause]


def test_the_night_as_it_was_and_its_natural_twins_break_no_contract(sources, known):
    sound = build(sources, start=FIRST, end=FIRST)
    assert causes(known, sound) == []
    for cause in ("missing day", "category flood", "clock shift"):
        twin = BY_CAUSE[cause].twin(sound, np.random.default_rng(0))
        assert causes(known, twin) == [], cause


def test_every_incident_is_put_down_to_the_layer_that_failed():
    said = layers([])
    assert len(said) >= 14
    assert [each for each in said if each["truth"] != each["said"]] == []


def test_the_figures_that_are_kept_are_of_all_cases_and_no_fault_was_learned():
    kept = json.loads(RESULTS.read_text())["cases"]
    assert {row["case"] for row in kept} == {"nothing", *BY_CAUSE}
    faults = [row for row in kept if row["kind"] == "fault"]
    assert [row["named"] for row in faults] == [row["case"] for row in faults]
    assert {row["retrain_on"] for row in faults} == {None}
    assert all(row["retrain_on"] for row in kept if row["kind"] == "twin")
