"""Trainings: those that a decision launched, announced with it and ended by the run itself.

Those of people and of the schedule are known by what they said, and by the lease they held.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tradewind.nights import PastRetrain
from tradewind.stores.events import (
    APPROVAL_ASKED,
    APPROVAL_KINDS,
    DECIDED,
    LEASE_KINDS,
    RETRAIN_ENDED,
    RETRAIN_LAUNCHED,
)
from tradewind.stores.leases import Lease

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from tradewind.nights import Decision
    from tradewind.records import RunRequest, StageOutcome
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.stores import Stores

_ITSELF = "tradewind"


def training_run(decision: Decision) -> str:
    """The name of the training that a decision launches, as the ledger knows it."""
    return f"train/{decision.run_id}"


def announce(ledger: Ledger, decision: Decision) -> None:
    """Write that a training is launched, once.

    With the decision, and not when Airflow starts it: the governor counts it at once, so that two
    looks at the same moment launch one.
    """
    at, run_id = decision.as_of, training_run(decision)
    kinds = (DECIDED, RETRAIN_LAUNCHED)
    of_night = ledger.events(model=decision.model, kind=kinds, as_of=at, since=at)
    if any(event.payload.get("run_id") == run_id for event in of_night):
        return
    ledger.append(
        model=decision.model,
        kind=RETRAIN_LAUNCHED,
        as_of=at,
        actor=_ITSELF,
        reason=decision.reason,
        payload={
            "run_id": run_id,
            "cause": decision.cause,
            "wider": decision.wider,
            "decision": next(event.id for event in of_night if event.kind == DECIDED),
        },
    )


def retrains(
    ledger: Ledger,
    model: str,
    *,
    as_of: datetime | None = None,
    given_up: timedelta | None = None,
) -> list[PastRetrain]:
    """Every training that a decision launched, oldest first.

    Args:
        ledger: What happened, and the clock.
        model: Whose trainings.
        as_of: Only those up to this moment.
        given_up: A launch so long ago by the clock that neither ended nor holds the lease has
            failed: it never started, or died without a word. Never, where nothing is said.
    """
    ends = {
        event.payload["run_id"]: event.payload
        for event in ledger.events(model=model, kind=RETRAIN_ENDED, as_of=as_of)
    }
    found = ledger.events(model=model, kind=RETRAIN_LAUNCHED, as_of=as_of)
    silent = [event for event in found if event.payload["run_id"] not in ends]
    if given_up is not None:
        ends |= _lost(ledger, model, silent, after=given_up)
    return [
        _retrain(event, ends.get(event.payload["run_id"]))
        for event in sorted(found, key=lambda one: (one.as_of, one.id))
    ]


def others(
    ledger: Ledger,
    model: str,
    *,
    as_of: datetime | None = None,
    since: datetime | None = None,
) -> list[PastRetrain]:
    """Trainings that no decision launched, oldest first.

    Args:
        ledger: What happened, and who holds the lease now.
        model: Whose trainings.
        as_of: Only those up to this moment.
        since: Only those from this moment on, and of the earlier ones the newest that came to a
            verdict, where no later one did. All, where nothing is said.
    """
    launched = {
        event.payload["run_id"] for event in ledger.events(model=model, kind=RETRAIN_LAUNCHED)
    }
    found = [
        one
        for one in ledger.outcomes(model=model, stage="admit", pipeline="train", limit=None)
        if "fencing_token" in one.result and one.run_id not in launched
    ]
    ends = _ends(ledger, model)
    told = _of_use([one for one in found if as_of is None or one.as_of <= as_of], ends, since)
    spent = _spent(ledger, model, since=told[0].as_of) if told else {}
    return [
        PastRetrain(
            decided=one.as_of,
            run_id=one.run_id,
            cause=one.result["request"]["trigger"],
            outcome=ends.get(one.run_id, "failed"),
            wider=one.result["request"]["wider"],
            seconds=spent.get(one.run_id, 0.0),
        )
        for one in told
    ]


def launched_within(ledger: Ledger, model: str, length: timedelta) -> datetime | None:
    """When the newest launch was written; None where that is longer ago by the ledger's clock."""
    newest = ledger.events(model=model, kind=RETRAIN_LAUNCHED, newest_first=True, limit=1)
    recent = [one.recorded_at for one in newest if ledger.now() - one.recorded_at < length]
    return recent[0] if recent else None


def write_back(request: RunRequest, *, stores: Stores) -> None:
    """Tell the decision that launched a run what became of it; of other runs nothing is written."""
    ledger = stores.ledger
    launched = _of_run(ledger, request, RETRAIN_LAUNCHED)
    if launched is None:
        return
    outcome, seconds = _outcome(request, stores=stores)
    ended = _of_run(ledger, request, RETRAIN_ENDED)
    if ended is not None and ended.payload["outcome"] == outcome:
        return
    ledger.append(
        model=request.model,
        kind=RETRAIN_ENDED,
        as_of=request.as_of,
        actor=request.actor,
        reason=f"the training that was launched because of {launched.payload['cause']}: {outcome}",
        payload={
            "run_id": request.run_id,
            "outcome": outcome,
            "seconds": seconds,
            "decision": launched.payload["decision"],
        },
    )


def _of_run(ledger: Ledger, request: RunRequest, kind: str) -> Event | None:
    at = request.as_of
    found = ledger.events(model=request.model, kind=kind, as_of=at, since=at, newest_first=True)
    return next((event for event in found if event.payload["run_id"] == request.run_id), None)


def _lost(
    ledger: Ledger, model: str, silent: Sequence[Event], *, after: timedelta
) -> dict[str, dict[str, object]]:
    """How those ended that began so long ago and neither ended nor hold the lease."""
    if not silent:
        return {}
    now, lease = ledger.now(), ledger.lease(model)
    at_work = lease.holder if lease else None
    old = [str(one.payload["run_id"]) for one in silent if now - one.recorded_at > after]
    spent = _spent(ledger, model, since=min(one.as_of for one in silent))
    return {
        run_id: {"outcome": "failed", "seconds": spent.get(run_id, 0.0)}
        for run_id in old
        if run_id != at_work
    }


def _ends(ledger: Ledger, model: str) -> dict[str, str]:
    """What each run that came to a verdict came to, and that the one with the lease is running."""
    lease = ledger.lease(model)
    running = {lease.holder: "running"} if lease else {}
    said = ledger.outcomes(model=model, stage="register", limit=None)
    return running | {one.run_id: str(one.result["outcome"]) for one in said}


def _of_use(
    found: Sequence[StageOutcome], ends: Mapping[str, str], since: datetime | None
) -> list[StageOutcome]:
    """The trainings since a moment, and the last verdict, which tells a champion's age."""
    ordered = sorted(found, key=lambda one: (one.as_of, one.run_id))
    if since is None:
        return ordered
    judged = [one for one in ordered if ends.get(one.run_id, "running") != "running"]
    return [one for one in ordered if one.as_of >= since or one in judged[-1:]]


def _spent(ledger: Ledger, model: str, *, since: datetime | None = None) -> dict[str, float]:
    """For how many seconds the runs since a moment held the lease, but for the one that does now.

    Until it was first given back; until it was broken; and until it expired where the run died, or
    another one took it over.
    """
    held: dict[tuple[str, datetime], Lease] = {}
    for event in ledger.events(model=model, kind=LEASE_KINDS, since=since):
        lease = Lease.model_validate({**event.payload, "model": model})
        known = held.get((lease.holder, lease.acquired_at))
        # The first end counts: a task that is run again may give it back once more.
        if known is None or known.released_at is None:
            held[lease.holder, lease.acquired_at] = lease
    current = ledger.lease(model)
    spent: dict[str, float] = defaultdict(float)
    for lease in held.values():
        is_held = current is not None and current.holder == lease.holder
        if lease.released_at is not None or not is_held:
            until = lease.released_at or lease.expires_at
            spent[lease.holder] += (until - lease.acquired_at).total_seconds()
    return spent


def _outcome(request: RunRequest, *, stores: Stores) -> tuple[str, float]:
    """What the run came to, and how long it held the lease."""
    ledger = stores.ledger
    said = ledger.outcomes(model=request.model, run_id=request.run_id)
    by_stage = {outcome.stage: outcome for outcome in said}
    lease = ledger.lease(request.model)
    if lease is not None and lease.holder == request.run_id:
        seconds = (ledger.now() - lease.acquired_at).total_seconds()
    else:
        seconds = _spent(ledger, request.model, since=request.as_of).get(request.run_id, 0.0)
    if "register" in by_stage:
        return str(by_stage["register"].result["outcome"]), seconds
    if _awaits(ledger, request):
        return "awaits_approval", seconds
    admitted = by_stage.get("admit")
    if admitted is not None and "fencing_token" not in admitted.result:
        return "refused", seconds
    return "failed", seconds


def _awaits(ledger: Ledger, request: RunRequest) -> bool:
    """Whether people were asked about what the run trained, and have not answered yet."""
    found = ledger.events(model=request.model, kind=APPROVAL_KINDS, newest_first=True)
    own = [event for event in found if event.payload["run_id"] == request.run_id]
    return bool(own) and own[0].kind == APPROVAL_ASKED


def _retrain(launched: Event, end: dict[str, object] | None) -> PastRetrain:
    said = launched.payload
    return PastRetrain.model_validate(
        {
            "decided": launched.as_of,
            "run_id": said["run_id"],
            "cause": said["cause"],
            "wider": said["wider"],
            "outcome": end["outcome"] if end else "running",
            "seconds": end["seconds"] if end else 0.0,
        }
    )
