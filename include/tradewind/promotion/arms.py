"""Versions that score beside the champion: started, promoted, dropped, or out of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tradewind.errors import RequestError
from tradewind.live import KINDS, line_of, retired_by, state_of, taken_back
from tradewind.promotion.following import follow
from tradewind.promotion.moves import promote
from tradewind.promotion.rules import refusal_of
from tradewind.stores.digests import json_digest
from tradewind.stores.events import ARM_STARTED, ARM_STOPPED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from tradewind.nights import Arm, Guard, LiveState
    from tradewind.stores.ledger import Event, Ledger
    from tradewind.stores.stores import Stores

ArmKind = Literal["shadow", "canary"]
Concluded = Literal["promoted", "stopped", "goes_on"]
_ALL = 1.0


def start_arm(
    *,
    stores: Stores,
    model: str,
    version: int,
    kind: ArmKind,
    as_of: datetime,
    actor: str,
    reason: str,
    share: float = 0.0,
    replace: bool = False,
    fencing_token: int | None = None,
    run_id: str | None = None,
) -> str:
    """Let a version score beside the champion from a moment on; the same run does it once.

    Args:
        stores: The ledger and the registry.
        model: The model.
        version: MLflow's version of it, which must exist.
        kind: A shadow is recorded on all rows; a canary decides for its share.
        as_of: The moment from which it scores.
        actor: Who starts it.
        reason: Why.
        share: Of the entities that a canary decides for; 0 for a shadow.
        replace: Whether arms of the same kind are stopped for it, so that shares never pile up.
        fencing_token: Of the lease that a training holds; None for who needs none.
        run_id: The run that starts it.

    Returns:
        The arm's name.

    Raises:
        LeaseLostError: Another run has had the model's lease since.
        RequestError: It makes no sense; the message says why.
        RegistryError: MLflow does not know the version, or refuses.
    """
    name = f"{kind}:{version}"
    with stores.ledger.lock(model) as ledger:
        if fencing_token is not None:
            ledger.require_lease(model, fencing_token=fencing_token)
        events = ledger.events(model=model, kind=KINDS)
        if not _done(events, ARM_STARTED, name, run_id):
            old = _of_kind(events, model, kind, as_of=as_of) if replace else []
            problem = arm_refusal(
                events,
                model=model,
                version=version,
                kind=kind,
                share=share,
                as_of=as_of,
                replaced=[arm.name for arm in old],
            )
            if problem is not None:
                raise RequestError(problem)
            stores.registry.version(model, version)
            for arm in old:
                why = f"version {version} takes its place beside the champion"
                _stop(ledger, model, arm, as_of=as_of, actor=actor, reason=why, run_id=run_id)
            said = {"name": name, "version": version, "kind": kind, "share": share}
            ledger.append(
                model=model,
                kind=ARM_STARTED,
                as_of=as_of,
                actor=actor,
                reason=reason,
                payload={**said, "run_id": run_id},
            )
        follow(stores, ledger, model)
    return name


def arm_refusal(
    events: Sequence[Event],
    *,
    model: str,
    version: int,
    kind: ArmKind,
    share: float,
    as_of: datetime,
    replaced: Collection[str] = (),
) -> str | None:
    """Say why a version may not be started as an arm; None where it may.

    Args:
        events: All of the model's that `tradewind.live.KINDS` names.
        model: The model.
        version: The version.
        kind: As what.
        share: Of a canary.
        as_of: From when on.
        replaced: Names of arms that are stopped for it.
    """
    state, retired = state_of(model, events, as_of=as_of), retired_by(events)
    if retired is not None:
        return f"{model} was retired: {retired.reason}; bring it back with `resume`"
    if state.champion is None:
        return f"{model} has no champion yet that version {version} could score beside"
    if state.champion == version:
        return f"{model}: version {version} is the champion, which scores already"
    running = next((arm.name for arm in state.arms if arm.version == version), None)
    if running is not None:
        return f"{model}: version {version} scores beside the champion already, as {running}"
    taken = sum(arm.share for arm in state.arms if arm.name not in replaced)
    return _canary_refusal(events, state, version, share, taken) if kind == "canary" else None


def _canary_refusal(
    events: Sequence[Event], state: LiveState, version: int, share: float, taken: float
) -> str | None:
    standing = {event.payload["version"] for event in line_of(events)}
    if version in {gone for gone, _ in taken_back(events)} - standing:
        return (
            f"{state.model}: version {version} was rolled back, and decides for nobody before it "
            "has a new verdict; start it as a shadow"
        )
    if not 0 < share < _ALL:
        return f"{state.model}: a canary's share lies between 0 and 1, and is not {share:g}"
    if taken + share > _ALL:
        return (
            f"{state.model}: {taken:g} of the entities have a canary already, and {share:g} more "
            "are over 1; stop one first"
        )
    return None


def stop_arm(
    *,
    stores: Stores,
    model: str,
    version: int,
    as_of: datetime,
    actor: str,
    reason: str,
    run_id: str | None = None,
) -> None:
    """End whatever a version scores as beside the champion; the same run does it once.

    Raises:
        RequestError: The version is no arm that was started.
        RegistryError: MLflow does not answer, or refuses.
    """
    with stores.ledger.lock(model) as ledger:
        events = ledger.events(model=model, kind=KINDS)
        state = state_of(model, events, as_of=as_of)
        arm = next((arm for arm in state.arms if arm.version == version), None)
        ended = any(_done(events, ARM_STOPPED, name, run_id) for name in _names(version))
        if not ended:
            if arm is None:
                running = ", ".join(arm.name for arm in state.arms) or "none"
                raise RequestError(
                    f"{model}: version {version} does not score beside the champion; arms are: "
                    f"{running}"
                )
            _stop(ledger, model, arm, as_of=as_of, actor=actor, reason=reason, run_id=run_id)
        follow(stores, ledger, model)


def conclude_arm(
    *,
    stores: Stores,
    model: str,
    name: str,
    guard: Guard,
    as_of: datetime,
    actor: str,
    run_id: str | None = None,
) -> Concluded:
    """Promote or drop an arm by its comparison with the champion; both nights alike, once.

    An arm that is not running any more, or whose champion is another one by now, is left alone: the
    comparison is not about it. An arm that wins under a hold, or in a retired model, goes on.

    Args:
        stores: The ledger and the registry.
        model: The model.
        name: The arm's.
        guard: The comparison: the arm's version first, the champion second.
        as_of: The night that the comparison is of.
        actor: Who concludes.
        run_id: The run that does.

    Raises:
        PromotionRefusedError: The champion changed at this very moment.
        RegistryError: MLflow does not answer, or refuses.
    """
    events = stores.ledger.events(model=model, kind=KINDS)
    state = state_of(model, events, as_of=as_of)
    arm = next((arm for arm in state.arms if arm.name == name), None)
    if arm is None or state.champion != guard.second or guard.state == "undecided":
        return "goes_on"
    if guard.state == "first_worse":
        stop_arm(
            stores=stores,
            model=model,
            version=arm.version,
            as_of=as_of,
            actor=actor,
            reason=guard.sentence,
            run_id=run_id,
        )
        return "stopped"
    return _won(stores, events, state, arm, guard, actor=actor, run_id=run_id)


def expire_arms(
    *,
    stores: Stores,
    model: str,
    as_of: datetime,
    probation: timedelta,
    actor: str,
    run_id: str | None = None,
) -> list[str]:
    """Stop every arm that nothing was decided of in its time: it may not decide for ever.

    To be called once the night's comparisons have been concluded. Under a hold nothing expires,
    because an arm that has won may only be waiting for its end.

    Args:
        stores: The ledger and the registry.
        model: The model.
        as_of: The night.
        probation: How long an arm has, from the moment that it was started at.
        actor: Who stops it.
        run_id: The run that does.

    Returns:
        The names of the stopped arms.

    Raises:
        RegistryError: MLflow does not answer, or refuses.
    """
    state = state_of(model, stores.ledger.events(model=model, kind=KINDS, as_of=as_of), as_of=as_of)
    if state.hold_until is not None:
        return []
    late = [arm for arm in state.arms if as_of >= arm.since + probation]
    for arm in late:
        stop_arm(
            stores=stores,
            model=model,
            version=arm.version,
            as_of=as_of,
            actor=actor,
            reason=f"undecided after {(as_of - arm.since).days} days",
            run_id=run_id,
        )
    return [arm.name for arm in late]


def _won(
    stores: Stores,
    events: Sequence[Event],
    state: LiveState,
    arm: Arm,
    guard: Guard,
    *,
    actor: str,
    run_id: str | None,
) -> Concluded:
    # The comparison is a verdict of its own, which also a version that was rolled back returns on.
    digest = json_digest([arm.name, state.as_of.isoformat(), guard.model_dump(mode="json")])
    refusal = refusal_of(
        events, model=state.model, version=arm.version, evidence_digest=digest, as_of=state.as_of
    )
    too_old = state.as_of < line_of(events)[-1].as_of
    if too_old or refusal is not None:
        return "goes_on"
    promote(
        stores=stores,
        model=state.model,
        version=arm.version,
        expected_previous=state.champion,
        as_of=state.as_of,
        actor=actor,
        reason=guard.sentence,
        evidence_digest=digest,
        run_id=run_id,
    )
    return "promoted"


def _stop(
    ledger: Ledger,
    model: str,
    arm: Arm,
    *,
    as_of: datetime,
    actor: str,
    reason: str,
    run_id: str | None,
) -> None:
    ledger.append(
        model=model,
        kind=ARM_STOPPED,
        as_of=as_of,
        actor=actor,
        reason=reason,
        payload={"name": arm.name, "version": arm.version, "run_id": run_id},
    )


def _of_kind(events: Sequence[Event], model: str, kind: ArmKind, *, as_of: datetime) -> list[Arm]:
    return [arm for arm in state_of(model, events, as_of=as_of).arms if arm.kind == kind]


def _names(version: int) -> tuple[str, str]:
    return f"shadow:{version}", f"canary:{version}"


def _done(events: Sequence[Event], kind: str, name: str, run_id: str | None) -> bool:
    """Whether this very run did it already."""
    return run_id is not None and any(
        event.kind == kind
        and event.payload["name"] == name
        and event.payload.get("run_id") == run_id
        for event in events
    )
