"""Trainings that a decision launched: announced with the decision, ended by the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.nights import PastRetrain
from tradewind.stores.events import DECIDED, RETRAIN_ENDED, RETRAIN_LAUNCHED

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tradewind.nights import Decision
    from tradewind.records import RunRequest
    from tradewind.stores.events import Event
    from tradewind.stores.ledger import Ledger
    from tradewind.stores.stores import Stores

_ITSELF = "tradewind"
_FAILED: dict[str, Any] = {"outcome": "failed", "seconds": 0.0}


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
        ends |= dict.fromkeys(_lost(ledger, model, silent, after=given_up), _FAILED)
    return [
        _retrain(event, ends.get(event.payload["run_id"]))
        for event in sorted(found, key=lambda one: (one.as_of, one.id))
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


def _lost(ledger: Ledger, model: str, silent: list[Event], *, after: timedelta) -> list[str]:
    if not silent:
        return []
    now, lease = ledger.now(), ledger.lease(model)
    at_work = lease.holder if lease else None
    old = [str(one.payload["run_id"]) for one in silent if now - one.recorded_at > after]
    return [run_id for run_id in old if run_id != at_work]


def _outcome(request: RunRequest, *, stores: Stores) -> tuple[str, float]:
    """What the run came to, and how long it held the lease."""
    said = stores.ledger.outcomes(model=request.model, run_id=request.run_id)
    by_stage = {outcome.stage: outcome for outcome in said}
    lease = stores.ledger.lease(request.model)
    own = lease is not None and lease.holder == request.run_id
    seconds = (stores.ledger.now() - lease.acquired_at).total_seconds() if lease and own else 0.0
    if "register" in by_stage:
        return str(by_stage["register"].result["outcome"]), seconds
    admitted = by_stage.get("admit")
    if admitted is not None and "fencing_token" not in admitted.result:
        return "refused", seconds
    return "failed", seconds


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
