"""Diagnose: why the champion's loss is another than when it was judged.

The rows that it was judged on are held against its matured predictions, as the last look found
them, and the change in loss is taken apart into what other inputs and what another relation to the
target brought, by feature and by slice. Nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from tradewind.diagnosis import Diagnosis
from tradewind.stages._diagnose_parts import (
    Compared,
    feature_shifts,
    side_of,
    weigh,
)
from tradewind.stages._diagnose_rows import (
    LastLook,
    importance_of,
    last_look,
    recent_rows,
    reference_rows,
    training_of,
    way_out_of,
)
from tradewind.stages._diagnose_slices import slice_changes
from tradewind.stages._diagnose_words import sentences, suggestions
from tradewind.stages._guards import loss_name
from tradewind.stats.attribution import blurred, clear, effective, parts_of

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.stores.stores import Stores


def diagnose(stores: Stores, model: str, *, as_of: datetime) -> Diagnosis:
    """Take the change in a champion's loss apart.

    Args:
        stores: The ledger with looks and trainings, the lake with their rows, the registry.
        model: Whose champion.
        as_of: By the newest look that is not after this moment.

    Raises:
        EvidenceError: Nothing was looked at, no label has matured, a stretch has too few days, or
            the champion was not trained here.
        UnavailableError: MLflow, the lake or the ledger does not answer.
    """
    look = last_look(stores, model, as_of=as_of)
    run_id = training_of(stores, model, look.version, as_of=as_of)
    reference, frozen = reference_rows(stores, model, run_id)
    recent = recent_rows(stores, frozen, look)
    importance = importance_of(stores, model, look.version, as_of=as_of)
    # As in a training: as many threads as are declared, and the same figures on every run.
    way_out = way_out_of(frozen.model, recent, look)
    with threadpool_limits(limits=frozen.model.resources.threads):
        compared = weigh(frozen.model, reference, recent, importance=importance, way_out=way_out)
    return diagnosis_of(compared, look, as_of=as_of)


def diagnosis_of(compared: Compared, look: LastLook, *, as_of: datetime) -> Diagnosis:
    """Take two stretches apart that were weighed against each other.

    Args:
        compared: The stretches.
        look: Whose rows the recent ones are.
        as_of: The moment that was asked for.
    """
    model, (before, now) = compared.model, compared.sides
    parts = parts_of(before, now, confidence=compared.confidence)
    apart = blurred(before, now)
    features = [] if apart else feature_shifts(compared)
    slices, unknown = ([], {}) if apart else slice_changes(compared)
    sides = side_of(compared, 0), side_of(compared, 1)
    off = int((now.weight == 0).sum())
    metric = loss_name(model)
    told = sentences(
        metric=metric,
        reference=sides[0],
        recent=sides[1],
        parts=parts,
        blurred=apart,
        new_ground_rows=off,
        features=features,
        slices=slices,
    )
    alone = sum(one.change.value for one in features)
    return Diagnosis(
        model=model.name,
        as_of=as_of,
        version=look.version,
        look=look.moment,
        metric=metric,
        deciding=model.deciding_metric,
        confidence=compared.confidence,
        reference=sides[0],
        recent=sides[1],
        parts=parts,
        changed=clear(parts.total),
        blurred=apart,
        new_ground_rows=off,
        effective_rows=effective(before.weight),
        features=features,
        features_together=parts.inputs.value - alone if parts.inputs else 0.0,
        left_out=compared.left_out,
        slices=slices,
        unknown=unknown,
        told=told,
        suggests=suggestions(parts=parts, features=features, slices=slices),
    )
