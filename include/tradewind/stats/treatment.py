"""What is measured of a group of people: three measures, each by one figure or two.

`demographic_parity` is the greatest difference of the shares that are decided for, and
`equalised_odds` the greater of those of the true and of the false positive rates (Hardt, Price and
Srebro, 2016; Agarwal et al., 2018), as fairlearn's metrics of these names have them. `calibration`
is the greatest difference of mean truth less mean score. A regression has the first as its mean
score, and the last, both in standard deviations of the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.stats.rows import Floats, Rows


@dataclass(frozen=True)
class Rate:
    """One figure of a group: a part of its rows over a whole.

    Attributes:
        columns: What each row adds to the part and to the whole, each of shape (rows,).
        lowest: The smallest figure it can be, as `highest` the greatest.
    """

    columns: Callable[[Rows], tuple[Floats, Floats]]
    lowest: float = 0.0
    highest: float = 1.0


def _selected(rows: Rows) -> tuple[Floats, Floats]:
    return rows.decision, np.ones_like(rows.label)


def _true_positives(rows: Rows) -> tuple[Floats, Floats]:
    return rows.decision * rows.label, rows.label


def _false_positives(rows: Rows) -> tuple[Floats, Floats]:
    return rows.decision * (1 - rows.label), 1 - rows.label


def _errors(rows: Rows) -> tuple[Floats, Floats]:
    return rows.label - rows.score, np.ones_like(rows.label)


def _scores_in_deviations(rows: Rows) -> tuple[Floats, Floats]:
    return rows.score / _spread(rows), np.ones_like(rows.label)


def _errors_in_deviations(rows: Rows) -> tuple[Floats, Floats]:
    return (rows.label - rows.score) / _spread(rows), np.ones_like(rows.label)


def _spread(rows: Rows) -> float:
    spread = float(np.std(rows.label))
    if not spread > 0:
        raise EvidenceError("every label is the same: no gap can be put in units of their spread")
    return spread


_FREE = {"lowest": -np.inf, "highest": np.inf}
MEASURES: Mapping[str, Mapping[str, Mapping[str, Rate]]] = {
    "binary": {
        "demographic_parity": {"selection_rate": Rate(_selected)},
        "equalised_odds": {
            "true_positive_rate": Rate(_true_positives),
            "false_positive_rate": Rate(_false_positives),
        },
        "calibration": {"calibration_gap": Rate(_errors, lowest=-1.0)},
    },
    "regression": {
        "demographic_parity": {"mean_score": Rate(_scores_in_deviations, **_FREE)},
        "calibration": {"mean_error": Rate(_errors_in_deviations, **_FREE)},
    },
}
"""The rates of each measure, by problem."""


def rates_of(problem: str) -> dict[str, Rate]:
    """List a problem's rates by name, in the order of their measures."""
    return {name: rate for rates in MEASURES[problem].values() for name, rate in rates.items()}
