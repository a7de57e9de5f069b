"""What is old is counted by kind, model and what keeps it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tradewind.housekeeping_records import Heap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewind.stages._house_files import Old
    from tradewind.stores.leftovers import Lying


def heaps(some: Iterable[Old]) -> list[Heap]:
    """Files of the lake, and of models, of one kind and model that stay, or go, for one reason."""
    by_heap: dict[tuple[str, str, str], list[Old]] = defaultdict(list)
    for old in some:
        by_heap[old.kind, old.model or "", old.why or ""].append(old)
    return [
        Heap(
            kind=kind,
            model=model or None,
            files=sum(old.files for old in heap),
            bytes=sum(old.bytes for old in heap),
            oldest=min(old.at for old in heap).date(),
            newest=max(old.at for old in heap).date(),
            why=why,
        )
        for (kind, model, why), heap in sorted(by_heap.items())
    ]


def heaps_of_leftovers(leftovers: Mapping[str, Sequence[Lying]]) -> list[Heap]:
    """Drafts and cached models, a heap a kind."""
    return [
        Heap(
            kind=kind,
            model=None,
            files=sum(one.files for one in some),
            bytes=sum(one.bytes for one in some),
            oldest=min(one.at for one in some).date(),
            newest=max(one.at for one in some).date(),
        )
        for kind, some in leftovers.items()
        if some
    ]
