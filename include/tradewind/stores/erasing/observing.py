"""Parts that were written anew become what the catalog knows of their days."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.records import Part
    from tradewind.stores.catalog import Catalog
    from tradewind.stores.lake import Lake


def observe(lake: Lake, catalog: Catalog) -> int:
    """Record each observation anew whose part has another one standing for it now.

    It is for the same source, day, moment and change token, so that a run that stands in the past
    finds the rows that are left, and nothing is read from the source again. A second time there is
    nothing to record.

    Args:
        lake: Where parts were written anew.
        catalog: Gets the observations.

    Returns:
        How many were recorded.

    Raises:
        LakeError: The lake does not answer.
        LedgerError: The ledger's database does not answer.
    """
    there = set(lake.list("sources"))
    moved = [part for part in catalog.observed() if part.uri and part.uri not in there]
    return len(catalog.observe([new for part in moved if (new := _anew(lake, part))]))


def _anew(lake: Lake, part: Part) -> Part | None:
    """What stands for a part now; None where nothing does."""
    uri = lake.standing(part.uri)
    if uri is None:
        return None
    rows = lake.dataset([uri]).count_rows()
    # Of the rows that are left the first and the last may lie further in: what is told stays true,
    # and whoever was first or last is not told by it.
    times = {} if rows else {"min_event_time": None, "max_event_time": None}
    digest = PurePosixPath(uri).stem
    return part.model_copy(update={"digest": digest, "uri": uri, "rows": rows, **times})
