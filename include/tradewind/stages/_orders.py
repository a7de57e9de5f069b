"""What an order changes in the ledger, and where it makes no sense, by action.

Each rule is given the order and the state that it meets, and returns the payload of the event that
carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.errors import RequestError
from tradewind.live import line_of, taken_back
from tradewind.stores.barred import why_barred
from tradewind.stores.events import (
    CONTRACT_ACCEPTED,
    DECIDED,
    HELD,
    RESUMED,
    RETIRED,
    SEGMENT_RULED,
    SWITCHED_OFF,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tradewind.nights import LiveState, ReleaseAction, ReleaseOrder
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

FALLBACK = "fallback"


@dataclass(frozen=True)
class Scene:
    """What an order meets, read under the model's lock.

    Attributes:
        state: Who decides at the order's moment.
        events: All that can change it, also of later moments.
    """

    state: LiveState
    events: Sequence[Event]
    stores: Stores


def _hold(order: ReleaseOrder, _: Scene) -> dict[str, Any]:
    return {"until": _until(order).isoformat()}


def _fall_back(order: ReleaseOrder, scene: Scene) -> dict[str, Any]:
    if scene.state.switched_off is not None:
        raise RequestError(
            f"{order.model} is switched off already: {scene.state.switched_off}; `resume` lifts it"
        )
    _not_retired(order, scene)
    return {}


def _retire(order: ReleaseOrder, scene: Scene) -> dict[str, Any]:
    _not_retired(order, scene)
    return {}


def _not_retired(order: ReleaseOrder, scene: Scene) -> None:
    if scene.state.retired is not None:
        raise RequestError(
            f"{order.model} is retired already: {scene.state.retired}; `resume` brings it back"
        )


def _resume(order: ReleaseOrder, scene: Scene) -> dict[str, Any]:
    state = scene.state
    if order.breach is not None:
        return _withdrawn(order, state)
    if order.feature is not None or order.value is not None:
        return _resumed_segment(order, state)
    if state.switched_off is None and state.hold_until is None and state.retired is None:
        raise RequestError(
            f"{order.model} is neither switched off nor held nor retired: there is nothing to "
            "resume; a segment's rule is ended by its feature and value"
        )
    _require_not_barred(order, scene)
    return {}


def _require_not_barred(order: ReleaseOrder, scene: Scene) -> None:
    champion = scene.state.champion
    if (why := why_barred(scene.stores.ledger, order.model, champion)) is not None:
        raise RequestError(f"{order.model}: version {champion} would decide again, but {why}")


def _withdrawn(order: ReleaseOrder, state: LiveState) -> dict[str, Any]:
    if order.breach not in state.accepted:
        raise RequestError(
            f"{order.model}: {order.breach!r} is not accepted as the contract; accepted are: "
            f"{', '.join(state.accepted) or 'none'}"
        )
    return {"breach": order.breach}


def _resumed_segment(order: ReleaseOrder, state: LiveState) -> dict[str, Any]:
    rules = {(rule.feature, rule.value) for rule in state.segments}
    if (order.feature, order.value) not in rules:
        known = ", ".join(f"{feature}={value}" for feature, value in sorted(rules)) or "none"
        raise RequestError(
            f"{order.model}: no rule for {order.feature}={order.value} is in force; there are: "
            f"{known}"
        )
    return {"feature": order.feature, "value": order.value}


def _segment(order: ReleaseOrder, scene: Scene) -> dict[str, Any]:
    if order.feature is None or order.value is None:
        raise RequestError(f"{order.model}: say which `feature` and which `value` make the segment")
    frozen = scene.stores.ledger.last_good(order.model)
    features = frozen.model.features.types if frozen else {}
    if order.feature not in features:
        known = ", ".join(features) or "none"
        raise RequestError(f"{order.model} has no feature {order.feature!r}; it has {known}")
    return {
        "feature": order.feature,
        "value": order.value,
        "served_by": _server(order, scene),
        "until": _until(order).isoformat(),
    }


def _server(order: ReleaseOrder, scene: Scene) -> int | str:
    """Who serves a segment: the fallback, or an older version that may decide."""
    word = order.served_by or FALLBACK
    if word == FALLBACK:
        return word
    if not word.isdecimal():
        raise RequestError(
            f"{order.model}: a segment is served by `{FALLBACK}` or by a version's number, and not "
            f"by {word!r}"
        )
    version = int(word)
    if version == scene.state.champion:
        raise RequestError(
            f"{order.model}: version {version} is the champion, which serves every segment; a rule "
            "is ended by `resume` with its feature and value"
        )
    standing = {event.payload["version"] for event in line_of(scene.events)}
    if version in {gone for gone, _ in taken_back(scene.events)} - standing:
        raise RequestError(
            f"{order.model}: version {version} was rolled back, and decides for nobody before it "
            "has a new verdict"
        )
    scene.stores.registry.version(order.model, version)
    return version


def _accept_contract(order: ReleaseOrder, scene: Scene) -> dict[str, Any]:
    if order.breach is None:
        raise RequestError(f"{order.model}: say which `breach` is the contract, as detector:column")
    # One that is accepted already is found broken no more, and may be accepted for longer.
    if order.breach not in scene.state.accepted:
        _require_found(order, scene.stores.ledger)
    if order.until is None:
        return {"breach": order.breach}
    return {"breach": order.breach, "until": _until(order).isoformat()}


def _require_found(order: ReleaseOrder, ledger: Ledger) -> None:
    nights = ledger.events(model=order.model, kind=DECIDED, as_of=order.as_of)
    last = max(nights, key=lambda event: (event.as_of, event.id), default=None)
    if last is None:
        raise RequestError(
            f"{order.model}: no night was looked at yet, so there is no breach to accept: run "
            f"`tradewind run {order.model} monitor`"
        )
    found = last.payload["night"]["broken"]
    if order.breach not in found:
        raise RequestError(
            f"{order.model}: the last look, as of {last.as_of:%Y-%m-%d %H:%M} UTC, found no breach "
            f"{order.breach!r}, so there is nothing to accept; it found: "
            f"{', '.join(sorted(found)) or 'none'}"
        )


def _until(order: ReleaseOrder) -> datetime:
    if order.until is None:
        raise RequestError(f"{order.model}: say `until` when, as a date or a moment")
    if order.until <= order.as_of:
        raise RequestError(
            f"{order.model}: {order.until:%Y-%m-%d %H:%M} UTC is not after the moment that the "
            f"order stands for, {order.as_of:%Y-%m-%d %H:%M} UTC"
        )
    return order.until


RULES: Mapping[ReleaseAction, tuple[str, Callable[[ReleaseOrder, Scene], dict[str, Any]]]] = {
    "hold": (HELD, _hold),
    "fall_back": (SWITCHED_OFF, _fall_back),
    "resume": (RESUMED, _resume),
    "retire": (RETIRED, _retire),
    "segment": (SEGMENT_RULED, _segment),
    "accept_contract": (CONTRACT_ACCEPTED, _accept_contract),
}
"""The event that an action is, and what decides whether it makes sense."""
