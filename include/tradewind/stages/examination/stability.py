"""The candidate fitted again: as it was, with another seed, and with parts of its past left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from tradewind.errors import EvidenceError
from tradewind.gates.stability import Attempt, Found
from tradewind.learning.account import prediction_digest
from tradewind.learning.fit import sample
from tradewind.learning.refit import refit
from tradewind.learning.sample import Sample
from tradewind.stats.agreement import disagreement, moved_by
from tradewind.stats.metrics import metrics_of
from tradewind.stats.panel import compare
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tradewind.records import Difference
    from tradewind.stages._case import Case
    from tradewind.stats.rows import Floats, Rows

TASK = "refit"
_SEEDS = 2**32


def gather(case: Case) -> Found:
    """Fit the candidate again in every way that is asked for.

    Raises:
        EvidenceError: What it was fitted with was not recorded, there are fewer days than
            stretches, or the deciding metric cannot say which of two is better.
        DefinitionError: It cannot be fitted without one of the stretches.
    """
    if case.trained.pretrained is not None:
        return _elsewhere(case, case.trained.pretrained.source)
    asked, seed = case.model.gates.stability, case.model.train.seed
    again = _answers(case, case.fit, seed=seed)
    fewer = case.fit.spread(asked.rows)
    like = again if fewer is case.fit else _answers(case, fewer, seed=seed)
    seeded = _answers(case, fewer, seed=(seed + 1) % _SEEDS)
    attempts = [_attempt(case, "seed", "with another seed", like, seeded)]
    for days in _left_out(fewer.days, asked.stretches, asked.left_out):
        name = f"without {_day(days[0])} to {_day(days[-1])}"
        answers = _answers(case, _without(fewer, days), seed=seed)
        attempts.append(_attempt(case, "stretch", name, like, answers))
    return Found(
        recorded=case.trained.prediction_digest,
        again=prediction_digest(again),
        differing=int(np.count_nonzero(again != case.answers["candidate"])),
        rows=len(fewer.label),
        of_rows=len(case.fit.label),
        attempts=attempts,
    )


def _elsewhere(case: Case, source: str) -> Found:
    return Found(
        recorded=case.trained.prediction_digest,
        again="",
        differing=0,
        rows=0,
        of_rows=0,
        attempts=[],
        elsewhere=source,
    )


def _answers(case: Case, fit: Sample, *, seed: int) -> Floats:
    """Fit it, and ask it about the whole judge stretch."""
    estimator = refit(case.model, case.trained, fit, case.select, seed=seed)
    kept = sample(case.model, case.split.judge)
    return predict(estimator, kept.features, problem=case.model.problem)


def _attempt(
    case: Case, kind: Literal["seed", "stretch"], name: str, like: Floats, answers: Floats
) -> Attempt:
    one, other = _rows(case, like), _rows(case, answers)
    confidence = case.model.gates.confidence
    move = moved_by(one, other, draws=case.draws, confidence=confidence)
    return Attempt(
        kind=kind,
        name=name,
        changed=disagreement(one, other, draws=case.draws, confidence=confidence),
        moved=move.value,
        moved_between=(move.low, move.high),
        better=_better(case, one, other),
    )


def _rows(case: Case, answers: Floats) -> Rows:
    """The judged ones, decided from the candidate's own threshold on."""
    return replace(case.players["candidate"], score=answers[case.judged])


def _better(case: Case, like: Rows, rows: Rows) -> Difference:
    metric = case.model.deciding_metric
    files = case.run.frozen.files if case.run else None
    panel = compare(
        {"attempt": rows, "like": like},
        metrics={metric: metrics_of(case.model, files)[metric]},
        draws=case.draws,
        confidence=case.model.gates.confidence,
    )
    return panel.difference(metric, better="attempt", than="like")


def _left_out(
    days: npt.NDArray[np.datetime64], stretches: int, count: int
) -> Iterator[npt.NDArray[np.datetime64]]:
    """The days of each stretch that is left out: newest first, spread evenly."""
    named = np.unique(days)
    if len(named) < stretches:
        raise EvidenceError(
            f"the fit stretch has rows of {len(named)} days, and {stretches} stretches cannot be "
            "cut from them: declare fewer (`gates.stability.stretches`)"
        )
    parts = np.array_split(named, stretches)
    for place in np.linspace(stretches - 1, 0, count).round().astype(int):
        yield parts[place]


def _without(fit: Sample, days: npt.NDArray[np.datetime64]) -> Sample:
    kept = ~np.isin(fit.days, days)
    return Sample(fit.features[kept], fit.label[kept], fit.days[kept])


def _day(day: np.datetime64) -> str:
    return str(np.datetime_as_string(day, unit="D"))
