"""Labels turned over: every batch and every category held against the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.gates.poisoning import Part, Parts
from tradewind.stats.screening import (
    FEWEST_SLICES,
    Slopes,
    evened,
    label_slopes,
    log_odds,
    relative,
    standing,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stages.examination._training import Training

_SHOWN = 5


def turned_in_batches(training: Training) -> Parts:
    """Hold the labels of every batch against the others'.

    Raises:
        EvidenceError: Too few batches have labels that differ.
    """
    score = training.judged.ask(np.arange(len(training.label)))
    label = evened(training.label, training.day)
    slopes = label_slopes(label, log_odds(score), unit=training.day, slice_=training.batch)
    batches = int(training.batch.max()) + 1
    if len(slopes.value) < FEWEST_SLICES:
        raise EvidenceError(
            f"only {len(slopes.value)} of {batches} batches of {training.batch_days} days have "
            f"labels to be held against the others; {FEWEST_SLICES} are needed"
        )
    counts = np.bincount(training.batch)
    last = training.day.max()
    names = [
        f"that ended {int(last - training.day[training.batch == n].max())} days before the last"
        for n in slopes.place
    ]
    small = batches - len(slopes.value)
    return _worst(training, slopes, names, counts[slopes.place], small=small)


def turned_in_categories(training: Training) -> Parts | None:
    """Hold the labels of every category against the others'; None where there are too few."""
    every: list[Slopes] = []
    names: list[str] = []
    counts: list[int] = []
    small = 0
    for name, kind in training.model.features.types.items():
        if kind == "categorical":
            found, values, rows = _of_one(training, name)
            every.append(found)
            names += [f"{name} = {values[n]}" for n in found.place]
            counts += [int(rows[n]) for n in found.place]
            small += len(values) - len(found.place)
    if len(names) < FEWEST_SLICES:
        return None
    slopes = Slopes(
        np.arange(len(names)),
        np.concatenate([one.value for one in every]),
        np.concatenate([one.error for one in every]),
    )
    return _worst(training, slopes, names, np.asarray(counts), small=small)


def _of_one(training: Training, name: str) -> tuple[Slopes, list[str], npt.NDArray[np.int64]]:
    """The slopes of one feature's categories, by models that do not look at it."""
    code, known = pd.factorize(training.features[name], sort=True)
    rows = np.bincount(code[code >= 0], minlength=len(known))
    enough = (code >= 0) & (rows[code] >= training.asked.least_rows)
    score = training.judged.ask(np.arange(len(code)), without=[name])
    place = np.where(enough, code, -1)
    slopes = label_slopes(training.label, score, unit=training.day, slice_=place)
    return relative(slopes), [str(value) for value in known], rows


def _worst(
    training: Training,
    slopes: Slopes,
    names: list[str],
    rows: npt.NDArray[np.int64],
    *,
    small: int,
) -> Parts:
    found = standing(slopes)
    low, high = found.between(training.model.gates.confidence)
    parts = [
        Part(
            name=name,
            rows=int(rows[n]),
            share=float(found.share[n]),
            between=(float(low[n]), float(high[n])),
            chance=float(found.chance[n]),
        )
        for n, name in enumerate(names)
    ]
    worst = sorted(parts, key=lambda part: (part.chance, -part.share))[:_SHOWN]
    return Parts(worst=worst, looked_at=len(parts), small=small)
