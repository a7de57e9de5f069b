"""monitoring → decision: one record a night and model, final, with all that it stands on.

The rules are pure (`tradewind.policy`); this stage gathers the grounds, keeps them, and does what
needs no training: takes a promotion back, hands over a segment, ends an arm. A training is named
here, and started by whoever runs the pipeline.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradewind.errors import PromotionRefusedError
from tradewind.live import live_state
from tradewind.nights import Decision, Grounds, PastNight
from tradewind.policy.decision import decide_on
from tradewind.policy.evidence import past_night
from tradewind.promotion import conclude_arm, expire_arms, roll_back, switch_off
from tradewind.stores import launches
from tradewind.stores.barred import why_barred
from tradewind.stores.digests import json_digest
from tradewind.stores.events import DECIDED, SEGMENT_READY
from tradewind.stores.leases import lease_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Monitoring
    from tradewind.records import Admission
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.stores import Stores

log = logging.getLogger(__name__)

_ITSELF = "tradewind"


def decide(
    admission: Admission, frozen: FrozenDefinition, monitoring: Monitoring, *, stores: Stores
) -> Decision:
    """Decide a night, once: whoever asks again is given the decision that stands.

    Args:
        admission: The run, and the night.
        frozen: Declares the policies.
        monitoring: Tonight's look.
        stores: The ledger decides nothing twice; the lake keeps the grounds.

    Raises:
        LedgerError: The ledger cannot be reached.
        RegistryError: A rollback's alias could not be moved; the decision stands, and the next
            look makes MLflow follow.
    """
    model, night, ledger = frozen.model, admission.as_of, stores.ledger
    while (known := decision_of(ledger, model.name, night)) is None:
        grounds = grounds_of(ledger, model, monitoring, as_of=night)
        where = _keep(grounds, stores=stores)
        # The grounds are kept before the lock is taken, because the lake may be slow; under it
        # they must still be what the ledger says.
        with ledger.lock(model.name) as locked:
            is_first = decision_of(locked, model.name, night) is None
            if is_first and grounds_of(locked, model, monitoring, as_of=night) == grounds:
                _write_down(admission, model, grounds, locked, where=where)
    if known.launches:
        launches.announce(ledger, known)
    _act(admission, known, probation=model.promotion.probation, stores=stores)
    return known


def decision_of(ledger: Ledger, model: str, night: datetime) -> Decision | None:
    """The decision of a night; None where there is none yet."""
    found = ledger.events(model=model, kind=DECIDED, as_of=night, since=night, limit=1)
    return Decision.model_validate(found[0].payload["decision"]) if found else None


def grounds_of(
    ledger: Ledger, model: ModelDefinition, monitoring: Monitoring, *, as_of: datetime
) -> Grounds:
    """All that the decision of a night stands on."""
    lease = ledger.lease(model.name)
    live = live_state(ledger, model.name, as_of=as_of, probation=model.promotion.probation)
    return Grounds(
        monitoring=monitoring,
        past=_past(ledger, model, as_of=as_of),
        retrains=launches.retrains(ledger, model.name, given_up=lease_time(model.schedule)),
        others=launches.others(ledger, model.name, since=as_of - model.retrain.window),
        live=live,
        in_flight=lease.holder if lease else None,
        launched_lately=_launched_lately(ledger, model),
        barred=why_barred(ledger, model.name, live.previous, as_of=as_of),
    )


def _launched_lately(ledger: Ledger, model: ModelDefinition) -> datetime | None:
    """A launch within the cool-down by the clock, where nights come by a schedule.

    Missed nights are caught up within the hour, and weeks lie between them all the same. Half a
    night is left to the nights that come in time, which take longer once than another time.
    """
    if model.schedule.score is None:
        return None
    return launches.launched_within(
        ledger, model.name, model.retrain.cooldown - model.score.every / 2
    )


def _past(ledger: Ledger, model: ModelDefinition, *, as_of: datetime) -> list[PastNight]:
    since = as_of - model.retrain.window
    found = ledger.events(model=model.name, kind=DECIDED, as_of=as_of, since=since)
    nights = [
        PastNight.model_validate(event.payload["night"])
        for event in found
        if since < event.as_of < as_of
    ]
    return sorted(nights, key=lambda night: night.as_of)


def _keep(grounds: Grounds, *, stores: Stores) -> dict[str, str]:
    plain = grounds.model_dump(mode="json")
    digest = json_digest(plain)
    uri = f"decisions/{grounds.monitoring.model}/{digest}.json"
    stores.lake.first_json(uri, plain)
    return {"grounds_digest": digest, "grounds_uri": uri}


def _write_down(
    admission: Admission,
    model: ModelDefinition,
    grounds: Grounds,
    ledger: Ledger,
    *,
    where: dict[str, str],
) -> None:
    decision = decide_on(grounds, model).model_copy(update=where)
    ledger.append(
        model=admission.model,
        kind=DECIDED,
        as_of=admission.as_of,
        actor=admission.request.actor,
        reason=decision.reason,
        payload={
            "decision": decision.model_dump(mode="json"),
            "night": past_night(grounds, model).model_dump(mode="json"),
            "definition_digest": admission.definition_digest,
            "run_id": admission.request.run_id,
        },
    )
    # Under the same lock: whoever decides the next night counts this launch.
    if decision.launches:
        launches.announce(ledger, decision)


def _act(admission: Admission, decision: Decision, *, probation: timedelta, stores: Stores) -> None:
    """Do what needs no training; each of these changes nothing when it is done a second time.

    By the look that was decided on, also where a later one found something else.
    """
    kept = stores.lake.read_json(decision.grounds_uri)
    monitoring = Grounds.model_validate(kept).monitoring
    if decision.layer != "data":
        # First: they were tested on the champion that is still there.
        _hand_over(admission, monitoring, stores=stores)
    if "switch_off" in decision.actions:
        switch_off(
            stores=stores,
            model=admission.model,
            version=monitoring.champion,
            as_of=admission.as_of,
            actor=_ITSELF,
            reason=decision.reason,
            run_id=admission.request.run_id,
        )
    if decision.roll_back_to is not None:
        with _unless_superseded(admission.model):
            roll_back(
                stores=stores,
                model=admission.model,
                to=decision.roll_back_to,
                expected=monitoring.champion,
                as_of=admission.as_of,
                actor=_ITSELF,
                reason=decision.reason,
                run_id=admission.request.run_id,
            )
    if decision.layer == "data":
        return
    for name, guard in monitoring.arms.items():
        if guard.state == "undecided":
            continue
        with _unless_superseded(admission.model):
            conclude_arm(
                stores=stores,
                model=admission.model,
                name=name,
                guard=guard,
                as_of=admission.as_of,
                actor=_ITSELF,
                run_id=admission.request.run_id,
            )
    expire_arms(
        stores=stores,
        model=admission.model,
        as_of=admission.as_of,
        probation=probation,
        actor=_ITSELF,
        run_id=admission.request.run_id,
    )


@contextmanager
def _unless_superseded(model: str) -> Iterator[None]:
    """Let go of what somebody else's move of the champion has overtaken.

    The night still has its training to launch, and its alert to tell.
    """
    try:
        yield
    except PromotionRefusedError as error:
        log.warning("%s: superseded: %s", model, error)


def _hand_over(admission: Admission, monitoring: Monitoring, *, stores: Stores) -> None:
    at = admission.as_of
    known = stores.ledger.events(model=admission.model, kind=SEGMENT_READY, as_of=at, since=at)
    said = [(event.payload["feature"], event.payload["value"]) for event in known]
    for segment in monitoring.ready:
        if (segment.feature, segment.value) in said:
            continue
        stores.ledger.append(
            model=admission.model,
            kind=SEGMENT_READY,
            as_of=admission.as_of,
            actor=_ITSELF,
            reason=f"{segment.feature}={segment.value} has enough labels, and the model does no "
            "worse there than the naive rule: it decides there from the next night on",
            payload=segment.model_dump(mode="json"),
        )
