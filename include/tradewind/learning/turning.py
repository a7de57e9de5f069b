"""The smallest plausible change that turns a decision: a bounded search, row by row.

Greedy, because the best one of all combinations costs too much, and what it finds is found: the
share of rows that it turns is a lower bound of those that can be turned. It asks the model and
looks at nothing inside, so that any model can be asked: black-box evasion (Biggio et al. 2013;
Chen et al. 2020, "HopSkipJump"), with moves of a few features between values that were seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from tradewind.stats.observed import Observed
    from tradewind.stats.rows import Floats

SIZES = (0.25, 0.5, 1.0)
"""Shares of the bound, smallest first."""


@dataclass(frozen=True)
class Turning:
    """What a search found.

    Attributes:
        size: The smallest share of the bound that turned each row, of `SIZES`; infinite where none
            did. Shape (rows,).
        rows: The rows as they are after the change; those that nothing turned as they were.
        score: What the model says of them, shape (rows,).
    """

    size: Floats
    rows: pd.DataFrame
    score: Floats

    @property
    def turned(self) -> npt.NDArray[np.bool_]:
        """Which rows can be turned within the bound, shape (rows,)."""
        return np.isfinite(self.size)


def turn(
    rows: pd.DataFrame,
    score: Floats,
    observed: Mapping[str, Observed],
    *,
    ask: Callable[[pd.DataFrame], Floats],
    progress: Callable[[Floats, Floats], Floats],
    reach: float,
    at_once: int,
) -> Turning:
    """Search for the smallest change of each row that turns what is made of its score.

    Args:
        rows: Features as the model sees them.
        score: What it says of them, shape (rows,).
        observed: The numbers that may be moved, with the values that each was seen to take.
        ask: Takes features to scores; once a step, all of its moves together.
        progress: Takes the score of rows and that of changed ones to how far the latter have come:
            turned from 0 on.
        reach: The bound: how far a number may be moved, as a share of its standard deviation.
        at_once: How many numbers of a row may be moved.
    """
    found = Turning(np.full(len(rows), np.inf), rows.copy(), np.array(score))
    for size in SIZES:
        left = np.flatnonzero(~found.turned)
        if not left.size:
            break
        moved, answers = _greedy(
            rows.iloc[left],
            score[left],
            _Bound(observed, reach * size, at_once),
            ask=ask,
            progress=progress,
        )
        done = progress(score[left], answers) >= 0
        found.size[left[done]] = size
        found.score[left[done]] = answers[done]
        found.rows.iloc[left[done]] = moved[done]
    return found


@dataclass(frozen=True)
class _Bound:
    """How far a search may go: `reach` standard deviations, `at_once` features."""

    observed: Mapping[str, Observed]
    reach: float
    at_once: int

    def moves(self, rows: pd.DataFrame) -> list[tuple[str, Floats]]:
        """Each number of these rows moved down, and up."""
        made = []
        for name, seen in self.observed.items():
            own = rows[name].to_numpy(dtype=np.float64)
            step = self.reach * seen.deviation
            made += [(name, seen.towards(own, sign * step)) for sign in (-1, 1)]
        return made


def _greedy(
    rows: pd.DataFrame,
    score: Floats,
    bound: _Bound,
    *,
    ask: Callable[[pd.DataFrame], Floats],
    progress: Callable[[Floats, Floats], Floats],
) -> tuple[pd.DataFrame, Floats]:
    """Take the best move of each row, then the best one after it, as often as the bound allows."""
    moves, now, best = bound.moves(rows), rows.copy(), np.array(score)
    for _ in range(bound.at_once):
        tried = [now.assign(**{name: values}) for name, values in moves]
        answers = ask(pd.concat(tried, ignore_index=True)).reshape(len(moves), len(rows))
        come = np.array([progress(score, answer) for answer in answers])
        chosen = np.where(come.max(axis=0) > progress(score, best), come.argmax(axis=0), -1)
        for place, (name, values) in enumerate(moves):
            now[name] = np.where(chosen == place, values, now[name])
        best = np.where(chosen < 0, best, answers[chosen, np.arange(len(rows))])
    return now, best
