"""Rows are spoilt as they are spoilt in life, and in nothing but what was named."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tradewind.learning import faults
from tradewind.stats.observed import Observed

ROWS = pd.DataFrame(
    {
        "x": np.arange(400.0),
        "rain": np.where(np.arange(400) % 10, 0.0, 1.0),
        "line": pd.Series(["a", "b"] * 200, dtype=object),
        "kept": np.arange(400.0),
    }
)


def random() -> np.random.Generator:
    return np.random.default_rng(3)


def seen(*names: str) -> dict[str, Observed]:
    return {name: Observed.of(ROWS[name]) for name in names}


def changed(spoilt: pd.DataFrame) -> pd.DataFrame:
    return (spoilt != ROWS) & ~(spoilt.isna() & ROWS.isna())


def test_noise_is_a_share_of_the_deviation_and_stays_among_what_was_seen():
    spoilt = faults.noisy(ROWS, seen("x", "rain"), share=0.1, random=random())
    moved = spoilt["x"] - ROWS["x"]
    assert moved.std() == pytest.approx(0.1 * ROWS["x"].std(), rel=0.15)
    assert spoilt["x"].isin(ROWS["x"]).all()
    assert spoilt["rain"].equals(ROWS["rain"])
    assert not changed(spoilt)[["line", "kept"]].to_numpy().any()


def test_in_each_row_one_of_the_named_features_is_missing():
    spoilt = faults.missing(ROWS, ["x", "line"], among=["x", "line"], random=random())
    gone = spoilt.isna()
    assert (gone.sum(axis=1) == 1).all()
    assert 0.4 < gone["x"].mean() < 0.6
    assert gone["kept"].sum() == 0
    assert spoilt.dtypes.equals(ROWS.dtypes)


def test_a_swapped_word_is_another_one_that_is_known():
    known = {"line": np.array(["a", "b", "c"], dtype=object)}
    spoilt = faults.swapped(ROWS, known, among=["line"], random=random())["line"]
    assert (spoilt != ROWS["line"]).all()
    assert set(spoilt) == {"a", "b", "c"}


def test_an_unseen_word_is_none_of_those_that_are_known():
    spoilt = faults.unseen(ROWS, ["line"], among=["line"], random=random())
    assert set(spoilt["line"]) == {faults.UNSEEN}


def test_a_missing_word_is_swapped_for_a_known_one():
    gaps = ROWS.assign(line=pd.Series([np.nan] * 400, dtype=object))
    known = {"line": np.array(["a", "b"], dtype=object)}
    spoilt = faults.swapped(gaps, known, among=["line"], random=random())
    assert spoilt["line"].isin(["a", "b"]).all()


def test_of_two_features_that_matter_a_word_is_spoilt_in_every_other_row():
    known = {"line": np.array(["a", "b"], dtype=object)}
    for spoilt in (
        faults.swapped(ROWS, known, among=["x", "line"], random=random()),
        faults.unseen(ROWS, ["line"], among=["x", "line"], random=random()),
    ):
        assert 0.4 < changed(spoilt)["line"].mean() < 0.6
        assert spoilt["x"].equals(ROWS["x"])


def test_a_stale_value_is_the_newest_one_of_the_same_thing_that_is_old_enough():
    hours = pd.to_datetime(pd.Series(range(6)), unit="h", utc=True)
    past = pd.DataFrame(
        {"prediction_time": hours, "line": list("ababab"), "x": [0.0, 1, 2, 3, 4, 5]}
    )
    spoilt = faults.stale(
        past[["line", "x"]],
        ["x"],
        past=past,
        times=past["prediction_time"],
        by=["line"],
        age=timedelta(hours=3),
        among=["x"],
        random=random(),
    )
    # Nothing of theirs was known three hours before the first rows: they keep what they say.
    assert spoilt["x"].tolist() == [0, 1, 2, 3, 0, 1]
    assert spoilt["line"].equals(past["line"])


def test_where_nothing_names_the_thing_every_earlier_row_is_of_it():
    hours = pd.to_datetime(pd.Series(range(4)), unit="h", utc=True)
    past = pd.DataFrame({"prediction_time": hours, "x": [0.0, 1, 2, 3]})
    spoilt = faults.stale(
        past[["x"]],
        ["x"],
        past=past,
        times=hours,
        by=[],
        age=timedelta(hours=1),
        among=["x"],
        random=random(),
    )
    assert spoilt["x"].tolist() == [0, 0, 1, 2]


def test_a_feature_that_names_the_thing_may_be_stale_itself():
    hours = pd.to_datetime(pd.Series(range(4)), unit="h", utc=True)
    past = pd.DataFrame({"prediction_time": hours, "line": list("abab"), "x": [0.0, 1, 2, 3]})
    spoilt = faults.stale(
        past[["line", "x"]],
        ["line"],
        past=past,
        times=hours,
        by=["line"],
        age=timedelta(hours=1),
        among=["line"],
        random=random(),
    )
    assert spoilt.equals(past[["line", "x"]])


def test_the_same_draws_give_the_same_rows():
    one, other = (
        faults.missing(ROWS, ["x", "line"], among=["x", "line"], random=random()) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, other)


def test_of_a_model_of_few_features_so_many_eighths_of_the_rows_are_spoilt():
    few = faults.drawn_from(["x", "line"], features=2)
    assert (few[:2], few[2:]) == (["x", "line"], [None] * 6)
    gone = faults.missing(ROWS, ["x", "line"], among=few, random=random()).isna()
    assert 0.05 < gone["x"].mean() < 0.2
    assert (gone.sum(axis=1) <= 1).all()


def test_a_model_of_many_features_that_hangs_on_one_loses_that_in_every_row():
    assert faults.drawn_from(["x"], features=8) == ["x"]
