"""Evaluate: candidate, champion and naive rule, on the same rows, by one function.

The rows are the judge stretch, on which nothing was trained; where the champion was trained further
than that, they begin after its last training row. Only figures leave here: what follows from them
is the gates' to say.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tradewind.errors import EvidenceError, ModelRefusedError
from tradewind.learning.fit import decision_threshold, sample
from tradewind.learning.naive import fit_naive
from tradewind.learning.splits import local_days, split_frame
from tradewind.records import Evaluation, Evidence
from tradewind.stages._champion import Champion, Scores, find_champion, score_champion
from tradewind.stats import curves
from tradewind.stats.bootstrap import block_draws
from tradewind.stats.metrics import load_function, metrics_of, worth
from tradewind.stats.panel import compare
from tradewind.stats.rows import Rows, binary_rows, regression_rows, unit_numbers
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.splits import Split
    from tradewind.records import Admission, Estimate, FeatureSet, TrainedModel, Validated
    from tradewind.stats.panel import Panel
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would say something else of the same inputs.
VERSION = 1
_MONEY = "money"
_SECTIONS = {"problem", "timezone", "metrics", "gates", "value", "fallback", "train"}


@dataclass(frozen=True)
class Judged:
    """Players on the same rows.

    Attributes:
        players: `candidate`, `naive`, and `champion` where it could be judged.
        days: The local day of each unit, by its number.
        panel: Their figures by every metric.
        money: Their figures by the value of their decisions a row, where values are declared.
    """

    players: Mapping[str, Rows]
    days: list[str]
    panel: Panel
    money: Panel | None


def evaluate(
    admission: Admission,
    frozen: FrozenDefinition,
    validated: Validated,
    feature_set: FeatureSet,
    trained: TrainedModel,
    *,
    stores: Stores,
) -> Evaluation:
    """Judge a candidate beside the champion and the naive rule, or find where that was done.

    At `evaluations/<digest>.json` lie `evidence`, for the gates, and `page`, for a person: curves,
    loss by day, differences by every metric.

    Raises:
        EvidenceError: The judge rows do not allow a figure, or are not those that were kept back.
        ModelRefusedError: The candidate does not give the scores that it was trained with.
        RegistryError: MLflow does not answer.
    """
    champion = find_champion(admission, trained, stores=stores)
    inputs = _inputs(frozen, feature_set, trained, champion)
    uri = _uri(json_digest(inputs))
    if stores.lake.exists(uri):
        log.info("%s: the same was judged before: %s", admission.model, uri)
        evidence = Evidence.model_validate(stores.lake.read_json(uri)["evidence"])
        return Evaluation(digest=json_digest(inputs), uri=uri, headline=headline(evidence))
    split = _kept_back(admission, frozen, feature_set, trained, stores=stores)
    scored = {
        "candidate": _candidate(trained, split, frozen.model, stores=stores),
        "naive": _naive(split, frozen.model),
    }
    if champion.state == "judged":
        champion = score_champion(
            champion, frozen, validated, split.judge, as_of=admission.as_of, stores=stores
        )
    judged = judge_players(frozen.model, split.judge, scored, champion)
    if champion.problem:
        # One that could not be judged this time may be the next: not the final word on the inputs.
        inputs = {**inputs, "problem": champion.problem}
    return _store(admission, frozen.model, judged, champion, inputs, stores=stores)


def headline(evidence: Evidence) -> str:
    """Say the deciding figure of everybody, and what it stands on, in one line."""
    own, naive = evidence.candidate[evidence.metric], evidence.naive[evidence.metric]
    others = [f"naive rule {naive.value:.4f}"]
    if evidence.champion:
        champion = evidence.champion[evidence.metric]
        others.append(f"champion (version {evidence.champion_version}) {champion.value:.4f}")
    if evidence.champion_state == "unusable":
        others.append(f"champion (version {evidence.champion_version}) could not be judged")
    return (
        f"{evidence.metric} {own.value:.4f} ({own.low:.4f} to {own.high:.4f}); "
        f"{', '.join(others)}; on {evidence.rows:,} rows of {evidence.units} {evidence.unit}s"
    )


def judge_players(
    model: ModelDefinition, judge: pd.DataFrame, scored: Mapping[str, Scores], champion: Champion
) -> Judged:
    """Put every player on the same rows and measure all of them under the same draws.

    Args:
        model: Metrics, resampling, confidence, values.
        judge: The judge stretch.
        scored: Scores by player, in the rows' order.
        champion: Its scores, if it can be judged, and where the rows must begin.

    Raises:
        EvidenceError: The rows do not allow a figure.
    """
    keep = np.ones(len(judge), dtype=bool)
    if champion.scores is not None:
        scored = {**scored, "champion": champion.scores}
        keep = champion.may_be_judged_on(judge)
    days = local_days(judge["prediction_time"], zone=model.zone).dt.strftime("%Y-%m-%d")
    unit, names = unit_numbers(days.to_numpy(dtype=str)[keep])
    label = judge["label"].to_numpy(dtype=np.float64)[keep]
    make = binary_rows if model.problem == "binary" else regression_rows
    players = {
        name: make(label, scores.score[keep], unit=unit, threshold=scores.threshold)
        for name, scores in scored.items()
    }
    resample, confidence = model.metrics.resample, model.gates.confidence
    draws = block_draws(
        len(names), block=resample.block, draws=resample.draws, seed=model.train.seed
    )
    panel = compare(players, metrics=metrics_of(model), draws=draws, confidence=confidence)
    money = None
    if model.value is not None:
        value = {_MONEY: worth(model.value)}
        money = compare(players, metrics=value, draws=draws, confidence=confidence)
    return Judged(players, names, panel, money)


def _inputs(
    frozen: FrozenDefinition, feature_set: FeatureSet, trained: TrainedModel, champion: Champion
) -> dict[str, Any]:
    own = frozen.model.metrics.own.values()
    functions = [load_function(spec.function) for spec in own if spec.function]
    return {
        "version": VERSION,
        "train_key": trained.train_key,
        "prediction_digest": trained.prediction_digest,
        "judge": trained.judge.model_dump(mode="json"),
        "features": feature_set.digest,
        "champion": [champion.state, champion.version, champion.model_uri],
        "definition": frozen.model.model_dump(mode="json", include=_SECTIONS),
        "functions": [inspect.getsource(function) for function in functions],
    }


def _uri(digest: str) -> str:
    return f"evaluations/{digest}.json"


def _kept_back(
    admission: Admission,
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    trained: TrainedModel,
    *,
    stores: Stores,
) -> Split:
    """Cut the feature set as training cut it, and hold that the judge rows are the same."""
    frame = stores.lake.read_table(feature_set.uri).to_pandas()
    split = split_frame(
        frame, frozen.model, as_of=admission.as_of, window_days=admission.request.window_days
    )
    if split.stretches["judge"] != trained.judge:
        raise EvidenceError(
            f"{admission.model}: training kept {trained.judge.rows:,} rows from "
            f"{trained.judge.start} to {trained.judge.end} back, and here are "
            f"{split.stretches['judge'].rows:,}: these are not the rows that the model has never "
            "seen; train again"
        )
    return split


def _candidate(
    trained: TrainedModel, split: Split, model: ModelDefinition, *, stores: Stores
) -> Scores:
    loaded = stores.registry.load(trained.model_uri)
    with threadpool_limits(limits=model.resources.threads):
        score = loaded.score(split.judge)["score"].to_numpy(dtype=np.float64)
    digest = hashlib.blake2b(score.tobytes(), digest_size=16).hexdigest()
    if digest != trained.prediction_digest:
        raise ModelRefusedError(
            f"{trained.model_uri}: its scores on the judge rows have the digest {digest}, and "
            f"{trained.prediction_digest} when it was trained: what was stored does not answer as "
            "what was trained; train again"
        )
    return Scores(score, trained.decision_threshold)


def _naive(split: Split, model: ModelDefinition) -> Scores:
    rule = fit_naive(model, split.fit)
    select = sample(model, split.select)
    threshold = decision_threshold(model, select.label, rule.score(split.select))
    return Scores(rule.score(split.judge), threshold)


def _store(
    admission: Admission,
    model: ModelDefinition,
    judged: Judged,
    champion: Champion,
    inputs: Mapping[str, Any],
    *,
    stores: Stores,
) -> Evaluation:
    evidence = evidence_of(model, judged, champion)
    digest = json_digest(inputs)
    content = {
        "model": model.name,
        "owner": model.owner,
        "as_of": admission.as_of.isoformat(),
        "evidence": evidence.model_dump(mode="json"),
        "page": page_of(model, judged),
    }
    stores.lake.first_json(_uri(digest), content)
    said = headline(evidence)
    log.info("%s: %s", model.name, said)
    return Evaluation(digest=digest, uri=_uri(digest), headline=said)


def evidence_of(model: ModelDefinition, judged: Judged, champion: Champion) -> Evidence:
    """Gather what the gates are given.

    Raises:
        EvidenceError: A figure has no interval on these rows.
    """
    panel, decides = judged.panel, model.deciding_metric
    has_champion = "champion" in judged.players
    rows = judged.players["candidate"]
    return Evidence(
        metric=decides,
        greater_is_better=bool(panel.metrics[decides].greater_is_better),
        confidence=model.gates.confidence,
        rows=len(rows.label),
        units=rows.units,
        unit=model.metrics.resample.unit,
        candidate=panel.estimates("candidate"),
        naive=panel.estimates("naive"),
        champion_state=champion.state,
        champion_version=champion.version,
        champion_problem=champion.problem,
        champion=panel.estimates("champion") if has_champion else None,
        against_naive=panel.difference(decides, better="candidate", than="naive"),
        against_champion=(
            panel.difference(decides, better="candidate", than="champion") if has_champion else None
        ),
        money=_money(judged),
        currency=model.value.currency if model.value else None,
    )


def _money(judged: Judged) -> dict[str, Estimate]:
    """Scale the worth of a row to that of all judged rows."""
    if judged.money is None:
        return {}
    each = {name: judged.money.estimates(name)[_MONEY] for name in judged.players}
    rows = len(judged.players["candidate"].label)
    return {
        name: found.model_copy(
            update={part: figure * rows for part, figure in found.model_dump().items()}
        )
        for name, found in each.items()
    }


def page_of(model: ModelDefinition, judged: Judged) -> dict[str, Any]:
    """Gather what a page shows beyond the evidence, as plain values."""
    binary = model.problem == "binary"
    players = judged.players.items()
    candidate = judged.players["candidate"]
    return {
        "binary": binary,
        "days": judged.days,
        "rows": np.bincount(candidate.unit, minlength=candidate.units).tolist(),
        "loss": {name: curves.loss_by_unit(rows, binary=binary) for name, rows in players},
        "reliability": {name: curves.reliability(rows, binary=binary) for name, rows in players},
        "gains": {name: curves.gains(rows) for name, rows in players} if binary else {},
        "decisions": {name: curves.decisions(rows) for name, rows in players} if binary else {},
        "differences": _differences(judged),
        "directions": {n: m.greater_is_better for n, m in judged.panel.metrics.items()},
    }


def _differences(judged: Judged) -> dict[str, dict[str, Any]]:
    panel = judged.panel
    return {
        other: {
            name: panel.difference(name, better="candidate", than=other).model_dump(mode="json")
            for name, metric in panel.metrics.items()
            if metric.greater_is_better is not None
        }
        for other in judged.players
        if other != "candidate"
    }
