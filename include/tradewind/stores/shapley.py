"""How much each feature moved any model's answer: Shapley values from sampled orders.

For an estimator that has no structure to be read, features are taken over one by one from a small
stored background to the row, in a few orders, each gone through forwards and backwards (antithetic:
Mitchell, Cooper, Frank and Holmes 2022, "Sampling permutations for Shapley value estimation", JMLR
23). Each order's steps add up to the whole way, so the effects do too, whatever the orders are.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDERS = 4
_MOST_ROWS = 16_384
"""Rows that the model is asked for at once."""


class SampledEffects:
    """The effects of any function of frames.

    Args:
        answer: Frames in, one figure a row out.
        background: A few rows of features.
    """

    def __init__(
        self, answer: Callable[[pd.DataFrame], np.ndarray], background: pd.DataFrame
    ) -> None:
        self._answer = answer
        self._background = background

    @cached_property
    def mean(self) -> float:
        """The answer where nothing is known of the row: the mean over the background."""
        return float(self._answer(self._background).mean())

    def of(self, frame: pd.DataFrame) -> np.ndarray:
        """How much each feature moved the answer for each row, shape (features, rows)."""
        features = len(frame.columns)
        at_once = max(1, _MOST_ROWS // ((features + 1) * len(self._background)))
        effects = np.zeros((features, len(frame)))
        for start in range(0, len(frame), at_once):
            part = slice(start, start + at_once)
            for order in _orders(features):
                steps = np.diff(self._along(frame.iloc[part], order), axis=1)
                effects[order, part] += steps.T / (2 * _ORDERS)
        return effects

    def _along(self, frame: pd.DataFrame, order: np.ndarray) -> np.ndarray:
        """The mean answer after each step of an order, shape (rows, features + 1)."""
        steps, rank = np.arange(len(order) + 1)[None, :, None], np.argsort(order)
        columns = {}
        for place, name in enumerate(frame.columns):
            own = frame[name].to_numpy()[:, None, None]
            other = self._background[name].to_numpy()[None, None, :]
            mixed = np.where(steps > rank[place], own, other).ravel()
            columns[name] = pd.Series(mixed, dtype=mixed.dtype)
        answers = self._answer(pd.DataFrame(columns))
        shape = (len(frame), len(order) + 1, len(self._background))
        return np.asarray(answers.reshape(shape).mean(axis=2))


def _orders(features: int) -> list[np.ndarray]:
    """The same orders every time, each beside its reverse."""
    random = np.random.default_rng(0)
    drawn = [random.permutation(features) for _ in range(_ORDERS)]
    return [order for one in drawn for order in (one, one[::-1])]
