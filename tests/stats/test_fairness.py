"""The greatest gap between groups: fairlearn's figure, a paired interval, and luck kept out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.errors import EvidenceError
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.fairness import Grouped
from tradewind.stats.groups import FAIRNESS
from tradewind.stats.inference import estimate
from tradewind.stats.rows import binary_rows, regression_rows
from tradewind.stats.treatment import MEASURES, rates_of

DAYS, BINARY = 30, MEASURES["binary"]


def rows_of(seed: int, *, count: int = 6_000):
    random = np.random.default_rng(seed)
    score = random.random(count)
    label = (random.random(count) < score).astype(float)
    return binary_rows(label, score, unit=np.arange(count) % DAYS, threshold=0.5)


def grouped(rows, names, **changes) -> Grouped:
    asked = {"least_rows": 50, "least_units": 14, "confidence": 0.95, "seed": 0, **changes}
    draws = block_draws(rows.units, block=1, draws=200, seed=0)
    rates = rates_of("binary" if rows.threshold else "regression")
    return Grouped(rows, np.asarray(names, dtype=np.str_), rates, draws, **asked)


def widest(one: Grouped, name: str, *, limit: float = 0.1, level: float = 0.05):
    return one.widest(name, limit=limit, level=level)


def names_of(rows, *shares: float, seed: int = 1):
    letters = [chr(ord("a") + number) for number in range(len(shares))]
    return np.random.default_rng(seed).choice(letters, size=len(rows.label), p=shares)


# ------------------------------------------------------------------------------------- the figures


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_the_gaps_are_fairlearns(seed, groups):
    metrics = pytest.importorskip("fairlearn.metrics")
    rows = rows_of(seed, count=600)
    names = names_of(rows, *([1 / groups] * groups), seed=seed)
    own = grouped(rows, names, least_rows=1, least_units=1)
    told = (rows.label, rows.decision)
    parity = metrics.demographic_parity_difference(*told, sensitive_features=names)
    odds = metrics.equalized_odds_difference(*told, sensitive_features=names)
    free = {"limit": np.inf}
    assert widest(own, "selection_rate", **free).gap.value == pytest.approx(parity, abs=1e-12)
    both = [widest(own, name, **free).gap.value for name in BINARY["equalised_odds"]]
    assert max(both) == pytest.approx(odds, abs=1e-12)


def test_a_groups_figures_are_those_that_the_nights_show():
    rows = rows_of(3)
    names = names_of(rows, 0.7, 0.3)
    own = grouped(rows, names).treated
    ones = np.ones((1, rows.units))
    for group, one in own.items():
        alone = replace(rows, weight=rows.weight * (names == group))
        for rate, metric in FAIRNESS["binary"].items():
            assert one.figures[rate][0] == pytest.approx(
                metric.statistic(alone)(ones)[0], abs=1e-12
            )


def test_a_gap_is_the_range_with_the_interval_of_the_paired_difference():
    rows = rows_of(4)
    names = names_of(rows, 0.5, 0.3, 0.2)
    own = grouped(rows, names)
    treated = own.treated
    found = widest(own, "selection_rate", limit=1.0)
    drawn = {group: one.figures["selection_rate"] for group, one in treated.items()}
    values = {group: figures[0] for group, figures in drawn.items()}
    assert found.high == max(values, key=values.get)
    assert found.low == min(values, key=values.get)
    gaps = drawn[found.high] - drawn[found.low]
    error = float(np.std(gaps[1:], ddof=1)) * own.draws.correction
    expected = estimate(gaps[0], error, own.draws, confidence=0.95, lowest=0, highest=1)
    assert found.gap.model_dump() == pytest.approx(expected.model_dump())
    assert (found.groups, found.luck, found.unsure) == (3, None, ())


def test_a_regressions_gaps_are_in_deviations_of_the_label():
    random = np.random.default_rng(0)
    label = random.normal(100, 20, 4_000)
    names = np.where(np.arange(4_000) % 2 == 0, "a", "b")
    score = label + np.where(names == "a", 5.0, 0.0)
    rows = regression_rows(label, score, unit=np.arange(4_000) // 2 % DAYS)
    found = widest(grouped(rows, names), "mean_error")
    assert (found.high, found.low) == ("b", "a")
    assert found.gap.value == pytest.approx(5 / label.std())
    means = score[names == "a"].mean() - score[names == "b"].mean()
    assert widest(grouped(rows, names), "mean_score").gap.value == pytest.approx(
        means / label.std()
    )


def test_labels_that_are_all_the_same_have_no_unit():
    rows = regression_rows(np.ones(4_000), np.ones(4_000), unit=np.arange(4_000) % DAYS)
    with pytest.raises(EvidenceError, match="every label is the same"):
        assert grouped(rows, ["a", "b"] * 2_000).treated


# ------------------------------------------------------------------------------------ who is known


@pytest.mark.parametrize(("least", "known"), [(100, True), (101, False)])
def test_a_figure_stands_on_the_rows_behind_it(least, known):
    rows = rows_of(5)
    names = np.full(len(rows.label), "a")
    names[np.flatnonzero(rows.label == 1)[:100]] = "b"
    names[np.flatnonzero(rows.label == 0)[:500]] = "b"
    own = grouped(rows, names, least_rows=least).treated["b"]
    assert own.rows == 600
    assert own.behind == {
        "selection_rate": 600, "true_positive_rate": 100, "false_positive_rate": 500,
        "calibration_gap": 600,
    }  # fmt: skip
    assert ("true_positive_rate" in own.figures) == known
    assert "false_positive_rate" in own.figures
    if not known:
        said = "100 rows behind it, and 101 are needed"
        assert own.unknown == {"true_positive_rate": said}


@pytest.mark.parametrize(("least", "known"), [(10, True), (11, False)])
def test_a_group_is_met_on_enough_days_or_unknown(least, known):
    rows = rows_of(6)
    names = np.where(rows.unit < 10, "b", "a")
    own = grouped(rows, names, least_units=least).treated["b"]
    assert bool(own.figures) == known
    if not known:
        assert own.unknown["selection_rate"] == "met on 10 days, and 11 are needed"


def test_a_figure_that_some_draws_do_not_have_is_unknown():
    rows = rows_of(6, count=600)
    alike = replace(rows, label=np.where(rows.unit == 0, 1.0, 0.0))
    own = grouped(alike, np.full(600, "a"), least_rows=1).treated["a"]
    assert own.figures.keys() == {"selection_rate", "false_positive_rate", "calibration_gap"}
    assert "of 201 resamples" in own.unknown["true_positive_rate"]


def test_a_gap_is_between_two_known_groups():
    rows = rows_of(7)
    names = np.where(np.arange(len(rows.label)) < 49, "b", "a")
    with pytest.raises(EvidenceError, match="selection rate is known of 1 of 2 groups, and a gap"):
        widest(grouped(rows, names), "selection_rate")
    with pytest.raises(EvidenceError, match="selection rate is known of 0 of 2 groups, and a gap"):
        widest(grouped(rows, names, least_rows=6_001), "selection_rate")


# --------------------------------------------------------------------------------------- and luck


def unfair(rows, names, group: str, by: float):
    """Rows of which one group is decided for more often."""
    luckier = (names == group) & (np.random.default_rng(9).random(len(names)) < by)
    return replace(rows, score=np.where(luckier, 0.99, rows.score))


def test_small_groups_that_luck_sets_apart_are_unknown_and_the_others_are_compared():
    rows = rows_of(8)
    names = names_of(rows, 0.47, 0.47, 0.03, 0.03)
    told = widest(grouped(rows, names), "selection_rate", limit=0.02)
    assert told.unsure
    assert set(told.unsure) <= {"c", "d"}
    assert told.gap.value <= 0.02
    assert told.luck is None


def test_the_smallest_group_is_left_out_first():
    rows = rows_of(12)
    names = names_of(rows, 0.6, 0.36, 0.03, 0.01)
    told = widest(grouped(unfair(rows, names, "b", 0.2), names), "selection_rate", limit=1e-9)
    assert told.unsure[0] == "d"
    assert told.groups == 4 - len(told.unsure) >= 2
    assert told.gap.value > told.luck


def test_a_small_group_far_off_is_never_taken_for_luck():
    rows = rows_of(10)
    names = names_of(rows, 0.48, 0.48, 0.04)
    own = grouped(unfair(rows, names, "c", 0.6), names)
    told = widest(own, "selection_rate", level=0.05)
    assert (told.high, told.groups, told.unsure) == ("c", 3, ())
    assert 0 < told.luck < told.gap.value
    # Three groups may be left out once before two remain: half of the level for each look.
    dealt = np.ptp(own._dealt["selection_rate"], axis=1)
    assert told.luck == pytest.approx(np.quantile(dealt, 0.975))


def test_two_groups_that_luck_may_have_set_apart_have_no_gap():
    rows = rows_of(11)
    names = names_of(rows, 0.5, 0.5)
    with pytest.raises(EvidenceError, match="luck alone makes selection rates"):
        widest(grouped(rows, names), "selection_rate", limit=1e-6, level=0.001)


def test_a_gap_may_reach_the_limit_and_needs_no_luck_to_explain_it():
    rows = rows_of(8, count=1_000)
    names = names_of(rows, 0.45, 0.45, 0.1)
    own = grouped(rows, names)
    first, second, _ = (one.figures["selection_rate"][0] for one in own.treated.values())
    told = widest(own, "selection_rate", limit=abs(first - second))
    assert (told.gap.value, told.luck) == (abs(first - second), None)
    assert (told.groups, told.unsure) == (2, ("c",))


def test_a_gap_just_as_wide_as_luck_makes_it_is_luck():
    # One row is decided for, and every deal gives it to one of two groups of the same size.
    one = np.arange(600) == 0
    rows = binary_rows(one * 1.0, one * 0.9, unit=np.arange(600) % DAYS, threshold=0.5)
    names = np.where(np.arange(600) < 300, "a", "b")
    with pytest.raises(EvidenceError, match="luck alone makes selection rates"):
        widest(grouped(rows, names), "selection_rate", limit=1e-6)


def test_the_same_seed_deals_alike_and_luck_is_what_random_names_do():
    rows = rows_of(13)
    names = names_of(rows, 0.5, 0.5)
    own = grouped(unfair(rows, names, "a", 0.5), names)
    first = widest(own, "selection_rate")
    assert first == widest(own, "selection_rate")
    error = np.sqrt(2) * np.std(own.rows.decision) / np.sqrt(len(rows.label) / 2)
    assert first.luck == pytest.approx(1.96 * error, rel=0.1)


def test_names_dealt_out_at_random_are_found_unlike_no_oftener_than_the_level():
    rows, wide = rows_of(14, count=600), 0
    for seed in range(40):
        names = names_of(rows, 0.25, 0.25, 0.25, 0.25, seed=100 + seed)
        try:
            found = widest(grouped(rows, names), "selection_rate", limit=1e-6)
        except EvidenceError:
            continue
        wide += found.groups == 4
    # Of 40 at 5 % a share, 7 or more come by chance less than once in a hundred times.
    assert wide < 7
