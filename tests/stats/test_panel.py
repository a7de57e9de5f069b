"""Draws, errors, bounds: what the gates stand on."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from tradewind.errors import EvidenceError
from tradewind.stats import statistics
from tradewind.stats.bootstrap import Draws, block_draws, fitting
from tradewind.stats.curves import decisions, gains, loss_by_unit, reliability
from tradewind.stats.inference import PLANNED_POWER, difference, share_of, standard_error
from tradewind.stats.metrics import BINARY, Metric
from tradewind.stats.panel import compare
from tradewind.stats.rows import binary_rows

UNITS = 30
DRAWS = block_draws(UNITS, block=5, draws=300, seed=0)
CAPTURE = Metric("capture", partial(statistics.capture, top=0.1), greater_is_better=True)
METRICS = {**BINARY, "capture": CAPTURE}


def two_players(seed: int, rows: int = 600, order=None):
    random = np.random.default_rng(seed)
    label = (random.random(rows) < 0.3).astype(float)
    unit = np.concatenate([np.arange(UNITS), random.integers(0, UNITS, rows - UNITS)])
    scores = [np.clip(0.3 + s * label + random.normal(0, 0.2, rows), 0.01, 0.99) for s in (0.2, 0)]
    chosen = np.arange(rows) if order is None else order
    return {
        name: binary_rows(label[chosen], score[chosen], unit=unit[chosen], threshold=threshold)
        for name, score, threshold in zip(("one", "other"), scores, (0.3, 0.5), strict=True)
    }


def judged(players, draws=DRAWS):
    return compare(players, metrics=METRICS, draws=draws, confidence=0.95)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from(sorted(METRICS)))
def test_a_difference_seen_from_the_other_side_changes_its_sign_only(seed, metric):
    panel = judged(two_players(seed))
    there = panel.difference(metric, better="one", than="other")
    back = panel.difference(metric, better="other", than="one")
    assert there.value == -back.value
    assert there.standard_error == pytest.approx(back.standard_error)
    assert there.smallest_detectable == pytest.approx(back.smallest_detectable)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from(sorted(METRICS)))
def test_identical_scores_differ_by_nothing_at_all(seed, metric):
    players = two_players(seed)
    panel = judged({"one": players["one"], "same": players["one"]})
    nothing = panel.difference(metric, better="same", than="one")
    assert (nothing.value, nothing.low, nothing.standard_error) == (0, 0, 0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_rows_changes_no_figure(seed):
    order = np.random.default_rng(seed).permutation(600)
    one, other = judged(two_players(seed)), judged(two_players(seed, order=order))
    for metric in METRICS:
        expected = one.figures["one"][metric]
        assert other.figures["one"][metric] == pytest.approx(expected, abs=1e-12)


def test_only_the_day_of_a_row_matters_not_its_place_in_the_day():
    players = two_players(3)
    rows = players["one"]
    order = np.lexsort((np.random.default_rng(1).random(600), rows.unit))
    figures = judged(two_players(3, order=order)).figures["one"]
    for metric, expected in judged(players).figures["one"].items():
        assert figures[metric] == pytest.approx(expected, abs=1e-12)


def test_better_is_above_zero_whichever_way_the_metric_points():
    panel = judged(two_players(1))
    assert panel.difference("log_loss", better="one", than="other").value > 0
    assert panel.difference("roc_auc", better="one", than="other").value > 0


def test_an_interval_stays_within_what_the_metric_can_be():
    label = np.tile([0.0, 1.0], 30)
    unit = np.repeat(np.arange(UNITS), 2)
    rows = binary_rows(label, np.where(label == 1, 0.9, 0.2), unit=unit, threshold=0.5)
    best = judged({"one": rows}).estimates("one")["roc_auc"]
    assert (best.value, best.low, best.high) == (1, 1, 1)
    noisy = judged(two_players(2)).estimates("one")
    assert 0 <= noisy["calibration_error"].low <= noisy["calibration_error"].high <= 1


def test_the_bound_is_the_t_quantile_with_a_degree_less_than_there_are_blocks():
    found = difference(0.5, 0.1, DRAWS, confidence=0.95)
    bound = student.ppf(0.95, 30 / 5 - 1)
    assert found.low == pytest.approx(0.5 - 0.1 * bound)
    planned = student.ppf(PLANNED_POWER, 30 / 5 - 1)
    assert found.smallest_detectable == pytest.approx(0.1 * (bound + planned))


def test_the_standard_error_of_a_mean_is_the_textbooks():
    daily = np.random.default_rng(0).normal(size=UNITS)
    draws = block_draws(UNITS, block=1, draws=20_000, seed=1)
    means = draws.weights @ daily / UNITS
    expected = daily.std(ddof=1) / np.sqrt(UNITS)
    assert standard_error(means, draws, name="mean") == pytest.approx(expected, rel=0.02)


def test_the_error_of_a_share_is_that_of_a_ratio_of_two_means():
    random = np.random.default_rng(0)
    whole = random.normal(10, 1, UNITS)
    part = 0.4 * whole + random.normal(0, 1, UNITS)
    alone = block_draws(UNITS, block=1, draws=4_000, seed=0)
    drawn = [np.concatenate([[one.mean()], alone.weights @ one / UNITS]) for one in (part, whole)]
    found = share_of(*drawn, alone, confidence=0.95, name="a share")
    assert found.value == part.mean() / whole.mean()
    textbook = np.std(part - found.value * whole, ddof=1) / np.sqrt(UNITS) / whole.mean()
    assert found.standard_error == pytest.approx(textbook, rel=0.05)
    assert found.low < found.value < found.high
    same = share_of(0.3 * drawn[1], drawn[1], alone, confidence=0.95, name="a share")
    assert (same.value, same.standard_error) == pytest.approx((0.3, 0.0))


def test_an_error_from_few_blocks_is_corrected_for_their_number():
    assert DRAWS.degrees_of_freedom == 30 / 5 - 1
    assert DRAWS.correction == pytest.approx(np.sqrt(6 / 5))
    figures = np.array([0.0, 1.0] * 150)
    found = standard_error(figures, DRAWS, name="any")
    assert found == pytest.approx(figures.std(ddof=1) * np.sqrt(6 / 5))


@settings(max_examples=30, deadline=None)
@given(units=st.integers(4, 60), block=st.integers(1, 14), seed=st.integers(0, 99))
def test_every_draw_takes_as_many_units_as_there_are(units, block, seed):
    if units < 2 * block:
        with pytest.raises(EvidenceError, match="at least two blocks"):
            block_draws(units, block=block, draws=5, seed=seed)
        return
    draws = block_draws(units, block=block, draws=5, seed=seed)
    assert draws.weights.sum(axis=1).tolist() == [units] * 5
    again = block_draws(units, block=block, draws=5, seed=seed)
    assert np.array_equal(draws.weights, again.weights)


def test_neighbouring_units_are_drawn_together():
    daily = np.repeat(np.arange(6.0), 5)
    apart = block_draws(30, block=1, draws=4000, seed=0)
    together = block_draws(30, block=5, draws=4000, seed=0)
    spread = [standard_error(d.weights @ daily / 30, d, name="mean") for d in (apart, together)]
    assert spread[1] > 1.5 * spread[0]


def test_a_block_is_of_neighbours_around_the_end_to_the_start():
    for counts in block_draws(30, block=15, draws=50, seed=0).weights:
        drawn = np.flatnonzero(counts)
        assert len(drawn) >= 15
        assert counts.max() <= 2
    ends = block_draws(30, block=15, draws=500, seed=0).weights[:, [29, 0]]
    assert ((ends == 1).all(axis=1) & (ends.sum(axis=1) == 2)).any()
    assert block_draws(30, block=15, draws=4000, seed=0).weights.mean(axis=0) == pytest.approx(
        np.ones(30), abs=0.06
    )


@pytest.mark.parametrize(
    ("units", "fits"), [(1, 1), (7, 1), (8, 2), (21, 5), (27, 6), (28, 7), (300, 7)]
)
def test_where_units_are_few_blocks_are_shorter_so_that_four_fit(units, fits):
    assert fitting(units, block=7) == fits


def test_no_draw_is_of_its_units_all_the_same():
    none = Draws.none(3)
    assert (none.units, len(none.weights)) == (3, 0)


def test_a_share_that_cannot_be_beyond_its_limits_has_an_interval_within_them():
    part, whole = np.r_[0.9, DRAWS.weights[:, 0]], np.r_[1.0, DRAWS.weights[:, 1]]
    asked = {"confidence": 0.9, "name": "x"}
    free = share_of(part, whole, DRAWS, **asked)
    held = share_of(part, whole, DRAWS, **asked, lowest=0.0, highest=1.0)
    assert free.low < 0
    assert free.high > 1
    assert (held.value, held.low, held.high) == (0.9, 0.0, 1.0)


def test_one_unit_says_nothing_of_its_own_error():
    with pytest.raises(EvidenceError, match="1 units in blocks of 1: at least two"):
        block_draws(1, block=1, draws=5, seed=0)


def test_a_figure_that_draws_without_a_positive_row_do_not_allow_is_missing_with_their_share():
    label = np.zeros(60)
    label[:2] = 1
    rows = binary_rows(
        label, np.linspace(0, 1, 60), unit=np.repeat(np.arange(UNITS), 2), threshold=1
    )
    panel = judged({"one": rows, "other": rows})
    assert re.match(r"\d+ of 300 resamples", panel.missing["one"]["roc_auc"])
    assert "roc_auc" not in panel.estimates("one")
    assert "log_loss" in panel.estimates("one")
    with pytest.raises(EvidenceError, match=r"roc_auc of the other: \d+ of 300 resamples"):
        panel.difference("roc_auc", better="other", than="one")


def test_players_on_other_rows_cannot_be_compared():
    players = {**two_players(0), "third": two_players(1)["one"]}
    with pytest.raises(EvidenceError, match="the third was scored on other rows"):
        judged(players)


@pytest.mark.parametrize("part", ["label", "unit", "weight"])
def test_players_that_differ_in_one_column_cannot_be_compared(part):
    players = two_players(0)
    column = getattr(players["other"], part).copy()
    column[-1] = 1 if column[-1] == 0 else 0
    players["other"] = replace(players["other"], **{part: column})
    with pytest.raises(EvidenceError, match="the other was scored on other rows"):
        judged(players)


def test_draws_of_other_units_are_not_of_these_rows():
    draws = block_draws(UNITS + 1, block=5, draws=10, seed=0)
    with pytest.raises(EvidenceError, match="the one was scored on other rows"):
        judged(two_players(0), draws)


def test_a_metric_without_a_better_direction_compares_nobody():
    undirected = Metric("bias", BINARY["brier"].prepare, greater_is_better=None)
    panel = compare(two_players(0), metrics={"bias": undirected}, draws=DRAWS, confidence=0.95)
    with pytest.raises(EvidenceError, match="bias has a sign and no better direction"):
        panel.difference("bias", better="one", than="other")


def test_a_metric_that_raises_is_missing_with_its_reason():
    def broken(label, score):
        raise ZeroDivisionError

    own = Metric("mine", partial(statistics.by_repetition, function=broken), greater_is_better=True)
    players = two_players(0)
    panel = compare(players, metrics={"mine": own, **BINARY}, draws=DRAWS, confidence=0.95)
    assert panel.missing["one"] == {"mine": "its function failed: ZeroDivisionError()"}
    assert set(panel.estimates("one")) == set(BINARY)
    with pytest.raises(EvidenceError, match="mine: its function failed: ZeroDivisionError"):
        own.of(players["one"])


def test_an_error_of_our_own_is_not_taken_for_missing_evidence():
    def prepare(rows):
        raise ZeroDivisionError

    ours = Metric("ours", prepare, greater_is_better=True)
    with pytest.raises(ZeroDivisionError):
        compare(two_players(0), metrics={"ours": ours}, draws=DRAWS, confidence=0.95)


def test_the_curves_say_what_the_rows_say():
    rows = binary_rows([1, 0, 1, 0], [0.95, 0.9, 0.35, 0.05], unit=[0, 0, 1, 1], threshold=0.5)
    assert [bin_["rows"] for bin_ in reliability(rows, binary=True)] == [1, 1, 2]
    assert reliability(rows, binary=True)[-1] == {"score": 0.925, "truth": 0.5, "rows": 2}
    assert gains(rows)[0] == {"rows": 0, "positives": 0}
    assert gains(rows)[10] == {"rows": 0.25, "positives": 0.5}
    expected = [-np.log([0.95, 0.1]).mean(), -np.log([0.35, 0.95]).mean()]
    assert loss_by_unit(rows, binary=True) == pytest.approx(expected)
    assert decisions(rows) == {
        "threshold": 0.5,
        "true_positive": 1,
        "false_positive": 1,
        "false_negative": 1,
        "true_negative": 1,
    }
