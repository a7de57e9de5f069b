"""What `make run` says at its end, and with which exit code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.policy.grounds import sound_look
from tradewind.local import walkthrough
from tradewind.local.airflow_api import RunState, TaskState
from tradewind.local.platform import Platform
from tradewind.records import StageOutcome
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from tradewind.settings import Settings

RUNNING = Platform(
    airflow_url="http://127.0.0.1:1",
    mlflow_url="http://127.0.0.1:2",
    login="admin",
    password="x",
    env={},
    demo_dsn="",
    started=(),
    seconds=0.0,
)


NIGHT = sound_look().night.model_dump(mode="json")


class Airflow:
    """Answers as `AirflowApi` does, with a run that has ended."""

    state = "success"

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait_for_dag(self, dag_id: str) -> None: ...

    def unpause(self, dag_id: str) -> None: ...

    def trigger(self, dag_id: str, **_: Any) -> str:
        return "run 1"

    def wait(self, dag_id: str, run_id: str, **_: Any) -> RunState:
        task = TaskState("train", "failed" if self.state == "failed" else "skipped", 1)
        return RunState(dag_id, run_id, self.state, (task,))

    def error_of(self, run: RunState, task: TaskState) -> str:
        return "LabelError: one class only"


@pytest.fixture
def ledger(ledger_dsn: str, home: Settings, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(walkthrough, "AirflowApi", Airflow)
    monkeypatch.setattr(walkthrough.platform, "up", lambda *_, **__: RUNNING)
    monkeypatch.setattr(walkthrough.demo, "load", lambda *_, **__: None)
    return Ledger.open(home)


def note(ledger: Ledger, stage: str, line: str, *, run_id: str = "train/run 1") -> None:
    ledger.record_outcome(
        StageOutcome(
            model=walkthrough.MODEL,
            run_id=run_id,
            stage=stage,
            as_of=datetime(2013, 7, 1, 4, tzinfo=UTC),
            lines=[line],
            result=NIGHT if stage == "predict" else {},
        )
    )


def show(home: Settings) -> tuple[int, str]:
    said: list[str] = []
    return walkthrough.show_demo(home, as_of="2013-07-01", echo=said.append), "\n".join(said)


def test_a_verdict_a_scored_night_and_a_decision_are_done(ledger: Ledger, home: Settings) -> None:
    note(ledger, "gate", "blocked")
    note(ledger, "register", "blocked: by beats_champion")
    note(ledger, "predict", "900 flights were served", run_id="score/run 1")
    note(ledger, "decide", "nothing: all is well", run_id="monitor/after__run 1")
    code, said = show(home)
    assert code == 0
    assert "predict:\n  900 flights were served" in said
    assert "decide:\n  nothing: all is well" in said
    assert "is done" in said
    assert "register:\n  blocked: by beats_champion" in said
    assert "Stop it all with `make stop`." in said


def test_a_newcomer_is_shown_where_the_card_is(ledger: Ledger, home: Settings) -> None:
    note(ledger, "card", "No gate blocks it.")
    note(ledger, "register", "promoted")
    _, said = show(home)
    assert "card:\n  No gate blocks it." in said
    assert "http://127.0.0.1:1/tradewind/dags/flight_delay.train/runs/run%201/card" in said
    assert "tradewind card flight_delay --output card.html" in said


def test_what_cannot_be_explained_is_said_and_stops_nothing(ledger: Ledger, home: Settings) -> None:
    note(ledger, "register", "promoted")
    note(ledger, "predict", "900 flights were served", run_id="score/run 1")
    note(ledger, "decide", "nothing: all is well", run_id="monitor/after__run 1")
    code, said = show(home)
    assert code == 0
    assert "one decision: flight_delay: no night" in said
    assert "flight_delay: ML test score 0 of 7" in said
    assert "http://127.0.0.1:1/tradewind/dags/flight_delay.train/scorecard" in said


def test_a_night_that_came_to_no_decision_is_not_done(ledger: Ledger, home: Settings) -> None:
    note(ledger, "register", "promoted")
    note(ledger, "predict", "900 flights were served", run_id="score/run 1")
    code, said = show(home)
    assert code == 1
    assert "flight_delay.monitor did nothing" in said


def test_a_run_that_was_not_admitted_is_not_done(ledger: Ledger, home: Settings) -> None:
    note(ledger, "admit", "not admitted: the run nightly holds the lease")
    code, said = show(home)
    assert code == 1
    assert "is done" not in said
    assert "not admitted: the run nightly holds the lease" in said


def test_a_run_of_which_the_ledger_knows_nothing_is_not_done(
    ledger: Ledger, home: Settings
) -> None:
    code, said = show(home)
    assert code == 1
    assert "the ledger holds nothing of this run" in said


def test_a_failed_task_is_told_in_its_own_words(
    ledger: Ledger, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Airflow, "state", "failed")
    code, said = show(home)
    assert code == 1
    assert "train: LabelError: one class only" in said
