"""Rows as an estimator sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sample:
    """What a trial learns from, and what it is compared on.

    Attributes:
        features: In the order of time.
        label: Shape (n,).
        days: The local day of each row, shape (n,).
    """

    features: pd.DataFrame
    label: np.ndarray
    days: np.ndarray

    def spread(self, count: int) -> Sample:
        """A part, spread evenly over time; within each class, so that a rare one stays in."""
        if count >= len(self.label):
            return self
        share = count / len(self.label)
        classes = np.unique(self.label)
        parts = [np.flatnonzero(self.label == c) for c in classes] if len(classes) == 2 else None  # noqa: PLR2004
        chosen = [
            part[np.linspace(0, len(part) - 1, max(1, math.ceil(share * len(part)))).astype(int)]
            for part in parts or [np.arange(len(self.label))]
        ]
        places = np.sort(np.concatenate(chosen))
        return Sample(self.features.iloc[places], self.label[places], self.days[places])
