"""The rows that training kept back, found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.errors import EvidenceError
from tradewind.learning.splits import split_frame

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.learning.splits import Split
    from tradewind.records import Admission, FeatureSet, TrainedModel
    from tradewind.stores.stores import Stores


def kept_back(
    admission: Admission,
    frozen: FrozenDefinition,
    feature_set: FeatureSet,
    trained: TrainedModel,
    *,
    stores: Stores,
) -> Split:
    """Cut the feature set as training cut it, and hold that the judge rows are the same.

    Raises:
        EvidenceError: They are not.
    """
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
