"""Which rows an expectation is about, and what it says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from tradewind.definition.gates.behaviour import Invariance, Limits, Minimum


def concerned(rows: pd.DataFrame, where: Mapping[str, Limits]) -> npt.NDArray[np.bool_]:
    """Choose the rows that all limits allow; one whose value is missing is not among them."""
    inside = np.ones(len(rows), dtype=np.bool_)
    for name, limits in where.items():
        column = rows[name]
        if limits.one_of is not None:
            inside &= column.isin(limits.one_of).to_numpy()
        if limits.at_least is not None:
            inside &= (column >= limits.at_least).to_numpy()
        if limits.at_most is not None:
            inside &= (column <= limits.at_most).to_numpy()
    return inside


def change_told(asked: Invariance) -> str:
    """What is changed: `distance +1`, `origin to JFK or LGA`, `origin to that of other rows`."""
    if asked.by is not None:
        return f"{asked.feature} {asked.by:+g}"
    if asked.to == "observed":
        return f"{asked.feature} to that of other rows"
    return f"{asked.feature} to {' or '.join(map(value_told, asked.to or []))}"


def minimum_told(asked: Minimum) -> str:
    """What must come out of which values: `the score is at most 0.3 given weekday 2`."""
    ends = {"at least": asked.at_least, "at most": asked.at_most}
    must = " and ".join(f"{word} {end:g}" for word, end in ends.items() if end is not None)
    given = ", ".join(f"{name} {value_told(value)}" for name, value in asked.given.items())
    return f"the score is {must}" + (f" given {given}" if given else "")


def where_told(where: Mapping[str, Limits]) -> str:
    """Of which rows: ` where origin is JFK or LGA and departure_minute is at most 600`."""
    each = [f"{name} is {_limits_told(limits)}" for name, limits in where.items()]
    return f" where {' and '.join(each)}" if each else ""


def _limits_told(limits: Limits) -> str:
    if limits.one_of is not None:
        return " or ".join(map(value_told, limits.one_of))
    ends = {"at least": limits.at_least, "at most": limits.at_most}
    return " and ".join(f"{word} {end:g}" for word, end in ends.items() if end is not None)


def value_told(value: object) -> str:
    """A feature's value as a person writes it."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)
