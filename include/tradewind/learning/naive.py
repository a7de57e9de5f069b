"""The naive rule: what a model must beat, and what decides when no model may.

`prior` answers with the rate (or mean) of the fit stretch. `group` answers with the rate within the
row's group, mixed with `shrink` rows of the overall rate so that a small group is not believed
more than it has seen: (sum + shrink * prior) / (count + shrink), the posterior mean under a
conjugate prior worth `shrink` rows (Efron and Morris, 1975).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition


@dataclass(frozen=True)
class NaiveRule:
    """A fitted naive rule: plain values, so that it can be written down and read by a person.

    Attributes:
        rule: `prior` or `group`.
        by: The features that make the groups.
        prior: The overall rate or mean; the answer for a group never seen.
        groups: The answer by group; a group is named by its values as a JSON list.
        rows: How many rows it was fitted on.
    """

    rule: str
    by: tuple[str, ...]
    prior: float
    groups: Mapping[str, float]
    rows: int

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """One score a row: a probability for a binary problem, a value for regression.

        Args:
            frame: Rows with at least the columns that make the groups.
        """
        if not self.by:
            return np.full(len(frame), self.prior, dtype=np.float64)
        found = _group_names(frame, self.by).map(dict(self.groups)).fillna(self.prior)
        return found.to_numpy(dtype=np.float64, copy=True)


def fit_naive(model: ModelDefinition, frame: pd.DataFrame) -> NaiveRule:
    """Fit the rule that the definition's `fallback` section names.

    Args:
        model: Its `fallback` section.
        frame: The fit stretch: the features that make the groups, and `label`.

    Raises:
        LabelError: There is no labelled row to fit it on.
    """
    labelled = frame[frame["label"].notna()]
    if labelled.empty:
        raise LabelError(f"{model.name}: the naive rule has no labelled row to be fitted on")
    label = labelled["label"].astype("float64")
    prior, shrink, by = float(label.mean()), model.fallback.shrink, tuple(model.fallback.by)
    groups: dict[str, float] = {}
    if by:
        seen = label.groupby(_group_names(labelled, by), sort=True).agg(["sum", "count"])
        rates = (seen["sum"] + shrink * prior) / (seen["count"] + shrink)
        groups = {str(name): float(rate) for name, rate in rates.items()}
    return NaiveRule(model.fallback.rule, by, prior, groups, len(labelled))


def _group_names(frame: pd.DataFrame, by: tuple[str, ...]) -> pd.Series:
    """Each row's group as text; a missing value is a value of its own."""
    columns = frame[list(by)].astype(object)
    values = columns.where(columns.notna(), None)
    distinct = values.drop_duplicates()
    names = {row: json.dumps(row, default=str) for row in distinct.itertuples(index=False)}
    rows = [names[row] for row in values.itertuples(index=False)]
    return pd.Series(rows, index=frame.index, dtype=object)
