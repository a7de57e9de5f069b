"""Which versions were trained on parts that are left out, and what to press for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.lineage import versions_trained_on
from tradewind.lineage_records import TRAINED
from tradewind.live import live_state
from tradewind.nights import TaintedVersion
from tradewind.policy.triage import symptom_of_tainted
from tradewind.stores.admitted import every_admitted
from tradewind.stores.exclusions import place_of, tainted_versions
from tradewind.stores.sources.base import id_stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.definition.sources import Source
    from tradewind.lineage_records import SeenBy
    from tradewind.nights import LeftOut, LiveState, Symptom
    from tradewind.records import Part
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.stores import Stores

_EVER = datetime(1, 1, 2, tzinfo=UTC)


def observations(spec: Source, *, stores: Stores) -> list[Part]:
    """Every observation of a source that holds rows, in whatever way a model ever read it.

    Also of one of the same table or pattern behind another connection: no version that read that
    one counts as tainted for it.
    """
    stem = id_stem(spec)
    names = {path.split("/")[1] for path in stores.lake.list("sources")}
    return [
        part
        for name in sorted(names)
        if name.rpartition("-")[0] == stem
        for part in stores.catalog.later(name, as_of=_EVER)
        if part.rows
    ]


def tainted_by(left_out: LeftOut, observed: list[Part], *, stores: Stores) -> list[TaintedVersion]:
    """Every version of every model that was trained on what is left out, by model and version.

    One of which that cannot be told any more is among them, where its model ever read the source.

    Args:
        left_out: The parts.
        observed: Every observation of the source; those that are covered count.
        stores: Ledger, lake and registry.

    Raises:
        UnavailableError: One of them does not answer.
    """
    readers = set(_readers(left_out.place, stores.ledger))
    names = {part.uri for part in observed if left_out.covers(part)}
    found = (_of(readers, seen) for seen in versions_trained_on(names, stores))
    return [_tainted(seen, stores) for seen in found if seen is not None]


def decides(version: int, state: LiveState) -> bool:
    """Whether a version decides for anybody."""
    if state.switched_off is not None or state.retired is not None:
        return False
    served = [rule.served_by for rule in state.segments]
    canaries = [arm.version for arm in state.arms if arm.kind == "canary"]
    return version in (state.champion, *served, *canaries)


def symptom_of(model: str, *, as_of: datetime | None = None, ledger: Ledger) -> Symptom | None:
    """What is wrong while a tainted version decides; None where none does."""
    tainted = tainted_versions(ledger, model, as_of=as_of)
    if not tainted:
        return None
    state = live_state(ledger, model, as_of=as_of)
    found = {number: cut for number, cut in tainted.items() if decides(number, state)}
    if not found:
        return None
    return symptom_of_tainted(found, model=model)


def _of(readers: set[tuple[str, str | None]], seen: SeenBy) -> SeenBy | None:
    """What a version learned from the very source; None where it did not."""
    uses = [
        use
        for use in seen.uses
        if use.reach in TRAINED
        and (use.through or {(seen.model, use.source), (seen.model, None)} & readers)
    ]
    unknown = not seen.whole and any(seen.model == model for model, _ in readers)
    return seen.model_copy(update={"uses": uses}) if uses or unknown else None


def _tainted(seen: SeenBy, stores: Stores) -> TaintedVersion:
    return TaintedVersion(
        model=seen.model,
        version=seen.version,
        state=seen.state.sentence,
        decides=decides(seen.version, live_state(stores.ledger, seen.model)),
        rows=sum(use.rows for use in seen.uses),
        whole=seen.whole,
    )


def _readers(place: str, ledger: Ledger) -> Iterator[tuple[str, str | None]]:
    """Models and what each calls the source at a place, over all that was ever frozen."""
    for one in every_admitted(ledger):
        if one.definition is None:
            # What cannot be read any more hides no version: its sources count by any name.
            yield one.model, None
            continue
        for name, spec in one.definition.sources.items():
            if place_of(spec) == place:
                yield one.model, name
