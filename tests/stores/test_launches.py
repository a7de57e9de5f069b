"""Trainings as the ledger knows them: which there were, and what computing they took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tradewind.records import Admission, RunRequest, StageOutcome
from tradewind.stores import launches
from tradewind.stores.events import (
    APPROVAL_ASKED,
    LEASE_ACQUIRED,
    RETRAIN_ENDED,
    RETRAIN_LAUNCHED,
)
from tradewind.stores.leases import Lease
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings
    from tradewind.stores.ledger import Ledger

MODEL = "churn"
NIGHT = datetime(2013, 9, 10, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


@pytest.fixture
def ledger(stores: Stores) -> Ledger:
    return stores.ledger


def request_of(number: int) -> RunRequest:
    return RunRequest(
        model=MODEL,
        run_id=f"train/{number}",
        as_of=NIGHT - timedelta(days=number),
        actor="ann",
        reason="a try",
    )


def taken(ledger: Ledger, number: int, *, ttl: timedelta = HOUR) -> Lease:
    """Let a training of so many days before the night be admitted."""
    request = request_of(number)
    said = {"as_of": request.as_of, "actor": "ann", "reason": "a try"}
    lease = ledger.acquire_lease(MODEL, holder=request.run_id, ttl=ttl, **said)
    assert isinstance(lease, Lease)
    admitted = Admission(
        request=request, definition_digest="d", fencing_token=lease.fencing_token
    ).model_dump(mode="json")
    say(ledger, request, "admit", admitted)
    return lease


def say(ledger: Ledger, request: RunRequest, stage: str, result: dict[str, object]) -> None:
    ledger.record_outcome(
        StageOutcome(
            model=MODEL,
            run_id=request.run_id,
            stage=stage,
            as_of=request.as_of,
            lines=[],
            result=result,
        )
    )


def trained(ledger: Ledger, number: int, *, outcome: str | None) -> None:
    """Train up to a verdict, or until it fails."""
    lease = taken(ledger, number)
    if outcome:
        say(ledger, request_of(number), "register", {"outcome": outcome})
    ledger.release_lease(MODEL, holder=lease.holder, fencing_token=lease.fencing_token)


def seconds(ledger: Ledger) -> dict[str, float]:
    return {one.run_id: one.seconds for one in launches.others(ledger, MODEL)}


def test_a_training_whose_lease_was_broken_counts_until_then(ledger: Ledger) -> None:
    taken(ledger, 1)
    assert seconds(ledger) == {"train/1": 0}
    ledger.break_lease(MODEL, actor="ann", reason="its machine is gone")
    assert 0 < seconds(ledger)["train/1"] < HOUR.total_seconds()


def test_a_training_that_died_counts_until_its_lease_expired_also_once_it_is_taken_over(
    ledger: Ledger,
) -> None:
    moment = timedelta(microseconds=1)
    for number in (2, 1):
        taken(ledger, number, ttl=moment)
        died = {"train/2": moment.total_seconds(), "train/1": moment.total_seconds()}
        assert seconds(ledger).items() <= died.items()
    taken(ledger, 3)
    assert seconds(ledger) == {"train/3": 0, **died}


def test_a_lease_that_is_given_back_twice_counts_once_and_two_leases_both(ledger: Ledger) -> None:
    first = taken(ledger, 1)
    own = {"holder": first.holder, "fencing_token": first.fencing_token}
    ledger.release_lease(MODEL, **own)
    once = seconds(ledger)["train/1"]
    ledger.renew_lease(MODEL, **own, ttl=HOUR)
    ledger.release_lease(MODEL, **own)
    assert seconds(ledger)["train/1"] == once
    trained(ledger, 1, outcome="blocked")
    assert seconds(ledger)["train/1"] > once


def test_a_launched_training_that_was_unlocked_has_taken_its_time_too(stores: Stores) -> None:
    ledger, request = stores.ledger, request_of(1)
    said = {"run_id": request.run_id, "cause": "drift", "wider": False, "decision": 1}
    words = {"as_of": request.as_of, "actor": "ann", "reason": "it drifts"}
    ledger.append(model=MODEL, kind=RETRAIN_LAUNCHED, payload=said, **words)
    taken(ledger, 1)
    ledger.break_lease(MODEL, actor="ann", reason="its machine is gone")
    (silent,) = launches.retrains(ledger, MODEL, given_up=timedelta(0))
    launches.write_back(request, stores=stores)
    (told,) = launches.retrains(ledger, MODEL)
    assert (told.outcome, silent.outcome) == ("failed", "failed")
    assert told.seconds == silent.seconds > 0
    assert len(ledger.events(model=MODEL, kind=RETRAIN_ENDED)) == 1


def test_a_launched_training_that_people_think_about_has_not_failed(stores: Stores) -> None:
    ledger, request = stores.ledger, request_of(1)
    said = {"run_id": request.run_id, "cause": "drift", "wider": False, "decision": 1}
    words = {"as_of": request.as_of, "actor": "ann", "reason": "it drifts"}
    ledger.append(model=MODEL, kind=RETRAIN_LAUNCHED, payload=said, **words)
    lease = taken(ledger, 1)
    ledger.append(model=MODEL, kind=APPROVAL_ASKED, payload={"run_id": request.run_id}, **words)
    launches.write_back(request, stores=stores)
    ledger.release_lease(MODEL, holder=request.run_id, fencing_token=lease.fencing_token)
    (awaited,) = launches.retrains(ledger, MODEL, given_up=timedelta(0))
    assert awaited.outcome == "awaits_approval"
    say(ledger, request, "register", {"outcome": "promoted"})
    launches.write_back(request, stores=stores)
    (promoted,) = launches.retrains(ledger, MODEL)
    assert promoted.outcome == "promoted"


def test_trainings_of_long_ago_are_left_out_but_for_the_last_verdict(ledger: Ledger) -> None:
    for number, outcome in ((200, "promoted"), (150, "blocked"), (120, None), (10, None)):
        trained(ledger, number, outcome=outcome)

    def known() -> list[tuple[str, str]]:
        since = NIGHT - timedelta(days=90)
        return [(o.run_id, o.outcome) for o in launches.others(ledger, MODEL, since=since)]

    assert known() == [("train/150", "blocked"), ("train/10", "failed")]
    assert launches.others(ledger, MODEL, since=NIGHT)[0].seconds > 0
    trained(ledger, 5, outcome="unchanged")
    assert known() == [("train/10", "failed"), ("train/5", "unchanged")]
    assert len(launches.others(ledger, MODEL)) == len(ledger.events(kind=LEASE_ACQUIRED)) == 5
