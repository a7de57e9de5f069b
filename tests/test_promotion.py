from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.candidates import fresh_name
from tests.desk import DAY, JUNE, Desk, Interrupted
from tradewind.errors import LeaseLostError, PromotionRefusedError, RegistryError
from tradewind.promotion import CHAMPION
from tradewind.stores.ledger import Ledger
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def desk(ledger_dsn: str, mlflow_server: str) -> Desk:
    desk = Desk(Ledger(ledger_dsn), Registry(mlflow_server), fresh_name())
    desk.token = desk.lease()
    return desk


def test_whoever_had_a_lease_that_was_broken_promotes_nothing(desk: Desk) -> None:
    version = desk.version("k1")
    desk.ledger.break_lease(desk.model, actor="bob", reason="its shell was killed")
    with pytest.raises(LeaseLostError, match="bob broke it"):
        desk.promote(version, None)
    assert desk.alias() is None
    desk.token = desk.lease("r2")
    assert desk.promote(version, None).version == version


def interrupt(desk: Desk, version: int, previous: int | None) -> None:
    broken = Desk(desk.ledger, Interrupted(desk.registry.address), desk.model, desk.token)
    with pytest.raises(RegistryError, match="does not answer"):
        broken.promote(version, previous)


# --------------------------------------------------------------------------------------- promotion


def test_a_first_version_becomes_champion(desk: Desk) -> None:
    version = desk.version("a")

    promotion = desk.promote(version, None, run_id="r1")

    assert (promotion.version, promotion.previous) == (version, None)
    assert desk.champion() == desk.alias() == version
    assert desk.kinds() == ["intended", "applied"]
    intended, applied = desk.ledger.events(model=desk.model, kind=["intended", "applied"])
    assert (intended.id, applied.id) == (promotion.intended_event, promotion.applied_event)
    assert intended.payload == {
        "version": version,
        "previous": None,
        "model_uri": desk.registry.version(desk.model, version).model_uri,
        "evidence_digest": "e" * 32,
        "fencing_token": desk.token,
        "run_id": "r1",
        "action": "promote",
        "by_hand": False,
    }
    assert applied.payload["intended"] == intended.id


def test_a_night_of_the_past_has_the_champion_of_the_past(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None)
    desk.promote(second, first, as_of=JUNE + DAY)

    moments = (JUNE - DAY, JUNE, JUNE + DAY, None)
    found = [desk.champion(moment) for moment in moments]

    assert found == [None, first, second, second]


def test_a_promotion_that_was_judged_against_another_champion_is_refused(desk: Desk) -> None:
    first, second, third = (desk.version(key) for key in "abc")
    desk.promote(first, None)
    desk.promote(second, first)

    with pytest.raises(
        PromotionRefusedError,
        match=f"judged against version {first}, but the champion is version {second} .by ann",
    ) as refused:
        desk.promote(third, first)

    assert refused.value.champion == second
    assert desk.alias() == second
    assert desk.kinds() == ["intended", "applied"] * 2


def test_an_older_night_promotes_nothing(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None)

    with pytest.raises(PromotionRefusedError, match="an older night promotes nothing"):
        desk.promote(second, first, as_of=JUNE - DAY)

    assert desk.alias() == first


def test_the_champions_own_night_promotes_a_better_one(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None)
    desk.promote(second, first, as_of=JUNE)
    assert desk.champion(JUNE) == second


def test_a_version_that_mlflow_does_not_know_is_never_intended(desk: Desk) -> None:
    with pytest.raises(RegistryError, match="no version 7"):
        desk.promote(7, None)
    assert desk.kinds() == []


def test_of_twenty_promotions_of_one_predecessor_exactly_one_wins(desk: Desk) -> None:
    predecessor = desk.version("first")
    desk.promote(predecessor, None)
    versions = [desk.version(f"k{number}") for number in range(20)]
    barrier, won, refused = threading.Barrier(20), [], []

    def contend(version: int) -> None:
        barrier.wait()
        try:
            won.append(desk.promote(version, predecessor).version)
        except PromotionRefusedError as error:
            refused.append(error.champion)

    threads = [threading.Thread(target=contend, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert refused == won * 19
    assert desk.alias() == desk.champion() == won[0]
    assert desk.kinds() == ["intended", "applied"] * 2


# ---------------------------------------------------------------------------------- reconciliation


def test_a_promotion_interrupted_before_the_alias_is_finished(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None)
    interrupt(desk, second, first)
    assert desk.alias() == first

    result = desk.reconcile()

    assert (result.state, result.champion, result.alias) == ("repaired", second, first)
    assert desk.alias() == second
    assert desk.kinds() == ["intended", "applied"] * 2
    assert desk.reconcile().state == "agrees"


def test_the_decision_stands_before_the_alias_follows(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    interrupt(desk, first, None)

    with pytest.raises(PromotionRefusedError, match=f"the champion is version {first}"):
        desk.promote(second, None)

    desk.promote(second, first)
    assert desk.reconcile().state == "agrees"
    assert desk.alias() == second


_PROMOTE_AND_DIE = """
import os, signal, sys
from datetime import datetime, timezone
from types import SimpleNamespace
from tradewind.promotion import promote
from tradewind.stores.ledger import Ledger
from tradewind.stores.registry import Registry

class Dying(Registry):
    def set_alias(self, model, alias, version):
        if sys.argv[1] == "after":
            super().set_alias(model, alias, version)
        os.kill(os.getpid(), signal.SIGKILL)

stores = SimpleNamespace(
    ledger=Ledger(os.environ["LEDGER"]), registry=Dying(os.environ["REGISTRY"])
)
promote(
    stores=stores, model=sys.argv[2], version=int(sys.argv[3]), expected_previous=None,
    as_of=datetime(2013, 6, 1, tzinfo=timezone.utc), actor="ann", reason="nightly",
    evidence_digest="e", fencing_token=int(sys.argv[4]),
)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_killed_around_the_alias_is_repaired_by_the_next(
    desk: Desk, ledger_dsn: str, when: str
) -> None:
    version = desk.version("a")
    words = [when, desk.model, str(version), str(desk.token)]
    died = subprocess.run(
        [sys.executable, "-c", _PROMOTE_AND_DIE, *words],
        env={**os.environ, "LEDGER": ledger_dsn, "REGISTRY": desk.registry.address},
        check=False,
    )
    assert died.returncode == -9
    assert desk.kinds() == ["intended"]
    assert desk.alias() == (version if when == "after" else None)

    assert desk.reconcile().state == "repaired"

    assert desk.alias() == version
    assert desk.kinds() == ["intended", "applied"]
    assert desk.ledger.events(kind="applied")[0].payload["repaired"] is True


def test_an_alias_moved_behind_the_ledgers_back_is_reported_and_not_put_back(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None)
    desk.registry.set_alias(desk.model, CHAMPION, second)

    result = desk.reconcile()

    assert (result.state, result.champion, result.alias) == ("tampered", first, second)
    assert f"at version {second}, and the ledger says version {first}" in result.sentence
    assert desk.alias() == second
    assert desk.champion() == first
    reported = desk.ledger.events(model=desk.model, kind="tampering")
    assert [event.payload for event in reported] == [{"alias": second, "champion": first}]


def remove(desk: Desk) -> None:
    desk.registry.remove_alias(desk.model, CHAMPION)


def delete_version(desk: Desk) -> None:
    current = desk.alias()
    desk.registry._client.delete_model_version(desk.model, str(current))


@pytest.mark.parametrize("tamper", [remove, delete_version])
def test_an_alias_that_is_gone_is_tampering_too(desk: Desk, tamper: Callable[[Desk], None]) -> None:
    desk.promote(desk.version("a"), None)
    tamper(desk)
    result = desk.reconcile()
    assert (result.state, result.alias) == ("tampered", None)


def test_a_promotion_after_tampering_goes_by_the_ledger(desk: Desk) -> None:
    first, second, third = (desk.version(key) for key in "abc")
    desk.promote(first, None)
    desk.registry.set_alias(desk.model, CHAMPION, second)
    desk.reconcile()

    desk.promote(third, first)

    assert desk.alias() == third
    assert desk.reconcile().state == "agrees"


def test_an_interrupted_promotion_of_a_version_deleted_since_stops_nobody(desk: Desk) -> None:
    first, second = desk.version("a"), desk.version("b")
    interrupt(desk, first, None)
    desk.registry._client.delete_model_version(desk.model, str(first))

    assert desk.reconcile().state == "tampered"

    desk.promote(second, first)
    assert desk.alias() == second


def test_with_mlflow_down_nothing_is_decided(
    desk: Desk, ledger_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    down = Desk(Ledger(ledger_dsn), Interrupted("http://127.0.0.1:1"), desk.model, desk.token)
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1"):
        down.promote(1, None)
    assert desk.kinds() == []
