"""Pin: write whole days of labelled rows down for good, so that versions of any time compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tradewind.definition.moments import midnight
from tradewind.errors import RequestError
from tradewind.records import Pinned
from tradewind.stages._pinned import PENDING, days_of, labelled, pinned_uri
from tradewind.stores.digests import table_digest
from tradewind.stores.events import PINNED

if TYPE_CHECKING:
    from datetime import date

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Admission, FeatureSet
    from tradewind.stores.stores import Stores


def pin(
    admission: Admission,
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    *,
    start: date,
    end: date,
    stores: Stores,
) -> Pinned:
    """Write the labelled rows of some days to `pinned/<digest>.parquet`, and say so in the ledger.

    The same rows pinned again change nothing.

    Args:
        admission: Who asks, and as of when the rows are seen.
        frozen: The definition that the features are of.
        feature_set: What the rows are taken from.
        start: The first day, in the model's time zone.
        end: The day after the last one.
        stores: Lake and ledger.

    Raises:
        RequestError: The days are none, are not over, have no labelled row, or await labels.
    """
    model = frozen.model
    _require_over(admission, frozen, start=start, end=end)
    there = days_of(stores.lake.read_table(feature_set.uri), model, start=start, end=end)
    awaited = pc.sum(pc.equal(there["label_state"], PENDING)).as_py() or 0
    rows = labelled(there, model)
    if awaited or not len(rows):
        state = f"{awaited:,} labels are awaited still" if awaited else "no row has a label"
        raise RequestError(
            f"{model.name}: of {start} to {end}, as of {admission.as_of}, {state}: only whole days "
            "are pinned; name other ones within the training window, or a later --as-of"
        )
    digest = table_digest(rows)
    stores.lake.write_parquet(pinned_uri(digest), rows)
    pinned = Pinned(
        model=model.name,
        digest=digest,
        uri=pinned_uri(digest),
        rows=len(rows),
        days=(end - start).days,
        start=start,
        end=end,
        left_out=len(there) - len(rows),
        features=len(model.features.types),
    )
    _record(admission, pinned, stores=stores)
    return pinned


def _require_over(
    admission: Admission, frozen: FrozenDefinition, *, start: date, end: date
) -> None:
    if start >= end:
        raise RequestError(f"{admission.model}: {start} to {end} is no day: `end` is the day after")
    if midnight(end, frozen.model) > admission.as_of:
        raise RequestError(
            f"{admission.model}: {start} to {end} is not over as of {admission.as_of}: name "
            "earlier days, or a later --as-of"
        )


def _record(admission: Admission, pinned: Pinned, *, stores: Stores) -> None:
    known = stores.ledger.events(model=pinned.model, kind=PINNED)
    if any(event.payload["digest"] == pinned.digest for event in known):
        return
    stores.ledger.append(
        model=pinned.model,
        kind=PINNED,
        as_of=admission.as_of,
        actor=admission.request.actor,
        reason=admission.request.reason,
        payload=pinned.model_dump(mode="json"),
    )
