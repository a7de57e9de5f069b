"""Where a model must not decide, and the rule that decides there.

A model answers for rows like those that it was trained on. For a category that it has never seen,
or a number far outside its training range, the naive rule decides, which travels with the model.

Self-contained, so that a copy of it travels with each model (see `tradewind.stores.scorer`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .casting import Cast

_ENCODER = json.JSONEncoder(default=str)
MOST_CATEGORIES = 5_000
"""A feature with more categories than this is not held against them: there, a new one is usual."""


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

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> NaiveRule:
        """The rule that `to_json` wrote down; whatever else is there is left alone."""
        known = {name: told[name] for name in ("rule", "prior", "groups", "rows")}
        return cls(by=tuple(told["by"]), **known)

    def to_json(self) -> dict[str, Any]:
        """Plain values, of which `from_json` makes the same rule."""
        return {
            "rule": self.rule,
            "by": list(self.by),
            "prior": self.prior,
            "groups": dict(self.groups),
            "rows": self.rows,
        }

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """One score a row: a probability for a binary problem, a value for regression.

        Args:
            frame: Rows with at least the columns that make the groups.
        """
        if not self.by:
            return np.full(len(frame), self.prior, dtype=np.float64)
        place, names = group_names(frame, self.by)
        answers = np.array([self.groups.get(name, self.prior) for name in names], dtype=np.float64)
        return answers.take(place)


def group_names(frame: pd.DataFrame, by: Collection[str]) -> tuple[np.ndarray, list[str]]:
    """Each row's group; a missing value is a value of its own.

    A number is named alike whatever type carries it: 1, 1.0 and true are one.

    Returns:
        The place of each row's group, shape (rows,), and the groups' names: JSON lists.
    """
    key = np.zeros(len(frame), dtype=np.int64)
    columns = []
    for name in by:
        codes, values = pd.factorize(frame[name])
        columns.append([*(_plain(value) for value in np.asarray(values, dtype=object)), None])
        # A missing value has the code -1, which is the last of the list.
        key = key * len(columns[-1]) + codes % len(columns[-1])
    place, keys = pd.factorize(key)
    names = []
    for left in keys.tolist():
        rest, row = left, []
        for values in reversed(columns):
            rest, at = divmod(rest, len(values))
            row.append(values[at])
        names.append(_group_name(*row[::-1]))
    return place, names


@dataclass(frozen=True)
class Known:
    """What a model was trained on.

    Attributes:
        categories: By categorical feature, the categories seen, as text; None where there were more
            than `MOST_CATEGORIES`, against which nothing is held.
        ranges: By number (a boolean is 0 or 1), the least and the greatest; None where training saw
            no value at all.
    """

    categories: Mapping[str, frozenset[str] | None]
    ranges: Mapping[str, tuple[float, float] | None]

    @classmethod
    def of(cls, cast: Cast) -> Known:
        """What these features hold."""
        frame = cast.frame
        return cls(
            {name: _capped(words.known) for name, words in cast.words.items()},
            {name: _range(frame[name]) for name in frame.columns if name not in cast.words},
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Known:
        """What `to_json` wrote down."""
        categories, ranges = told["categories"].items(), told["ranges"].items()
        return cls(
            {name: None if seen is None else frozenset(seen) for name, seen in categories},
            {name: None if edges is None else tuple(edges) for name, edges in ranges},
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, of which `from_json` makes the same."""
        categories, ranges = self.categories.items(), self.ranges.items()
        return {
            "categories": {
                name: None if seen is None else sorted(seen) for name, seen in categories
            },
            "ranges": {name: None if edges is None else list(edges) for name, edges in ranges},
        }

    def outside(
        self,
        cast: Cast,
        *,
        outside_range: float,
        unseen: str = "fallback",
        ready: Mapping[str, Collection[str]] | None = None,
    ) -> np.ndarray:
        """Why the model must not decide, row by row.

        A missing value is never outside: models are made to take them.

        Args:
            cast: The features.
            outside_range: A number further outside its training range than this share of the
                range's width is outside.
            unseen: `model` where categories never seen do not matter.
            ready: By feature, values that may be decided all the same, as text.

        Returns:
            Sentences, shape (rows,); None where the model may decide.
        """
        found: dict[int, list[str]] = {}
        told = [self._far(cast, outside_range)]
        if unseen == "fallback":
            told.append(self._unseen(cast, ready or {}))
        for one in told:
            for rows, sentence in one:
                for row in rows.tolist():
                    found.setdefault(row, []).append(sentence)
        reasons = np.full(len(cast.frame), None, dtype=object)
        for row, sentences in found.items():
            reasons[row] = "; ".join(sentences)
        return reasons

    def _far(self, cast: Cast, share: float) -> Iterator[tuple[np.ndarray, str]]:
        for name, edges in self.ranges.items():
            values = cast.frame[name].to_numpy()
            if edges is None:
                yield np.flatnonzero(~np.isnan(values)), f"{name} had no value in training"
                continue
            low, high = edges
            margin = share * (high - low)
            usual = f"{_short(low)} to {_short(high)}"
            below, above = values < low - margin, values > high + margin
            if below.any():
                yield np.flatnonzero(below), f"{name} is far below its range in training, {usual}"
            if above.any():
                yield np.flatnonzero(above), f"{name} is far above its range in training, {usual}"

    def _unseen(
        self, cast: Cast, ready: Mapping[str, Collection[str]]
    ) -> Iterator[tuple[np.ndarray, str]]:
        for name, seen in self.categories.items():
            if seen is None:
                continue
            words = cast.words[name]
            for code, value in enumerate(words.known):
                text = as_text(value)
                if text not in seen and text not in ready.get(name, ()):
                    yield (
                        np.flatnonzero(words.codes == code),
                        f"{name} '{text}' was not in training",
                    )


# Chunk after chunk of rows has the same groups.
@lru_cache(maxsize=8_192, typed=True)
def _group_name(*values: Any) -> str:
    return _ENCODER.encode(values)


def as_text(value: Any) -> str:
    """A value as text, alike whatever type carries a whole number."""
    return str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return int(value) if float(value).is_integer() else float(value)
    return value.item() if isinstance(value, np.generic) else value


def _capped(values: np.ndarray) -> frozenset[str] | None:
    return None if len(values) > MOST_CATEGORIES else frozenset(as_text(value) for value in values)


def _range(column: pd.Series) -> tuple[float, float] | None:
    values = column.to_numpy()
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else None


def _short(number: float) -> str:
    return f"{number:.4g}"
