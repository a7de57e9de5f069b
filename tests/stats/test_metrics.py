"""Every metric against scikit-learn, with weights and ties, and what it refuses."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from tradewind.definition.learning import ScenarioMetric
from tradewind.definition.schema import ModelDefinition
from tradewind.errors import DefinitionError, EvidenceError
from tradewind.stats.metrics import BINARY, REGRESSION, _own, metrics_of
from tradewind.stats.rows import binary_rows, regression_rows, unit_numbers

EXACT = {"abs": 1e-12, "rel": 1e-12}
THRESHOLD = 0.4


def _log_loss(y, s, w):
    return sk.log_loss(y, s, sample_weight=w)


def _rate(function):
    return lambda y, s, w: function(y, s >= THRESHOLD, sample_weight=w, zero_division=0)


def _calibration(y, s, w):
    """Expected calibration error, bin by bin, as it is written in the paper."""
    edges = np.clip(np.floor(s * 10), 0, 9)
    total = 0.0
    for number in range(10):
        inside = edges == number
        if w[inside].sum() > 0:
            share = np.average(y[inside], weights=w[inside])
            mean = np.average(s[inside], weights=w[inside])
            total += w[inside].sum() / w.sum() * abs(share - mean)
    return total


SKLEARN_BINARY = {
    "roc_auc": lambda y, s, w: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, w: sk.average_precision_score(y, s, sample_weight=w),
    "log_loss": _log_loss,
    "brier": lambda y, s, w: sk.brier_score_loss(y, s, sample_weight=w),
    "calibration_error": _calibration,
    "precision": _rate(sk.precision_score),
    "recall": _rate(sk.recall_score),
    "f1": _rate(sk.f1_score),
}
SKLEARN_REGRESSION = {
    "rmse": lambda y, s, w: sk.root_mean_squared_error(y, s, sample_weight=w),
    "mae": lambda y, s, w: sk.mean_absolute_error(y, s, sample_weight=w),
    "r2": lambda y, s, w: sk.r2_score(y, s, sample_weight=w),
    "bias": lambda y, s, w: np.average(s - y, weights=w),
}


def scored_rows(seed: int, rows: int = 300, units: int = 12):
    """Labels, scores with many ties, units, weights (some of them zero)."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, rows).astype(float)
    label[:2] = (0, 1)
    score = np.round(random.beta(2, 3, rows), random.integers(1, 4))
    weight = random.integers(0, 4, rows) * random.random(rows)
    weight[:2] = 1
    unit = np.concatenate([np.arange(units), random.integers(0, units, rows - units)])
    return label, score, unit, weight


@pytest.mark.parametrize("name", sorted(BINARY))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weighted_binary_metric_is_scikit_learns(name, seed):
    label, score, _, weight = scored_rows(seed)
    rows = binary_rows(label, score, weight=weight, threshold=THRESHOLD)
    expected = SKLEARN_BINARY[name](label, score, weight)
    assert BINARY[name].of(rows) == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("name", sorted(REGRESSION))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weighted_regression_metric_is_scikit_learns(name, seed):
    label, score, _, weight = scored_rows(seed)
    truth, guess = 40 * label + 7 * score, 30 * score
    expected = SKLEARN_REGRESSION[name](truth, guess, weight)
    rows = regression_rows(truth, guess, weight=weight)
    assert REGRESSION[name].of(rows) == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("name", sorted(BINARY))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_weighing_units_is_weighing_each_of_their_rows(name, seed):
    label, score, unit, weight = scored_rows(seed)
    times = np.random.default_rng(seed).integers(1, 4, (3, unit.max() + 1)).astype(float)
    rows = binary_rows(label, score, unit=unit, weight=weight, threshold=THRESHOLD)
    expected = [SKLEARN_BINARY[name](label, score, weight * draw[unit]) for draw in times]
    assert BINARY[name].statistic(rows)(times) == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("name", sorted(BINARY))
def test_the_order_of_the_rows_changes_nothing(name):
    label, score, unit, weight = scored_rows(5)
    order = np.random.default_rng(1).permutation(len(label))
    times = np.random.default_rng(2).integers(0, 3, (20, unit.max() + 1)).astype(float)
    one = binary_rows(label, score, unit=unit, weight=weight, threshold=THRESHOLD)
    other = binary_rows(
        label[order],
        score[order],
        unit=unit[order],
        weight=weight[order],
        threshold=THRESHOLD,
    )
    figures = BINARY[name].statistic(one)(times)
    assert BINARY[name].statistic(other)(times) == pytest.approx(figures, **EXACT)


def _capture(top: float):
    model = _model(metrics={"own": {"caught": {"kind": "capture", "top": top}}})
    return metrics_of(model)["caught"]


def test_capture_is_the_share_of_positives_among_the_highest_scores():
    label = [1, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    score = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    assert _capture(0.3).of(binary_rows(label, score)) == pytest.approx(2 / 3)


def test_capture_of_equal_scores_is_their_share_whatever_their_order():
    label = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    constant = binary_rows(label, [0.2] * 10)
    assert _capture(0.3).of(constant) == pytest.approx(0.3)
    assert _capture(0.3).of(binary_rows(label[::-1], [0.2] * 10)) == pytest.approx(0.3)


def test_cost_counts_each_wrong_decision_at_its_price_per_row():
    costs = {"kind": "cost", "false_positive": 2, "false_negative": 10}
    metric = metrics_of(_model(metrics={"own": {"price": costs}}))["price"]
    rows = binary_rows([1, 1, 0, 0], [0.9, 0.1, 0.9, 0.1], threshold=0.5)
    assert metric.of(rows) == pytest.approx((10 + 2) / 4)


def mean_of_late_scores(label, score):
    return float(score[label == 1].mean())


def test_a_metric_of_ones_own_is_a_function_of_label_and_score():
    text = inspect.getsource(mean_of_late_scores)
    spec = ScenarioMetric(kind="python", function="mine:score", greater_is_better=True)
    files = {"python:mine": text.replace("mean_of_late_scores", "score")}
    rows = binary_rows([1, 0, 1], [0.2, 0.9, 0.6], unit=[0, 1, 1])
    metric = _own("late", spec, _model(), files)
    assert metric.of(rows) == pytest.approx(0.4)
    assert metric.statistic(rows)(np.array([[1.0, 2.0]])) == pytest.approx([(0.2 + 0.6 + 0.6) / 3])


def test_a_function_that_is_not_there_is_named():
    spec = ScenarioMetric(kind="python", function="nowhere.at:all", greater_is_better=True)
    with pytest.raises(
        DefinitionError, match=r"own\.late\.function: nowhere\.at:all cannot be load"
    ):
        _own("late", spec, _model(), {})


def test_without_its_text_a_function_has_a_direction_and_no_figure():
    spec = ScenarioMetric(kind="python", function="mine:score", greater_is_better=True)
    metric = _own("late", spec, _model(), None)
    assert metric.greater_is_better
    with pytest.raises(EvidenceError, match="without the definition's files"):
        metric.of(binary_rows([1, 0], [0.2, 0.9]))


@pytest.mark.parametrize("decides", ["bias", "no_such_metric"])
def test_a_metric_without_a_better_direction_cannot_decide(decides):
    with pytest.raises(EvidenceError, match="cannot decide; one of mae, r2, rmse can"):
        metrics_of(_model(problem="regression", metrics={"decides": decides}))


@pytest.mark.parametrize(
    "own",
    [
        {"kind": "capture", "top": 0.2},
        {"kind": "cost", "false_positive": 1.0, "false_negative": 2.0},
    ],
)
def test_what_decisions_are_worth_is_no_metric_of_a_regression(own):
    with pytest.raises(EvidenceError, match=r"metrics.own.mine: .* is of binary problems"):
        metrics_of(_model(problem="regression", metrics={"own": {"mine": own}}))


def test_one_class_is_an_error_with_its_count():
    with pytest.raises(EvidenceError, match="all 3 labels are 0: with one class"):
        binary_rows([0, 0, 0], [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("label", "score", "message"),
    [
        ([], [], "no rows to judge on"),
        ([0, 1], [0.1, float("nan")], "1 of 2 values of score are missing"),
        ([0, float("nan")], [0.1, 0.2], "1 of 2 values of label are missing"),
        ([0, 1], [0.1, 1.2], "are no probabilities"),
        ([0, 2], [0.1, 0.2], r"also \[2.0\]"),
        ([0, 1, 1], [0.1, 0.2], "differ in length"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(label, score, message):
    with pytest.raises(EvidenceError, match=message):
        binary_rows(label, score)


def test_a_constant_label_has_no_variance_to_explain():
    with pytest.raises(EvidenceError, match="r2 cannot be computed"):
        REGRESSION["r2"].of(regression_rows([3, 3, 3], [1, 2, 3]))


def test_a_decision_needs_a_threshold():
    with pytest.raises(EvidenceError, match="no decision threshold"):
        BINARY["f1"].of(binary_rows([0, 1], [0.1, 0.2]))


def test_units_are_numbered_in_their_order_without_gaps():
    numbers, names = unit_numbers(["b", "d", "b", "a"])
    assert numbers.tolist() == [1, 2, 1, 0]
    assert names == ["a", "b", "d"]


def _model(**sections):
    body = {
        "name": "late",
        "owner": "desk",
        "purpose": "to test",
        "problem": "binary",
        "entity_key": "id",
        "event_time": "at",
        "sources": {"s": {"kind": "files", "pattern": "x.csv", "key": ["id"]}},
        "features": {"types": {"x": "numeric"}},
        "label": {"relation": "s", "expression": "y"},
    }
    return ModelDefinition.model_validate({**body, **sections})
