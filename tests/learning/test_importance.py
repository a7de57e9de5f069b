"""What a model loses without its features, and which part of that some have together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.learning.importance import Losses, importance_of, losses_of, thinned
from tradewind.stats.bootstrap import Draws, block_draws, fitting
from tradewind.stats.inference import share_of

WEIGHTS = np.array([2.0, 1.2, 0.8, 0.1, 0.0])
NAMES = ["strong", "middle", "weak", "luck", "unused"]


def answer(frame: pd.DataFrame) -> np.ndarray:
    return frame.to_numpy() @ WEIGHTS


def chance(frame: pd.DataFrame) -> np.ndarray:
    return 1 / (1 + np.exp(-answer(frame)))


def rows_of(days: int, *, seed: int, each: int = 40) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of days that differ in what their strong feature is worth: features, truth, unit."""
    random = np.random.default_rng(seed)
    unit = np.repeat(np.arange(days), each)
    frame = pd.DataFrame(random.normal(size=(len(unit), len(NAMES))), columns=NAMES)
    tilt = (1 + 0.5 * random.normal(size=days))[unit]
    truth = 2 * tilt * frame["strong"] + 1.2 * frame["middle"] + 0.8 * frame["weak"]
    return frame, truth.to_numpy() + 2 * random.normal(size=len(unit)), unit


def measured(days: int = 21, *, seed: int = 0, draws: int = 200, by: float = 1.0) -> Losses:
    frame, truth, unit = rows_of(days, seed=seed)
    drawn = block_draws(days, block=fitting(days, block=7), draws=draws, seed=seed)
    asked = {"unit": unit, "draws": drawn, "problem": "regression", "seed": seed}
    return losses_of(lambda rows: by * answer(rows), frame, by * truth, **asked)


def losses(**grown: list[float]) -> Losses:
    """Losses of one feature each: on the rows, and in three draws of two units."""
    draws = Draws(np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]), block=1)
    figures = {name: np.array(told) for name, told in grown.items()}
    return Losses(rows=10, draws=draws, whole=np.ones(4), grown=figures)


def test_shares_are_the_parts_of_what_is_lost_and_luck_has_none():
    found = losses(one=[3, 0, 0, 0], other=[1, 0, 0, 0], luck=[-2, 0, 0, 0]).shares
    assert found == {"one": 0.75, "other": 0.25, "luck": 0.0}
    assert losses(luck=[-2, 0, 0, 0], none=[0, 1, 1, 1]).shares == {"luck": 0.0, "none": 0.0}


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_the_shares_are_those_that_are_measured_without_any_draw(problem):
    frame, truth, unit = rows_of(21, seed=3)
    score, label = (chance, truth > 0) if problem == "binary" else (answer, truth)
    draws = block_draws(21, block=5, draws=10, seed=0)
    asked = {"problem": problem, "seed": 5}
    found = losses_of(score, frame, label, unit=unit, draws=draws, **asked)
    assert found.rows == len(frame)
    alone = importance_of(score, frame, label, **asked)
    assert found.shares == pytest.approx(alone)
    assert max(alone, key=alone.get) == "strong"
    assert alone["unused"] == 0.0


def test_of_many_rows_so_many_are_taken_evenly():
    assert len(range(2_000)[thinned(2_000)]) == 2_000
    assert list(range(2_001))[thinned(2_001)] == list(range(0, 2_001, 2))
    frame, truth, _ = rows_of(60, seed=1)
    few = {"problem": "regression", "seed": 1, "most_rows": 600}
    alone = {"problem": "regression", "seed": 1}
    part = importance_of(answer, frame, truth, **few)
    assert part == importance_of(answer, frame[::4], truth[::4], **alone)


def test_a_share_of_several_is_the_sum_of_theirs_with_its_interval():
    found = measured()
    both = found.share_of(["strong", "weak"], confidence=0.9)
    assert both.value == pytest.approx(found.shares["strong"] + found.shares["weak"])
    assert 0 <= both.low < both.value < both.high <= 1
    surer = found.share_of(["strong", "weak"], confidence=0.99)
    assert surer.high - surer.low > both.high - both.low


def test_all_that_is_lost_is_carried_for_sure():
    found = measured()
    names = [name for name, share in found.shares.items() if share > 0]
    everything = found.share_of(names, confidence=0.95)
    assert (everything.value, everything.low, everything.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("luck", [-1.0, 0.0])
def test_what_costs_nothing_on_the_rows_is_left_out_of_every_draw(luck):
    pair = {"one": [3.0, 2.0, 3.0, 4.0], "other": [1.0, 2.0, 1.0, 0.5]}
    bare = losses(**pair).share_of(["one"], confidence=0.9)
    assert losses(**pair, luck=[luck, 9, -9, 9]).share_of(["one"], confidence=0.9) == bare


def test_a_draw_in_which_a_feature_costs_less_than_nothing_is_not_clipped():
    one, other = np.array([3.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 1.0, -5.0])
    found = losses(one=list(one), other=list(other))
    limits = {"lowest": 0.0, "highest": 1.0}
    known = share_of(one, one + other, found.draws, confidence=0.9, name="x", **limits)
    assert found.share_of(["one"], confidence=0.9) == known
    assert (known.low, known.high) == (0.0, 1.0)


def test_of_a_single_day_all_that_a_share_can_be_is_possible():
    found = losses(one=[3], other=[1])
    alone = replace(found, draws=Draws.none(1)).share_of(["one"], confidence=0.9)
    assert (alone.value, alone.low, alone.high) == (0.75, 0.0, 1.0)
    assert alone.standard_error == 0.5


def test_a_draw_that_allows_no_loss_is_said():
    broken = losses(one=[3, np.nan, 3, 4], other=[1, 1, 1, 1])
    with pytest.raises(EvidenceError, match="the share of all importance: 1 of 3 resamples"):
        broken.share_of(["one"], confidence=0.9)


@given(by=st.sampled_from([0.5, 2.0, 8.0]), seed=st.integers(0, 5))
def test_a_share_knows_no_unit_of_the_label(by, seed):
    one, other = (measured(seed=seed, draws=50, by=times) for times in (1.0, by))
    told = [found.share_of(["strong"], confidence=0.9) for found in (one, other)]
    assert told[0].model_dump() == pytest.approx(told[1].model_dump())


def test_the_interval_holds_the_share_of_all_rows_as_often_as_it_says_and_narrows():
    many, truth, _ = rows_of(3_000, seed=99)
    known = importance_of(answer, many, truth, problem="regression", seed=0, most_rows=len(many))
    widths = []
    for days, least in ((21, 84), (63, 84)):
        told = [
            measured(days, seed=seed).share_of(["strong"], confidence=0.9) for seed in range(100)
        ]
        assert sum(one.low <= known["strong"] <= one.high for one in told) >= least
        widths.append(np.mean([one.high - one.low for one in told]))
    assert widths[1] < 0.7 * widths[0]
