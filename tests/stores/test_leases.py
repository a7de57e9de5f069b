from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tradewind.definition.schema import Schedule
from tradewind.errors import LeaseLostError, LedgerUnavailableError
from tradewind.stores import ledger_database
from tradewind.stores.ledger import ROUTINE, Lease, LeaseHeld, Ledger, lease_time

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = datetime(2013, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAST = timedelta(seconds=-1)


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def acquire(
    ledger: Ledger, holder: str, *, model: str = "m", ttl: timedelta = HOUR
) -> Lease | LeaseHeld:
    return ledger.acquire_lease(
        model, holder=holder, ttl=ttl, as_of=AS_OF, actor="ann", reason="nightly"
    )


def taken(ledger: Ledger, holder: str, **more: Any) -> Lease:
    lease = acquire(ledger, holder, **more)
    assert isinstance(lease, Lease)
    return lease


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.events(model="m")]


def test_of_two_contenders_one_gets_the_lease_and_the_other_learns_who_has_it(
    ledger: Ledger,
) -> None:
    lease = taken(ledger, "r1")
    refused = acquire(ledger, "r2")

    assert isinstance(refused, LeaseHeld)
    assert (refused.holder, refused.since, refused.until) == (
        "r1",
        lease.acquired_at,
        lease.expires_at,
    )
    assert "the run r1 holds the lease of m since" in refused.sentence
    assert ledger.lease("m") == lease


def test_models_do_not_stand_in_each_others_way(ledger: Ledger) -> None:
    taken(ledger, "r1", model="m")
    assert taken(ledger, "r2", model="n").fencing_token == 1


def test_a_retried_task_gets_its_own_lease_back_with_the_same_token(ledger: Ledger) -> None:
    first = taken(ledger, "r1")
    again = taken(ledger, "r1")

    assert again.fencing_token == first.fencing_token
    assert again.acquired_at == first.acquired_at
    assert again.expires_at > first.expires_at


def test_an_expired_lease_is_taken_over_with_a_greater_token(ledger: Ledger) -> None:
    old = taken(ledger, "r1", ttl=PAST)
    assert ledger.lease("m") is None

    new = taken(ledger, "r2")

    assert new.fencing_token > old.fencing_token
    assert kinds(ledger) == ["lease_acquired", "lease_taken_over"]


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR),
        lambda ledger: ledger.release_lease("m", holder="r1", fencing_token=1),
        lambda ledger: ledger.require_lease("m", fencing_token=1),
    ],
    ids=["renew", "release", "require"],
)
def test_whoever_lost_the_lease_can_do_nothing_with_it(
    ledger: Ledger, change: Callable[[Ledger], object]
) -> None:
    taken(ledger, "r1", ttl=PAST)
    held = taken(ledger, "r2")

    with pytest.raises(
        LeaseLostError, match=r"m: lease 1 is lost: the run r2 took it at .* lease 2"
    ):
        change(ledger)

    assert ledger.lease("m") == held


def test_an_expired_lease_that_nobody_took_is_renewed(ledger: Ledger) -> None:
    taken(ledger, "r1", ttl=PAST)
    renewed = ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR)
    assert ledger.lease("m") == renewed


def test_a_released_lease_is_free_and_its_token_is_not_given_again(ledger: Ledger) -> None:
    taken(ledger, "r1")
    ledger.release_lease("m", holder="r1", fencing_token=1)

    assert ledger.lease("m") is None
    assert taken(ledger, "r2").fencing_token == 2


def test_the_same_run_after_its_release_gets_a_new_token(ledger: Ledger) -> None:
    taken(ledger, "r1")
    ledger.release_lease("m", holder="r1", fencing_token=1)
    assert taken(ledger, "r1").fencing_token == 2


def test_releasing_twice_is_releasing_once(ledger: Ledger) -> None:
    taken(ledger, "r1")
    for _ in range(2):
        ledger.release_lease("m", holder="r1", fencing_token=1)
    assert kinds(ledger) == ["lease_acquired", "lease_released"]


def test_a_released_lease_may_change_nothing_until_it_is_renewed(ledger: Ledger) -> None:
    taken(ledger, "r1")
    ledger.release_lease("m", holder="r1", fencing_token=1)
    with pytest.raises(LeaseLostError, match="gave lease 1 back"):
        ledger.require_lease("m", fencing_token=1)

    ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR)

    assert ledger.require_lease("m", fencing_token=1).holder == "r1"


def test_a_lease_that_never_was_is_lost(ledger: Ledger) -> None:
    with pytest.raises(LeaseLostError, match="nobody has ever held it"):
        ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR)


def test_a_broken_lease_is_free_and_whoever_had_it_can_do_nothing_with_it(ledger: Ledger) -> None:
    held = taken(ledger, "r1")

    assert ledger.break_lease("m", actor="bob", reason="its shell was killed") == held

    assert ledger.lease("m") is None
    broken = "lease 1 is lost: bob broke it at .*: its shell was killed"
    for change in (
        lambda: ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR),
        lambda: ledger.release_lease("m", holder="r1", fencing_token=1),
        lambda: ledger.require_lease("m", fencing_token=1),
    ):
        with pytest.raises(LeaseLostError, match=broken):
            change()
    assert taken(ledger, "r2").fencing_token > held.fencing_token
    event = ledger.events(model="m", without=ROUTINE)[0]
    assert (event.kind, event.actor, event.reason) == (
        "lease_broken",
        "bob",
        "its shell was killed",
    )


def test_a_broken_lease_stays_broken_when_the_projections_are_made_again(ledger: Ledger) -> None:
    taken(ledger, "r1")
    ledger.break_lease("m", actor="bob", reason="killed")
    ledger.rebuild_projections()
    with pytest.raises(LeaseLostError, match="bob broke it"):
        ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR)


def test_a_lease_that_nobody_holds_is_not_broken(ledger: Ledger) -> None:
    assert ledger.break_lease("m", actor="bob", reason="killed") is None
    taken(ledger, "r1")
    ledger.release_lease("m", holder="r1", fencing_token=1)
    assert ledger.break_lease("m", actor="bob", reason="killed") is None
    assert kinds(ledger) == ["lease_acquired", "lease_released"]


def test_a_token_is_not_given_again_where_the_row_is_gone(ledger: Ledger, ledger_dsn: str) -> None:
    taken(ledger, "r1")
    with closing(psycopg2.connect(ledger_dsn)) as connection, connection:
        connection.cursor().execute("DELETE FROM leases")
    assert taken(ledger, "r2").fencing_token == 2


def test_of_twenty_at_once_exactly_one_gets_the_lease(ledger: Ledger) -> None:
    results: list[Lease | LeaseHeld] = []
    barrier = threading.Barrier(20)

    def contend(number: int) -> None:
        barrier.wait()
        results.append(acquire(ledger, f"r{number}"))

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winners = [result for result in results if isinstance(result, Lease)]
    assert (len(results), len(winners)) == (20, 1)
    assert {r.holder for r in results} == {winners[0].holder}
    assert kinds(ledger) == ["lease_acquired"]


def test_of_twenty_at_once_exactly_one_takes_an_expired_lease_over(ledger: Ledger) -> None:
    taken(ledger, "r", ttl=PAST)
    tokens: list[int] = []
    barrier = threading.Barrier(20)

    def contend(number: int) -> None:
        barrier.wait()
        result = acquire(ledger, f"r{number}")
        if isinstance(result, Lease):
            tokens.append(result.fencing_token)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tokens == [2]


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: acquire(ledger, "r2"),
        lambda ledger: ledger.renew_lease("m", holder="r1", fencing_token=1, ttl=HOUR),
        lambda ledger: ledger.release_lease("m", holder="r1", fencing_token=1),
        lambda ledger: ledger.freeze_definition("m", {}, as_of=AS_OF, actor="ann"),
    ],
    ids=["acquire", "renew", "release", "freeze"],
)
def test_nobody_changes_a_lease_while_another_holds_the_models_lock(
    ledger: Ledger,
    ledger_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Ledger], object],
) -> None:
    taken(ledger, "r1", ttl=PAST)
    with ledger.lock("m") as held:
        monkeypatch.setattr(ledger_database, "LOCK_TIMEOUT", "50ms")
        with pytest.raises(LedgerUnavailableError, match="held a lock that this needs for 50ms"):
            change(Ledger(ledger_dsn))
        taken(ledger, "r1", model="another")
        assert held.require_lease("m", fencing_token=1).holder == "r1"
    assert kinds(ledger) == ["lease_acquired"]


def kill_whoever_holds_a_lock(dsn: str) -> None:
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert cursor.fetchall() == [(True,)]


def test_a_lock_whose_connection_is_lost_writes_nothing_more(
    ledger: Ledger, ledger_dsn: str
) -> None:
    with ledger.lock("m") as held:
        kill_whoever_holds_a_lock(ledger_dsn)
        with pytest.raises(LedgerUnavailableError):
            held.append(model="m", kind="note", as_of=AS_OF, actor="ann", reason="mine", payload={})
    assert ledger.events() == []


def test_a_lease_outlasts_a_task_with_all_its_retries_and_waits() -> None:
    schedule = Schedule.model_validate(
        {"retries": 2, "retry_delay": "1 minute", "task_timeout": "1 hour"}
    )
    # Three tries of an hour, waits of one and two minutes, and the slack.
    assert lease_time(schedule) == timedelta(hours=3, minutes=3 + 10)
