"""Parts of rows that can be told in words: `dest is ORD and departure_minute from 960`.

A slice is made of conditions on raw columns, so that it holds for any rows: those that it was found
on, and later ones that it is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tradewind.stores.fallback import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.learning import FeatureType

Mask = npt.NDArray[np.bool_]
Origin = Literal["declared", "important", "found"]
_VALUES = 20
"""A number of more values than these is cut into fourths."""
_DIGITS = 6
_TRUTHS = {"0": "false", "1": "true"}


@dataclass(frozen=True)
class Named:
    """A column has a value, or (`other`) has another one; a missing value is none.

    Attributes:
        value: As text, however it is stored; None for a missing one.
    """

    column: str
    value: str | None
    other: bool = False

    def holds(self, frame: pd.DataFrame) -> Mask:
        """Tell of each row whether it is so."""
        inside = (texts(frame[self.column]) == (self.value or "")).to_numpy(dtype=np.bool_)
        return ~inside if self.other else inside

    @property
    def words(self) -> str:
        """The condition for a person."""
        return f"{self.column} is {'not ' if self.other else ''}{self.value or 'missing'}"


@dataclass(frozen=True)
class Between:
    """A number lies from `low` on and below `high`; a missing one does not."""

    column: str
    low: float | None
    high: float | None

    def holds(self, frame: pd.DataFrame) -> Mask:
        """Tell of each row whether it is so."""
        numbers = frame[self.column].to_numpy(dtype=np.float64, na_value=np.nan)
        inside: Mask = ~np.isnan(numbers)
        if self.low is not None:
            inside &= numbers >= self.low
        if self.high is not None:
            inside &= numbers < self.high
        return inside

    @property
    def words(self) -> str:
        """The condition for a person."""
        if self.low is None:
            return f"{self.column} below {self.high:g}"
        if self.high is None:
            return f"{self.column} from {self.low:g}"
        return f"{self.column} {self.low:g} to {self.high:g}"


Condition = Named | Between


@dataclass(frozen=True)
class Slice:
    """The rows for which all of some conditions hold.

    Attributes:
        origin: `declared`; `important`, a group of a feature that matters; `found` by a search.
    """

    conditions: tuple[Condition, ...]
    origin: Origin

    @property
    def name(self) -> str:
        """The slice for a person."""
        return " and ".join(condition.words for condition in self.conditions)

    def holds(self, frame: pd.DataFrame) -> Mask:
        """Tell of each row whether it is in the slice, shape (rows,)."""
        inside = np.ones(len(frame), dtype=np.bool_)
        for condition in self.conditions:
            inside &= condition.holds(frame)
        return inside


def slices_by(
    frame: pd.DataFrame,
    column: str,
    *,
    kinds: Mapping[str, FeatureType],
    origin: Origin,
    most: int | None = None,
) -> list[Slice]:
    """Cut rows by one column: by its values, or into fourths where it is a number of many values.

    Args:
        frame: The rows, at least one.
        column: Whose values.
        kinds: How each feature is read; what is no feature is read as it is stored.
        origin: Why the column is looked at.
        most: Of more values the most frequent ones; all of them where nothing is said.
    """
    values = frame[column]
    numeric = is_number(values, kinds.get(column))
    if numeric and values.nunique() > _VALUES:
        cuts: list[Condition] = list(_fourths(column, values))
    else:
        counted = texts(values).value_counts().sort_index()
        counted = counted[counted.index != ""].sort_values(ascending=False, kind="stable")
        cuts = [Named(column, str(value)) for value in counted.index[:most]]
    if values.isna().any():
        cuts.append(Named(column, None))
    return [Slice((cut,), origin) for cut in cuts]


def is_number(values: pd.Series, kind: FeatureType | None) -> bool:
    """Tell whether a column is read as a number."""
    if kind is not None:
        return kind == "numeric"
    is_truth = pd.api.types.is_bool_dtype(values)
    return pd.api.types.is_numeric_dtype(values) and not is_truth


def texts(values: pd.Series) -> pd.Series:
    """Name each value alike however it is stored; a missing one is empty, shape (rows,)."""
    name = _truth if pd.api.types.is_bool_dtype(values.dropna().infer_objects()) else as_text
    place, found = pd.factorize(values)
    # A missing value has the place -1, which is the last of the list.
    named = np.array([*(name(one) for one in found), ""], dtype=object)
    return pd.Series(named[place], index=values.index)


def edge(value: float) -> float:
    """Round a boundary to the digits that are told, so that the words are the condition."""
    return float(f"{value:.{_DIGITS}g}")


def _truth(value: object) -> str:
    return _TRUTHS[as_text(bool(value))]


def _fourths(column: str, values: pd.Series) -> list[Between]:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    inner = sorted({edge(cut) for cut in np.nanquantile(numbers, [0.25, 0.5, 0.75]).tolist()})
    least, greatest = np.nanmin(numbers), np.nanmax(numbers)
    cuts = [cut for cut in inner if least < cut <= greatest]
    # A number that is nearly always its least, such as rain, is cut into that and more.
    more = [edge(np.nanmin(numbers[numbers > least]))]
    edges = [None, *(cuts or more), None]
    return [Between(column, low, high) for low, high in pairwise(edges)]
