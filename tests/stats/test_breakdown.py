"""Where a change lies: by feature and by slice."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stats.weighing import CONFIDENCE, parts, side, weighted
from tradewind.stats import attribution, breakdown
from tradewind.stats.breakdown import Change
from tradewind.stats.simultaneous import joint_reach

# -------------------------------------------------------------------------------------- features


def test_a_feature_s_own_mix_brings_what_its_shares_say():
    (reference, kind, _), (recent, kinds, _) = side(1), side(2, hard=0.7)
    codes = breakdown.bins_of(kind.astype(str), kinds.astype(str))
    found = breakdown.feature_change(reference, recent, codes)[0]
    mean = {value: reference.loss[kind == value].mean() for value in (True, False)}
    expected = (kinds.mean() - kind.mean()) * (mean[True] - mean[False])
    assert found == pytest.approx(expected)


def test_a_value_without_a_reference_row_has_no_loss_that_is_known():
    (reference, *_), (recent, *_) = side(1), side(2)
    rows = len(reference.loss)
    codes = np.zeros(rows, np.int64), (np.arange(rows) % 2).astype(np.int64)
    assert breakdown.feature_change(reference, recent, codes)[0] == pytest.approx(0)


def test_numbers_are_cut_into_tenths_and_the_missing_are_apart():
    values = np.append(np.arange(100.0), np.nan)
    codes, other = breakdown.bins_of(values, np.array([-5.0, 500.0]))
    assert sorted(np.bincount(codes).tolist()) == [1, *sorted(np.bincount(codes[:-1]).tolist())]
    assert len(np.unique(codes)) == 11
    assert other.tolist() == [0, 9]


def test_rare_texts_are_one_bin_whichever_comes_first():
    values = np.array([f"t{number:02}" for number in range(40)] * 2 + ["t39"] * 5)
    codes, _ = breakdown.bins_of(values, values[:0])
    assert len(np.unique(codes)) == 21
    assert codes[-1] == 0


# ---------------------------------------------------------------------------------------- slices


def test_the_slices_of_one_column_add_up_to_the_relation():
    (reference, kind, group), (recent, _, groups) = side(5), side(6, hard=0.5, rises=1.0)
    reference = weighted(reference, kind, was=0.3, now=0.5)
    found = [
        breakdown.slice_change(reference, recent, cut)
        for cut in ((group, groups), (~group, ~groups))
    ]
    relation = parts(reference, recent).relation
    assert relation is not None
    contributions = [one.contribution for one in found if not isinstance(one, str)]
    assert sum(contributions) == pytest.approx(relation.value)
    inside, outside = (one.change[0] for one in found if not isinstance(one, str))
    excess = [one.excess[0] for one in found if not isinstance(one, str)]
    assert excess == pytest.approx([inside - outside, outside - inside])
    assert inside == pytest.approx(1.0, abs=0.1)
    assert outside == pytest.approx(0.0, abs=0.1)


def test_a_slice_that_is_not_met_on_most_days_is_said_to_be_so():
    (reference, *_), (recent, *_) = side(1), side(2)
    inside = reference.unit == 0, recent.unit == 0
    told = breakdown.slice_change(reference, recent, inside)
    assert told == "its rows, or all the others, are of too few days to draw from"


def test_intervals_that_hold_together_reach_as_far_as_the_greatest_of_all_errors():
    (reference, _, group), (recent, _, groups) = side(1), side(2)
    random = np.random.default_rng(0)
    draws = attribution.fewer(reference.draws, recent.draws)
    cuts = [(random.random(len(group)) < 0.5, random.random(len(groups)) < 0.5) for _ in range(8)]
    found = [breakdown.slice_change(reference, recent, cut) for cut in cuts]
    changes = [
        Change(str(place), one.change)
        for place, one in enumerate(found)
        if not isinstance(one, str)
    ]
    together = breakdown.jointly(changes, draws, confidence=CONFIDENCE)
    alone = breakdown.jointly(changes[:1], draws, confidence=CONFIDENCE)
    figures = np.column_stack([one.figures for one in changes])
    reach = joint_reach(figures, draws, confidence=CONFIDENCE, side="both")
    first = together["0"]
    assert first.high - first.value == pytest.approx(reach * first.standard_error)
    assert first.high - first.low > alone["0"].high - alone["0"].low
