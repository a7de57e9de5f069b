"""Lineage: from a version to all that it came from, and from a part to all that came of it.

Nothing here changes anything, and every step is found by digest. How far the rows of a part came is
told by when they were known (`tradewind.lineage_records.Reach`): from the manifests of the snapshot
and of the validated rows, and the stretches of the training.
"""

from tradewind.lineage._inverse import (
    day_lineage,
    part_lineage,
    versions_that_saw,
    versions_trained_on,
)
from tradewind.lineage._path import lineage_of

__all__ = [
    "day_lineage",
    "lineage_of",
    "part_lineage",
    "versions_that_saw",
    "versions_trained_on",
]
