"""Look at the training rows as somebody would who may have been lied to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.gates.poisoning import SCREENS, Found, Harm, Repeats
from tradewind.stages.examination._planted import planted_patterns
from tradewind.stages.examination._training import Training, training_of
from tradewind.stages.examination._turned import turned_in_batches, turned_in_categories
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import BINARY
from tradewind.stats.panel import compare
from tradewind.stats.rows import binary_rows, unit_numbers
from tradewind.stats.screening import repeated_share
from tradewind.stats.slices import alarm_level

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.learning.quick import QuickRows
    from tradewind.stages._case import Case
    from tradewind.stats.panel import Panel
    from tradewind.stats.rows import Integers

TASK = "refit"
_TIMES = 3
"""From how many times on a row is there several times over."""
_ROUNDED = 20.0
"""Numbers are rounded to a twentieth of their spread: nearer rows are the same one."""


def gather(case: Case) -> Found:
    """Run the five screens.

    Raises:
        EvidenceError: The training rows are of too few days to be held against each other, or
            their labels are all the same.
    """
    training = training_of(case)
    return Found(
        rows=len(training.label),
        units=len(np.unique(training.day)),
        learned=min(training.asked.rows, training.fitted),
        batch_days=training.batch_days,
        batches=turned_in_batches(training),
        categories=turned_in_categories(training),
        repeats=_repeats(training),
        harm=_harm(training),
        patterns=planted_patterns(training),
    )


def _repeats(training: Training) -> Repeats:
    rows = pd.util.hash_pandas_object(pd.DataFrame(_rounded(training.rows)), index=False)
    shares = repeated_share(rows.to_numpy().astype(np.uint64), training.batch, times=_TIMES)
    *earlier, newest = shares.tolist()
    level = alarm_level(
        earlier, probability=training.asked.false_alarms / SCREENS, floor=0.0, least=0.001
    )
    if level is None:
        raise EvidenceError(f"{len(earlier)} earlier batches say nothing of what one more may hold")
    return Repeats(
        rows=int((training.batch == training.batch.max()).sum()),
        share=newest,
        usual=max(earlier),
        level=min(level, 1.0),
    )


def _rounded(rows: QuickRows) -> npt.NDArray[np.float64]:
    matrix = rows.matrix.copy()
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    numbers = len(rows.names) - rows.codes
    spread = np.nanstd(matrix[:, :numbers], axis=0)
    matrix[:, :numbers] = np.round(matrix[:, :numbers] * _ROUNDED / np.where(spread > 0, spread, 1))
    return matrix + 0.0  # one zero


def _harm(training: Training) -> Harm:
    """Learn with and without the newest batch of the fit stretch, and ask about the rows after."""
    fit, later = np.arange(training.fitted), np.arange(training.fitted, len(training.label))
    newest = training.day[fit] > training.day[training.fitted - 1] - training.batch_days
    label = training.label
    if min(len(np.unique(label[part])) for part in (fit[~newest], later)) == 1:
        raise EvidenceError("the labels before the newest batch, or after it, are all the same")
    panel, units = _with_and_without(training, fit, fit[~newest], later)
    worse = panel.difference("log_loss", better="without", than="with")
    return Harm(
        batch_rows=int(newest.sum()),
        loss=panel.estimates("without")["log_loss"].value,
        worse=worse.value,
        low=worse.low,
        rows=len(later),
        units=units,
    )


def _with_and_without(
    training: Training, whole: Integers, part: Integers, later: Integers
) -> tuple[Panel, int]:
    """Judge two quick models on the later rows, under draws of their days.

    Of single days, although neighbours are alike: in blocks of a week the three weeks of a select
    stretch could show nothing, and clean batches stay far below the margin that is left them.
    """
    model, rows = training.model, training.rows
    unit, names = unit_numbers(training.day[later])
    players = {}
    for name, own in (("with", whole), ("without", part)):
        quick = rows.learn(own, training.label, most=training.asked.rows, seed=model.train.seed)
        players[name] = binary_rows(training.label[later], rows.ask(quick, later), unit=unit)
    resample = model.metrics.resample
    draws = block_draws(len(names), block=1, draws=resample.draws, seed=model.train.seed)
    metrics, confidence = {"log_loss": BINARY["log_loss"]}, model.gates.confidence
    return compare(players, metrics=metrics, draws=draws, confidence=confidence), len(names)
