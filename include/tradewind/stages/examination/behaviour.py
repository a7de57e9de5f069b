"""Find what the gate `behaviour` decides on: what the candidate does where its input is changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tradewind.gates.behaviour import Found, Tried
from tradewind.learning.fit import sample
from tradewind.stages.examination._expecting import (
    change_told,
    concerned,
    minimum_told,
    value_told,
    where_told,
)
from tradewind.stages.examination._parts import days_of, part_of
from tradewind.stages.examination._probing import evenly
from tradewind.stats.observed import Observed
from tradewind.stats.proportions import share_of_rows, wilson

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.gates.behaviour import Direction, Expectation, Invariance, Minimum
    from tradewind.stages._case import Case
    from tradewind.stats.rows import Floats

TASK = "probe"
_ROUNDING = 1e-12
_MOST_TOLD = 4


def gather(case: Case) -> Found:
    """Try every declared expectation on judged rows."""
    trials, asked = _Trials(case), case.model.gates.behaviour
    tried = [
        *map(trials.invariance, asked.invariance),
        *map(trials.direction, asked.direction),
        *map(trials.minimum, asked.minimum),
    ]
    return Found(tried=tried)


@dataclass(frozen=True)
class _Outcome:
    """What came of one expectation, row by row.

    Attributes:
        told: What was done and what must not follow.
        about: How many judged rows it is about.
        rows: Those that it was tried on, by their numbers among the judged ones.
        excess: How far each is beyond what is expected; up to 0 it is not. Shape (rows,).
        told_of: Tells what was done to a row, by its place, and what came of it.
    """

    told: str
    about: int
    rows: pd.DataFrame
    excess: Floats
    told_of: Callable[[int], str]


@dataclass(frozen=True)
class _Trials:
    """The judged rows of a case, on which expectations are tried."""

    case: Case

    @cached_property
    def judged(self) -> pd.DataFrame:
        """All judged rows as the model sees them, numbered from 0."""
        return sample(self.case.model, self.case.rows).features.reset_index(drop=True)

    def invariance(self, asked: Invariance) -> Tried:
        """Change a feature, and see how far the score moves; of several values, the furthest."""
        about, rows = self._rows(asked, feature=asked.feature, by=asked.by)
        said, values = self._said(rows), self._others(asked, rows)
        answers = np.array([self._changed(rows, asked.feature, new) for new in values])
        moved = np.abs(answers - said)
        furthest = moved.argmax(axis=0), np.arange(len(rows))
        new, score = np.array(values, dtype=object)[furthest], answers[furthest]
        outcome = _Outcome(
            told=f"{change_told(asked)} moves the score by no more than {asked.within:g}",
            about=about,
            rows=rows,
            excess=moved[furthest] - asked.within,
            told_of=_change(rows, asked.feature, new, said, score),
        )
        return self._tried("invariance", asked, outcome)

    def direction(self, asked: Direction) -> Tried:
        """Raise or lower a number, and see whether the score goes the wrong way."""
        about, rows = self._rows(asked, feature=asked.feature, by=asked.by)
        said, values = self._said(rows), rows[asked.feature].to_numpy(dtype=float) + asked.by
        score = self._changed(rows, asked.feature, values)
        wrong = said - score if asked.must_not == "fall" else score - said
        verb = f"{asked.must_not} by more than {asked.tolerance:g}"
        outcome = _Outcome(
            told=f"{asked.feature} {asked.by:+g} does not let the score {verb}",
            about=about,
            rows=rows,
            excess=wrong - asked.tolerance,
            told_of=_change(rows, asked.feature, values, said, score),
        )
        return self._tried("direction", asked, outcome)

    def minimum(self, asked: Minimum) -> Tried:
        """Lay values over rows, and see how they come out."""
        about, rows = self._rows(asked)
        if asked.given.keys() >= set(self.judged.columns):
            rows, about = rows.head(1), min(about, 1)
        score = self._ask(rows.assign(**asked.given))
        lowest = -np.inf if asked.at_least is None else asked.at_least
        highest = np.inf if asked.at_most is None else asked.at_most
        outcome = _Outcome(
            told=minimum_told(asked),
            about=about,
            rows=rows,
            excess=np.maximum(lowest - score, score - highest),
            told_of=lambda one: f"{_like(rows.iloc[one], asked)} scores {score[one]:.3g}",
        )
        return self._tried("minimum", asked, outcome)

    def _rows(
        self, asked: Expectation, *, feature: str | None = None, by: float | None = None
    ) -> tuple[int, pd.DataFrame]:
        """How many judged rows an expectation is about, and those that it is tried on."""
        inside = concerned(self.judged, asked.where)
        if feature is not None:
            inside &= self.judged[feature].notna().to_numpy()
        if feature is not None and by is not None:
            # What no row was ever like proves nothing.
            own = self.judged[feature].to_numpy(dtype=np.float64)
            inside &= Observed.of(own).spans(own + by)
        rows = self.judged[inside]
        return len(rows), rows[evenly(len(rows), most=self.case.model.gates.behaviour.rows)]

    def _others(self, asked: Invariance, rows: pd.DataFrame) -> list[np.ndarray]:
        """What the feature is changed to: an array of shape (rows,) for each value."""
        own = rows[asked.feature].to_numpy()
        if asked.by is not None:
            return [own.astype(np.float64) + asked.by]
        if asked.to == "observed":
            known = self.judged[asked.feature].dropna().to_numpy()
            random = np.random.default_rng(self.case.model.train.seed)
            return [random.choice(known, size=len(rows)) if len(rows) else own]
        return [np.full(len(rows), value, dtype=own.dtype) for value in asked.to or []]

    def _said(self, rows: pd.DataFrame) -> Floats:
        """What the candidate says of judged rows."""
        said: Floats = self.case.players["candidate"].score[rows.index.to_numpy()]
        return said

    def _changed(self, rows: pd.DataFrame, feature: str, values: np.ndarray) -> Floats:
        return self._ask(rows.assign(**{feature: values}))

    def _ask(self, rows: pd.DataFrame) -> Floats:
        return self.case.score(rows) if len(rows) else np.empty(0)

    def _tried(self, kind: str, asked: Expectation, outcome: _Outcome) -> Tried:
        broken = outcome.excess > _ROUNDING
        rows, violations = len(outcome.rows), int(broken.sum())
        return Tried(
            kind=kind,
            because=asked.because,
            told=outcome.told + where_told(asked.where),
            rows=rows,
            of_rows=outcome.about,
            violations=violations,
            between=self._between(outcome, ~broken) if rows > 1 else None,
            worst=self._worst(outcome) if rows else "",
        )

    def _between(self, outcome: _Outcome, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """The interval around the share of rows that came out right, over other days.

        Where all of the rows came out alike, or a draw of days has none of them, no draw tells how
        far days differ: then each day counts as one row.
        """
        own = part_of(self.case.players["candidate"], outcome.rows.index.to_numpy())
        draws, confidence = self.case.draws, self.case.model.gates.confidence
        share, days = float(right.mean()), days_of(own)
        drawn = draws.weights @ own.sums(np.ones_like(own.label))
        if share in (0.0, 1.0) or not drawn.all():
            return wilson(share * days, days, confidence=(1 + confidence) / 2)
        name = "the share that came out right"
        found = share_of_rows(own, right, draws=draws, confidence=confidence, name=name)
        return found.low, found.high

    def _worst(self, outcome: _Outcome) -> str:
        one = int(outcome.excess.argmax())
        return f"on {self.case.days[outcome.rows.index[one]]}, {outcome.told_of(one)}"


def _change(
    rows: pd.DataFrame, feature: str, values: np.ndarray, said: Floats, score: Floats
) -> Callable[[int], str]:
    """Tell of a row what was changed, and what it did to the score."""
    own = rows[feature].to_numpy()

    def told(one: int) -> str:
        change = f"{feature} {value_told(own[one])} to {value_told(values[one])}"
        return f"{change} takes the score from {said[one]:.3g} to {score[one]:.3g}"

    return told


def _like(row: pd.Series, asked: Minimum) -> str:
    """What a row is like, as far as the expectation is about it."""
    shown = {**{name: row[name] for name in asked.where}, **asked.given}
    named = [f"{name} {value_told(value)}" for name, value in shown.items()]
    return f"a row with {', '.join(named[:_MOST_TOLD])}"
