"""Versions that score beside the champion: which may, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.desk import DAY, JUNE
from tests.test_live import arm, happened, promoted, rolled_back
from tradewind.errors import LeaseLostError, RequestError
from tradewind.nights import Guard
from tradewind.promotion import (
    CHALLENGER,
    arm_refusal,
    conclude_arm,
    expire_arms,
    start_arm,
    stop_arm,
)

if TYPE_CHECKING:
    from tests.promotion.past import Past

# ------------------------------------------------------------------------------------ which may


def refused(*steps: tuple[str, dict[str, Any]], **changes: Any) -> str | None:
    """Why version 3 may not score beside the champion; None where it may."""
    asked = {"version": 3, "kind": "shadow", "share": 0.0, "as_of": JUNE + 9 * DAY, **changes}
    return arm_refusal(happened(*steps), model="m", **asked)


CANARY: dict[str, Any] = {"kind": "canary", "share": 0.5}
BACK = (promoted(1), promoted(3, "for 3"), rolled_back(1))


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        pytest.param((promoted(1),), {}, id="a shadow of its own"),
        pytest.param((promoted(1), arm(2)), {}, id="a second shadow"),
        pytest.param(BACK, {}, id="a shadow of what was rolled back"),
        pytest.param((promoted(1),), CANARY, id="a canary of its own"),
        pytest.param((promoted(1), arm(2, "canary", 0.25)), CANARY, id="a second canary"),
        pytest.param((promoted(1), arm(2, "canary", 0.5)), CANARY, id="one for everybody else"),
        pytest.param(
            (promoted(1), arm(2, "canary", 0.75)),
            {**CANARY, "replaced": ["canary:2"]},
            id="one that takes another's place",
        ),
        pytest.param(
            (*BACK, promoted(3, "new"), promoted(2)),
            CANARY,
            id="a canary of what was rolled back and returned",
        ),
    ],
)
def test_a_version_may_score_beside_the_champion(
    steps: tuple[Any, ...], changes: dict[str, Any]
) -> None:
    assert refused(*steps, **changes) is None


@pytest.mark.parametrize(
    ("steps", "changes", "said"),
    [
        pytest.param(
            (promoted(1), ("retired", {})),
            {},
            "m was retired: reason 2; bring it back with `resume`",
            id="a retired model",
        ),
        pytest.param(
            (), {}, "m has no champion yet that version 3 could score beside", id="no champion"
        ),
        pytest.param(
            (promoted(3),),
            {},
            "m: version 3 is the champion, which scores already",
            id="the champion itself",
        ),
        pytest.param(
            (promoted(1), arm(2), arm(3)),
            CANARY,
            "m: version 3 scores beside the champion already, as shadow:3",
            id="an arm already",
        ),
        pytest.param(
            BACK,
            CANARY,
            "m: version 3 was rolled back, and decides for nobody before it has a new verdict; "
            "start it as a shadow",
            id="a canary of what was rolled back",
        ),
        pytest.param(
            (promoted(1), arm(2, "canary", 0.75)),
            CANARY,
            "m: 0.75 of the entities have a canary already, and 0.5 more are over 1; stop one "
            "first",
            id="more canaries than entities",
        ),
    ],
)
def test_a_version_that_may_not_is_told_why(
    steps: tuple[Any, ...], changes: dict[str, Any], said: str
) -> None:
    assert refused(*steps, **changes) == said


@pytest.mark.parametrize("share", [-0.1, 0.0, 1.0, 1.5])
def test_a_canary_decides_for_some_and_not_for_all(share: float) -> None:
    said = f"m: a canary's share lies between 0 and 1, and is not {share:g}"
    assert refused(promoted(1), kind="canary", share=share) == said


# ---------------------------------------------------------------------------- started and stopped


@pytest.fixture
def one(past: Past) -> Past:
    """A model whose champion is version 1."""
    past.became(1)
    return past


def start(past: Past, version: int = 2, *, kind: Any = "shadow", **more: Any) -> str:
    said = {"as_of": JUNE, "actor": "ann", "reason": "to see", **more}
    return start_arm(stores=past, model=past.model, version=version, kind=kind, **said)  # type: ignore[arg-type]


def stop(past: Past, version: int = 2, *, run_id: str | None = None) -> None:
    stop_arm(
        stores=past,  # type: ignore[arg-type]
        model=past.model,
        version=version,
        as_of=JUNE,
        actor="ann",
        reason="seen",
        run_id=run_id,
    )


def arms(past: Past) -> list[str]:
    return [found.name for found in past.live().arms]


def test_a_version_that_is_started_scores_and_is_the_challenger(one: Past) -> None:
    assert start(one) == "shadow:2"
    assert arms(one) == ["shadow:2"]
    assert one.alias(CHALLENGER) == 2


def test_a_training_starts_nothing_once_its_lease_is_lost(one: Past) -> None:
    token = one.lease()
    start(one, fencing_token=token)
    one.ledger.renew_lease(one.model, holder="r1", fencing_token=token, ttl=timedelta(seconds=-1))
    one.lease("r2")
    with pytest.raises(LeaseLostError, match="the run r2 took it"):
        start(one, 3, fencing_token=token)
    assert arms(one) == ["shadow:2"]


def test_the_same_run_starts_a_version_once_and_another_is_told_that_it_scores(one: Past) -> None:
    start(one, run_id="release/1")
    start(one, run_id="release/1")
    assert one.kinds() == ["intended", "applied", "arm_started"]
    with pytest.raises(RequestError, match="scores beside the champion already, as shadow:2"):
        start(one, run_id="release/2")
    with pytest.raises(RequestError, match="scores beside the champion already, as shadow:2"):
        start(one)


def test_a_canary_takes_the_place_of_canaries_and_of_no_shadow(one: Past) -> None:
    one.beside(9)
    one.beside(2, kind="canary", share=0.75)
    start(one, 3, kind="canary", share=0.5, replace=True)
    assert arms(one) == ["shadow:9", "canary:3"]


def test_the_one_that_is_named_is_stopped_and_the_other_goes_on(one: Past) -> None:
    one.beside(2)
    one.beside(3)
    stop(one, 3)
    assert arms(one) == ["shadow:2"]
    assert one.alias(CHALLENGER) == 2
    with pytest.raises(RequestError, match=r"version 3 does not score .* arms are: shadow:2"):
        stop(one, 3)


def test_the_same_run_stops_a_version_once(one: Past) -> None:
    one.beside(2)
    stop(one, run_id="release/1")
    stop(one, run_id="release/1")
    start(one, run_id="release/2")
    stop(one, run_id="release/1")
    assert arms(one) == ["shadow:2"]
    stop(one, run_id="release/3")
    assert arms(one) == []


def test_what_was_stopped_may_be_started_again_also_by_nobodys_run(one: Past) -> None:
    for _ in range(2):
        start(one)
        assert arms(one) == ["shadow:2"]
        stop(one)
        assert arms(one) == []


def test_a_run_that_starts_what_another_had_started_before_does_start_it(one: Past) -> None:
    start(one, run_id="release/1")
    stop(one, run_id="release/1")
    start(one, run_id="release/2")
    assert arms(one) == ["shadow:2"]


# ------------------------------------------------------------------------------------- concluded


def conclude(
    past: Past, state: str, *, name: str = "shadow:2", against: int = 1, day: int = 9
) -> str:
    version = int(name.partition(":")[2])
    said = {"first": version, "second": against, "metric": "log_loss", "units": 30, "rows": 3000}
    figures = {"mean_difference": -0.01, "low": -0.02, "high": -0.001, "error": 0.05}
    guard = {**said, **figures, "state": state, "sentence": "the comparison says so"}
    return conclude_arm(
        stores=past,  # type: ignore[arg-type]
        model=past.model,
        name=name,
        guard=Guard.model_validate(guard),
        as_of=JUNE + day * DAY,
        actor="tradewind",
        run_id="monitor/9",
    )


@pytest.fixture
def two(one: Past) -> Past:
    """A model beside whose champion, version 1, the versions 2 and 3 score."""
    one.beside(2)
    one.beside(3)
    return one


def test_an_arm_that_is_worse_is_stopped_and_the_others_go_on(two: Past) -> None:
    assert conclude(two, "first_worse", name="shadow:3") == "stopped"
    assert (arms(two), two.champion()) == (["shadow:2"], 1)


def test_an_arm_that_is_better_becomes_champion(two: Past) -> None:
    assert conclude(two, "first_better", name="shadow:3") == "promoted"
    assert (arms(two), two.champion(), two.alias()) == (["shadow:2"], 3, 3)


def test_the_champions_own_night_may_conclude(two: Past) -> None:
    assert conclude(two, "first_better", day=0) == "promoted"


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        pytest.param("undecided", {}, id="nothing was decided"),
        pytest.param("first_worse", {"name": "shadow:4"}, id="it does not run"),
        pytest.param("first_worse", {"against": 7}, id="worse than another champion"),
        pytest.param("first_better", {"against": 7}, id="better than another champion"),
        pytest.param("first_better", {"day": -1}, id="a night before the champion's own"),
    ],
)
def test_a_comparison_that_says_nothing_of_now_changes_nothing(
    two: Past, state: str, changes: dict[str, Any]
) -> None:
    before = two.kinds()
    assert conclude(two, state, **changes) == "goes_on"
    assert two.kinds() == before


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("held", {"until": (JUNE + 20 * DAY).isoformat()}), ("retired", {})],
)
def test_an_arm_that_wins_where_nothing_is_promoted_goes_on(
    two: Past, kind: str, payload: dict[str, Any]
) -> None:
    two.happened(kind, **payload)
    assert conclude(two, "first_better") == "goes_on"
    assert (arms(two), two.champion()) == (["shadow:2", "shadow:3"], 1)


# -------------------------------------------------------------------------------------- expired


def expired(past: Past, *, day: int, hours: int = 0) -> list[str]:
    return expire_arms(
        stores=past,  # type: ignore[arg-type]
        model=past.model,
        as_of=JUNE + day * DAY + timedelta(hours=hours),
        probation=28 * DAY,
        actor="tradewind",
        run_id="monitor/28",
    )


def test_every_arm_whose_time_is_over_is_stopped_by_one_night(two: Past) -> None:
    assert expired(two, day=27, hours=23) == []
    assert arms(two) == ["shadow:2", "shadow:3"]
    assert expired(two, day=28) == ["shadow:2", "shadow:3"]
    assert arms(two) == []
    reasons = {event.reason for event in two.ledger.events(model=two.model, kind="arm_stopped")}
    assert reasons == {"undecided after 28 days"}


def test_an_arm_is_stopped_also_where_its_last_night_was_missed(two: Past) -> None:
    assert expired(two, day=40) == ["shadow:2", "shadow:3"]


def test_under_a_hold_no_arms_time_runs_out(two: Past) -> None:
    two.happened("held", until=(JUNE + 50 * DAY).isoformat())
    assert expired(two, day=40) == []
    assert arms(two) == ["shadow:2", "shadow:3"]
