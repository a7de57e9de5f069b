"""What a card says of the features: what each is worth, and how the answer moves with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.cards import Explained, Weight
from tradewind.learning.dependence import Sampled, partial_dependence
from tradewind.learning.importance import losses_without
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.rows import unit_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._case import Case

MOST_ROWS = 2_000
"""Rows on which features are shuffled; of more, so many are taken, evenly over their time."""
CURVE_ROWS = 500
"""Rows that a curve is averaged over: each is asked about once for every point."""
CURVES = 4
_SHUFFLES = 2


def explained_of(case: Case) -> Explained:
    """Shuffle every feature on judged rows, and follow those that matter most.

    Raises:
        EvidenceError: The sampled rows do not allow an interval.
    """
    kinds = case.model.features.types
    sampled, label = _sampled(case, MOST_ROWS)
    whole, grown = losses_without(
        case.score,
        sampled,
        label,
        problem=case.model.problem,
        seed=case.model.train.seed,
        shuffles=_SHUFFLES,
    )
    first = sorted(grown, key=lambda name: (-grown[name].value, name))
    fewer, _ = _sampled(case, CURVE_ROWS)
    return Explained(
        metric="log_loss" if case.model.problem == "binary" else "rmse",
        rows=len(sampled.rows),
        of=len(case.rows),
        units=sampled.draws.units,
        unit=case.evidence.unit,
        confidence=sampled.confidence,
        whole=whole,
        shuffles=_SHUFFLES,
        weights=[Weight(feature=name, kind=kinds[name], loss=grown[name]) for name in first],
        curve_rows=len(fewer.rows),
        curve_units=fewer.draws.units,
        curves=[
            partial_dependence(case.score, fewer, name, kind=kinds[name])
            for name in drawn(case.model, first)
        ],
    )


def drawn(model: ModelDefinition, first: Sequence[str]) -> list[str]:
    """The features that get a curve: the first few, and none that is personal, as it shows values.

    Args:
        model: Declares what is personal.
        first: All features, those that matter most before the others.
    """
    return [name for name in first if name not in model.personal_columns][:CURVES]


def _sampled(case: Case, most: int) -> tuple[Sampled, np.ndarray]:
    """Judged rows, evenly over their time, with their labels, shape (rows,)."""
    places = np.linspace(0, len(case.rows) - 1, min(most, len(case.rows))).astype(int)
    unit, names = unit_numbers(case.days[places])
    resample = case.model.metrics.resample
    draws = block_draws(
        len(names), block=resample.block, draws=resample.draws, seed=case.model.train.seed
    )
    rows = case.rows.iloc[places]
    features = rows[list(case.model.features.types)].reset_index(drop=True)
    label = rows["label"].to_numpy(dtype=np.float64)
    return Sampled(features, unit, draws, case.model.gates.confidence), label
