"""A change in mean loss, taken apart where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.stats.weighing import CONFIDENCE, parts, side, weighted
from tradewind.stats import attribution, breakdown
from tradewind.stats.attribution import Weighted
from tradewind.stats.breakdown import Change

# ----------------------------------------------------------------------------------------- parts


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.25, 1), st.floats(-5, 5))
def test_the_parts_add_up_to_the_change_whatever_is_weighed_and_expected(seed, shared, expects):
    random = np.random.default_rng(seed)
    (one, *_), (other, *_) = side(seed, draws=50), side(seed + 1, hard=0.6, draws=50)
    one = replace(one, weight=random.uniform(0.5, 9, len(one.loss)), expected=expects * one.loss)
    kept = (random.random(len(other.loss)) < shared) * 1.0
    other = replace(other, weight=kept, expected=expects + random.normal(size=len(other.loss)))
    found = parts(one, other)
    assert found.inputs is not None
    assert found.relation is not None
    together = found.inputs.value + found.relation.value + found.new_ground.value
    assert together == pytest.approx(found.total.value, abs=1e-9)
    assert found.total.value == pytest.approx(other.loss.mean() - one.loss.mean(), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_rows_changes_nothing(seed):
    random = np.random.default_rng(seed)
    (one, kind, group), (other, _, others) = side(seed, draws=50), side(seed + 1, draws=50)
    one = weighted(one, kind, was=0.3, now=0.5)
    turned = random.permutation(len(one.loss))
    mixed = Weighted(
        one.loss[turned], one.expected[turned], one.weight[turned], one.unit[turned], one.draws
    )
    for figure in ("total", "inputs", "relation", "new_ground"):
        was, now = (getattr(parts(each, other), figure).model_dump() for each in (one, mixed))
        assert now == pytest.approx(was, abs=1e-9)
    was = breakdown.slice_change(one, other, (group, others))
    now = breakdown.slice_change(mixed, other, (group[turned], others))
    assert not isinstance(was, str)
    assert not isinstance(now, str)
    assert now.change == pytest.approx(was.change, abs=1e-9)


def test_another_mix_of_inputs_is_no_change_of_the_relation():
    (reference, kind, _), (recent, *_) = side(1), side(2, hard=0.7)
    found = parts(weighted(reference, kind, was=0.3, now=0.7), recent)
    assert found.inputs is not None
    assert found.inputs.value >= 0.8 * found.total.value
    assert attribution.clear(found.inputs)
    assert found.relation is not None
    assert not attribution.clear(found.relation)


def test_weights_that_know_nothing_are_made_up_for_by_right_expectations():
    (reference, kind, _), (recent, kinds, _) = side(1), side(2, hard=0.7)
    found = parts(replace(reference, expected=0.5 + kind), replace(recent, expected=0.5 + kinds))
    assert found.inputs is not None
    assert found.inputs.value >= 0.8 * found.total.value


def test_both_causes_are_told_apart():
    (reference, kind, _), (recent, *_) = side(3), side(4, hard=0.7, rises=1.5)
    found = parts(weighted(reference, kind, was=0.3, now=0.7), recent)
    assert found.inputs is not None
    assert found.relation is not None
    assert found.inputs.value == pytest.approx(0.4, abs=0.08)
    assert found.relation.value == pytest.approx(0.3, abs=0.08)


def test_a_difference_where_there_is_none_is_claimed_as_seldom_as_stated():
    claims = {"total": 0, "relation": 0, "slices": 0}
    for seed in range(100):
        (one, kind, group), (other, kinds, others) = side(2 * seed), side(2 * seed + 1)
        found = parts(one, other)
        claims["total"] += attribution.clear(found.total)
        claims["relation"] += attribution.clear(found.relation)
        cuts = {"kind": (kind, kinds), "no kind": (~kind, ~kinds), "group": (group, others)}
        measured = {name: breakdown.slice_change(one, other, cut) for name, cut in cuts.items()}
        told = breakdown.jointly(
            [Change(name, figures.excess) for name, figures in measured.items()],
            attribution.fewer(one.draws, other.draws),
            confidence=CONFIDENCE,
        )
        claims["slices"] += any(attribution.clear(one) for one in told.values())
    most = binom.ppf(0.999, 100, 1 - CONFIDENCE)
    assert {name: count for name, count in claims.items() if count > most} == {}


# --------------------------------------------------------------------------------- shared ground


def test_no_weight_is_greater_than_nine_and_rows_off_the_shared_ground_have_none():
    chance = np.array([0.5, 0.9, 0.91, 0.5, 0.95, 0.0])
    recent = np.array([False, False, False, True, True, True])
    assert attribution.weights_of(chance, recent) == pytest.approx([1, 9, 0, 1, 0, 1])


def test_without_shared_ground_nothing_is_guessed():
    (reference, *_), (recent, *_) = side(1), side(2, rises=3.0)
    off = replace(recent, weight=(np.arange(len(recent.loss)) % 10 == 0) * 1.0)
    found = parts(reference, off)
    assert (found.inputs, found.relation) == (None, None)
    assert found.new_ground == found.total
    assert "only 10% of the recent rows" in (attribution.blurred(reference, off) or "")


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        pytest.param(lambda unit: (unit < 3) * 1.0, "of 3.0 days", id="few days"),
        pytest.param(lambda unit: np.where(np.arange(len(unit)) % 28 == 0, 1.0, 1e-6), "60 rows",
                     id="few rows"),
        pytest.param(lambda unit: 0.0 * unit, "0 rows of 0.0 days", id="no row"),
    ],
)  # fmt: skip
def test_weights_that_rest_on_little_tell_nothing_apart(weight, said):
    (reference, *_), (recent, *_) = side(1), side(2)
    few = replace(reference, weight=weight(reference.unit))
    assert said in (attribution.blurred(few, recent) or "")
    assert parts(few, recent).relation is None


def test_equal_weights_are_worth_all_their_rows():
    assert attribution.effective(np.full(40, 3.0)) == pytest.approx(40)
    assert attribution.effective(np.zeros(40)) == 0
