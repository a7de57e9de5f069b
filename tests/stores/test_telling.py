from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tradewind.stores.casting import cast
from tradewind.stores.telling import in_words, strongest

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: Mapping[str, Any] = {"carrier": "categorical", "temp": "numeric", "late": "boolean"}
FRAME = pd.DataFrame(
    {
        "carrier": ["UA", None, "UA", "AA"],
        "temp": [41.0, 41.123456, np.nan, -3.0],
        "late": [1.0, 0.0, np.nan, 1.0],
    }
)
# Few different figures, so that many are equal.
effects = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 6), st.integers(1, 5)),
    elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0]),
)


@given(effects, st.integers(1, 7))
@settings(max_examples=80, deadline=None)
def test_the_strongest_are_those_of_a_sort_the_first_where_two_are_equal(
    told: np.ndarray, most: int
) -> None:
    by_sort = np.argsort(-np.abs(told), axis=1, kind="stable")[:, :most]
    assert strongest(told, most=most).tolist() == by_sort.tolist()
    assert strongest(np.asfortranarray(told), most=most).tolist() == by_sort.tolist()


def test_each_kind_of_value_has_its_words() -> None:
    moved = np.array([[3.0, -2.0, 1.0], [3.0, 2.0, -1.0], [-3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    told = in_words(moved, cast(FRAME, TYPES), TYPES, most=3, rows=np.arange(4)).to_pylist()
    assert [[one["words"] for one in row] for row in told] == [
        ["carrier UA raised it", "temp 41 lowered it", "late true raised it"],
        ["missing carrier raised it", "temp 41.12 raised it", "late false lowered it"],
        ["carrier UA lowered it", "missing temp raised it", "missing late raised it"],
        ["late true raised it", "temp -3 raised it", "carrier AA raised it"],
    ]
    assert told[1][0] == {
        "feature": "carrier", "value": None, "effect": 3.0, "words": "missing carrier raised it",
    }  # fmt: skip


def test_what_moved_nothing_is_left_out_and_so_are_rows_that_are_not_asked_for() -> None:
    moved = np.array([[0.0, -2.0, 0.0], [0.0, 0.0, 0.0]])
    told = in_words(moved, cast(FRAME, TYPES), TYPES, most=2, rows=np.array([1, 3])).to_pylist()
    assert told[0] == told[2] == told[3] == []
    [only] = told[1]
    assert only["words"] == "temp 41.12 lowered it"


def test_each_row_alone_is_told_the_same_as_among_others() -> None:
    rng = np.random.default_rng(0)
    frame = FRAME.iloc[rng.integers(0, 4, 60)].reset_index(drop=True)
    moved = rng.normal(size=(60, 3))
    whole = in_words(moved, cast(frame, TYPES), TYPES, most=2, rows=np.arange(60)).to_pylist()
    for row in range(60):
        one = cast(frame.iloc[[row]], TYPES)
        alone = in_words(moved[[row]], one, TYPES, most=2, rows=np.arange(1))
        assert alone.to_pylist() == [whole[row]]
