"""What is spoilt of a candidate's judged rows: which of them, and which of their features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.learning.fit import sample
from tradewind.learning.importance import thinned
from tradewind.stages.examination._parts import part_of
from tradewind.stats.observed import Observed

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from tradewind.stages._case import Case
    from tradewind.stats.rows import Floats, Rows

FAR = 0.5
"""A prediction is moved far by more than this share of the label's standard deviation."""
ONE_SIDED = 0.02
"""Of fewer rows than this share a decision is next to never made."""
ENOUGH = 0.9
"""Features are important down to the one with which they carry so much of all importance."""


@dataclass(frozen=True)
class Probe:
    """Judged rows that are spoilt, and what everybody said of them whole."""

    case: Case

    @cached_property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Whether each judged row is one of them, evenly over all of them."""
        return evenly(len(self.case.rows), most=self.case.model.gates.fragility.rows)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """All judged rows, as the model sees them."""
        return sample(self.case.model, self.case.rows).features.reset_index(drop=True)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows that are spoilt, as the model sees them."""
        return self.judged[self.inside].reset_index(drop=True)

    def said(self, player: str) -> Rows:
        """What a player said of them, beside the truth."""
        return part_of(self.case.players[player], self.inside)

    @cached_property
    def level(self) -> float | None:
        """From which score a row counts as decided for; None for a regression.

        The candidate's own threshold. Where that decides the same of nearly every row, nothing
        could turn a decision: then the score that as many rows reach as labels are 1.
        """
        own, threshold = self.said("candidate"), self.case.thresholds["candidate"]
        if threshold is None or ONE_SIDED <= own.decision.mean() <= 1 - ONE_SIDED:
            return threshold
        scores = np.unique(own.score)[1:]
        if not scores.size:
            return threshold
        reached = 1 - np.searchsorted(np.sort(own.score), scores) / len(own.score)
        return float(scores[np.argmin(np.abs(reached - own.label.mean()))])

    def progress(self, score: Floats, changed: Floats) -> Floats:
        """How far changed scores have come: another decision, or far away, from 0 on."""
        if self.level is None:
            far = FAR * float(self.case.players["candidate"].label.std())
            return np.abs(changed - score) - far
        # A score that is just at the level is decided for: it is turned below it, not at it.
        down = np.nextafter(self.level, -np.inf) - changed
        return np.where(score >= self.level, down, changed - self.level)

    @cached_property
    def important(self) -> list[str]:
        """The features that carry most of all importance, the first one first.

        Raises:
            EvidenceError: None of them matters to the candidate.
        """
        shares = sorted(self.case.importance.items(), key=lambda named: -named[1])
        carried = np.cumsum([share for _, share in shares])
        enough = int(np.searchsorted(carried, ENOUGH)) + 1
        most = min(enough, self.case.model.gates.fragility.features)
        if names := [name for name, share in shares[:most] if share > 0]:
            return names
        raise EvidenceError(
            "no feature matters to the candidate: shuffling any of them costs it nothing on judged "
            "rows"
        )

    @cached_property
    def numbers(self) -> dict[str, Observed]:
        """The important numbers, with the values that each was seen to take."""
        named = [name for name in self.important if self._kind(name) == "numeric"]
        return {name: Observed.of(self.judged[name]) for name in named}

    @cached_property
    def words(self) -> dict[str, np.ndarray]:
        """The important categories and booleans of two known values or more, with these."""
        named = [name for name in self.important if self._kind(name) != "numeric"]
        known = {name: self.judged[name].dropna().unique() for name in named}
        return {name: np.sort(values) for name, values in known.items() if len(values) > 1}

    @property
    def open_words(self) -> list[str]:
        """Those of them that a word never seen may stand in."""
        return [name for name in self.words if self._kind(name) == "categorical"]

    def _kind(self, name: str) -> str:
        return self.case.model.features.types[name]


def evenly(count: int, *, most: int) -> npt.NDArray[np.bool_]:
    """Choose so many rows at most, evenly over all of them: true for these, shape (count,)."""
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[thinned(count, most=most)] = True
    return chosen
