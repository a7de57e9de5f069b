"""Release: what a person orders of who decides, carried out once, or refused with a clear word.

Nights go by the ledger, so an order takes effect by the next one that is scored; whoever serves
from MLflow is told at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tradewind.errors import RegistryError, RequestError
from tradewind.live import KINDS, state_of
from tradewind.nights import Released
from tradewind.policy.permitting import OF_ORDERS, Permit
from tradewind.promotion import follow, promote, reconcile, roll_back, start_arm, stop_arm
from tradewind.reports.cutting import cutting_sentence
from tradewind.reports.released import sentence_of
from tradewind.stages._cutting import KINDS_OF_CUTTING, exclude, ordered_by, readmit
from tradewind.stages._orders import RULES, Scene
from tradewind.stages._passing import passing_verdict
from tradewind.stages._permitted import Asked, judged, require
from tradewind.stores.events import ARM_STARTED, ARM_STOPPED, INTENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from tradewind.nights import Cutting, LiveState, ReleaseAction, ReleaseOrder
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores


def carry_out(order: ReleaseOrder, *, stores: Stores) -> Released:
    """Carry an order out; the same order again (the same run) changes nothing.

    Args:
        order: What is ordered, by whom, why, and for which moment.
        stores: The ledger decides, the registry follows, the lake has the verdicts.

    Returns:
        Who decided before and who does afterwards, as of the order's moment.

    Raises:
        RequestError: The order makes no sense; the message says why and what would.
        NotPermittedError: Who ordered it may not; the ledger says so by then.
        PromotionRefusedError: A promotion or rollback that must not happen.
        RegistryError: MLflow does not answer. What the message says to stand does stand; doing
            the same again, or the next run, makes MLflow follow.
        LedgerError: The ledger cannot be reached.
    """
    _require_sense(order, stores)
    if order.action in _CUTTING:
        return _cut(order, stores)
    event = _event_of(order, stores.ledger)
    if event is None:
        events = stores.ledger.events(model=order.model, kind=KINDS)
        require(_asked(order, _state(order, events, None)), ledger=stores.ledger)
        event = _HANDLERS.get(order.action, _write)(order, stores)
    _told(order, event, stores)
    return _released(order, event, stores)


def _require_sense(order: ReleaseOrder, stores: Stores) -> None:
    if not order.reason.strip():
        raise RequestError(f"{order.model}: {order.action} needs a reason; the ledger keeps it")
    ledger = stores.ledger
    known = ledger.last_definition(order.model) or ledger.champion(order.model)
    if known is None:
        raise RequestError(f"the ledger knows of no model {order.model!r}: no run of it yet")


def _asked(order: ReleaseOrder, before: LiveState) -> Asked:
    """What an order needs; to bring a retired model back, what retired it."""
    whole = order.breach is None and order.feature is None
    if order.action == "resume" and whole and before.retired is not None:
        return Asked.in_run("retire", order)
    return Asked.in_run(OF_ORDERS[order.action], order)


# ---------------------------------------------------------------------------------------- actions


def _promote(order: ReleaseOrder, stores: Stores) -> Event:
    reconcile(stores=stores, model=order.model)
    version, champion = _version(order), stores.ledger.champion(order.model)
    promotion = promote(
        stores=stores,
        model=order.model,
        version=version,
        # A person decides about the champion of now; whoever comes in between makes it void.
        expected_previous=champion.version if champion else None,
        as_of=order.as_of,
        actor=order.actor,
        reason=order.reason,
        evidence_digest=passing_verdict(order.model, version, stores=stores),
        run_id=order.run_id,
        by_hand=True,
    )
    return _numbered(order, promotion.intended_event, stores)


def _roll_back(order: ReleaseOrder, stores: Stores) -> Event:
    reconcile(stores=stores, model=order.model)
    promotion = roll_back(
        stores=stores,
        model=order.model,
        to=order.version,
        as_of=order.as_of,
        actor=order.actor,
        reason=order.reason,
        run_id=order.run_id,
    )
    return _numbered(order, promotion.intended_event, stores)


def _start_canary(order: ReleaseOrder, stores: Stores) -> Event:
    # What decides for anybody has passed the gates.
    passing_verdict(order.model, _version(order), stores=stores)
    return _start(order, "canary", _share(order, stores), stores)


def _share(order: ReleaseOrder, stores: Stores) -> float:
    """What is ordered, or what the definition declares."""
    frozen = stores.ledger.last_good(order.model)
    if order.share is None and frozen is not None:
        return frozen.model.promotion.share
    return order.share or 0.0


def _start_shadow(order: ReleaseOrder, stores: Stores) -> Event:
    return _start(order, "shadow", 0.0, stores)


def _start(
    order: ReleaseOrder, kind: Literal["canary", "shadow"], share: float, stores: Stores
) -> Event:
    start_arm(
        stores=stores,
        model=order.model,
        version=_version(order),
        kind=kind,
        share=share,
        as_of=order.as_of,
        actor=order.actor,
        reason=order.reason,
        run_id=order.run_id,
    )
    return _own(order, stores)


def _stop_arm(order: ReleaseOrder, stores: Stores) -> Event:
    stop_arm(
        stores=stores,
        model=order.model,
        version=_version(order),
        as_of=order.as_of,
        actor=order.actor,
        reason=order.reason,
        run_id=order.run_id,
    )
    return _own(order, stores)


def _write(order: ReleaseOrder, stores: Stores) -> Event:
    """Carry out what is one event of its own kind."""
    kind, rule = RULES[order.action]
    with stores.ledger.lock(order.model) as ledger:
        done = _event_of(order, ledger)
        if done is not None:
            return done
        events = ledger.events(model=order.model, kind=KINDS)
        payload = rule(order, Scene(_state(order, events, None), events, stores))
        return ledger.append(
            model=order.model,
            kind=kind,
            as_of=order.as_of,
            actor=order.actor,
            reason=order.reason,
            payload={**payload, "run_id": order.run_id},
        )


_HANDLERS: Mapping[ReleaseAction, Callable[[ReleaseOrder, Stores], Event]] = {
    "promote": _promote,
    "roll_back": _roll_back,
    "start_canary": _start_canary,
    "start_shadow": _start_shadow,
    "stop_arm": _stop_arm,
}
_KINDS: Mapping[ReleaseAction, str] = {
    "promote": INTENDED,
    "roll_back": INTENDED,
    "start_canary": ARM_STARTED,
    "start_shadow": ARM_STARTED,
    "stop_arm": ARM_STOPPED,
    **{action: kind for action, (kind, _) in RULES.items()},
}


def _version(order: ReleaseOrder) -> int:
    if order.version is None:
        raise RequestError(f"{order.model}: say which `version` is meant by {order.action}")
    return order.version


# ---------------------------------------------------------------------------------------- bad data


_CUTTING: Mapping[ReleaseAction, Callable[..., Cutting]] = {"exclude": exclude, "readmit": readmit}


def _cut(order: ReleaseOrder, stores: Stores) -> Released:
    """Leave data out, or take them back in; that may move who decides in more than one step."""
    events = stores.ledger.events(model=order.model, kind=KINDS)
    asked = _asked(order, _state(order, events, None))
    if ordered_by(order, stores.ledger) is None:
        require(asked, ledger=stores.ledger)
    elif said := stores.ledger.outcomes(model=order.model, run_id=order.run_id, stage="release"):
        return Released.model_validate(said[0].result)
    cutting = _CUTTING[order.action](order, stores=stores)
    frozen = stores.ledger.last_good(order.model)
    probation = frozen.model.promotion.probation if frozen else None
    events = stores.ledger.events(model=order.model, kind=KINDS, as_of=order.as_of)
    own = [event.id for event in events if event.payload.get("run_id") == order.run_id]
    first, last = (own[0], own[-1]) if own else (None, None)
    word = judged(asked, frozen)
    return Released(
        order=order,
        before=_state(order, [one for one in events if not first or one.id < first], probation),
        after=_state(order, [one for one in events if not last or one.id <= last], probation),
        sentence=cutting_sentence(order, cutting),
        permitted=word.sentence if isinstance(word, Permit) else "",
        cutting=cutting,
    )


# ------------------------------------------------------------------------------------ what was done


def _event_of(order: ReleaseOrder, ledger: Ledger) -> Event | None:
    """The event by which this very run carried its order out."""
    kinds = (*KINDS, *KINDS_OF_CUTTING)
    for event in ledger.events(model=order.model, kind=kinds, newest_first=True):
        if event.payload.get("run_id") != order.run_id:
            continue
        action = event.payload.get("action", order.action)
        if event.kind != _KINDS[order.action] or action != order.action:
            raise RequestError(
                f"{order.model}: the run {order.run_id} carried out another order already "
                f"({event.kind}): an order has a run of its own"
            )
        return event
    return None


def _own(order: ReleaseOrder, stores: Stores) -> Event:
    event = _event_of(order, stores.ledger)
    assert event is not None  # noqa: S101 (it was written just now)
    return event


def _numbered(order: ReleaseOrder, number: int, stores: Stores) -> Event:
    return stores.ledger.events(model=order.model, after=number - 1, limit=1)[0]


def _told(order: ReleaseOrder, event: Event, stores: Stores) -> None:
    """Make MLflow follow."""
    try:
        if event.kind == INTENDED:
            reconcile(stores=stores, model=order.model)
        else:
            with stores.ledger.lock(order.model) as ledger:
                follow(stores, ledger, order.model)
    except RegistryError as error:
        raise type(error)(
            f"{order.model}: {order.action} stands in the ledger, and every night goes by that; "
            "but MLflow could not be told, so what serves from there goes on as before. Do the "
            f"same again, or wait for the next run. {error}"
        ) from error


def _released(order: ReleaseOrder, event: Event, stores: Stores) -> Released:
    frozen = stores.ledger.last_good(order.model)
    probation = frozen.model.promotion.probation if frozen else None
    events = stores.ledger.events(model=order.model, kind=KINDS, as_of=order.as_of)
    earlier = [one for one in events if one.id < event.id]
    before = _state(order, earlier, probation)
    after = _state(order, [one for one in events if one.id <= event.id], probation)
    said = sentence_of(order, before, after)
    word = judged(_asked(order, before), frozen)
    # Done again after the permissions changed, it was done under the earlier ones.
    permit = word.sentence if isinstance(word, Permit) else ""
    return Released(order=order, before=before, after=after, sentence=said, permitted=permit)


def _state(order: ReleaseOrder, events: list[Event], probation: timedelta | None) -> LiveState:
    return state_of(order.model, events, as_of=order.as_of, probation=probation)
