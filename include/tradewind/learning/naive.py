"""The naive rule: what a model must beat, and what decides when no model may.

`prior` answers with the rate (or mean) of the fit stretch. `group` answers with the rate within the
row's group, mixed with `shrink` rows of the overall rate so that a small group is not believed
more than it has seen: (sum + shrink * prior) / (count + shrink), the posterior mean under a
conjugate prior worth `shrink` rows (Efron and Morris, 1975).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import LabelError
from tradewind.learning.fit import decision_threshold, sample
from tradewind.stores.fallback import NaiveRule, group_names

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.splits import Split

__all__ = ["NaiveRule", "fit_naive", "naive_of"]


def naive_of(model: ModelDefinition, split: Split) -> tuple[NaiveRule, float | None]:
    """The rule as it is judged: fitted on the fit stretch, deciding as on the select stretch.

    Returns:
        It, and the score from which it decides for 1; None for a regression.
    """
    rule = fit_naive(model, split.fit)
    select = sample(model, split.select)
    return rule, decision_threshold(model, select.label, rule.score(split.select))


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
        place, names = group_names(labelled, by)
        named = np.asarray(names, dtype=object)[place]
        seen = label.groupby(named, sort=True).agg(["sum", "count"])
        rates = (seen["sum"] + shrink * prior) / (seen["count"] + shrink)
        groups = {str(name): float(rate) for name, rate in rates.items()}
    return NaiveRule(model.fallback.rule, by, prior, groups, len(labelled))
