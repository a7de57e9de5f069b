"""Slices hold for any rows, and their words are their conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.learning.slicing import Between, Named, Slice, edge, is_number, slices_by, texts
from tradewind.learning.worst_slices import worst_slices

KINDS = {"dest": "categorical", "minute": "numeric", "wet": "boolean"}


def names(frame, column, **asked):
    return [part.name for part in slices_by(frame, column, kinds=KINDS, origin="declared", **asked)]


def test_categories_come_by_their_frequency_and_a_missing_one_is_a_slice_of_its_own():
    frame = pd.DataFrame({"dest": ["ORD", "ATL", "ATL", None, "BOS", "ATL", "ORD"]})
    assert names(frame, "dest") == ["dest is ATL", "dest is ORD", "dest is BOS", "dest is missing"]
    assert names(frame, "dest", most=1) == ["dest is ATL", "dest is missing"]


def test_categories_alike_in_frequency_come_in_the_order_of_their_names():
    frame = pd.DataFrame({"dest": ["B", "A", "C", "A", "B", "C"]})
    assert names(frame, "dest") == ["dest is A", "dest is B", "dest is C"]


def test_a_number_of_few_values_is_cut_by_them_and_one_of_many_into_fourths():
    few = pd.DataFrame({"minute": [1.0, 2.0, 2.0, np.nan]})
    assert names(few, "minute") == ["minute is 2", "minute is 1", "minute is missing"]
    many = pd.DataFrame({"minute": np.arange(100.0)})
    assert names(many, "minute") == [
        "minute below 24.75",
        "minute 24.75 to 49.5",
        "minute 49.5 to 74.25",
        "minute from 74.25",
    ]


def test_fourths_that_coincide_are_one():
    frame = pd.DataFrame({"minute": [*np.zeros(300), *np.arange(1.0, 101.0)]})
    assert names(frame, "minute") == ["minute below 0.25", "minute from 0.25"]


def test_a_number_that_is_nearly_always_its_least_is_cut_into_that_and_more():
    frame = pd.DataFrame({"minute": [*np.zeros(900), *np.arange(0.5, 30.0)]})
    assert names(frame, "minute") == ["minute below 0.5", "minute from 0.5"]


def test_booleans_are_named_as_such_and_an_unknown_column_is_read_as_it_is_stored():
    frame = pd.DataFrame({"wet": [True, False, None], "sex": ["f", "m", "f"], "old": range(3)})
    assert names(frame, "wet") == ["wet is false", "wet is true", "wet is missing"]
    assert names(frame, "sex") == ["sex is f", "sex is m"]
    assert is_number(frame["old"], None)
    assert not is_number(frame["sex"], None)
    assert not is_number(frame["old"], "categorical")
    assert not is_number(pd.Series([True]), None)


def test_a_value_is_named_alike_however_it_is_stored():
    stored = [pd.Series([7, 8]), pd.Series([7.0, 8.0]), pd.Series([7, 8], dtype="Int64")]
    assert {tuple(texts(values)) for values in stored} == {("7", "8")}


@pytest.mark.parametrize(
    ("condition", "inside", "words"),
    [
        (Between("minute", None, 2.0), [True, False, False, False], "minute below 2"),
        (Between("minute", 2.0, None), [False, True, True, False], "minute from 2"),
        (Between("minute", 2.0, 3.0), [False, True, False, False], "minute 2 to 3"),
        (Named("dest", "ORD"), [True, False, False, False], "dest is ORD"),
        (Named("dest", "ORD", other=True), [False, True, True, True], "dest is not ORD"),
        (Named("dest", None), [False, False, False, True], "dest is missing"),
        (Named("minute", "2"), [False, True, False, False], "minute is 2"),
    ],
)
def test_a_condition_holds_for_the_rows_that_its_words_say(condition, inside, words):
    frame = pd.DataFrame({"minute": [1.0, 2.0, 3.0, np.nan], "dest": ["ORD", "ATL", "BOS", None]})
    assert condition.holds(frame).tolist() == inside
    assert condition.words == words


def test_a_slice_holds_where_all_of_its_conditions_do():
    frame = pd.DataFrame({"minute": [1.0, 5.0, 5.0], "dest": ["ORD", "ORD", "ATL"]})
    part = Slice((Named("dest", "ORD"), Between("minute", 2.0, None)), "found")
    assert part.holds(frame).tolist() == [False, True, False]
    assert part.name == "dest is ORD and minute from 2"


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=200))
def test_every_row_is_in_exactly_one_slice_of_a_column(values):
    frame = pd.DataFrame({"minute": pd.array(values, dtype="Float64")})
    parts = slices_by(frame, "minute", kinds=KINDS, origin="declared")
    count = np.sum([part.holds(frame) for part in parts], axis=0)
    assert (count == 1).all()


@given(st.floats(-1e9, 1e9))
def test_a_boundary_is_what_its_words_say(value):
    assert float(f"{edge(value):g}") == edge(value)


# -------------------------------------------------------------------------------------- the search

RANDOM = np.random.default_rng(0)
ROWS = 4_000
FRAME = pd.DataFrame(
    {
        "dest": RANDOM.choice(["ORD", "ATL", "BOS"], ROWS),
        "minute": RANDOM.uniform(0, 1440, ROWS),
        "wet": RANDOM.choice([True, False], ROWS),
    }
)
DAYS = np.arange(ROWS) % 20
NOISE = RANDOM.normal(0, 0.05, ROWS)


def search(excess, *, days=DAYS, **asked):
    return worst_slices(FRAME, excess, days, kinds=KINDS, seed=0, **{"least_rows": 100, **asked})


def test_the_search_finds_what_was_planted_in_words():
    planted = (FRAME["dest"] == "ORD") & (FRAME["minute"] >= 960)
    found = search(NOISE + planted * 1.0)
    assert sorted(one.column for one in found[0].conditions) == ["dest", "minute"]
    assert "dest is ORD" in found[0].name
    assert (found[0].holds(FRAME) == planted).mean() > 0.99
    assert {part.origin for part in found} == {"found"}


def test_a_column_is_said_once_by_its_narrowest_stretch():
    found = search(NOISE + FRAME["minute"].between(500, 600) * 1.0)
    assert found[0].name.count("minute") == 1
    low, high = found[0].conditions[0].low, found[0].conditions[0].high
    assert (low, high) == (pytest.approx(500, abs=2), pytest.approx(600, abs=2))


def test_what_is_met_on_few_days_is_their_weather():
    stormy = DAYS < 4
    found = search(NOISE + stormy * 1.0 + (FRAME["dest"] == "BOS") * 0.3)
    everywhere = [len(np.unique(DAYS[part.holds(FRAME)])) for part in found]
    assert min(everywhere) >= 10
    frame = FRAME.assign(minute=np.where(stormy, 5_000.0, FRAME["minute"]))
    kept = worst_slices(frame, NOISE + stormy * 1.0, DAYS, kinds=KINDS, least_rows=100, seed=0)
    assert not any(part.holds(frame)[stormy].all() and "from" in part.name for part in kept)


def test_no_slice_is_smaller_than_asked_and_too_few_rows_are_not_split():
    found = search(NOISE, least_rows=900)
    assert found
    assert all(part.holds(FRAME).sum() >= 900 for part in found)
    assert search(NOISE, least_rows=2_001) == []


def test_where_all_rows_are_alike_there_is_nothing_to_find():
    assert search(np.zeros(ROWS)) == []
    alike = pd.DataFrame({"dest": ["ORD"] * 500})
    kinds = {"dest": "categorical"}
    none = worst_slices(alike, NOISE[:500], DAYS[:500], kinds=kinds, least_rows=100, seed=0)
    assert none == []


def test_no_more_are_brought_back_than_asked():
    assert len(search(NOISE, most=2)) == 2
