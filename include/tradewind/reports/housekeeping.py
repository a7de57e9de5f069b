"""What keeping house came to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.reports.counts import count

if TYPE_CHECKING:
    from tradewind.housekeeping_records import Heap, HouseKept

_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))
_NAMES = {
    "raw": "parts of sources",
    "validated": "validated rows",
    "quarantine": "rows set aside",
    "features": "feature sets",
    "predictions": "predictions",
    "monitoring": "figures and matured rows of nights",
    "reports": "reports of validations",
    "models": "files of models",
    "evidence": "evidence",
    "drafts": "unfinished files",
    "cache": "cached models",
}


def house_lines(kept: HouseKept) -> list[str]:
    """All of it: what went, what stays although it is old, and what could not be told."""
    verb = "would go" if kept.dry_run else "went"
    head = (
        f"{count(kept.files, 'file')} of {in_bytes(kept.bytes)} {verb}"
        if kept.files
        else f"nothing {verb}"
    )
    versions = [
        f"{model}: the files of {_versions(numbers)} are gone"
        for model, numbers in kept.versions.items()
    ]
    return [
        head,
        *(f"{verb}: {_heap(heap)}" for heap in kept.gone),
        *versions,
        *(f"stays: {_heap(heap)}: {heap.why}" for heap in kept.stays),
        *(f"warning: {model}: {error}" for model, error in kept.errors.items()),
    ]


def in_bytes(count: int) -> str:
    """A size as people write it."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _heap(heap: Heap) -> str:
    whose = f" of {heap.model}" if heap.model else ""
    days = f", {heap.oldest}" if heap.oldest else ""
    days += f" to {heap.newest}" if heap.newest != heap.oldest else ""
    size = f"{count(heap.files, 'file')} of {in_bytes(heap.bytes)}"
    return f"{_NAMES.get(heap.kind, heap.kind)}{whose}: {size}{days}"


def _versions(numbers: list[int]) -> str:
    named = [str(number) for number in numbers if number]
    never = len(numbers) - len(named)
    said = [f"version{'s' * (len(named) > 1)} {', '.join(named)}"] if named else []
    said += [f"{never:,} candidate{'s' * (never > 1)} that never became one"] if never else []
    return " and ".join(said)
