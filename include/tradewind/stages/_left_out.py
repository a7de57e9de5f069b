"""What a run is not to see of its sources, because a person left it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.errors import AllExcludedError
from tradewind.records import Part
from tradewind.stores.digests import table_digest
from tradewind.stores.exclusions import exclusions, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.sources import Source
    from tradewind.nights import Exclusion
    from tradewind.records import Admission
    from tradewind.stores.lake import Lake
    from tradewind.stores.stores import Stores


@dataclass(frozen=True)
class Seen:
    """What a run sees of one source.

    Attributes:
        parts: One a day, in order; one in all for a reference source.
        read: Days that were read from the source now.
        left_out: Parts that the run would have seen as well.
    """

    parts: list[Part]
    read: int
    left_out: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Sieve:
    """Everything that is left out at a moment, of whatever source."""

    exclusions: Sequence[Exclusion]

    @classmethod
    def at(cls, as_of: datetime, *, stores: Stores) -> Sieve:
        """What is left out for a run that stands at a moment.

        A single part is left out as what stands for it now too: rows that were taken out of it
        since make it no sounder.

        Raises:
            UnavailableError: The ledger or the lake does not answer.
        """
        found = exclusions(stores.ledger, as_of=as_of)
        return cls([_as_it_stands(each, stores.lake) for each in found])

    def of(self, spec: Source) -> list[Exclusion]:
        """Those of one source."""
        place = place_of(spec) if self.exclusions else None
        return [found for found in self.exclusions if found.place == place]

    def seen(self, spec: Source, parts: Sequence[Part], *, read: int) -> Seen:
        """Parts of a source, those that go on and those that are left out."""
        cuts = self.of(spec)
        gone = [part for part in parts if part.rows and any(cut.covers(part) for cut in cuts)]
        return Seen([part for part in parts if part not in gone] if gone else [*parts], read, gone)

    def require_some(self, name: str, spec: Source, seen: Seen) -> None:
        """See that of a source which has rows some are left.

        Raises:
            AllExcludedError: None are.
        """
        if not seen.left_out or any(part.rows for part in seen.parts):
            return
        said = "; ".join(
            f"event {cut.event_id} of {cut.model}, by {cut.actor}: {cut.reason}"
            for cut in self.of(spec)
        )
        raise AllExcludedError(
            f"source {name}: every row that the run would see is left out ({said}): ask for a "
            "longer window, or take the parts back in with `readmit` once they are sound"
        )


def _as_it_stands(cut: Exclusion, lake: Lake) -> Exclusion:
    standing = [now for part in cut.parts if (now := lake.standing(part)) is not None]
    parts = [*dict.fromkeys([*cut.parts, *standing])]
    return cut.model_copy(update={"parts": parts})


def learned_from(
    admission: Admission, frozen: FrozenDefinition, *, stores: Stores
) -> Exclusion | None:
    """What a run saw that was left out since; None where it saw none of it.

    Raises:
        LakeError: The manifest of its snapshot is gone.
    """
    sieve = Sieve(exclusions(stores.ledger))
    run_id = admission.request.run_id
    seen = stores.ledger.outcomes(model=admission.model, run_id=run_id, stage="ingest")
    if not sieve.exclusions or not seen:
        return None
    manifest = stores.lake.read_json(seen[0].result["uri"])
    for name, spec in frozen.model.sources.items():
        parts = [Part.model_validate(each) for each in manifest[name]]
        for cut in sieve.of(spec):
            if any(part.rows and cut.covers(part) for part in parts):
                return cut
    return None


def emptied(part: Part, lake: Lake) -> Part:
    """A part without its rows, so that what reads the source finds its columns, and nothing else.

    Raises:
        LakeError: The lake does not answer, or the part is gone.
    """
    nothing = lake.dataset([part.uri]).schema.empty_table()
    digest = table_digest(nothing)
    uri = f"{part.uri.rpartition('/')[0]}/{digest}.parquet"
    lake.write_parquet(uri, nothing)
    times = {"min_event_time": None, "max_event_time": None}
    return part.model_copy(update={"digest": digest, "uri": uri, "rows": 0, **times})
