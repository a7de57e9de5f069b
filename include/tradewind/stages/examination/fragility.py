"""Find what the gate `fragility` decides on: judged rows, spoilt, and searched row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.gates.fragility import Carried, Fault, Found, Search
from tradewind.learning import faults
from tradewind.learning.turning import SIZES, turn
from tradewind.stages.examination._parts import part_of
from tradewind.stages.examination._probing import Probe, evenly
from tradewind.stats.inference import share_of
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stats.proportions import share_of_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.learning.turning import Turning
    from tradewind.records import Estimate
    from tradewind.stages._case import Case
    from tradewind.stats.panel import Panel
    from tradewind.stats.rows import Floats, Rows

TASK = "probe"
SEARCHED = 300
"""So many of the spoilt rows are searched one by one."""


def gather(case: Case) -> Found:
    """Spoil judged rows in every way there is something to spoil for, and search some of them.

    Raises:
        EvidenceError: The candidate has no advantage over the naive rule that it could lose, no
            feature matters to it, or a figure cannot be computed.
    """
    probe = Probe(case)
    own, naive = probe.said("candidate"), probe.said("naive")
    spoilt = {name: (told, rows) for name, told, rows in _spoilt(probe)}
    answers = {name: replace(own, score=case.score(rows)) for name, (_, rows) in spoilt.items()}
    panel = _panel(case, {"candidate": own, "naive": naive, **answers})
    return Found(
        rows=len(probe.rows),
        features=probe.important,
        carried=_carried(probe),
        faults=[
            Fault(
                name=name,
                told=told,
                lost=_lost(panel, name, metric=case.model.deciding_metric),
                moved=_turned(case, own, probe.progress(own.score, answers[name].score) >= 0),
            )
            for name, (told, _) in spoilt.items()
        ],
        search=_searched(probe, own) if probe.numbers else None,
        untried=_untried(probe),
        level=None if probe.level == case.thresholds["candidate"] else probe.level,
    )


def _carried(probe: Probe) -> Carried:
    """How much of all importance the spoilt features have, each side with the whole confidence."""
    losses, confidence = probe.case.losses, probe.case.model.gates.confidence
    return Carried(
        share=losses.share_of(probe.important, confidence=2 * confidence - 1),
        rows=losses.rows,
        units=losses.draws.units,
    )


def _spoilt(probe: Probe) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each kind of fault: its name, what was spoilt in words, and the rows."""
    asked, rows, names = probe.case.model.gates.fragility, probe.rows, probe.important
    numbers, words, strange = probe.numbers, probe.words, probe.open_words
    # One stream for each kind: what one draws does not depend on what the others do.
    seeds = np.random.SeedSequence(probe.case.model.train.seed).spawn(5)
    noise, gap, swap, new, old = (np.random.default_rng(seed) for seed in seeds)
    if numbers:
        told = f"{asked.noise:g} standard deviations on each of {', '.join(numbers)}"
        yield "noise", told, faults.noisy(rows, numbers, share=asked.noise, random=noise)
    among = faults.drawn_from(names, features=rows.shape[1])
    share = len(names) / len(among)
    one = f"one of {', '.join(names)} in {'each row' if share == 1 else f'{share:.0%} of rows'}"
    yield "missing", f"{one}, missing", faults.missing(rows, names, among=among, random=gap)
    if words:
        told = f"{one}; {', '.join(words)} with another known value"
        yield "swapped", told, faults.swapped(rows, words, among=among, random=swap)
    if strange:
        told = f"{one}; {', '.join(strange)} with an unknown value"
        yield "unseen", told, faults.unseen(rows, strange, among=among, random=new)
    yield "stale", f"{one}, as it was {_span(asked.stale)} before", _stale(probe, random=old)


def _span(age: timedelta) -> str:
    """Write a duration in days, or in hours where it is no number of days."""
    days, hours = age / timedelta(days=1), age / timedelta(hours=1)
    count, unit = (days, "day") if days.is_integer() else (hours, "hour")
    return f"{count:g} {unit}" if count == 1 else f"{count:g} {unit}s"


def _untried(probe: Probe) -> dict[str, str]:
    words = {} if probe.words else {"swapped": "no important feature has two known categories"}
    strange = {} if probe.open_words else {"unseen": "no important feature is categorical"}
    number = "no important feature is a number"
    return words | strange | ({} if probe.numbers else dict.fromkeys(("noise", "search"), number))


def _stale(probe: Probe, *, random: np.random.Generator) -> pd.DataFrame:
    """Spoil rows with what earlier rows of the same thing said, of the select stretch too."""
    case, types = probe.case, probe.case.model.features.types
    by = [name for name in case.model.entity_key if types.get(name) == "categorical"]
    past = pd.concat([case.select.features, probe.judged], ignore_index=True)
    times = pd.concat([case.split.select["prediction_time"], case.rows["prediction_time"]])
    return faults.stale(
        probe.rows,
        probe.important,
        past=past.assign(prediction_time=times.to_numpy()),
        times=case.rows["prediction_time"][probe.inside].reset_index(drop=True),
        by=by,
        among=faults.drawn_from(probe.important, features=probe.rows.shape[1]),
        age=case.model.gates.fragility.stale,
        random=random,
    )


def _panel(case: Case, players: dict[str, Rows]) -> Panel:
    """Everybody's figures by the deciding metric, on the spoilt rows and in every draw."""
    files = case.run.frozen.files if case.run else None
    name = case.model.deciding_metric
    metric = metrics_of(case.model, files)[name]
    confidence = case.model.gates.confidence
    return compare(players, metrics={name: metric}, draws=case.draws, confidence=confidence)


def _lost(panel: Panel, fault: str, *, metric: str) -> Estimate:
    """What a fault costs, as a share of the advantage over the naive rule."""
    advantage = _gap(panel, metric, "candidate", "naive")
    if advantage[0] <= 0:
        raise EvidenceError(
            f"the candidate's {metric} is no better than the naive rule's on these rows: it has "
            "nothing that a fault could cost"
        )
    lost = _gap(panel, metric, "candidate", fault)
    sides = 2 * panel.confidence - 1  # of both together, so that each side has the whole
    return share_of(lost, advantage, panel.draws, confidence=sides, name=fault)


def _gap(panel: Panel, metric: str, better: str, worse: str) -> Floats:
    """By how much one player is better, on the rows and in every draw, shape (1 + draws,)."""
    for player in (better, worse):
        if not panel.has(metric, player):
            raise EvidenceError(f"{metric} of the {player}: {panel.missing[player][metric]}")
    sign = 1.0 if panel.metrics[metric].greater_is_better else -1.0
    return sign * (panel.figures[better][metric] - panel.figures[worse][metric])


def _turned(case: Case, rows: Rows, those: np.ndarray) -> Estimate:
    """The share of rows that are among those, each side with the whole confidence."""
    sides = 2 * case.model.gates.confidence - 1
    name = "the share turned"
    return share_of_rows(rows, those, draws=case.draws, confidence=sides, name=name)


def _searched(probe: Probe, own: Rows) -> Search:
    """Search every so manieth of the spoilt rows for the smallest change that turns it."""
    case, asked = probe.case, probe.case.model.gates.fragility
    some = evenly(len(probe.rows), most=SEARCHED)
    rows, part = probe.rows[some].reset_index(drop=True), part_of(own, some)
    found = turn(
        rows,
        part.score,
        probe.numbers,
        ask=case.score,
        progress=probe.progress,
        reach=asked.reach,
        at_once=asked.at_once,
    )
    sooner = {
        f"{size * asked.reach:g} standard deviations": _turned(case, part, found.size <= size)
        for size in SIZES[:-1]
    }
    return Search(
        rows=len(rows),
        turned=_turned(case, part, found.turned),
        sooner=sooner,
        features=list(probe.numbers),
        example=_example(rows, part.score, found, numbers=list(probe.numbers)),
    )


def _example(rows: pd.DataFrame, score: Floats, found: Turning, *, numbers: list[str]) -> str:
    """One row that little was enough for, in words."""
    if not found.turned.any():
        return ""
    one = int(np.argmin(found.size))
    before, after = rows.iloc[one], found.rows.iloc[one]
    changed = [name for name in numbers if abs(before[name] - after[name]) > 0]
    told = ", ".join(f"{name} {before[name]:g} to {after[name]:g}" for name in changed)
    return f"{told} takes a score from {score[one]:.3g} to {found.score[one]:.3g}"
