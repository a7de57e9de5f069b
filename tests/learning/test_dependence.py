"""Curves and growths of loss of models whose every answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tradewind.learning.dependence import MOST_POINTS, Sampled, partial_dependence
from tradewind.learning.importance import losses_without
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import log_loss, rmse
from tradewind.stats.rows import Rows

ROWS, DAYS = 900, 30
_random = np.random.default_rng(7)
FRAME = pd.DataFrame(
    {
        "minute": _random.uniform(0, 100, ROWS),
        "weekday": _random.integers(1, 4, ROWS),
        "carrier": _random.choice(["UA", "AA", "B6"], ROWS, p=[0.6, 0.3, 0.1]),
        "noise": _random.normal(size=ROWS),
    }
)
SAMPLED = Sampled(
    rows=FRAME,
    unit=np.arange(ROWS) % DAYS,
    draws=block_draws(DAYS, block=2, draws=300, seed=0),
    confidence=0.95,
)
LIFT = {"UA": 0.0, "AA": 10.0, "B6": 50.0}


def answer(frame: pd.DataFrame) -> np.ndarray:
    """Looks at three columns, each with a weight of its own, and not at the noise."""
    carrier = frame["carrier"].map(LIFT).fillna(0.0).to_numpy(dtype=float)
    minute = frame["minute"].fillna(0.0).to_numpy(dtype=float)
    return 2 * minute + 5 * frame["weekday"].to_numpy(dtype=float) + carrier


def sampled(**changes: object) -> Sampled:
    return Sampled(FRAME.assign(**changes), SAMPLED.unit, SAMPLED.draws, SAMPLED.confidence)


def test_a_curve_is_the_mean_answer_with_one_column_held_still() -> None:
    curve = partial_dependence(answer, SAMPLED, "minute", kind="numeric")
    assert len(curve.points) == MOST_POINTS
    for point in curve.points:
        held = float(np.mean(answer(FRAME.assign(minute=point.place))))
        assert point.answer.value == pytest.approx(held, rel=1e-12)
        assert point.answer.low < held < point.answer.high
    first, last = curve.points[0], curve.points[-1]
    slope = (last.answer.value - first.answer.value) / (last.place - first.place)
    assert slope == pytest.approx(2)


def test_an_interval_is_of_other_days_and_widens_where_days_differ() -> None:
    same = partial_dependence(answer, SAMPLED, "minute", kind="numeric").points[0].answer
    apart = sampled(weekday=np.arange(ROWS) % DAYS)
    wide = partial_dependence(answer, apart, "minute", kind="numeric").points[0].answer
    assert wide.standard_error > 5 * same.standard_error


def test_every_row_lies_at_one_point_or_is_said_not_to() -> None:
    holes = FRAME["minute"].where(FRAME["minute"] > 10)
    curve = partial_dependence(answer, sampled(minute=holes), "minute", kind="numeric")
    assert curve.missing == int(holes.isna().sum()) > 0
    assert curve.left_out == 0
    assert sum(point.rows for point in curve.points) + curve.missing == ROWS


def test_where_there_is_hardly_a_row_the_curve_says_so() -> None:
    gap = FRAME["minute"].where(FRAME["minute"] < 50, FRAME["minute"] + 400)
    curve = partial_dependence(answer, sampled(minute=gap), "minute", kind="numeric")
    empty = [point for point in curve.points if 100 < point.place < 380]
    assert empty
    assert [point.rows for point in empty] == [0] * len(empty)


def test_few_numbers_are_each_a_point_and_whole_ones_stay_whole() -> None:
    curve = partial_dependence(answer, SAMPLED, "weekday", kind="numeric")
    assert [point.place for point in curve.points] == [1, 2, 3]
    counts = FRAME["weekday"].value_counts()
    assert [point.rows for point in curve.points] == [counts[day] for day in (1, 2, 3)]
    many = sampled(weekday=_random.integers(0, 200, ROWS))
    places = [p.place for p in partial_dependence(answer, many, "weekday", kind="numeric").points]
    assert places == [float(round(place)) for place in places]


def test_categories_come_by_how_many_rows_they_have_and_rare_ones_are_counted() -> None:
    curve = partial_dependence(answer, SAMPLED, "carrier", kind="categorical", most=2)
    assert [(point.at, point.place) for point in curve.points] == [("UA", None), ("AA", None)]
    assert curve.left_out == int((FRAME["carrier"] == "B6").sum())
    lift = curve.points[1].answer.value - curve.points[0].answer.value
    assert lift == pytest.approx(10)


def test_a_column_of_nothing_has_no_points() -> None:
    empty = sampled(minute=np.nan)
    curve = partial_dependence(answer, empty, "minute", kind="numeric")
    assert (curve.points, curve.missing) == ([], ROWS)


def losses(problem: str, label: np.ndarray, score=answer):
    return losses_without(score, SAMPLED, label, problem=problem, seed=3, shuffles=2)


def test_what_is_not_looked_at_loses_nothing_and_what_is_loses_by_its_weight() -> None:
    whole, grown = losses("regression", answer(FRAME) + FRAME["noise"].to_numpy())
    assert sorted(grown, key=lambda name: -grown[name].value) == [
        "minute", "carrier", "weekday", "noise",
    ]  # fmt: skip
    assert grown["noise"].value == grown["noise"].low == grown["noise"].high == 0
    assert all(grown[name].low > 0 for name in ("minute", "carrier", "weekday"))
    rows = Rows(answer(FRAME) + FRAME["noise"], answer(FRAME), SAMPLED.unit, np.ones(ROWS), DAYS)
    assert whole.value == pytest.approx(rmse(rows)(np.ones((1, DAYS)))[0])


def test_of_a_binary_problem_it_is_the_log_loss_that_grows() -> None:
    def chance(frame: pd.DataFrame) -> np.ndarray:
        return 1 / (1 + np.exp(-(frame["minute"].to_numpy() - 50) / 10))

    label = (_random.random(ROWS) < chance(FRAME)).astype(float)
    whole, grown = losses("binary", label, chance)
    rows = Rows(label, chance(FRAME), SAMPLED.unit, np.ones(ROWS), DAYS)
    assert whole.value == pytest.approx(log_loss(rows)(np.ones((1, DAYS)))[0])
    assert grown["minute"].low > 0
    assert grown["carrier"].value == 0


def test_the_same_rows_give_the_same_figures() -> None:
    label = answer(FRAME)
    assert losses("regression", label) == losses("regression", label)
