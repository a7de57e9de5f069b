"""Figures by group of the same rows: slices of a model's work, and groups of people.

Every group is weighed out of the same rows under the same draws, so that the figures of two groups
may be compared. A group too small for a figure is said to be so; it never has one that is a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tradewind.stats.metrics import REGRESSION, Metric, recall
from tradewind.stats.panel import compare
from tradewind.stats.statistics import from_sums, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tradewind.records import Estimate
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Rows
    from tradewind.stats.statistics import Statistic


@dataclass(frozen=True)
class Group:
    """One group's figures.

    Attributes:
        rows: How many rows it has.
        figures: By metric.
        missing: Why a figure is not there, by metric.
    """

    rows: int
    figures: Mapping[str, Estimate]
    missing: Mapping[str, str]


def measure_groups(
    rows: Rows,
    groups: npt.NDArray[np.str_],
    *,
    metrics: Mapping[str, Metric],
    draws: Draws,
    confidence: float,
    least_rows: int,
) -> dict[str, Group]:
    """Measure each group of the same rows.

    Args:
        rows: All of them.
        groups: The group of each row, shape (rows,).
        metrics: What to measure by.
        draws: Of the rows' units.
        confidence: Of every interval, both sides together.
        least_rows: A group of fewer rows has no figure.

    Returns:
        By group, in their order.
    """
    names, counts = np.unique(groups, return_counts=True)
    found = {}
    for name, count in zip(names.tolist(), counts.tolist(), strict=True):
        if count < least_rows:
            small = f"only {count} rows, and {least_rows} are needed for a figure"
            found[name] = Group(count, {}, dict.fromkeys(metrics, small))
            continue
        own = replace(rows, weight=rows.weight * (groups == name))
        panel = compare({name: own}, metrics=metrics, draws=draws, confidence=confidence)
        found[name] = Group(count, panel.estimates(name), panel.missing[name])
    return found


def selection_rate(rows: Rows) -> Statistic:
    """Prepare the share of rows that are decided for."""
    return _rate(rows, rows.decision, np.ones_like(rows.label))


def false_positive_rate(rows: Rows) -> Statistic:
    """Prepare the share of the negatives that are decided for."""
    return _rate(rows, rows.decision * (1 - rows.label), 1 - rows.label)


def calibration_gap(rows: Rows) -> Statistic:
    """Prepare mean truth less mean score: above zero the scores say too little."""
    return _rate(rows, rows.label - rows.score, np.ones_like(rows.label))


def mean_score(rows: Rows) -> Statistic:
    """Prepare the mean score."""
    return _rate(rows, rows.score, np.ones_like(rows.label))


FAIRNESS: Mapping[str, Mapping[str, Metric]] = {
    "binary": {
        "selection_rate": Metric("selection_rate", selection_rate, None, lowest=0, highest=1),
        "true_positive_rate": Metric("true_positive_rate", recall, None, lowest=0, highest=1),
        "false_positive_rate": Metric(
            "false_positive_rate", false_positive_rate, None, lowest=0, highest=1
        ),
        "calibration_gap": Metric("calibration_gap", calibration_gap, None, lowest=-1, highest=1),
    },
    "regression": {name: REGRESSION[name] for name in ("mae", "bias")},
}
"""What is measured by group of people (Hardt, Price and Srebro, 2016): who is decided for, who of
those rightly and wrongly, and whether the scores mean the same."""


HARM: Mapping[str, Mapping[str, Metric]] = {
    "binary": {
        **FAIRNESS["binary"],
        "mean_score": Metric("mean_score", mean_score, None, lowest=0, highest=1),
    },
    "regression": {
        "mean_score": Metric("mean_score", mean_score, None),
        "calibration_gap": Metric("calibration_gap", calibration_gap, None),
    },
}
"""By what harm to a group is watched for, by problem."""


def share_distance(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Measure how far two populations' shares of the same groups lie apart, from 0 to 1.

    Total variation: the share of one population that would have to change its group.

    Args:
        one: Rows by group, at least one in all.
        other: As `one`.
    """
    first, second = sum(one.values()), sum(other.values())
    names = one.keys() | other.keys()
    gaps = (abs(one.get(name, 0) / first - other.get(name, 0) / second) for name in names)
    return sum(gaps) / 2


def _rate(rows: Rows, part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> Statistic:
    sums = rows.sums(part, whole)
    return from_sums(sums, lambda totals: ratio(totals[:, 0], totals[:, 1]))
