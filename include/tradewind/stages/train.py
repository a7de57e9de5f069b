"""Train: from a feature set to one candidate, logged in MLflow with every trial beside it.

The same inputs have the same key, and the same key is the same model: a second run with nothing
changed finds the first one's and trains nothing.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from tradewind.learning import account
from tradewind.learning.carried import carried
from tradewind.learning.fit import fit_model, sample
from tradewind.learning.importance import importance
from tradewind.learning.reference import reference_files
from tradewind.learning.search import draw_trials
from tradewind.records import TrainedModel
from tradewind.stages._pretrained import pretrained
from tradewind.stores import provenance
from tradewind.stores.digests import canonical_json, json_digest
from tradewind.stores.model_files import require_same_answers, write_model
from tradewind.stores.registry import CandidateLog, DatasetLog
from tradewind.stores.scorer import predict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.learning.fit import Fitted
    from tradewind.learning.sample import Sample
    from tradewind.records import Admission, FeatureSet
    from tradewind.stores.registry import Candidate
    from tradewind.stores.stores import Stores

_log = logging.getLogger(__name__)
# Grows when more is recorded of a training of the same inputs.
VERSION = 2
# What a training came to, on its run: the TrainedModel but for the addresses that MLflow gives it.
_RESULT = "tradewind.result"
_EXAMPLE_ROWS = 5
# What a definition says that no prediction depends on: to change it trains nothing anew.
# The naive rule is not among them, because it travels with the model.
_UNDECIDING_SECTIONS = {
    *("owner", "purpose", "risk_tier", "acceptance", "harm_review", "gates", "schedule"),
    *("score", "monitor", "retrain", "promotion", "alerts", "scorecard"),
}


def train(
    admission: Admission, frozen: FrozenDefinition, feature_set: FeatureSet, *, stores: Stores
) -> TrainedModel:
    """Train the candidate of a run, or find it where it has been trained already.

    Args:
        admission: The run: its as-of moment, and what it overrides of the definition.
        frozen: What is to be learned.
        feature_set: What it is learned from.
        stores: The lake to read it from, the registry to log to.

    Raises:
        LabelError: A stretch has no labelled row, or one class only.
        EvidenceError: The judge stretch is too short, or the stretches are not apart.
        DefinitionError: A candidate cannot be fitted as it is declared.
        SearchTimeoutError: The search took longer than the definition allows.
        ModelRefusedError: The winner cannot be stored safely.
        RegistryError: MLflow does not answer, or refuses.
    """
    made = provenance.made_with(stores.settings)
    key = _train_key(admission, frozen, feature_set, made=made)
    known = stores.registry.find_candidate(admission.model, key)
    if known is not None:
        _log.info("the same inputs were trained in run %s: nothing to do", known.run_id)
        return _trained(known)
    origin = _origin(admission, frozen, feature_set, made=made, stores=stores)
    name = f"{admission.as_of.astimezone(frozen.model.zone):%Y-%m-%d} {key[:8]}"
    with stores.registry.training(admission.model, train_key=key, name=name, tags=origin) as run_id:
        frame = stores.lake.read_table(feature_set.uri).to_pandas()
        fitted = _fitted(admission, frozen, frame, run_id, stores=stores)
        told = _log_model(frozen, feature_set, frame, fitted, run_id, origin, key, stores=stores)
        return _trained(told)


def _fitted(
    admission: Admission,
    frozen: FrozenDefinition,
    frame: pd.DataFrame,
    run_id: str,
    *,
    stores: Stores,
) -> Fitted:
    """Fit a model; whatever comes of it, every trial is there to be seen."""
    model, request = frozen.model, admission.request
    trials = draw_trials(model, candidate=request.candidate)
    ready = pretrained(model, stores=stores, candidate=request.candidate)
    try:
        fitted = fit_model(
            model,
            frame,
            as_of=admission.as_of,
            window_days=request.window_days,
            trials=trials,
            files=frozen.files,
            ready=ready,
        )
    finally:
        logs = account.trial_logs(trials, metric=model.deciding_metric)
        stores.registry.log_trials(run_id, logs)
    account.tell(fitted, metric=model.deciding_metric)
    return fitted


def _train_key(
    admission: Admission,
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    *,
    made: Mapping[str, str],
) -> str:
    return json_digest(
        {
            "version": VERSION,
            "definition": _what_decides(frozen),
            "features": feature_set.digest,
            "as_of": admission.as_of.isoformat(),
            "window_days": admission.request.window_days,
            "candidate": admission.request.candidate,
            "made_with": dict(made),
        }
    )


def _what_decides(frozen: FrozenDefinition) -> dict[str, Any]:
    """What a model's predictions depend on, now and later, with every default filled in.

    The SQL is of it as text, also where another text gives the same rows: the champion's features
    will be made with it from rows to come.
    """
    model = frozen.model
    candidates = {name: one.model_dump(mode="json") for name, one in model.candidates.items()}
    # Of the gates these alone change what is learned.
    pinned = model.gates.benchmark.days
    return {
        **({"pinned_days": [str(day) for day in pinned]} if pinned else {}),
        **model.model_dump(mode="json", exclude=_UNDECIDING_SECTIONS),
        "candidates": candidates,
        "files": frozen.deciding_files,
    }


def _origin(
    admission: Admission,
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    *,
    made: Mapping[str, str],
    stores: Stores,
) -> dict[str, str]:
    return {
        "tradewind.as_of": admission.as_of.isoformat(),
        "tradewind.run_id": admission.request.run_id,
        "tradewind.actor": admission.request.actor,
        "tradewind.reason": admission.request.reason,
        "tradewind.definition_digest": frozen.digest,
        "tradewind.snapshot_digest": feature_set.snapshot.digest,
        "tradewind.snapshot_uri": f"{stores.lake.uri}/{feature_set.snapshot.uri}",
        "tradewind.validated_digest": feature_set.validated.digest,
        "tradewind.validated_uri": f"{stores.lake.uri}/{feature_set.validated.uri}",
        "tradewind.feature_set_digest": feature_set.digest,
        "tradewind.feature_set_uri": f"{stores.lake.uri}/{feature_set.uri}",
        "tradewind.feature_set_version": feature_set.version,
        "tradewind.fencing_token": str(admission.fencing_token),
        "tradewind.made_with": canonical_json(made),
        "mlflow.source.git.commit": provenance.git_revision(stores.settings),
    }


def _log_model(
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    frame: pd.DataFrame,
    fitted: Fitted,
    run_id: str,
    origin: Mapping[str, str],
    key: str,
    *,
    stores: Stores,
) -> Candidate:
    model, judge = frozen.model, fitted.split.judge
    judged = sample(model, judge)
    metadata = {
        **account.metadata_of(fitted, model),
        **carried(fitted, model),
        "train_key": key,
        "origin": dict(origin),
    }
    rows = DatasetLog(
        "features", feature_set.digest, f"{stores.lake.uri}/{feature_set.uri}", feature_set.rows
    )
    with tempfile.TemporaryDirectory(prefix="tradewind-train-") as folder:
        files = Path(folder, "model")
        with threadpool_limits(limits=model.resources.threads):
            scores = predict(fitted.estimator, judged.features, problem=model.problem)
            beside = _for_the_nights(model, frame, fitted, judged, scores)
            scorer = write_model(files, fitted.estimator, metadata=metadata, beside=beside)
            require_same_answers(scorer, scores, judge, who=model.name)
        told = CandidateLog(
            params=account.params_of(fitted, model),
            metrics=account.metrics_of(fitted, metric=model.deciding_metric),
            rows=rows,
            example=judged.features.head(_EXAMPLE_ROWS),
            requirements=provenance.scoring_requirements(),
            tags={
                **origin,
                _RESULT: canonical_json(account.result_of(fitted, scores, train_key=key)),
            },
        )
        return stores.registry.log_candidate(run_id, files, told)


def _for_the_nights(
    model: ModelDefinition, frame: pd.DataFrame, fitted: Fitted, judged: Sample, scores: np.ndarray
) -> dict[str, bytes]:
    """What the nights are compared with, beside the model."""
    matters = importance(
        fitted.estimator,
        judged.features,
        judged.label,
        problem=model.problem,
        seed=model.train.seed,
    )
    return reference_files(model, frame, fitted.split.judge, score=scores, importance=matters)


def _trained(candidate: Candidate) -> TrainedModel:
    result = json.loads(candidate.tags[_RESULT])
    return TrainedModel(run_id=candidate.run_id, model_uri=candidate.model_uri, **result)
