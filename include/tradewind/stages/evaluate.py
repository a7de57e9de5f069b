"""Evaluate: candidate, champion and naive rule, on the same rows, by one function.

The rows are the judge stretch, on which nothing was trained; where the champion was trained further
than that, they begin after its last training row. Only figures leave here: what follows from them
is the gates' to say.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from tradewind.definition.modules import module_key
from tradewind.errors import ModelRefusedError
from tradewind.learning.account import prediction_digest
from tradewind.learning.naive import naive_of
from tradewind.records import Evaluation, Evidence
from tradewind.stages._champion import Champion, Scores, find_champion, score_champion
from tradewind.stages._judging import (
    Judged,
    evidence_of,
    headline,
    judge_players,
    money_line,
    page_of,
)
from tradewind.stages._kept_back import kept_back
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.splits import Split
    from tradewind.records import Admission, FeatureSet, TrainedModel, Validated
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

# Grows when this stage would say something else of the same inputs.
VERSION = 3
_SECTIONS = {"problem", "timezone", "metrics", "gates", "value", "fallback", "train"}


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
        EvidenceError: The judge rows are not those that were kept back.
        ModelRefusedError: The candidate does not give the scores that it was trained with.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    champion = find_champion(admission, trained, stores=stores)
    inputs = _inputs(frozen, validated, feature_set, trained, champion)
    uri = _uri(json_digest(inputs))
    if stores.lake.exists(uri):
        log.info("%s: the same was judged before: %s", admission.model, uri)
        evidence = Evidence.model_validate(stores.lake.read_json(uri)["evidence"])
        return _told(json_digest(inputs), evidence)
    split = kept_back(admission, frozen, feature_set, trained, stores=stores)
    # The thread count is an input like any other, for every player.
    with threadpool_limits(limits=frozen.model.resources.threads):
        scored = {
            "candidate": _candidate(trained, split, stores=stores),
            "naive": _naive(split, frozen.model),
        }
        if champion.state == "judged":
            champion = score_champion(
                champion, frozen, validated, split.judge, as_of=admission.as_of, stores=stores
            )
    if champion.scores is not None:
        scored["champion"] = champion.scores
    judged = judge_players(frozen.model, split.judge, scored, champion, files=frozen.files)
    if champion.problem:
        # One that could not be judged this time may be the next: not the final word on the inputs.
        inputs = {**inputs, "problem": champion.problem}
    stores.lake.write_parquet(
        _scores_uri(json_digest(inputs)), _answers(split.judge, scored, champion)
    )
    return _store(admission, frozen.model, judged, champion, inputs, stores=stores)


def _inputs(
    frozen: FrozenDefinition,
    validated: Validated,
    feature_set: FeatureSet,
    trained: TrainedModel,
    champion: Champion,
) -> dict[str, Any]:
    own = frozen.model.metrics.own.values()
    modules = [spec.function.partition(":")[0] for spec in own if spec.function]
    return {
        "version": VERSION,
        "train_key": trained.train_key,
        "prediction_digest": trained.prediction_digest,
        "judge": trained.judge.model_dump(mode="json"),
        "features": feature_set.digest,
        # A champion with features of its own reads what the candidate's need not.
        "validated": validated.digest,
        "champion": [champion.state, champion.version, champion.model_uri],
        "definition": frozen.model.model_dump(mode="json", include=_SECTIONS),
        "functions": [frozen.files[module_key(module)] for module in modules],
    }


def _uri(digest: str) -> str:
    return f"evaluations/{digest}.json"


def _scores_uri(digest: str) -> str:
    return f"evaluations/{digest}.parquet"


def _candidate(trained: TrainedModel, split: Split, *, stores: Stores) -> Scores:
    loaded = stores.registry.load(trained.model_uri)
    score = loaded.score(split.judge)["score"].to_numpy(dtype=np.float64)
    digest = prediction_digest(score)
    if digest != trained.prediction_digest:
        raise ModelRefusedError(
            f"{trained.model_uri}: its scores on the judge rows have the digest {digest}, and "
            f"{trained.prediction_digest} when it was trained: what was stored does not answer as "
            "what was trained; train again"
        )
    return Scores(score, trained.decision_threshold)


def _naive(split: Split, model: ModelDefinition) -> Scores:
    rule, threshold = naive_of(model, split)
    return Scores(rule.score(split.judge), threshold)


def _answers(judge: pd.DataFrame, scored: Mapping[str, Scores], champion: Champion) -> pa.Table:
    answers = {player: scores.score for player, scores in scored.items()}
    return pa.table({**answers, "judged": champion.judged_rows(judge)})


def _store(
    admission: Admission,
    model: ModelDefinition,
    judged: Judged,
    champion: Champion,
    inputs: Mapping[str, Any],
    *,
    stores: Stores,
) -> Evaluation:
    day = admission.as_of.astimezone(model.zone).date()
    evidence = evidence_of(model, judged, champion, day=day)
    digest = json_digest(inputs)
    content = {
        "model": model.name,
        "owner": model.owner,
        "as_of": admission.as_of.isoformat(),
        "evidence": evidence.model_dump(mode="json"),
        "page": page_of(model, judged),
        "thresholds": {name: rows.threshold for name, rows in judged.players.items()},
    }
    stores.lake.first_json(_uri(digest), content)
    return _told(digest, evidence)


def _told(digest: str, evidence: Evidence) -> Evaluation:
    return Evaluation(
        digest=digest,
        uri=_uri(digest),
        scores_uri=_scores_uri(digest),
        headline=headline(evidence),
        money=money_line(evidence),
        champion_version=evidence.champion_version,
    )
