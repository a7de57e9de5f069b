"""A difference is found where there is one, an alarm where a column's own weeks show none alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.drift import compare, compare_counts
from tradewind.stats.effects import Effect, effects, share_distance
from tradewind.stats.multiple import Family
from tradewind.stats.profiles import added, profile
from tradewind.stats.tallies import CategoryTally, Coded

KINDS = {"x": "numeric", "rain": "numeric", "plane": "categorical"}
WEEKS = 20


def rows_of(rows: int, seed: int):
    random = np.random.default_rng(seed)
    planes = np.array([f"N{number}" for number in range(3_000)], dtype=object)
    return {
        "x": random.normal(size=rows),
        "rain": np.where(random.random(rows) < 0.93, 0.0, random.exponential(size=rows)),
        "plane": planes[(3_000 * random.random(rows) ** 2).astype(int)],
    }


def judged(reference, window, **asked):
    stored = profile(reference, kinds={name: KINDS[name] for name in reference})
    return {c.column: c for c in compare(stored, window, window_days=7, **asked)}


def weekly(seed: int, *, weeks: int = WEEKS, rows: int = 2_000):
    """Weeks that differ from each other by more than their rows explain."""
    random = np.random.default_rng(seed)
    days = np.repeat(np.arange(7 * weeks), rows // 7)
    level = np.repeat(random.normal(0, 0.3, weeks), 7 * (rows // 7))
    return {"x": level + random.normal(size=len(days))}, days


@pytest.mark.parametrize("rows", [50, 1_000, 20_000])
def test_halves_of_the_same_rows_hardly_ever_differ(rows):
    found = [judged(rows_of(rows, 2 * n), rows_of(rows, 2 * n + 1)) for n in range(15)]
    assert sum(any(c.state == "difference" for c in columns.values()) for columns in found) <= 1


@pytest.mark.parametrize("rows", [10, 1_000])
def test_what_the_rows_cannot_show_is_too_few_rows_and_never_no_difference(rows):
    columns = judged(rows_of(rows, 0), rows_of(rows, 1))
    assert {c.state for c in columns.values()} == {"too_few_rows"}
    assert "too few" in columns["x"].sentence


def test_enough_rows_without_an_effect_are_no_difference():
    columns = judged(rows_of(60_000, 0), rows_of(60_000, 1))
    assert columns["x"].state == columns["rain"].state == "no_difference"


def test_a_tenth_of_a_standard_deviation_is_shown_at_ten_thousand_rows():
    window = rows_of(10_000, 1)
    window["x"] = window["x"] + 0.1
    column = judged(rows_of(10_000, 0), window)["x"]
    assert column.state == "difference"
    assert column.effect == pytest.approx(0.1, abs=0.03)


def test_a_real_effect_below_the_floor_is_no_difference():
    reference, window = ({"x": rows_of(200_000, seed)["x"]} for seed in (0, 1))
    column = judged(reference, {"x": window["x"] + 0.02})["x"]
    assert (column.state, column.p_value < 0.01) == ("no_difference", True)


@pytest.mark.parametrize("rows", [2_000, 20_000, 200_000])
def test_the_estimate_of_an_effect_does_not_depend_on_the_number_of_rows(rows):
    reference, window = ({"x": rows_of(rows, seed)["x"]} for seed in (0, 1))
    found = judged(reference, {"x": window["x"] + 0.3})["x"]
    assert found.effect == pytest.approx(0.3, abs=0.08)


@given(st.integers(0, 2**32 - 1), st.sampled_from([30, 300, 3_000]))
@settings(max_examples=30)
def test_without_an_effect_the_squares_of_shares_cancel_on_the_average(seed, rows):
    random = np.random.default_rng(seed)
    share = random.dirichlet(np.ones(8))
    draws = [
        share_distance(random.multinomial(rows, share), random.multinomial(rows, share))
        for _ in range(10)
    ]
    assert np.median(draws) < 4 * np.sqrt(2 / rows)


def test_missing_values_and_new_and_vanished_categories_are_caught():
    def cells(seed):
        random = np.random.default_rng(seed)
        names = np.array(["EWR", "JFK", "LGA"], dtype=object)
        return {"origin": names[random.integers(0, 3, 5_000)], "x": random.normal(size=5_000)}

    stored = profile(cells(0), kinds={"origin": "categorical", "x": "numeric"})
    window = cells(1)
    window["x"][:500] = np.nan
    window["origin"][window["origin"] == "LGA"] = "EWR"
    window["origin"][:100] = "HPN"
    columns = {c.column: c for c in compare(stored, window, window_days=7)}
    assert columns["x"].state == columns["origin"].state == "difference"
    assert columns["x"].values["null_rate"] == pytest.approx(0.1)
    assert "missing in 10.0% of the rows" in columns["x"].sentence
    assert columns["origin"].new_categories == ["HPN"]
    assert columns["origin"].vanished_categories == ["LGA"]


def test_a_plane_that_is_not_seen_among_few_rows_has_not_vanished():
    assert judged(rows_of(5_000, 0), rows_of(500, 1))["plane"].vanished_categories == []


def test_without_slices_nothing_alarms_and_the_sentence_says_so():
    window = rows_of(5_000, 1)
    window["x"] = window["x"] + 2
    column = judged(rows_of(5_000, 0), window)["x"]
    assert (column.state, column.alarm, column.alarm_level) == ("difference", False, None)
    assert "too few past slices" in column.sentence


def test_a_week_like_the_others_differs_without_an_alarm_and_an_unlike_one_alarms():
    reference, days = weekly(0)
    stored = profile(reference, kinds=KINDS, days=days, window_days=(7,))
    noise = np.random.default_rng(9).normal(size=2_000)
    usual, unusual = (
        compare(stored, {"x": noise + moved}, window_days=7)[0] for moved in (0.5, 4.0)
    )
    assert (usual.state, usual.alarm) == ("difference", False)
    assert (unusual.state, unusual.alarm) == ("difference", True)
    assert unusual.effect > unusual.alarm_level > usual.effect


def test_quiet_weeks_keep_within_the_budget():
    alarms = windows = 0
    for seed in range(12):
        everything, days = weekly(seed, weeks=WEEKS + 10, rows=700)
        before = days < 7 * WEEKS
        stored = profile({"x": everything["x"][before]}, kinds=KINDS, days=days[before])
        for week in range(WEEKS, WEEKS + 10):
            [column] = compare(stored, {"x": everything["x"][days // 7 == week]}, window_days=7)
            alarms, windows = alarms + column.alarm, windows + 1
    assert 30 * alarms / windows <= 1


def test_another_length_of_window_than_was_profiled_cannot_alarm():
    reference, days = weekly(0)
    stored = profile(reference, kinds=KINDS, days=days, window_days=(7,))
    [column] = compare(stored, {"x": np.full(500, 50.0)}, window_days=3)
    assert (column.alarm, column.alarm_level) == (False, None)


def test_a_rare_category_is_a_difference_and_no_alarm_and_one_of_a_fiftieth_is_both():
    days = np.repeat(np.arange(7 * WEEKS), 100)
    usual = np.array(["EWR", "JFK"], dtype=object)
    origin = usual[np.random.default_rng(0).integers(0, 2, len(days))]
    stored = profile({"origin": origin}, kinds={"origin": "categorical"}, days=days)
    for rows, alarm in ((3, False), (14, True)):
        window = np.append(origin[: 700 - rows], ["HPN"] * rows)
        [column] = compare(stored, {"origin": window}, window_days=7)
        assert (column.state, column.alarm) == ("difference", alarm)
        assert column.alarm_level == pytest.approx(0.1)


def test_a_night_counted_in_chunks_is_judged_as_the_whole():
    stored = profile(rows_of(3_000, 0), kinds=KINDS)
    night = rows_of(2_000, 1)
    chunks = [
        stored.count({name: values[part] for name, values in night.items()})
        for part in (slice(0, 900), slice(900, None))
    ]
    whole = compare(stored, night, window_days=7)
    for one, other in zip(
        compare_counts(stored, added(*chunks), window_days=7), whole, strict=True
    ):
        assert one.effect == pytest.approx(other.effect, abs=1e-12)
        assert one.sentence == other.sentence


def test_all_values_missing_is_a_difference_of_its_own():
    reference, window = ({"x": rows_of(1_000, 0)["x"]}, {"x": np.full(1_000, np.nan)})
    column = judged(reference, window)["x"]
    assert column.state == "difference"
    assert set(column.values) == {"null_rate", "null_rate_reference"}


def test_a_role_is_told():
    [column] = judged({"x": [1.0]}, {"x": [1.0]}, roles={"x": "prediction"}).values()
    assert column.role == "prediction"


def test_the_rarest_categories_are_judged_together():
    reference = CategoryTally({f"N{n}": 1 for n in range(500)}, nulls=0)
    current = CategoryTally({f"N{n}": 1 for n in range(500, 1_000)}, nulls=0)
    assert {effect.p_value for effect in effects(reference, current)} == {1.0}


def airports(rows: int, seed: int):
    """A hundred airports, from the usual to those of a few flights, and a dozen figures."""
    random = np.random.default_rng(seed)
    names = np.array([f"A{number:02}" for number in range(100)], dtype=object)
    figures = {f"x{number}": random.normal(size=rows) for number in range(12)}
    return {"plane": names[(100 * random.random(rows) ** 2).astype(int)], **figures}


@pytest.mark.parametrize("gone", [False, True])
def test_fourteen_of_a_thousand_rows_that_are_new_or_gone_are_found_among_many_columns(gone):
    """Of a category with a fiftieth of the rows, chance leaves fewer one time in fifteen."""
    kinds = {"plane": "categorical", **{f"x{number}": "numeric" for number in range(12)}}
    for seed in range(8):
        before, after = airports(1_000, 2 * seed), airports(1_000, 2 * seed + 1)
        after["plane"][np.random.default_rng(seed).permutation(1_000)[:14]] = "new"
        reference, window = (after, before) if gone else (before, after)
        plane, *others = compare(profile(reference, kinds=kinds), window, window_days=7)
        assert plane.state == "difference"
        assert {column.state for column in others} == {"too_few_rows"}


def test_what_is_new_does_not_hide_behind_what_is_gone():
    reference = CategoryTally({"a": 90_000, "b": 9_700, "gone": 300}, nulls=0)
    current = CategoryTally({"a": 900, "b": 98, "new": 5}, nulls=0)
    new, gone = (effect for effect in effects(reference, current) if effect.part == "category")
    assert (new.category, gone.category) == ("new", None)
    assert new.p_value == pytest.approx((1_003 / 101_003) ** 5)
    later = CategoryTally({name: 10 * times for name, times in current.counts.items()}, nulls=0)
    new, gone = (effect for effect in effects(reference, later) if effect.part == "category")
    assert (new.category, gone.category) == ("new", "gone")
    assert gone.p_value == pytest.approx((100_000 / 110_030) ** 300)


def test_chance_alone_makes_categories_new_or_gone_as_rarely_as_is_said():
    """Among hundreds of rare planes, dealt out at random."""
    random = np.random.default_rng(0)
    planes = np.repeat(np.arange(400), 7 + np.arange(400) % 9)
    wrong = 0
    for _ in range(500):
        ours = random.random(len(planes)) < 0.5
        sides = (CategoryTally.of(Coded(planes[own], range(400))) for own in (ours, ~ours))
        parts = [effect for effect in effects(*sides) if effect.part == "category"]
        family = Family.of(parts)
        wrong += any(family.adjusted(effect) <= 0.1 for effect in parts)
    assert 1 <= wrong <= 0.13 * 500


@given(
    st.lists(st.lists(st.floats(1e-12, 1), min_size=1, max_size=9), max_size=5),
    st.integers(0, 50),
    st.lists(st.floats(0, 1), min_size=2, max_size=2),
)
def test_the_chance_of_all_tests_together_is_never_below_that_of_any(reachable, free, p_values):
    few = [
        Effect("category", 0.0, p_value, outcomes=np.unique(own))
        for own in reachable
        for p_value in own
    ]
    less, more = (Effect("values", 0.0, p_value) for p_value in sorted(p_values))
    family = Family.of([*few, *[more] * free])
    assert family.adjusted(less) <= family.adjusted(more) <= 1
    assert family.adjusted(more) >= min(1, free * more.p_value)
    assert all(family.adjusted(effect) >= effect.p_value for effect in few)


@given(
    st.lists(st.lists(st.floats(1e-6, 1), min_size=1, max_size=9), max_size=5),
    st.integers(1, 50),
    st.floats(1e-3, 0.2),
)
def test_the_level_of_one_test_is_what_is_significant_among_all(reachable, free, together):
    few = [Effect("category", 0.0, own[0], outcomes=np.unique(own)) for own in reachable]
    one = Effect("values", 0.0, 1.0)
    family = Family.of([*few, *[one] * free])
    level = family.level(together)
    assert family.adjusted(replace(one, p_value=level)) <= together
    assert family.adjusted(replace(one, p_value=1.001 * level + 1e-9)) > together


def test_thousands_of_planes_make_no_other_test_hopeless():
    lost = Effect("category", 0.0, 1.0, outcomes=np.cumsum(np.full(5_000, 1e-6)))
    shift = Effect("values", 0.1, 1e-4)
    assert Family.of([shift, lost]).adjusted(shift) <= 5.1e-4


def test_a_column_that_lacks_nothing_spends_no_chance_on_missing_values():
    whole, lacking = ({"x": np.append(np.arange(2_000.0), n * [np.nan])} for n in (0, 1))
    alone, *more = (Family.of(parts).free for parts in map(_parts, (whole, lacking)))
    assert (alone, more) == (1, [2])


def _parts(frame):
    tally = profile(frame, kinds=KINDS).columns["x"].tally
    return effects(tally, tally)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({}, "no column to compare"),
        ({"x": []}, "x: no row in the window"),
        ({"y": [1.0]}, "no column y: it knows x"),
    ],
)
def test_what_cannot_be_compared_is_an_error_and_never_no_difference(window, said):
    stored = profile({"x": [1.0, 2.0]}, kinds=KINDS)
    with pytest.raises(EvidenceError, match=said):
        compare(stored, window, window_days=7)
