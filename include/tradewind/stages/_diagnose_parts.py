"""Two stretches of a champion's rows, weighed against each other; and what each feature brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewind.diagnosis import FeatureShift, Side
from tradewind.errors import EvidenceError
from tradewind.learning.domain import chance_of_recent, expected_loss, stretches
from tradewind.learning.slicing import texts
from tradewind.learning.splits import local_days
from tradewind.stages._diagnose_nights import days_needed
from tradewind.stages._guards import loss_name
from tradewind.stages._guards import loss_of as row_loss
from tradewind.stats.attribution import (
    Weighted,
    clear,
    fewer,
    loss_of,
    weights_of,
)
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.breakdown import Change, bins_of, feature_change, jointly
from tradewind.stats.rows import unit_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.learning import FeatureType
    from tradewind.definition.schema import ModelDefinition
    from tradewind.stats.bootstrap import Draws
    from tradewind.stats.rows import Floats, Integers


@dataclass(frozen=True)
class Compared:
    """Two stretches, weighed against each other.

    Attributes:
        frames: Their rows: features, `prediction_time`, `label`, `score`.
        sides: Their losses, expectations, weights and draws.
        types: The features that were looked at, and how each is read.
        left_out: Those that were not: the model hardly uses them, or a stretch does not have them.
    """

    model: ModelDefinition
    frames: tuple[pd.DataFrame, pd.DataFrame]
    sides: tuple[Weighted, Weighted]
    types: Mapping[str, FeatureType]
    left_out: list[str]

    @cached_property
    def draws(self) -> Draws:
        """Those with the fewer blocks."""
        return fewer(*(side.draws for side in self.sides))

    @property
    def confidence(self) -> float:
        """Of every interval."""
        return self.model.monitor.performance.confidence


def weigh(
    model: ModelDefinition,
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    *,
    importance: Mapping[str, float],
    way_out: str = "wait for more",
) -> Compared:
    """Weigh the reference's rows so that they look like the recent ones.

    Args:
        model: By which the champion was trained.
        reference: One stretch: features, `prediction_time`, `label` and `score` a row.
        recent: The other.
        importance: Each feature's share of what the model loses without it; all features are
            looked at where it is empty.
        way_out: What to do where the recent stretch has too few days.

    Raises:
        EvidenceError: A stretch has too few days to say how sure a figure is.
    """
    types = _looked_at(model, reference, recent, importance)
    longer = "train again with more `train.judge_days`"
    days = [
        _days(model, reference, "the reference", way_out=longer),
        _days(model, recent, "the recent stretch", way_out=way_out),
    ]
    loss = [_loss(model, frame) for frame in (reference, recent)]
    both = stretches(reference, recent, types=types, reference_day=days[0], recent_day=days[1])
    expected = expected_loss(both, loss[0])
    weight = weights_of(chance_of_recent(both), both.recent)
    rows = len(reference)
    resample, seed = model.metrics.resample, model.train.seed
    sides = [
        Weighted(
            loss=loss[number],
            expected=expected[part],
            weight=weight[part],
            unit=days[number],
            # Seeds of their own: the days of one stretch say nothing of those of the other.
            draws=block_draws(
                int(days[number].max()) + 1,
                block=resample.block,
                draws=resample.draws,
                seed=seed + number,
            ),
        )
        for number, part in enumerate((slice(0, rows), slice(rows, None)))
    ]
    every = [*model.features.types]
    return Compared(
        model=model,
        frames=(reference, recent),
        sides=(sides[0], sides[1]),
        types=types,
        left_out=[name for name in every if name not in types],
    )


def side_of(compared: Compared, number: int) -> Side:
    """Say what one of the stretches is: 0 the reference, 1 the recent one."""
    frame, side = compared.frames[number], compared.sides[number]
    times = frame["prediction_time"]
    return Side(
        start=times.min().to_pydatetime(),
        end=times.max().to_pydatetime(),
        rows=len(frame),
        units=side.draws.units,
        loss=loss_of(side, confidence=compared.confidence),
    )


def feature_shifts(compared: Compared) -> list[FeatureShift]:
    """What each feature's other mix alone does to the loss, the greatest change first."""
    columns = {name: _column(compared, name) for name in compared.types}
    changes = [
        Change(name, feature_change(*compared.sides, bins_of(*columns[name]))) for name in columns
    ]
    figures = jointly(changes, compared.draws, confidence=compared.confidence)
    found = [
        FeatureShift(
            feature=name,
            change=figure,
            clear=clear(figure),
            words=_moved(*columns[name]),
        )
        for name, figure in figures.items()
    ]
    return sorted(found, key=lambda one: (-abs(one.change.value), one.feature))


def _looked_at(
    model: ModelDefinition,
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    importance: Mapping[str, float],
) -> dict[str, FeatureType]:
    """The features that matter to the model; all where none does, or nothing is known of it."""
    there = {
        name: kind
        for name, kind in model.features.types.items()
        if name in reference and name in recent
    }
    least = model.monitor.drift.matters
    matter = {name: kind for name, kind in there.items() if importance.get(name, 0.0) >= least}
    return matter if importance and matter else there


def _days(model: ModelDefinition, frame: pd.DataFrame, name: str, *, way_out: str) -> Integers:
    days = local_days(frame["prediction_time"], zone=model.zone).dt.strftime("%Y-%m-%d")
    unit, names = unit_numbers(days.to_numpy(dtype=str))
    needed = days_needed(model)
    if len(names) < needed:
        raise EvidenceError(
            f"{model.name}: {name} has matured rows of {len(names)} days, and {needed} are needed "
            f"to say how sure a change is: {way_out}"
        )
    return unit


def _loss(model: ModelDefinition, frame: pd.DataFrame) -> Floats:
    label = frame["label"].to_numpy(dtype=np.float64)
    score = frame["score"].to_numpy(dtype=np.float64)
    return row_loss(label, score, name=loss_name(model))


def _column(compared: Compared, name: str) -> tuple[Any, Any]:
    """A feature of both stretches: numbers, or texts."""
    reference, recent = (frame[name] for frame in compared.frames)
    if compared.types[name] == "numeric":
        return numbers(reference), numbers(recent)
    return texts(reference).to_numpy(dtype=str), texts(recent).to_numpy(dtype=str)


def numbers(values: pd.Series) -> Floats:
    """A numeric column as it is computed with: what is missing is NaN, shape (rows,)."""
    found: Floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _moved(reference: Any, recent: Any) -> str:
    """How a column's mix moved, in a few words."""
    if reference.dtype.kind == "f":
        was, now = (one[np.isfinite(one)] for one in (reference, recent))
        if not len(was) or not len(now):
            return "without a number in one of the stretches"
        return f"mean {was.mean():.4g}, now {now.mean():.4g}"
    values = np.unique(np.concatenate([reference, recent]))
    gaps = [float(np.mean(recent == value) - np.mean(reference == value)) for value in values]
    most = int(np.argmax(np.abs(gaps)))
    before = float(np.mean(reference == values[most]))
    return f"{values[most] or 'missing'} {before:.1%} of the rows, now {before + gaps[most]:.1%}"
