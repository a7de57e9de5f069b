"""Look for what would show that a model has seen its future, or its judge rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tradewind.errors import EvidenceError
from tradewind.gates.leakage import Alone, Both, Copies, Entities, Found, skill
from tradewind.learning.alone import alone
from tradewind.learning.fit import sample
from tradewind.stats.inference import share_of
from tradewind.stats.metrics import BINARY, REGRESSION
from tradewind.stats.panel import compare

if TYPE_CHECKING:
    import numpy.typing as npt

    from tradewind.stages._case import Case
    from tradewind.stats.panel import Panel

    Digests = npt.NDArray[np.uint64]

TASK = "probe"
_MODEL = "the whole model"


def gather(case: Case) -> Found:
    """Score every feature alone, and count what is on both sides.

    Raises:
        EvidenceError: A declared column is not there, or a figure cannot be computed.
    """
    metric = "r2" if case.model.problem == "regression" else "roc_auc"
    panel = _alone(case, metric)
    singles = [
        Alone(
            feature=name,
            estimate=panel.estimates(name)[metric],
            carries=_carries(panel, metric, name),
        )
        for name in case.model.features.types
    ]
    return Found(
        proof=case.run.feature_set.proof if case.run else None,
        metric=metric,
        candidate=panel.estimates(_MODEL)[metric],
        alone=sorted(singles, key=lambda one: -one.estimate.value),
        binned=len(case.fit.label),
        stretches=_stretches(case),
        copies=_copies(case),
        entities=_entities(case),
    )


def _alone(case: Case, metric: str) -> Panel:
    judged, candidate = sample(case.model, case.rows), case.players["candidate"]
    label = case.fit.label.astype(np.float64)
    players = {_MODEL: candidate}
    for name, kind in case.model.features.types.items():
        score = alone(case.fit.features[name], label, judged.features[name], kind=kind)
        players[name] = replace(candidate, score=score)
    metrics = {metric: (BINARY | REGRESSION)[metric]}
    confidence = case.model.gates.confidence
    panel = compare(players, metrics=metrics, draws=case.draws, confidence=confidence)
    for name in players:
        if not panel.has(metric, name):
            raise EvidenceError(f"{metric} of {name}: {panel.missing[name][metric]}")
    return panel


def _carries(panel: Panel, metric: str, name: str) -> tuple[float, float] | None:
    own, whole = (skill(panel.figures[player][metric], metric) for player in (name, _MODEL))
    if whole[0] <= 0:
        return None
    found = share_of(own, whole, panel.draws, confidence=panel.confidence, name=name)
    return found.low, found.high


def _stretches(case: Case) -> list[Both]:
    split = case.split
    frames = {"fit": split.fit, "select": split.select, "judge": split.judge}
    named = list(dict.fromkeys([*case.model.entity_key, "event_time"]))
    rows = {name: _digests(frame[named]) for name, frame in frames.items()}
    return [
        Both(
            earlier=earlier,
            later=later,
            reaches=frames[earlier][["prediction_time", "label_known_at"]].max().max(),
            begins=frames[later]["prediction_time"].min(),
            shared=int(np.isin(rows[later], rows[earlier]).sum()),
            rows=len(rows[later]),
        )
        for earlier, later in combinations(frames, 2)
    ]


def _copies(case: Case) -> Copies:
    judge = sample(case.model, case.rows)
    training = np.concatenate(
        [_digests(part.features.assign(label=part.label)) for part in (case.fit, case.select)]
    )
    judged = _digests(judge.features.assign(label=judge.label))
    _, counts = np.unique(training, return_counts=True)
    return Copies(
        share=float(np.isin(judged, training).mean()),
        usual=float(counts[counts > 1].sum() / len(training)),
        rows=len(judged),
        training=len(training),
    )


def _entities(case: Case) -> Entities | None:
    columns = case.model.gates.leakage.entities
    if not columns:
        return None
    split = case.split
    absent = [name for name in columns if name not in split.judge]
    if absent:
        raise EvidenceError(
            f"`gates.leakage.entities` names {absent[0]!r}, which is no column of the feature set"
        )
    training = np.concatenate([_digests(part[columns]) for part in (split.fit, split.select)])
    judged = np.unique(_digests(split.judge[columns]))
    shared = int(np.isin(judged, training).sum())
    return Entities(columns=columns, shared=shared, judged=len(judged))


def _digests(frame: pd.DataFrame) -> Digests:
    return pd.util.hash_pandas_object(frame, index=False).to_numpy().astype(np.uint64)
