"""What a card says of the rows and of how the candidate was made, with every digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tradewind.cards import Data, Making, SourceData
from tradewind.definition.learning import BLEND
from tradewind.errors import RegistryError
from tradewind.records import EXCLUDED, Part, Reference
from tradewind.stores.digests import json_digest

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.records import FeatureSet, TrainedModel, Validated
    from tradewind.stores.stores import Stores

_COMMIT, _MADE_WITH = "mlflow.source.git.commit", "tradewind.made_with"


def data_of(
    validated: Validated, features: FeatureSet, trained: TrainedModel, *, stores: Stores
) -> Data:
    """Count what was read, kept and set aside, source by source.

    Raises:
        LakeError: The manifest of the snapshot is not there.
    """
    manifest = stores.lake.read_json(features.snapshot.uri)
    return Data(
        sources=[
            _source(name, [Part.model_validate(one) for one in parts], validated)
            for name, parts in manifest.items()
            if name != EXCLUDED
        ],
        snapshot=features.snapshot,
        validated=features.validated,
        features=Reference(digest=features.digest, uri=features.uri),
        features_version=features.version,
        rows=features.rows,
        labelled=features.labelled,
        pending=features.pending,
        expired=features.expired,
        proof=features.proof,
        repaired={cell: count for cell, count in validated.repaired.items() if count},
        warnings=validated.warnings,
        fit=trained.fit,
        select=trained.select,
        judge=trained.judge,
    )


def making_of(frozen: FrozenDefinition, trained: TrainedModel, *, stores: Stores) -> Making:
    """Say with what code, packages and settings the candidate was trained.

    Raises:
        RegistryError: MLflow no longer has the training.
    """
    name = frozen.model.name
    logged = stores.registry.find_candidate(name, trained.train_key)
    if logged is None:
        raise RegistryError(
            f"{name}: MLflow no longer has the candidate {trained.model_uri} (run "
            f"{trained.run_id}): clear the task `train`, which makes it again"
        )
    return Making(
        candidate=trained.candidate,
        origin=_origin(trained.candidate, frozen.model),
        members=_members(trained.candidate, frozen.model),
        params=trained.params,
        trials=trained.trials,
        calibration=trained.calibration,
        decision_threshold=trained.decision_threshold,
        train_key=trained.train_key,
        run_id=trained.run_id,
        model_uri=trained.model_uri,
        definition_digest=frozen.digest,
        revision=logged.tags.get(_COMMIT, "unknown"),
        made_with=json.loads(logged.tags[_MADE_WITH]),
        pretrained=trained.pretrained,
    )


def _source(name: str, parts: list[Part], validated: Validated) -> SourceData:
    first = [part.min_event_time for part in parts if part.min_event_time]
    last = [part.max_event_time for part in parts if part.max_event_time]
    return SourceData(
        name=name,
        source_id=parts[0].source_id if parts else name,
        parts=len(parts),
        rows=sum(part.rows for part in parts),
        digest=json_digest([part.digest for part in parts]),
        first=min(first, default=None),
        last=max(last, default=None),
        kept=validated.rows.get(name, 0),
        quarantined=validated.quarantined.get(name, 0),
    )


def _origin(candidate: str, model: ModelDefinition) -> str:
    if candidate == BLEND:
        return f"the mean of {' and '.join(model.train.blend)}"
    known = model.candidates.get(candidate)
    return known.origin if known else candidate


def _members(candidate: str, model: ModelDefinition) -> dict[str, str]:
    names = model.train.blend if candidate == BLEND else [candidate]
    known = {name: model.candidates.get(name) for name in names}
    return {name: one.estimator for name, one in known.items() if one and one.estimator}
