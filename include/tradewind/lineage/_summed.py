"""Hundreds of parts in a few lines: by source, and by how far they came."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tradewind.lineage_records import REACHES, SourceUse, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.lineage_records import PartUse


def summed(uses: Iterable[PartUse]) -> list[SourceUse]:
    """Parts by source, and within a source by how far they came."""
    by_source: dict[tuple[str, str | None], list[PartUse]] = defaultdict(list)
    for use in uses:
        by_source[use.source, use.through].append(use)
    return [
        SourceUse(
            source=source,
            through=through,
            parts=len(parts),
            rows=sum(use.rows for use in parts),
            went_on=_sum(use.went_on for use in parts),
            set_aside=_sum(use.set_aside for use in parts),
            first=min(use.day for use in parts),
            last=max(use.day for use in parts),
            spans=_spans(parts),
            excluded=Counter(use.excluded for use in parts if use.excluded is not None),
        )
        for (source, through), parts in by_source.items()
    ]


def _spans(parts: Sequence[PartUse]) -> list[Span]:
    spans = []
    for reach in REACHES:
        some = [use for use in parts if use.reach == reach]
        if some:
            spans.append(
                Span(
                    reach=reach,
                    parts=len(some),
                    rows=sum(use.rows for use in some),
                    went_on=_sum(use.went_on for use in some),
                    first=min(use.day for use in some),
                    last=max(use.day for use in some),
                )
            )
    return spans


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one of them is not known."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
