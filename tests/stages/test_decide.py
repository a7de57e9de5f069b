"""One decision a night and model, final, with all that it stands on."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.policy.grounds import NIGHT, breach, column, declared, guard, sound_look
from tradewind import pipeline
from tradewind.definition.frozen import FrozenDefinition
from tradewind.errors import DefinitionError
from tradewind.nights import Grounds, ReadySegment
from tradewind.policy.decision import decide_on
from tradewind.records import Admission, RunRequest, StageOutcome
from tradewind.stages.decide import decide, decision_of, grounds_of
from tradewind.stores import launches
from tradewind.stores.events import (
    CONTRACT_ACCEPTED,
    DECIDED,
    INTENDED,
    RETRAIN_ENDED,
    RETRAIN_LAUNCHED,
    SEGMENT_READY,
)
from tradewind.stores.leases import Lease
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Monitoring
    from tradewind.settings import Settings

MODEL = "churn"
AT_ONCE = declared(name=MODEL, retrain={"drift": {"nights": 1, "of": 1}})
DRIFT = [column("guests")]


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    stores = Stores.open(home)
    stores.ledger.append(
        model=MODEL,
        kind=INTENDED,
        as_of=NIGHT - timedelta(days=10),
        actor="a test",
        reason="the first",
        payload={"version": 2, "previous": None, "model_uri": "models:/m", "evidence_digest": "e"},
    )
    return stores


def look(night: datetime = NIGHT, **changes: object) -> Monitoring:
    return sound_look(as_of=night, model=MODEL, **changes)


def decided(
    stores: Stores,
    monitoring: Monitoring,
    *,
    model: ModelDefinition = AT_ONCE,
    run_id: str = "monitor/a",
):  # type: ignore[no-untyped-def]
    request = RunRequest(
        model=MODEL,
        run_id=run_id,
        as_of=monitoring.as_of,
        actor="a test",
        reason="to decide",
        pipeline="monitor",
    )
    admission = Admission(request=request, definition_digest="d", fencing_token=None)
    frozen = FrozenDefinition(model=model, files={}, digest="d")
    return decide(admission, frozen, monitoring, stores=stores)


def test_a_decision_is_kept_with_its_grounds_and_can_be_replayed_from_them(stores: Stores) -> None:
    decision = decided(stores, look(drift=DRIFT))
    assert decision.actions == ["retrain"]
    kept = Grounds.model_validate(stores.lake.read_json(decision.grounds_uri))
    again = decide_on(kept, AT_ONCE)
    where = {"grounds_digest": decision.grounds_digest, "grounds_uri": decision.grounds_uri}
    assert again.model_copy(update=where) == decision
    (event,) = stores.ledger.events(model=MODEL, kind=DECIDED)
    assert event.reason == decision.reason


def test_a_night_is_decided_once_whatever_is_said_later(stores: Stores) -> None:
    first = decided(stores, look(drift=DRIFT))
    later = decided(stores, look(breaches=[breach()]), run_id="monitor/b")
    assert later == first
    assert len(stores.ledger.events(model=MODEL, kind=DECIDED)) == 1
    assert len(stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED)) == 1


def test_two_looks_at_the_same_moment_launch_one_training(stores: Stores) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = [f"monitor/{number}" for number in range(4)]
        found = list(
            pool.map(
                lambda run: decided(Stores.open(stores.settings), look(drift=DRIFT), run_id=run),
                runs,
            )
        )
    assert len({decision.run_id for decision in found}) == 1
    assert len(stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED)) == 1


def test_sixty_nights_of_drift_that_nothing_clears_launch_three_and_call_a_human(
    stores: Stores,
) -> None:
    actions: list[str] = []
    for night in range(60):
        moment = NIGHT + timedelta(days=night)
        decision = decided(stores, look(moment, drift=DRIFT), run_id=f"monitor/{night}")
        actions += decision.actions
        if decision.launches:
            end(stores, decision.run_id, moment, outcome="blocked")
    assert [action for action in actions if action not in ("back_off", "call_human")] == [
        "retrain",
        "wider_search",
        "retrain",
    ]
    assert actions[-1] == "call_human"
    moments = [event.as_of for event in stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED)]
    gaps = [(after - before).days for before, after in itertools.pairwise(moments)]
    assert gaps == [14, 28]


def end(stores: Stores, run_id: str | None, night: datetime, *, outcome: str) -> None:
    """Let a launched training end, as its last stage and its tear-down tell it."""
    request = RunRequest(
        model=MODEL, run_id=f"train/{run_id}", as_of=night, actor="a test", reason="launched"
    )
    for stage, result in (("admit", {"fencing_token": 1}), ("register", {"outcome": outcome})):
        stores.ledger.record_outcome(
            StageOutcome(
                model=MODEL,
                run_id=request.run_id,
                stage=stage,
                as_of=night,
                lines=[outcome],
                result=result,
            )
        )
    launches.write_back(request, stores=stores)


def test_the_outcome_of_a_training_is_written_back_to_the_decision_that_caused_it(
    stores: Stores,
) -> None:
    decision = decided(stores, look(drift=DRIFT))
    end(stores, decision.run_id, NIGHT, outcome="promoted")
    end(stores, decision.run_id, NIGHT, outcome="promoted")
    (ended,) = stores.ledger.events(model=MODEL, kind=RETRAIN_ENDED)
    (cause,) = stores.ledger.events(model=MODEL, kind=DECIDED)
    assert ended.payload["decision"] == cause.id
    assert ended.payload["outcome"] == "promoted"
    (known,) = launches.retrains(stores.ledger, MODEL, as_of=NIGHT)
    assert (known.cause, known.outcome) == ("drift", "promoted")


def test_a_training_that_nobody_launched_writes_nothing_back(stores: Stores) -> None:
    end(stores, "by hand", NIGHT, outcome="promoted")
    assert stores.ledger.events(model=MODEL, kind=RETRAIN_ENDED) == []


def by_hand(stores: Stores, number: int, *, trigger: str = "hand") -> None:
    """Train as a person or the schedule does, up to a verdict."""
    request = RunRequest(
        model=MODEL,
        run_id=f"train/{number}",
        as_of=NIGHT - timedelta(days=number),
        actor="ann",
        reason="a try",
        trigger=trigger,
    )
    held = stores.ledger.acquire_lease(
        MODEL,
        holder=request.run_id,
        ttl=timedelta(hours=1),
        as_of=request.as_of,
        actor="ann",
        reason="a try",
    )
    assert isinstance(held, Lease)
    admission = Admission(
        request=request, definition_digest="d", fencing_token=held.fencing_token
    ).model_dump(mode="json")
    for stage, result in (("admit", admission), ("register", {"outcome": "blocked"})):
        stores.ledger.record_outcome(
            StageOutcome(
                model=MODEL,
                run_id=request.run_id,
                stage=stage,
                as_of=request.as_of,
                lines=[],
                result=result,
            )
        )
    stores.ledger.release_lease(MODEL, holder=request.run_id, fencing_token=held.fencing_token)


def test_the_governor_counts_what_was_trained_by_hand(stores: Stores) -> None:
    model = declared(name=MODEL, retrain={"drift": {"nights": 1, "of": 1}, "at_most": 2})
    for number in (3, 2):
        by_hand(stores, number)
    decision = decided(stores, look(drift=DRIFT), model=model)
    assert decision.actions == ["back_off"]
    assert "2 launches in 90 days, where 2 may be" in decision.reason
    kept = Grounds.model_validate(stores.lake.read_json(decision.grounds_uri))
    assert [(one.run_id, one.cause) for one in kept.others] == [
        ("train/3", "hand"),
        ("train/2", "hand"),
    ]


def test_a_launch_is_counted_once_and_computing_by_the_time_of_the_lease(stores: Stores) -> None:
    decision = decided(stores, look(drift=DRIFT))
    end(stores, decision.run_id, NIGHT, outcome="blocked")
    by_hand(stores, 1, trigger="schedule")
    (known,) = launches.others(stores.ledger, MODEL)
    assert (known.cause, known.outcome) == ("schedule", "blocked")
    assert 0 < known.seconds < 60
    assert launches.others(stores.ledger, MODEL, as_of=NIGHT - timedelta(days=2)) == []


def test_a_champion_that_was_challenged_by_hand_is_not_old(stores: Stores) -> None:
    by_hand(stores, 1)
    model = declared(name=MODEL, retrain={"cadence": "5 days"})
    assert decided(stores, look(), model=model).actions == ["nothing"]


def test_nothing_is_launched_while_a_training_holds_the_lease(stores: Stores) -> None:
    stores.ledger.acquire_lease(
        MODEL,
        holder="train/by hand",
        ttl=timedelta(hours=1),
        as_of=NIGHT,
        actor="ann",
        reason="a try",
    )
    decision = decided(stores, look(drift=DRIFT))
    assert decision.actions == ["back_off"]
    assert "train/by hand" in decision.reason


def test_after_an_outage_the_nights_are_caught_up_with_one_launch(stores: Stores) -> None:
    decisions = [
        decided(stores, look(NIGHT + timedelta(days=night), drift=DRIFT), run_id=f"m/{night}")
        for night in range(7)
    ]
    assert [decision.launches for decision in decisions] == [True] + [False] * 6


NIGHTLY = {"score": "0 4 * * *", "first_night": NIGHT.date()}


def test_the_missed_nights_of_a_scheduled_model_are_caught_up_with_one_launch(
    stores: Stores,
) -> None:
    policy = {"drift": {"nights": 1, "of": 1}, "cooldown": "1 day"}
    scheduled = declared(name=MODEL, retrain=policy, schedule=NIGHTLY)
    launched = []
    for night in range(6):
        moment = NIGHT + timedelta(days=night)
        decision = decided(stores, look(moment, drift=DRIFT), model=scheduled, run_id=f"m/{night}")
        if decision.launches:
            launched.append(night)
            end(stores, decision.run_id, moment, outcome="blocked")
    assert launched == [0]


def test_a_night_that_is_made_up_for_launches_nothing_beside_a_later_launch(
    stores: Stores,
) -> None:
    assert decided(stores, look(NIGHT + timedelta(days=9), drift=DRIFT)).launches
    older = decided(stores, look(drift=DRIFT), run_id="monitor/older")
    assert older.actions == ["back_off"]
    assert "a launch was as of 2013-09-10" in older.reason


def intended(stores: Stores, version: int, *, days: int) -> None:
    said = {"version": version, "previous": None, "model_uri": "m", "evidence_digest": "e"}
    stores.ledger.append(
        model=MODEL,
        kind=INTENDED,
        as_of=NIGHT + timedelta(days=days),
        actor="ann",
        reason="a move",
        payload=said,
    )


def test_a_rollback_that_a_later_promotion_overtook_still_launches_and_hands_over(
    stores: Stores,
) -> None:
    intended(stores, 1, days=-9)
    intended(stores, 2, days=-8)
    intended(stores, 3, days=1)
    bad = look(probation=guard(), ready=[ReadySegment(feature="guests", value="12")])
    for run_id in ("monitor/a", "monitor/again"):
        decision = decided(stores, bad, run_id=run_id)
        assert decision.actions == ["roll_back", "retrain"]
    assert len(stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED)) == 1
    assert len(stores.ledger.events(model=MODEL, kind=SEGMENT_READY)) == 1
    champion = stores.ledger.champion(MODEL)
    assert champion is not None
    assert champion.version == 3


def known_outcome(stores: Stores, *, given_up: timedelta | None = None) -> str:
    (known,) = launches.retrains(stores.ledger, MODEL, given_up=given_up)
    return known.outcome


def test_a_launch_that_never_started_or_died_without_a_word_has_failed(stores: Stores) -> None:
    decision = decided(stores, look(drift=DRIFT))
    assert known_outcome(stores, given_up=timedelta(hours=1)) == "running"
    assert known_outcome(stores, given_up=timedelta(0)) == "failed"
    stores.ledger.acquire_lease(
        MODEL,
        holder=launches.training_run(decision),
        ttl=timedelta(hours=1),
        as_of=NIGHT,
        actor="a test",
        reason="at work",
    )
    assert known_outcome(stores, given_up=timedelta(0)) == "running"


def test_the_grounds_give_a_silent_launch_up_after_the_time_of_a_lease(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(stores, look(drift=DRIFT))
    tomorrow = NIGHT + timedelta(days=1)

    def outcome() -> str:
        found = grounds_of(stores.ledger, AT_ONCE, look(tomorrow), as_of=tomorrow)
        return found.retrains[0].outcome

    assert outcome() == "running"
    monkeypatch.setattr("tradewind.stages.decide.lease_time", lambda _: timedelta(0))
    assert outcome() == "failed"


def test_a_launched_training_that_cannot_even_be_admitted_has_failed(stores: Stores) -> None:
    decision = decided(stores, look(drift=DRIFT))
    request = RunRequest(
        model=MODEL,
        run_id=launches.training_run(decision),
        as_of=NIGHT,
        actor="a test",
        reason="launched",
        trigger="decision",
    )
    with pytest.raises(DefinitionError):
        pipeline.admit(request, stores=stores)
    assert known_outcome(stores) == "failed"


def test_a_breach_that_a_person_accepted_is_the_new_contract_from_then_on(stores: Stores) -> None:
    broken = look(breaches=[breach(col="guests")])
    assert decided(stores, broken).actions == ["quarantine"]
    later = NIGHT + timedelta(days=1)
    stores.ledger.append(
        model=MODEL,
        kind=CONTRACT_ACCEPTED,
        as_of=later,
        actor="ann",
        reason="the new till leaves it empty",
        payload={"breach": "null_rate:guests"},
    )
    assert decided(stores, look(later, breaches=broken.breaches)).actions == ["nothing"]
    first = decision_of(stores.ledger, MODEL, NIGHT)
    assert first is not None
    assert first.actions == ["quarantine"]


def test_a_segment_that_is_ready_is_handed_over_once(stores: Stores) -> None:
    ready = look(ready=[ReadySegment(feature="guests", value="12")])
    decided(stores, ready)
    decided(stores, ready, run_id="monitor/again")
    (event,) = stores.ledger.events(model=MODEL, kind=SEGMENT_READY)
    assert (event.payload["feature"], event.payload["value"]) == ("guests", "12")


def test_a_decision_whose_launch_was_lost_to_a_crash_is_launched_when_it_is_run_again(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(launches, "announce", crash)
        with pytest.raises(RuntimeError):
            decided(stores, look(drift=DRIFT))
    assert stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED) == []
    decision = decided(stores, look(drift=DRIFT), run_id="monitor/again")
    (launched,) = stores.ledger.events(model=MODEL, kind=RETRAIN_LAUNCHED)
    assert launched.payload["run_id"] == f"train/{decision.run_id}"


def test_what_is_done_is_by_the_look_that_was_decided_on(stores: Stores) -> None:
    decided(stores, look())
    later = look(ready=[ReadySegment(feature="guests", value="12")])
    decided(stores, later, run_id="monitor/again")
    assert stores.ledger.events(model=MODEL, kind=SEGMENT_READY) == []
