"""An order that was carried out, and who decides since, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.nights import LiveState, ReleaseAction, ReleaseOrder


def sentence_of(order: ReleaseOrder, before: LiveState, after: LiveState) -> str:
    """Say what an order came to.

    Args:
        order: The order.
        before: Who decided before it.
        after: Who decides since.
    """
    what = _WORDS[order.action](order, before, after)
    return f"{order.model}: {what} (by {order.actor}: {order.reason})"


def words_of(state: LiveState) -> str:
    """Say in a line who decides."""
    if state.champion is None:
        parts = ["no champion"]
    else:
        parts = [f"champion: version {state.champion}, since {state.champion_since:%Y-%m-%d %H:%M}"]
    if state.previous is not None:
        parts.append(f"before it version {state.previous}")
    if state.retired is not None:
        parts.append(f"retired: {state.retired}")
    if state.switched_off is not None:
        parts.append(f"switched off: {state.switched_off}")
    if state.hold_until is not None:
        parts.append(f"nothing is promoted before {state.hold_until:%Y-%m-%d %H:%M}")
    parts += [
        f"{arm.name} ({arm.share:.0%})" if arm.kind == "canary" else arm.name for arm in state.arms
    ]
    parts += [
        f"{rule.feature}={rule.value} by {_server(rule.served_by)} until {rule.until:%Y-%m-%d}"
        for rule in state.segments
    ]
    return "; ".join(parts)


def _promote(order: ReleaseOrder, before: LiveState, _: LiveState) -> str:
    place = f", in place of version {before.champion}" if before.champion is not None else ""
    return f"version {order.version} decides from the next night on{place}"


def _roll_back(_: ReleaseOrder, before: LiveState, after: LiveState) -> str:
    return (
        f"version {after.champion} decides again from the next night on; version {before.champion} "
        "was rolled back, and needs a new verdict to return"
    )


def _hold(_: ReleaseOrder, __: LiveState, after: LiveState) -> str:
    until = f"{after.hold_until:%Y-%m-%d %H:%M} UTC" if after.hold_until else "its date"
    return f"nothing is promoted before {until}; training goes on"


def _start_canary(order: ReleaseOrder, before: LiveState, after: LiveState) -> str:
    share = sum(arm.share for arm in after.arms if arm.version == order.version)
    return (
        f"version {order.version} decides for {share:.1%} of the entities from the next night on, "
        f"beside version {before.champion}"
    )


def _start_shadow(order: ReleaseOrder, before: LiveState, _: LiveState) -> str:
    return (
        f"version {order.version} scores every row from the next night on, beside version "
        f"{before.champion}, and decides for nobody"
    )


def _stop_arm(order: ReleaseOrder, _: LiveState, __: LiveState) -> str:
    return f"version {order.version} scores no more beside the champion"


def _fall_back(_: ReleaseOrder, __: LiveState, ___: LiveState) -> str:
    return "the model is switched off: the naive rule decides from the next night on"


def _resume(order: ReleaseOrder, before: LiveState, after: LiveState) -> str:
    if order.feature is not None:
        return f"{order.feature}={order.value} is served as every other row again"
    if order.breach is not None:
        return f"{order.breach} is a breach of the contract again"
    lifted = [
        word
        for word, was in (
            ("the switch-off", before.switched_off),
            ("the hold", before.hold_until),
            ("the retirement", before.retired),
        )
        if was is not None
    ]
    who = "the naive rule" if after.champion is None else f"version {after.champion}"
    return f"lifted: {', '.join(lifted)}; {who} decides from the next night on"


def _retire(_: ReleaseOrder, __: LiveState, ___: LiveState) -> str:
    return "the model is retired: the naive rule decides, and nothing is promoted by itself"


def _segment(order: ReleaseOrder, _: LiveState, after: LiveState) -> str:
    rule = next(
        rule
        for rule in after.segments
        if (rule.feature, rule.value) == (order.feature, order.value)
    )
    return (
        f"{rule.feature}={rule.value} is served by {_server(rule.served_by)} until "
        f"{rule.until:%Y-%m-%d %H:%M} UTC"
    )


def _accept_contract(order: ReleaseOrder, _: LiveState, __: LiveState) -> str:
    until = f" before {order.until:%Y-%m-%d %H:%M} UTC" if order.until else ""
    return (
        f"{order.breach} is no breach{until}, but the contract; a champion trained later judges by "
        "its own rows"
    )


def _server(served_by: int | str) -> str:
    return f"version {served_by}" if isinstance(served_by, int) else f"the {served_by}"


_WORDS: Mapping[ReleaseAction, Callable[[ReleaseOrder, LiveState, LiveState], str]] = {
    "promote": _promote,
    "roll_back": _roll_back,
    "hold": _hold,
    "start_canary": _start_canary,
    "start_shadow": _start_shadow,
    "stop_arm": _stop_arm,
    "fall_back": _fall_back,
    "resume": _resume,
    "retire": _retire,
    "segment": _segment,
    "accept_contract": _accept_contract,
}
