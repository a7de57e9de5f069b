"""The metrics by name: what each says, which way is better, and between which figures it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy

from tradewind.definition.modules import load_function
from tradewind.errors import EvidenceError
from tradewind.stats import statistics
from tradewind.stats.statistics import Statistic, from_sums, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.definition.learning import ScenarioMetric, Value
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.rows import Floats, Rows

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Metric:
    """One way to judge scores.

    Attributes:
        prepare: Makes the metric's statistic for given rows.
        greater_is_better: None where neither way is (a bias has a sign): it cannot decide.
        lowest: The smallest figure it can be.
        highest: The greatest.
    """

    name: str
    prepare: Callable[[Rows], Statistic]
    greater_is_better: bool | None
    lowest: float = -math.inf
    highest: float = math.inf

    def of(self, rows: Rows) -> float:
        """Compute the metric of these rows, each with its weight.

        Raises:
            EvidenceError: The rows do not allow it (a constant label, a function that fails).
        """
        try:
            figure = float(self.statistic(rows)(np.ones((1, rows.units)))[0])
        except EvidenceError as error:
            raise EvidenceError(f"{self.name}: {error}") from error
        if not math.isfinite(figure):
            raise EvidenceError(f"{self.name} cannot be computed from these rows: it is {figure}")
        return figure

    def statistic(self, rows: Rows) -> Statistic:
        """Prepare the metric for these rows."""
        return self.prepare(rows)


def log_loss(rows: Rows) -> Statistic:
    """Prepare the mean negative log likelihood, in nats; scores clipped as scikit-learn does."""
    tiny = float(np.finfo(np.float64).eps)
    score = np.clip(rows.score, tiny, 1 - tiny)
    loss = -(xlogy(rows.label, score) + xlogy(1 - rows.label, 1 - score))
    return _mean(rows, loss)


def brier(rows: Rows) -> Statistic:
    """Prepare the mean squared distance of probability and outcome (Brier, 1950)."""
    return _mean(rows, (rows.label - rows.score) ** 2)


def calibration_error(rows: Rows) -> Statistic:
    """Prepare the expected calibration error (Naeini, Cooper and Hauskrecht, 2015).

    Ten bins of equal width over the score; |share of positives - mean score| in each, weighted by
    its rows. Bins of fixed width stay the same in every resample and for every model.
    """
    place = np.minimum((rows.score * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gap = rows.label - rows.score
    in_bins = [np.where(place == number, gap, 0.0) for number in range(CALIBRATION_BINS)]
    sums = rows.sums(*in_bins, np.ones_like(gap))
    return from_sums(sums, lambda totals: ratio(np.abs(totals[:, :-1]).sum(axis=1), totals[:, -1]))


def precision(rows: Rows) -> Statistic:
    """Prepare the share of right ones among the decided positives; 0 where there are none."""
    return _rates(rows, lambda hit, decided, _: ratio(hit, decided, empty=0.0))


def recall(rows: Rows) -> Statistic:
    """Prepare the share of the positives that were decided so."""
    return _rates(rows, lambda hit, _, positive: ratio(hit, positive))


def f1(rows: Rows) -> Statistic:
    """Prepare the harmonic mean of precision and recall."""
    return _rates(rows, lambda hit, decided, positive: ratio(2 * hit, decided + positive))


def cost(rows: Rows, *, false_positive: float, false_negative: float) -> Statistic:
    """Prepare the mean cost of the wrong decisions, a row."""
    wrongly_yes = rows.decision * (1 - rows.label)
    wrongly_no = (1 - rows.decision) * rows.label
    return _mean(rows, false_positive * wrongly_yes + false_negative * wrongly_no)


def worth(value: Value) -> Metric:
    """Make the metric of what the decisions are worth, a row, in the owner's currency."""

    def prepare(rows: Rows) -> Statistic:
        yes, late = rows.decision, rows.label
        each = (
            value.true_positive * yes * late
            + value.false_positive * yes * (1 - late)
            + value.false_negative * (1 - yes) * late
            + value.true_negative * (1 - yes) * (1 - late)
        )
        return _mean(rows, each)

    return Metric("money", prepare, greater_is_better=True)


def rmse(rows: Rows) -> Statistic:
    """Prepare the root of the mean squared error, in the label's unit."""
    mean_square = _mean(rows, (rows.label - rows.score) ** 2)
    return lambda weights: np.sqrt(mean_square(weights))


def mae(rows: Rows) -> Statistic:
    """Prepare the mean absolute error, in the label's unit."""
    return _mean(rows, np.abs(rows.label - rows.score))


def bias(rows: Rows) -> Statistic:
    """Prepare the mean of prediction minus truth: above zero it says too much."""
    return _mean(rows, rows.score - rows.label)


def r2(rows: Rows) -> Statistic:
    """Prepare the share of the label's variance that is explained.

    The variance is that of the drawn rows around their own mean; the label is centred first, so
    that a large mean costs no digits.
    """
    centred = rows.label - np.average(rows.label, weights=rows.weight)
    error = (rows.label - rows.score) ** 2
    sums = rows.sums(error, centred, centred**2, np.ones_like(error))

    def explained(totals: Floats) -> Floats:
        spread = totals[:, 2] - totals[:, 1] ** 2 / totals[:, 3]
        return 1 - ratio(totals[:, 0], np.maximum(spread, 0.0))

    return from_sums(sums, explained)


BINARY = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", statistics.area_under_roc, greater_is_better=True, lowest=0, highest=1),
        Metric(
            "average_precision",
            statistics.average_precision,
            greater_is_better=True,
            lowest=0,
            highest=1,
        ),
        Metric("log_loss", log_loss, greater_is_better=False, lowest=0),
        Metric("brier", brier, greater_is_better=False, lowest=0, highest=1),
        Metric(
            "calibration_error", calibration_error, greater_is_better=False, lowest=0, highest=1
        ),
        Metric("precision", precision, greater_is_better=True, lowest=0, highest=1),
        Metric("recall", recall, greater_is_better=True, lowest=0, highest=1),
        Metric("f1", f1, greater_is_better=True, lowest=0, highest=1),
    )
}
REGRESSION = {
    metric.name: metric
    for metric in (
        Metric("rmse", rmse, greater_is_better=False, lowest=0),
        Metric("mae", mae, greater_is_better=False, lowest=0),
        Metric("r2", r2, greater_is_better=True, highest=1),
        Metric("bias", bias, greater_is_better=None),
    )
}


def metrics_of(model: ModelDefinition, files: Mapping[str, str] | None = None) -> dict[str, Metric]:
    """List what a model is judged by: the metrics of its problem, then its owner's own.

    Args:
        model: Declares them.
        files: The definition's, as `FrozenDefinition.files`: own functions are run from the text
            that was frozen. Without them such a metric has a direction, and cannot be computed.

    Raises:
        EvidenceError: A scenario of decisions is declared for a regression, the deciding metric is
            unknown, or has no better direction.
        DefinitionError: A function cannot be loaded.
    """
    standard = BINARY if model.problem == "binary" else REGRESSION
    own = {name: _own(name, spec, model, files) for name, spec in model.metrics.own.items()}
    every = {**standard, **own}
    deciding = every.get(model.deciding_metric)
    if deciding is None or deciding.greater_is_better is None:
        able = sorted(name for name, m in every.items() if m.greater_is_better is not None)
        raise EvidenceError(
            f"{model.name}: metrics.decides: {model.deciding_metric!r} cannot decide; "
            f"one of {', '.join(able)} can"
        )
    return every


def _own(
    name: str, spec: ScenarioMetric, model: ModelDefinition, files: Mapping[str, str] | None
) -> Metric:
    if spec.kind == "python":
        own = _prepared(name, spec, model, files)
        return Metric(name, own, greater_is_better=spec.greater_is_better)
    if model.problem != "binary":
        raise EvidenceError(f"{model.name}: metrics.own.{name}: {spec.kind} is of binary problems")
    if spec.kind == "capture":
        return Metric(
            name,
            partial(statistics.capture, top=spec.top or 0.0),
            greater_is_better=True,
            lowest=0,
            highest=1,
        )
    own = partial(
        cost,
        false_positive=spec.false_positive or 0.0,
        false_negative=spec.false_negative or 0.0,
    )
    return Metric(name, own, greater_is_better=False, lowest=0)


def _prepared(
    name: str, spec: ScenarioMetric, model: ModelDefinition, files: Mapping[str, str] | None
) -> Callable[[Rows], Statistic]:
    place = f"{model.name}/model.yaml: metrics.own.{name}.function"
    if files is not None:
        function = load_function(files, spec.function or "", place=place)
        return partial(statistics.by_repetition, function=function)

    def refuse(_: Rows) -> Statistic:
        raise EvidenceError(f"{place}: without the definition's files it cannot be computed")

    return refuse


def _mean(rows: Rows, value: Floats) -> Statistic:
    sums = rows.sums(value, np.ones_like(value))
    return from_sums(sums, lambda totals: ratio(totals[:, 0], totals[:, 1]))


def _rates(rows: Rows, rate: Callable[[Floats, Floats, Floats], Floats]) -> Statistic:
    decision = rows.decision
    sums = rows.sums(decision * rows.label, decision, rows.label)
    return from_sums(sums, lambda totals: rate(totals[:, 0], totals[:, 1], totals[:, 2]))
