"""A search finds what can be turned within its bound, by the smallest step that it tries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tradewind.learning.turning import turn
from tradewind.stats.observed import Observed

VALUES = np.linspace(-1, 1, 2_001)
DEVIATION = float(VALUES.std())
SEEN = {name: Observed(VALUES, DEVIATION) for name in ("x", "y")}


def ask(frame: pd.DataFrame) -> np.ndarray:
    """Adds them up."""
    return (frame["x"] + frame["y"]).to_numpy(dtype=float)


def progress(score: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Turned where it comes to the other side of zero, which is above."""
    return np.where(score >= 0, np.nextafter(0, -1) - changed, changed)


def searched(*x: float, reach: float = 0.4, at_once: int = 2, **answers: object):
    rows = pd.DataFrame({"x": np.array(x), "y": np.zeros(len(x)), "word": ["w"] * len(x)})
    asking = answers.get("ask", ask)
    return rows, turn(
        rows,
        asking(rows),
        SEEN,
        ask=asking,
        progress=answers.get("progress", progress),
        reach=reach,
        at_once=at_once,
    )


def test_the_smallest_size_that_turns_a_row_is_found():
    step = 0.4 * DEVIATION
    _, found = searched(-0.2 * step, -0.9 * step, -1.9 * step, -2.1 * step, 0.2 * step)
    assert found.size.tolist() == [0.25, 0.5, 1.0, np.inf, 0.25]
    assert found.turned.tolist() == [True, True, True, False, True]


def test_with_one_feature_at_once_half_as_far_is_all_there_is():
    step = 0.4 * DEVIATION
    _, found = searched(-0.9 * step, -1.1 * step, at_once=1)
    assert found.turned.tolist() == [True, False]


def test_a_turned_row_is_told_as_it_is_afterwards_and_another_as_it_was():
    rows, found = searched(-0.05, 0.9)
    assert progress(ask(rows), ask(found.rows)).tolist()[0] >= 0
    assert found.score[0] == pytest.approx(ask(found.rows)[0])
    pd.testing.assert_frame_equal(found.rows.iloc[[1]], rows.iloc[[1]])
    assert found.score[1] == pytest.approx(0.9)


def test_nothing_is_moved_beyond_the_bound_or_out_of_what_was_seen():
    rows, found = searched(*np.linspace(-0.3, 0.3, 50))
    moved = (found.rows[["x", "y"]] - rows[["x", "y"]]).abs().to_numpy()
    assert moved.max() <= 0.4 * DEVIATION * (1 + 1e-9)
    assert found.rows["x"].isin(VALUES).all()
    assert (found.rows["word"] == "w").all()


def test_a_missing_number_cannot_be_moved():
    def only_x(frame: pd.DataFrame) -> np.ndarray:
        return frame["x"].fillna(-0.01).to_numpy()

    _, found = searched(np.nan, -0.01, ask=only_x)
    assert found.turned.tolist() == [False, True]


def test_a_regression_is_moved_far_either_way():
    def far(score: np.ndarray, changed: np.ndarray) -> np.ndarray:
        return np.abs(changed - score) - 0.3 * DEVIATION

    _, found = searched(0.0, 0.5, progress=far)
    assert found.turned.all()
    assert np.isin(found.size, [0.5]).all()


def test_each_step_is_asked_at_once():
    calls = []

    def counted(frame: pd.DataFrame) -> np.ndarray:
        calls.append(len(frame))
        return ask(frame)

    searched(0.9, 0.9, ask=counted)
    assert calls == [2, *[8] * 6]
