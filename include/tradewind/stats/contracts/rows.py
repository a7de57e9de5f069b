"""Rows as the contract looks at them: numbers, codes of categories, local day and minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]


class LocalTimes(NamedTuple):
    """When rows were, on the clock of the place.

    Attributes:
        day: The local day whose night a row belongs to, shape (rows,), datetime64[D].
        minute: The minute of the local day, 0 to 1439, shape (rows,).
    """

    day: Days
    minute: Ints


def local_times(day_of: Any, minute_of: Any, *, timezone: str) -> LocalTimes:
    """Read moments in UTC on the clock of a place.

    Args:
        day_of: What says in which night a row is: its prediction time, shape (rows,).
        minute_of: What the hours of the day are watched of: its event time, shape (rows,).
        timezone: The place, such as `America/New_York`.
    """
    night, event = (_at(moments, timezone) for moments in (day_of, minute_of))
    minute = np.asarray(event.hour * 60 + event.minute, dtype=np.int64)
    return LocalTimes(night.to_numpy().astype("datetime64[D]"), minute)


def _at(moments: Any, timezone: str) -> pd.DatetimeIndex:
    utc = pd.DatetimeIndex(pd.Series(pd.to_datetime(moments, utc=True)).array)
    return utc.tz_convert(timezone).tz_localize(None)


@dataclass(frozen=True)
class Rows:
    """Rows in the order of the clock.

    Attributes:
        numeric: Names of the numeric and boolean columns.
        categorical: Names of the categorical ones.
        numbers: Shape (rows, numeric columns); NaN where nothing is known.
        codes: Of the categories, shape (rows, categorical columns); -1 where nothing is known.
        categories: What the codes stand for, by categorical column.
        minute: Of the local day, shape (rows,).
        key: A number for each key, shape (rows,); none where there is no key.
    """

    numeric: list[str]
    categorical: list[str]
    numbers: Floats
    codes: Ints
    categories: list[NDArray[np.object_]]
    minute: Ints
    key: Ints | None

    def __len__(self) -> int:
        return len(self.minute)

    @property
    def columns(self) -> list[str]:
        """All columns: the numeric ones first."""
        return self.numeric + self.categorical

    def part(self, chosen: slice | Ints) -> Rows:
        """Some of the rows, in the order that is asked for."""
        return Rows(
            self.numeric,
            self.categorical,
            self.numbers[chosen],
            self.codes[chosen],
            self.categories,
            self.minute[chosen],
            None if self.key is None else self.key[chosen],
        )

    def number(self, name: str) -> Floats:
        """One numeric column."""
        return self.numbers[:, self.numeric.index(name)]


def rows_of(
    frame: Mapping[str, Any],
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    minute: Ints,
    key: Sequence[str] = (),
) -> Rows:
    """Read a frame's columns, and put its rows in the order of the clock.

    Raises:
        EvidenceError: A column is missing, or not as long as the others.
    """
    count = len(minute)
    numbers = np.empty((count, len(numeric)))
    for place, name in enumerate(numeric):
        numbers[:, place] = _numbers(_column(frame, name, count))
    codes = np.empty((count, len(categorical)), dtype=np.int64)
    categories = []
    for place, name in enumerate(categorical):
        codes[:, place], known = pd.factorize(pd.Series(_column(frame, name, count)))
        categories.append(np.asarray([str(value) for value in known], dtype=object))
    keys = _keys(frame, key, count)
    rows = Rows([*numeric], [*categorical], numbers, codes, categories, minute, keys)
    return rows.part(np.argsort(minute, kind="stable"))


def _column(frame: Mapping[str, Any], name: str, count: int) -> Any:
    if name not in frame:
        raise EvidenceError(f"the contract watches the column {name}, which these rows do not have")
    if len(frame[name]) != count:
        raise EvidenceError(
            f"the column {name} has {len(frame[name])} rows, and {count} have times"
        )
    return frame[name]


def _numbers(values: Any) -> Floats:
    kind = getattr(values, "dtype", None)
    if isinstance(kind, np.dtype) and kind.kind in "fiub":
        found = np.asarray(values, dtype=np.float64)
    else:
        found = pd.to_numeric(pd.Series(values), errors="raise").to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _keys(frame: Mapping[str, Any], key: Sequence[str], count: int) -> Ints | None:
    if not key:
        return None
    combined = np.zeros(count, dtype=np.int64)
    for name in key:
        codes, known = pd.factorize(pd.Series(_column(frame, name, count)))
        combined, _ = pd.factorize(combined * (len(known) + 1) + codes)
    return combined
