"""Bad data are left out of every later manifest, and come back: what such an order changes.

The exclusion is of the source, and holds for every model that reads it. Who decides is changed for
the model of the order alone: for others an incident says what to press.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.problems import nearest
from tradewind.errors import RequestError
from tradewind.live import live_state
from tradewind.nights import Cutting, LeftOut
from tradewind.promotion import reconcile
from tradewind.stages._tainted import observations, symptom_of, tainted_by
from tradewind.stages._taking_back import Unfit, done_by, moves, sentence, take_back
from tradewind.stores.admitted import last_readable
from tradewind.stores.events import DATA_EXCLUDED, DATA_READMITTED
from tradewind.stores.exclusions import (
    exclusion_of,
    exclusions,
    key_of,
    place_of,
    tainted_versions,
)
from tradewind.stores.incidents import runbook_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tradewind.definition.sources import Source
    from tradewind.nights import Exclusion, ReleaseOrder, TaintedVersion
    from tradewind.records import Part
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

KINDS_OF_CUTTING = (DATA_EXCLUDED, DATA_READMITTED)


def ordered_by(order: ReleaseOrder, ledger: Ledger) -> Event | None:
    """The event by which this very run left parts out, or took them back in."""
    for event in ledger.events(model=order.model, kind=KINDS_OF_CUTTING, newest_first=True):
        if event.payload.get("run_id") == order.run_id:
            return event
    return None


# -------------------------------------------------------------------------------------- leaving out


def exclude(order: ReleaseOrder, *, stores: Stores) -> Cutting:
    """Leave parts of a source out, take back who learned from them, and say who else did.

    The same parts again change nothing, except for a model whose tainted version still decides.

    Raises:
        RequestError: The source, the days or a part is unknown, or the moment is one that was
            served.
        PromotionRefusedError: The champion changed meanwhile; the exclusion stands, and the same
            order again goes on from there.
        RegistryError: MLflow does not answer; likewise.
    """
    reconcile(stores=stores, model=order.model)
    spec = _source(order, stores)
    observed = observations(spec, stores=stores)
    left_out = _left_out(order, spec, observed)
    tainted = tainted_by(left_out, observed, stores=stores)
    exclusion, already = _written(order, left_out, tainted, stores)
    if exclusion.event_id in {found.event_id for found in exclusions(stores.ledger)}:
        own = {found.version for found in tainted if found.model == order.model}
        _take_back(order, exclusion, own, stores)
        others = _tell_others(order, tainted, stores)
        _end_incidents(order, [order.model], f"{exclusion.what}: nothing of it decides", stores)
    else:
        others = {}
    done = done_by(order.run_id, order.model, stores.ledger)
    return Cutting(
        exclusion=exclusion,
        already=already,
        **_counted(left_out, observed),
        tainted=tainted,
        done=[sentence(event) for event in done],
        others=others,
        training=_training(order, exclusion, done, stores, already=already),
    )


def _source(order: ReleaseOrder, stores: Stores) -> Source:
    frozen = stores.ledger.last_good(order.model)
    known = frozen.model.sources if frozen else {}
    if order.source is None:
        raise RequestError(
            f"{order.model}: say which `source` is meant by {order.action}; it reads "
            f"{', '.join(known)}"
        )
    if order.source not in known:
        raise RequestError(
            f"{order.model} reads no source {order.source!r}{nearest(order.source, known)}"
        )
    return known[order.source]


def _left_out(order: ReleaseOrder, spec: Source, observed: Sequence[Part]) -> LeftOut:
    """What is meant, where there is such a thing.

    Raises:
        RequestError: There is not.
    """
    start, end = order.first_day, order.last_day
    if order.parts and (start or end):
        raise RequestError(f"{order.model}: name days or parts of {order.source}, not both")
    if start and end and start > end:
        raise RequestError(f"{order.model}: the first day, {start}, is after the last one, {end}")
    if spec.time_column is None and (start or end):
        raise RequestError(
            f"{order.model}: {order.source} is a table without days: leave it out whole, or by part"
        )
    wanted = LeftOut(
        source=str(order.source),
        place=place_of(spec),
        first_day=start,
        last_day=end,
        parts=sorted({uri for name in order.parts for uri in _addresses(order, name, observed)}),
    )
    if not any(wanted.covers(part) for part in observed):
        days = sorted(part.day for part in observed)
        there_is = f"from {days[0]} to {days[-1]}" if days else "of no day"
        raise RequestError(
            f"{order.model}: the lake holds no row of {wanted.what}; it holds rows of "
            f"{order.source} {there_is}"
        )
    return wanted


def _addresses(order: ReleaseOrder, name: str, observed: Sequence[Part]) -> set[str]:
    found = {
        part.uri for part in observed if name in (part.uri, part.digest) or name.endswith(part.uri)
    }
    if not found:
        raise RequestError(
            f"{order.model}: the lake holds no part {name!r} of {order.source}; `tradewind lineage "
            f"--source {order.source} --day <day>` names those of a day"
        )
    return found


def _written(
    order: ReleaseOrder, left_out: LeftOut, tainted: Sequence[TaintedVersion], stores: Stores
) -> tuple[Exclusion, bool]:
    """The exclusion, and whether it was there before this order."""
    with stores.ledger.lock(order.model) as ledger:
        own = ordered_by(order, ledger)
        if own is not None:
            return exclusion_of(own), False
        known = exclusions(ledger, as_of=order.as_of)
        same = [found for found in known if key_of(found) == key_of(left_out)]
        if same:
            return same[0], True
        _require_new_moment(order, ledger)
        versions: dict[str, list[int]] = {}
        for found in tainted:
            versions.setdefault(found.model, []).append(found.version)
        told = {**left_out.model_dump(mode="json"), "tainted": versions, "run_id": order.run_id}
        event = ledger.append(
            model=order.model,
            kind=DATA_EXCLUDED,
            as_of=order.as_of,
            actor=order.actor,
            reason=order.reason,
            payload=told,
        )
    return exclusion_of(event), False


def _require_new_moment(order: ReleaseOrder, ledger: Ledger) -> None:
    """What a night saw stands: an order changes nothing of one that was served."""
    served = [night.night for night in ledger.nights(order.model, limit=1)]
    champion = ledger.champion(order.model)
    if served and order.as_of <= served[0]:
        raise RequestError(
            f"{order.model}: the night of {served[0]:%Y-%m-%d %H:%M} UTC was served already, and "
            f"what it saw stands: name a moment after it"
        )
    if champion is not None and order.as_of < champion.since:
        raise RequestError(
            f"{order.model}: version {champion.version} decides from "
            f"{champion.since:%Y-%m-%d %H:%M} UTC on: name no moment before that"
        )


# -------------------------------------------------------------------------------------- taking back


def _take_back(
    order: ReleaseOrder, exclusion: Exclusion, versions: Collection[int], stores: Stores
) -> None:
    """Let no version decide, or score on its way there, that learned from what is left out."""
    unfit = Unfit(
        model=order.model,
        versions={*versions, *tainted_versions(stores.ledger, order.model)},
        because=f"was trained on {exclusion.what}: {exclusion.reason}",
        nobody="no version that was live before is without them",
        as_of=order.as_of,
        actor=order.actor,
        run_id=order.run_id,
    )
    take_back(unfit, stores)


def _training(
    order: ReleaseOrder,
    exclusion: Exclusion,
    done: Sequence[Event],
    stores: Stores,
    *,
    already: bool,
) -> str | None:
    """Why a training is to begin: the champion is tainted, and the model is not retired."""
    state = live_state(stores.ledger, order.model)
    moved = any(moves(event) for event in done)
    stays = state.champion in exclusion.tainted.get(order.model, []) and not already
    if state.retired is not None or not (moved or stays):
        return None
    return f"without {exclusion.what}: {exclusion.reason}"


def _counted(left_out: LeftOut, observed: Sequence[Part]) -> dict[str, int]:
    """Parts and their rows, each day by its newest observation."""
    ordered = sorted(observed, key=lambda part: (part.as_of, part.recorded_at))
    newest = {part.day: part for part in ordered if left_out.covers(part)}
    return {"parts": len(newest), "rows": sum(part.rows for part in newest.values())}


# ------------------------------------------------------------------------------------ other models


def _tell_others(
    order: ReleaseOrder, tainted: Sequence[TaintedVersion], stores: Stores
) -> dict[str, str]:
    """Open an incident for every other model in which a tainted version decides."""
    told = {}
    for model in dict.fromkeys(found.model for found in tainted if found.model != order.model):
        symptom = symptom_of(model, ledger=stores.ledger)
        if symptom is None:
            continue
        owner, runbook = _people(model, stores)
        stores.ledger.incidents.see(
            model,
            symptom,
            as_of=order.as_of,
            owner=owner,
            runbook=runbook_of(symptom, runbook),
        )
        told[model] = symptom.way_out
    return told


def _people(model: str, stores: Stores) -> tuple[str, str]:
    """A model's owner, and its declared runbook."""
    frozen = last_readable(stores.ledger, model)
    return (frozen.model.owner, frozen.model.alerts.runbook) if frozen else ("unknown", "")


# -------------------------------------------------------------------------------------- coming back


def readmit(order: ReleaseOrder, *, stores: Stores) -> Cutting:
    """Take parts back into later manifests; nobody is promoted by that.

    Raises:
        RequestError: Nothing of the kind is left out at the order's moment.
    """
    with stores.ledger.lock(order.model) as ledger:
        own = ordered_by(order, ledger)
        if own is not None:
            (event,) = ledger.events(kind=DATA_EXCLUDED, after=own.payload["excluded"] - 1, limit=1)
            exclusion = exclusion_of(event)
        else:
            exclusion = _meant(order, exclusions(ledger, as_of=order.as_of), stores)
            told = LeftOut.model_validate(exclusion.model_dump(include={*LeftOut.model_fields}))
            ended = {"excluded": exclusion.event_id, "run_id": order.run_id}
            ledger.append(
                model=order.model,
                kind=DATA_READMITTED,
                as_of=order.as_of,
                actor=order.actor,
                reason=order.reason,
                payload={**told.model_dump(mode="json"), **ended},
            )
    said = f"{exclusion.what} is taken back in: {order.reason}"
    _end_incidents(order, exclusion.tainted, said, stores)
    return Cutting(exclusion=exclusion, already=False, parts=0, rows=0, tainted=[])


def _meant(order: ReleaseOrder, known: Sequence[Exclusion], stores: Stores) -> Exclusion:
    said = "; ".join(f"event {one.event_id}: {one.what}" for one in known) or "nothing"
    if order.exclusion is not None:
        found = [one for one in known if one.event_id == order.exclusion]
        what = f"by event {order.exclusion}"
    else:
        place = place_of(_source(order, stores))
        found = [one for one in known if one.place == place and _same(order, one)]
        what = f"of {order.source} by these days or parts"
    if not found:
        raise RequestError(
            f"{order.model}: nothing is left out {what} at {order.as_of:%Y-%m-%d %H:%M} UTC; left "
            f"out are: {said}"
        )
    return found[0]


def _same(order: ReleaseOrder, one: Exclusion) -> bool:
    if (order.first_day, order.last_day) != (one.first_day, one.last_day):
        return False
    named = {uri for uri in one.parts for part in order.parts if part in uri}
    return named == set(one.parts) and bool(one.parts) == bool(order.parts)


def _end_incidents(order: ReleaseOrder, models: Iterable[str], reason: str, stores: Stores) -> None:
    for model in models:
        if symptom_of(model, ledger=stores.ledger) is None:
            stores.ledger.incidents.close(model, "tainted", as_of=order.as_of, reason=reason)
