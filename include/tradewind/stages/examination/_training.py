"""The rows that a candidate learned from, cut into batches, beside models that never saw them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.learning.quick import OutOfFold, QuickRows, out_of_fold
from tradewind.stats.screening import FEWEST_SLICES

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.definition.gates.poisoning import Poisoning
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._case import Case

_BATCHES = FEWEST_SLICES + 2
_UPPER = 0.75


@dataclass(frozen=True)
class Training:
    """The rows that a candidate was fitted and selected on, as the screens see them.

    Attributes:
        features: As a model sees them, oldest row first.
        label: 0 or 1; for a regression, whether the value is in the rows' upper quarter.
        day: Counted from the first one, shape (rows,).
        batch: The batch of each row, the newest ending with the last day; shape (rows,).
        fitted: How many of the rows are of the fit stretch; the rest were selected on.
    """

    model: ModelDefinition
    features: pd.DataFrame
    label: npt.NDArray[np.float64]
    day: npt.NDArray[np.int64]
    batch: npt.NDArray[np.int64]
    batch_days: int
    fitted: int

    @property
    def asked(self) -> Poisoning:
        """What the definition asks for."""
        return self.model.gates.poisoning

    @cached_property
    def rows(self) -> QuickRows:
        """The features as numbers."""
        return QuickRows.of(self.features, self.model.features.types)

    @cached_property
    def judged(self) -> OutOfFold:
        """Quick models that have not seen the rows that they are asked about."""
        seed = self.model.train.seed
        found = out_of_fold(self.rows, self.label, self.batch, most=self.asked.rows, seed=seed)
        if found is None:
            raise EvidenceError("the labels of two thirds of the training batches are all the same")
        return found


def training_of(case: Case) -> Training:
    """Put the fit and the select stretch together, and cut them into batches.

    Raises:
        EvidenceError: They are of too few days.
    """
    fit, select = case.fit, case.select
    label = np.concatenate([fit.label, select.label]).astype(np.float64)
    if case.model.problem == "regression":
        label = (label > np.quantile(label, _UPPER)).astype(np.float64)
    days = np.concatenate([fit.days, select.days]).astype("datetime64[D]").astype(np.int64)
    day = days - days.min()
    span = int(day.max()) + 1
    if span < 2 * _BATCHES:
        raise EvidenceError(
            f"{case.model.name}: the rows to fit and to select on are of {span} days: fewer than "
            f"{2 * _BATCHES} cannot be held against each other; train on a longer window"
        )
    batch_days = min(case.model.gates.poisoning.batch_days, span // _BATCHES)
    batches = -(-span // batch_days)
    return Training(
        model=case.model,
        features=pd.concat([fit.features, select.features], ignore_index=True),
        label=label,
        day=day,
        batch=batches - 1 - (span - 1 - day) // batch_days,
        batch_days=batch_days,
        fitted=len(fit.label),
    )
