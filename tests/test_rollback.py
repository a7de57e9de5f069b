from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.candidates import fresh_name
from tests.desk import DAY, JUNE, Desk, Interrupted
from tradewind.errors import PromotionRefusedError, RegistryError
from tradewind.live import KINDS, taken_back
from tradewind.stores.ledger import Ledger
from tradewind.stores.registry import Registry


@pytest.fixture
def desk(ledger_dsn: str, mlflow_server: str) -> Desk:
    desk = Desk(Ledger(ledger_dsn), Registry(mlflow_server), fresh_name())
    desk.token = desk.lease()
    return desk


@pytest.fixture
def two(desk: Desk) -> tuple[Desk, int, int]:
    """A model whose second version followed its first."""
    first, second = desk.version("a"), desk.version("b")
    desk.promote(first, None, evidence_digest="for a")
    desk.promote(second, first, evidence_digest="for b", as_of=JUNE + DAY)
    return desk, first, second


def test_a_rollback_gives_the_place_back(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two

    done = desk.roll_back(as_of=JUNE + 2 * DAY, run_id="monitor/1")

    assert (done.version, done.previous) == (first, second)
    assert desk.champion() == desk.alias() == first
    assert desk.champion(JUNE + DAY) == second
    assert desk.live().previous is None
    event = desk.ledger.events(model=desk.model, kind="intended")[-1]
    assert event.payload == {
        "version": first,
        "previous": second,
        "model_uri": desk.registry.version(desk.model, first).model_uri,
        "evidence_digest": "for a",
        "fencing_token": None,
        "run_id": "monitor/1",
        "action": "roll_back",
        "from": second,
        "by_hand": False,
    }
    assert desk.kinds() == ["intended", "applied"] * 3
    assert desk.reconcile().state == "agrees"


def test_a_training_in_flight_finds_its_champion_gone(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    desk.roll_back(as_of=JUNE + DAY)
    with pytest.raises(
        PromotionRefusedError,
        match=f"judged against version {second}, but the champion is version {first} .by bob",
    ):
        desk.promote(desk.version("c"), second, as_of=JUNE + 2 * DAY)


def test_what_was_rolled_back_returns_with_a_new_verdict_only(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    desk.roll_back(as_of=JUNE + DAY)

    with pytest.raises(PromotionRefusedError, match="needs a new verdict to return"):
        desk.promote(second, first, evidence_digest="for b", as_of=JUNE + 2 * DAY)
    desk.promote(second, first, evidence_digest="a new one", as_of=JUNE + 2 * DAY)

    assert desk.live().previous == first


def test_a_named_version_must_have_been_live_and_not_taken_back(two: tuple[Desk, int, int]) -> None:
    desk, first, second = two
    third, fourth = desk.version("c"), desk.version("d")
    desk.promote(third, second, as_of=JUNE + DAY, evidence_digest="for c")
    with pytest.raises(PromotionRefusedError, match="never live before it; live before were"):
        desk.roll_back(fourth, as_of=JUNE + DAY)
    with pytest.raises(PromotionRefusedError, match="which is itself"):
        desk.roll_back(third, as_of=JUNE + DAY)

    assert desk.roll_back(first, as_of=JUNE + DAY).version == first

    with pytest.raises(PromotionRefusedError, match="which was rolled back itself"):
        desk.roll_back(second, as_of=JUNE + DAY)


def test_an_older_night_rolls_nothing_back(two: tuple[Desk, int, int]) -> None:
    desk, _, second = two
    with pytest.raises(PromotionRefusedError, match="an older night"):
        desk.roll_back(as_of=JUNE)
    assert desk.champion() == second


def test_two_that_press_at_once_go_one_step_back(two: tuple[Desk, int, int]) -> None:
    desk, _, second = two
    third = desk.version("c")
    desk.promote(third, second, as_of=JUNE + DAY)
    barrier, done, refused = threading.Barrier(2), [], []

    def press(who: str) -> None:
        barrier.wait()
        try:
            done.append(desk.roll_back(as_of=JUNE + DAY, actor=who, run_id=f"release/{who}"))
        except PromotionRefusedError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=press, args=(who,)) for who in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.version for one in done] == [second]
    assert "already" in refused[0]
    assert "name the version" in refused[0]
    assert desk.champion() == desk.alias() == second


def test_nothing_is_promoted_under_a_hold(two: tuple[Desk, int, int]) -> None:
    desk, _, second = two
    until = (JUNE + 9 * DAY).isoformat()
    # Ordered later than the night that is still being trained.
    desk.ledger.append(
        model=desk.model,
        kind="held",
        as_of=JUNE + 5 * DAY,
        actor="ann",
        reason="a sale",
        payload={"until": until},
    )
    third = desk.version("c")
    with pytest.raises(PromotionRefusedError, match="before 2013-06-10 00:00 UTC, by ann: a sale"):
        desk.promote(third, second, as_of=JUNE + 2 * DAY)
    assert desk.promote(third, second, as_of=JUNE + 9 * DAY).version == third


def test_a_hold_keeps_nobody_from_rolling_back(two: tuple[Desk, int, int]) -> None:
    desk, first, _ = two
    held = {"model": desk.model, "kind": "held", "as_of": JUNE, "actor": "ann", "reason": "r"}
    desk.ledger.append(**held, payload={"until": (JUNE + 9 * DAY).isoformat()})  # type: ignore[arg-type]
    assert desk.roll_back(as_of=JUNE + DAY).version == first


# ------------------------------------------------------------------------------------- interruption

_ROLL_BACK_AND_DIE = """
import os, signal, sys
from datetime import datetime, timezone
from types import SimpleNamespace
from tradewind.promotion import roll_back
from tradewind.stores.ledger import Ledger
from tradewind.stores.registry import Registry

class Dying(Registry):
    def set_alias(self, model, alias, version):
        os.kill(os.getpid(), signal.SIGKILL)

stores = SimpleNamespace(
    ledger=Ledger(os.environ["LEDGER"]), registry=Dying(os.environ["REGISTRY"])
)
roll_back(
    stores=stores, model=sys.argv[1], as_of=datetime(2013, 6, 2, tzinfo=timezone.utc),
    actor="bob", reason="it is worse", run_id="release/1",
)
"""


def test_a_rollback_killed_before_the_alias_is_repaired_by_the_next_look(
    two: tuple[Desk, int, int], ledger_dsn: str
) -> None:
    desk, first, second = two
    died = subprocess.run(
        [sys.executable, "-c", _ROLL_BACK_AND_DIE, desk.model],
        env={**os.environ, "LEDGER": ledger_dsn, "REGISTRY": desk.registry.address},
        check=False,
    )
    assert died.returncode == -9
    assert (desk.champion(), desk.alias()) == (first, second)

    result = desk.reconcile()

    assert (result.state, result.champion, result.alias) == ("repaired", first, second)
    assert desk.alias() == first
    assert desk.kinds() == ["intended", "applied"] * 3


def test_a_rollback_that_is_tried_again_is_finished(two: tuple[Desk, int, int]) -> None:
    desk, first, _ = two
    broken = Desk(desk.ledger, Interrupted(desk.registry.address), desk.model)
    with pytest.raises(RegistryError, match="does not answer"):
        broken.roll_back(as_of=JUNE + DAY, run_id="release/1")

    assert desk.roll_back(as_of=JUNE + DAY, run_id="release/1").version == first

    assert desk.alias() == first
    assert desk.kinds() == ["intended", "applied"] * 3


# ------------------------------------------------------------------------------------- any sequence


class Shelfless:
    """The few things that a promotion asks of MLflow, kept in memory: for many sequences."""

    def __init__(self) -> None:
        self.aliases: dict[str, int] = {}

    def version(self, _: str, number: int) -> SimpleNamespace:
        return SimpleNamespace(version=number, model_uri=f"models:/m-{number}", tags={})

    def versions(self, _: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(version=number) for number in range(1, 6)]

    def alias(self, _: str, alias: str) -> int | None:
        return self.aliases.get(alias)

    def set_alias(self, _: str, alias: str, version: int) -> None:
        self.aliases[alias] = version

    def remove_alias(self, _: str, alias: str) -> None:
        self.aliases.pop(alias, None)

    def model_tags(self, _: str) -> None:
        return None


def check(desk: Desk) -> None:
    """Ledger and alias name one champion, and its predecessor is one that may return."""
    events = desk.ledger.events(model=desk.model, kind=KINDS)
    state = desk.live()
    assert desk.champion() == desk.alias() == state.champion
    was_live = {event.payload["version"] for event in events if event.kind == "intended"}
    assert state.previous is None or state.previous in was_live - {state.champion}
    last = {e.payload["version"]: e.payload["evidence_digest"] for e in events}
    assert state.previous is None or (state.previous, last[state.previous]) not in taken_back(
        events
    )


def go_through(desk: Desk, steps: list[tuple[str, int]]) -> None:
    for number, (action, version) in enumerate(steps):
        before, as_of = desk.champion(), JUNE + number * DAY
        try:
            if action == "promote":
                evidence = f"evidence {number % 4}"
                desk.promote(version, before, as_of=as_of, evidence_digest=evidence)
            else:
                desk.roll_back(version if action == "back to" else None, as_of=as_of)
        except PromotionRefusedError:
            assert desk.champion() == before
        check(desk)


ORDERS = st.tuples(st.sampled_from(["promote", "promote", "back", "back to"]), st.integers(1, 5))


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(ORDERS, min_size=4, max_size=10))
def test_no_sequence_of_orders_leaves_two_champions(
    ledger_dsn: str, steps: list[tuple[str, int]]
) -> None:
    desk = Desk(Ledger(ledger_dsn), Shelfless(), fresh_name())  # type: ignore[arg-type]
    desk.token = desk.lease()
    go_through(desk, steps)


def test_nor_does_one_in_a_real_registry(desk: Desk) -> None:
    for key in "abcde":
        desk.version(key)
    draw = random.Random(7)  # noqa: S311 -- a sequence, and no secret
    words = ["promote", "promote", "back", "back to"]
    go_through(desk, [(draw.choice(words), draw.randint(1, 5)) for _ in range(12)])
