from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.definition.folders import SQL, WHOLE, line_of, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError, RequestError
from tradewind.records import Admission, Refusal, RunRequest, StageOutcome
from tradewind.stages.admit import admit
from tradewind.stores.events import RETRAIN_LAUNCHED
from tradewind.stores.ledger import Ledger, lease_time

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = datetime(2013, 7, 1, 4, tzinfo=UTC)
LEAST = 30 + 21 + 7  # the default days to judge and to select, and what must be left for fitting


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_model(tmp_path, WHOLE, name="late")
    return tmp_path


def ask(ledger: Ledger, config: Path, **changes: Any) -> Admission | Refusal:
    given = {"model": "late", "run_id": "r1", "as_of": AS_OF, "actor": "ann", "reason": "nightly"}
    request = RunRequest.model_validate({**given, **changes})
    return admit(request, stores=SimpleNamespace(ledger=ledger), config_dir=config)  # type: ignore[arg-type]


def admitted(ledger: Ledger, config: Path, **changes: Any) -> Admission:
    decision = ask(ledger, config, **changes)
    assert isinstance(decision, Admission)
    return decision


def test_an_admitted_run_holds_the_lease_and_a_frozen_definition(
    ledger: Ledger, config: Path
) -> None:
    admission = admitted(ledger, config)

    frozen = load_definition(config / "models" / "late")
    lease = ledger.lease("late")
    assert lease is not None
    assert (lease.holder, lease.fencing_token) == ("r1", admission.fencing_token)
    assert lease.expires_at - lease.acquired_at == lease_time(frozen.model.schedule)
    assert admission.definition_digest == frozen.digest
    assert ledger.definition_files(frozen.digest) == frozen.files


def test_the_same_run_asking_again_is_the_same_admission(ledger: Ledger, config: Path) -> None:
    assert admitted(ledger, config) == admitted(ledger, config)
    assert len(ledger.events(kind="definition_frozen")) == 1


def test_an_edit_after_admission_changes_nothing_of_the_run(ledger: Ledger, config: Path) -> None:
    admission = admitted(ledger, config)
    write_model(config, WHOLE, sql=SQL + "-- edited\n")

    assert ledger.definition_files(admission.definition_digest)["features.sql"] == SQL


def test_a_second_run_is_not_admitted_and_says_who_is_in(ledger: Ledger, config: Path) -> None:
    admitted(ledger, config)
    write_model(config, WHOLE, sql=SQL + "-- edited\n")

    refusal = ask(ledger, config, run_id="r2", actor="bob")

    assert isinstance(refusal, Refusal)
    held = ledger.lease("late")
    assert held is not None
    assert refusal.reason == (
        f"the run r1 holds the lease of late since {held.acquired_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"until {held.expires_at:%Y-%m-%d %H:%M:%S} UTC unless it renews it"
    )
    (event,) = ledger.events(kind="not_admitted")
    assert (event.actor, event.reason, event.payload["run_id"]) == ("bob", refusal.reason, "r2")
    assert len(ledger.events(kind="definition_frozen")) == 1


def test_another_model_is_admitted_beside_it(ledger: Ledger, config: Path) -> None:
    write_model(config, WHOLE.replace("name: late", "name: later", 1), name="later")
    admitted(ledger, config)
    admitted(ledger, config, model="later", run_id="r1")


# ----------------------------------------------------------------------------------- the definition


def test_an_unknown_model_is_an_error_with_the_nearest_name(ledger: Ledger, config: Path) -> None:
    said = "models/lat:1: there is no model 'lat'; did you mean late?"
    with pytest.raises(DefinitionError, match=re.escape(said)):
        ask(ledger, config, model="lat")
    assert ledger.events() == []


def test_a_model_that_was_never_whole_is_an_error(ledger: Ledger, config: Path) -> None:
    write_model(config, WHOLE.replace("horizon:", "horizn:"))
    with pytest.raises(DefinitionError, match="did you mean horizon"):
        ask(ledger, config)
    assert ledger.lease("late") is None


def test_a_folder_that_is_broken_now_goes_on_as_it_last_was_and_the_ledger_says_so(
    ledger: Ledger, config: Path
) -> None:
    whole = admitted(ledger, config)
    ledger.release_lease("late", holder="r1", fencing_token=whole.fencing_token)
    write_model(config, broken := WHOLE.replace("horizon:", "horizn:"))

    decisions = [admitted(ledger, config, run_id="r2") for _ in range(2)]

    assert {d.definition_digest for d in decisions} == {whole.definition_digest}
    (event,) = ledger.events(kind="definition_broken")
    assert f"model.yaml:{line_of(broken, 'horizn')}: horizn" in event.payload["problems"][0]
    assert event.payload["problems"][0] in event.reason
    assert event.payload["used"] == whole.definition_digest


def test_where_the_last_good_definition_is_no_good_any_more_both_problems_are_told(
    ledger: Ledger, config: Path
) -> None:
    old = {"model.yaml": WHOLE.replace("owner:", "ownr:"), "features.sql": SQL}
    digest = ledger.freeze_definition("late", old, as_of=AS_OF, actor="ann")
    write_model(config, WHOLE.replace("horizon:", "horizn:"))

    with pytest.raises(DefinitionError) as error:
        ask(ledger, config)

    assert "horizn" in str(error.value)
    assert f"late@{digest[:12]}/model.yaml:2: ownr" in str(error.value)


# ------------------------------------------------------------------------------------- the request


def test_an_as_of_in_the_future_is_refused(ledger: Ledger, config: Path) -> None:
    with pytest.raises(RequestError, match="lies in the future; the ledger's clock says"):
        ask(ledger, config, as_of=ledger.now() + timedelta(minutes=1))
    assert ledger.events() == []


def test_a_declared_candidate_may_be_asked_for(ledger: Ledger, config: Path) -> None:
    assert admitted(ledger, config, candidate="boosting").request.candidate == "boosting"


def test_an_undeclared_candidate_is_an_error_with_the_nearest_name(
    ledger: Ledger, config: Path
) -> None:
    with pytest.raises(RequestError, match=r"no candidate 'bosting'; did you mean boosting\?"):
        ask(ledger, config, candidate="bosting")
    assert ledger.lease("late") is None


def test_a_window_must_leave_room_for_fitting(ledger: Ledger, config: Path) -> None:
    with pytest.raises(RequestError, match=f"{LEAST - 1} days is too short: .* at least {LEAST}"):
        ask(ledger, config, window_days=LEAST - 1)
    admitted(ledger, config, window_days=LEAST)


# ---------------------------------------------------------------------------------- the cool-down

LAUNCHED = "train/decided__2013-07-01T04:00:00Z"


@pytest.fixture
def launched(ledger: Ledger) -> None:
    ledger.append(
        model="late",
        kind=RETRAIN_LAUNCHED,
        as_of=AS_OF,
        actor="tradewind",
        reason="drift",
        payload={"run_id": LAUNCHED, "cause": "drift", "wider": False, "decision": 1},
    )


@pytest.mark.usefixtures("launched")
@pytest.mark.parametrize("days", [0, 13])
def test_by_hand_nobody_trains_within_the_cooldown_without_a_reason(
    ledger: Ledger, config: Path, days: int
) -> None:
    at = AS_OF + timedelta(days=days)
    refusal = ask(ledger, config, as_of=at)
    assert isinstance(refusal, Refusal)
    assert "name a reason in `override`" in refusal.reason
    admitted(ledger, config, as_of=at, override="the new timetable is in")


@pytest.mark.usefixtures("launched")
def test_a_launched_run_is_not_held_back_by_its_own_launch(ledger: Ledger, config: Path) -> None:
    admitted(ledger, config, run_id=LAUNCHED)


@pytest.mark.usefixtures("launched")
def test_a_launch_of_a_later_night_holds_no_earlier_training_back(
    ledger: Ledger, config: Path
) -> None:
    admitted(ledger, config, as_of=AS_OF - timedelta(days=1))


@pytest.mark.usefixtures("launched")
def test_no_reason_overrides_the_limit_of_a_window_and_none_is_asked_for(
    ledger: Ledger, config: Path
) -> None:
    write_model(config, WHOLE + "retrain: {at_most: 1}\n", name="late")
    refusal = ask(ledger, config, as_of=AS_OF + timedelta(days=13), override="the new timetable")
    assert isinstance(refusal, Refusal)
    assert refusal.reason.endswith("1 launches in 90 days, where 1 may be")


def train_by_hand(ledger: Ledger, config: Path, run_id: str, *, outcome: str = "blocked") -> None:
    """Train as a person does, with what its stages say; it takes no time."""
    admission = admitted(ledger, config, run_id=run_id)
    for stage, result in (
        ("admit", admission.model_dump(mode="json")),
        ("register", {"outcome": outcome}),
    ):
        said = {"model": "late", "run_id": run_id, "as_of": AS_OF, "lines": [], "stage": stage}
        ledger.record_outcome(StageOutcome.model_validate({**said, "result": result}))
    ledger.release_lease("late", holder=run_id, fencing_token=admission.fencing_token or 0)


def test_a_window_counts_what_was_trained_by_hand_and_no_reason_overrides_that(
    ledger: Ledger, config: Path
) -> None:
    write_model(config, WHOLE + "retrain: {at_most: 2}\n", name="late")
    train_by_hand(ledger, config, "train/1")
    train_by_hand(ledger, config, "train/again", outcome="unchanged")
    train_by_hand(ledger, config, "train/2")
    refusal = ask(ledger, config, run_id="train/3", override="the new timetable is in")
    assert isinstance(refusal, Refusal)
    assert "2 launches in 90 days, where 2 may be" in refusal.reason
    admitted(ledger, config, run_id="train/4", trigger="schedule")


def test_a_run_that_asks_again_is_not_held_back_by_itself(ledger: Ledger, config: Path) -> None:
    write_model(config, WHOLE + "retrain: {at_most: 1}\n", name="late")
    train_by_hand(ledger, config, "train/1")
    admitted(ledger, config, run_id="train/1")
