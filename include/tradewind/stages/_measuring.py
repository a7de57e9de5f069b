"""Players on the same matured rows, under the draws that a training is judged by; rows by group."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.learning.splits import local_days
from tradewind.stats.bootstrap import FEWEST_BLOCKS, block_draws
from tradewind.stats.metrics import metrics_of
from tradewind.stats.rows import binary_rows, regression_rows, unit_numbers
from tradewind.stores.fallback import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.schema import ModelDefinition
    from tradewind.stages._watching import Champion, Look
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.groups import Group
    from tradewind.stats.metrics import Metric
    from tradewind.stats.rows import Rows

LEAST_ROWS = 100
"""A slice, or a group of people, of fewer matured rows has no figure."""
_VALUES = 20
"""A numeric feature of more values than these is cut into fourths."""
MOST_GROUPS = 50
"""Groups of one feature with figures: the record of a look travels, and is to stay small."""


@dataclass(frozen=True)
class Measured:
    """Players on the same matured rows.

    Attributes:
        frame: The rows.
        players: `champion`, `naive`, and `previous` where it scored all of them.
        days: The local day of each unit, by its number.
        draws: Of these days; None where they are too few to say how sure a figure is.
    """

    frame: pd.DataFrame
    players: dict[str, Rows]
    days: list[str]
    draws: Draws | None
    too_few: str = ""
    metrics: dict[str, Metric] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """How many days."""
        return len(self.days)


def measured(look: Look, frame: pd.DataFrame, scores: dict[str, str]) -> Measured:
    """Put players on the same matured rows, under the same draws as a training is judged by.

    Args:
        look: Whose model.
        frame: Matured rows, at least one.
        scores: The column of each player's scores, by player.
    """
    model, champion = look.model, look.champion
    days = local_days(frame["prediction_time"], zone=model.zone).dt.strftime("%Y-%m-%d")
    unit, names = unit_numbers(days.to_numpy(dtype=str))
    make = binary_rows if model.problem == "binary" else regression_rows
    label = frame["label"].to_numpy(dtype=np.float64)
    players = {
        name: make(
            label, frame[column].to_numpy(dtype=np.float64), unit=unit,
            threshold=_threshold(champion, name),
        )
        for name, column in scores.items()
    }  # fmt: skip
    metrics = metrics_of(model, look.frozen.files)
    resample = model.metrics.resample
    needed = FEWEST_BLOCKS * resample.block
    if len(names) < needed:
        few = f"{len(names)} of the {needed} matured days that say how sure a figure is"
        return Measured(frame, players, names, None, few, metrics)
    draws = block_draws(
        len(names), block=resample.block, draws=resample.draws, seed=model.train.seed
    )
    return Measured(frame, players, names, draws, metrics=metrics)


def _threshold(champion: Champion | None, player: str) -> float | None:
    if champion is None:
        return None
    return champion.naive_threshold if player == "naive" else champion.threshold


def group_of(values: pd.Series, kind: str) -> pd.Series:
    """The group of each row by a feature: its value, or which fourth a number lies in."""
    if kind == "numeric" and values.nunique() > _VALUES:
        return _fourths(values.astype("float64"))
    # As the model's own categories are named, whatever type carries a whole number.
    name = _truth if kind == "boolean" else as_text
    named: pd.Series = values.map(name, na_action="ignore").astype(object).fillna("none")
    return named


def has_values(
    frame: pd.DataFrame, where: Mapping[str, str | int | bool], model: ModelDefinition
) -> pd.Series:
    """Whether each row has every value that makes a group; shape (rows,), all where none is said.

    Of a number exactly this one is meant, and not the fourth that it lies in.
    """
    inside = pd.Series(data=True, index=frame.index)
    for column, value in where.items():
        is_truth = model.features.types.get(column) == "boolean"
        kind = "boolean" if is_truth else "categorical"
        wanted = str(value).casefold() if is_truth else as_text(value)
        inside &= group_of(frame[column], kind) == wanted
    return inside


def _truth(value: object) -> str:
    return "true" if value else "false"


def largest(groups: Mapping[str, Group]) -> dict[str, Group]:
    """The groups of a feature with the most rows, no more than `MOST_GROUPS`, in their order."""
    ranked = sorted(groups, key=lambda name: (-groups[name].rows, name))
    shown = set(ranked[:MOST_GROUPS])
    return {name: group for name, group in groups.items() if name in shown}


def _fourths(values: pd.Series) -> pd.Series:
    numbers = values.to_numpy()
    edges = np.unique(np.nanquantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    place = np.clip(np.searchsorted(edges, numbers, side="left"), 1, len(edges) - 1)
    names = np.array([f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)], dtype=object)
    return pd.Series(np.where(np.isnan(numbers), "none", names[place - 1]), index=values.index)


def with_groups(look: Look, frame: pd.DataFrame, feature: str) -> np.ndarray:
    """The group of each row of a log by a feature of its entity, shape (rows,)."""
    values = look.entities[["entity", "night", feature]]
    kind = look.model.features.types.get(feature, "categorical")
    named = values.assign(__group=group_of(values[feature], kind)).drop(columns=feature)
    found = frame[["entity", "night"]].merge(named, on=["entity", "night"], how="left")
    return found["__group"].fillna("none").to_numpy(dtype=str)
