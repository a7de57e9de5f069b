"""The nights through the real scheduler: served, looked at, decided; switched off; taken back.

What a test of minutes cannot wait for, a week of ordinary nights, is run by the same stages in this
process, against the same stores.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tradewind.live import live_state
from tradewind.local import demo
from tradewind.pipeline import run_pipeline
from tradewind.promotion import promote
from tradewind.records import Pipeline, RunRequest
from tradewind.stages.decide import decision_of
from tradewind.stores.model_files import write_model
from tradewind.stores.registry import CandidateLog, DatasetLog
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import RunningPlatform
    from tradewind.local.airflow_api import AirflowApi, RunState

pytestmark = [pytest.mark.platform, pytest.mark.drill]

MODEL = "flight_delay"
FIRST = date(2013, 7, 2)
PATIENCE_SECONDS = 400
# Nights of a drill, from the bad promotion on.
WATCHED_AT_LEAST, WATCHED_AT_MOST = 6, 10


@dataclass
class Desk:
    """One model on the running platform.

    Attributes:
        api: Its Airflow.
        stores: Its stores.
    """

    api: AirflowApi
    stores: Stores

    def run(self, pipeline: str, **conf: object) -> RunState:
        """Run a DAG of the model to its end."""
        dag = f"{MODEL}.{pipeline}"
        run_id = self.api.trigger(dag, conf={"reason": "a test", **conf})
        return self.follow(dag, run_id)

    def follow(self, dag: str, run_id: str) -> RunState:
        run = self.api.wait(dag, run_id, timeout_seconds=PATIENCE_SECONDS)
        assert run.state == "success", [self.api.error_of(run, task) for task in run.failed_tasks]
        return run

    def score(self, night: date) -> tuple[RunState, RunState]:
        """Score a night through Airflow, and follow the look at it."""
        scored = self.run("score", as_of=night.isoformat())
        return scored, self.follow(f"{MODEL}.monitor", f"after__{scored.run_id}")

    def score_here(self, night: date, pipeline: Pipeline = "score") -> None:
        """Score a night by the same stages in this process."""
        request = RunRequest(
            model=MODEL,
            run_id=f"{pipeline}/here__{night}",
            as_of=moment_of(night),
            actor="a test",
            reason="an ordinary night",
            trigger="schedule",
            pipeline=pipeline,
        )
        run_pipeline(request, stores=self.stores)

    def served(self, night: date) -> dict[str, int]:
        found = self.stores.ledger.night(MODEL, moment_of(night))
        assert found is not None
        return found.served

    def champion(self) -> int | None:
        return live_state(self.stores.ledger, MODEL).champion

    def links(self, run: RunState, task: str) -> dict[str, Any]:
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task}/links"
        return dict(self.api._require("GET", path)["extra_links"])


def moment_of(day: date) -> datetime:
    """Midnight in New York, in summer."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(platform: RunningPlatform) -> Iterator[Desk]:
    """The platform with a champion of 1 July, and all four DAGs switched on."""
    demo.load(platform.platform.demo_dsn)
    with platform.api() as api:
        for pipeline in ("train", "score", "monitor", "release"):
            api.wait_for_dag(f"{MODEL}.{pipeline}")
            api.unpause(f"{MODEL}.{pipeline}")
        desk = Desk(api, Stores.open(platform.settings))
        if desk.champion() is None:
            desk.run("train", as_of="2013-07-01")
        yield desk


@pytest.fixture(scope="module")
def night(desk: Desk) -> tuple[RunState, RunState]:
    return desk.score(FIRST)


def test_a_night_is_served_looked_at_and_decided(
    desk: Desk, night: tuple[RunState, RunState]
) -> None:
    _, monitored = night
    found = desk.stores.ledger.night(MODEL, moment_of(FIRST))
    assert found is not None
    assert found.rows > 800
    assert found.served["champion"] > 0.9 * found.rows
    decision = decision_of(desk.stores.ledger, MODEL, moment_of(FIRST))
    assert decision is not None
    states = {task.task_id: task.state for task in monitored.tasks}
    assert states["alert"] == "success"
    assert states["retrain"] == ("success" if decision.launches else "skipped")


def test_each_run_links_to_the_one_that_it_started(
    desk: Desk, night: tuple[RunState, RunState]
) -> None:
    scored, monitored = night
    assert monitored.run_id in desk.links(scored, "monitor")["Triggered DAG"]
    assert desk.links(monitored, "decide")["Report"].endswith("/decide")


def test_a_night_that_is_run_again_is_the_same_night(
    desk: Desk, night: tuple[RunState, RunState]
) -> None:
    before = desk.stores.ledger.night(MODEL, moment_of(FIRST))
    desk.run("score", as_of=FIRST.isoformat())
    assert desk.stores.ledger.night(MODEL, moment_of(FIRST)) == before


def test_the_kill_switch_acts_by_the_next_night(
    desk: Desk, night: tuple[RunState, RunState]
) -> None:
    desk.run("release", action="fall_back", reason="the feed is wrong")
    desk.run("score", as_of="2013-07-03")
    assert set(desk.served(date(2013, 7, 3))) == {"fallback"}
    found = desk.stores.ledger.night(MODEL, moment_of(date(2013, 7, 3)))
    assert found is not None
    assert any("the feed is wrong" in reason for reason in found.fallback_reasons)
    desk.run("release", action="resume", reason="it is right again")
    desk.score_here(date(2013, 7, 4))
    assert desk.served(date(2013, 7, 4))["champion"] > 0


# ----------------------------------------------------------------------------- the rollback drill


class Alarmist:
    """Makes a version that takes nine flights in ten for late, whatever they are."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    def version(self) -> int:
        from sklearn.dummy import DummyClassifier

        champion = live_state(self.stores.ledger, MODEL)
        loaded = self.stores.registry.load(str(champion.champion_uri))
        columns = len(loaded.metadata["features"])
        labels = np.array([0] + [1] * 9)
        alarmist = DummyClassifier(strategy="prior").fit(np.zeros((10, columns)), labels)
        metadata = {**loaded.metadata, "train_key": "an alarmist"}
        files = ("profile.json", "contract.json", "importance.json")
        beside = {name: loaded.beside(name) for name in files}
        registry = self.stores.registry
        with (
            tempfile.TemporaryDirectory() as folder,
            registry.training(MODEL, train_key="an alarmist", name="alarmist", tags={}) as run_id,
        ):
            place = Path(folder, "model")
            write_model(place, alarmist, metadata=metadata, beside=beside)
            told = CandidateLog(
                params={},
                metrics={},
                rows=DatasetLog("features", "d", "nowhere", 2),
                example=_example(loaded.metadata["features"]),
                requirements=[],
                tags={},
            )
            uri = registry.log_candidate(run_id, place, told).model_uri
        return registry.ensure_version(MODEL, uri, {})


def _example(types: dict[str, str]) -> Any:
    import pandas as pd

    values = {name: ["x"] if kind == "categorical" else [0.0] for name, kind in types.items()}
    return pd.DataFrame(values)


@pytest.fixture(scope="module")
def drill(desk: Desk, night: tuple[RunState, RunState]) -> dict[str, Any]:
    """A version that cries wolf is promoted; nights go on until the monitor takes it back."""
    good = desk.champion()
    bad = Alarmist(desk.stores).version()
    promoted = date(2013, 7, 5)
    promote(
        stores=desk.stores,
        model=MODEL,
        version=bad,
        expected_previous=good,
        as_of=moment_of(promoted),
        actor="a drill",
        reason="nobody looked",
        evidence_digest="of a drill",
    )
    # A watch decides nothing in its first week; from then on every night is looked at in Airflow.
    for count in range(1, WATCHED_AT_LEAST + 1):
        desk.score_here(promoted + timedelta(days=count))
        desk.score_here(promoted + timedelta(days=count), "monitor")
    for count in range(WATCHED_AT_LEAST + 1, WATCHED_AT_MOST + 1):
        last = promoted + timedelta(days=count)
        _, monitored = desk.score(last)
        decision = decision_of(desk.stores.ledger, MODEL, moment_of(last))
        assert decision is not None
        if decision.roll_back_to is not None:
            break
    return {
        "good": good,
        "bad": bad,
        "run": monitored,
        "decision": decision,
        "last": last,
        "nights": count,
    }


def test_a_bad_promotion_is_taken_back_by_the_night(desk: Desk, drill: dict[str, Any]) -> None:
    decision = drill["decision"]
    assert decision.actions[0] == "roll_back", decision.reason
    assert drill["nights"] <= WATCHED_AT_MOST
    assert decision.roll_back_to == drill["good"]
    assert desk.champion() == drill["good"]
    assert desk.stores.registry.alias(MODEL, "champion") == drill["good"]


def test_the_training_that_follows_is_visible_in_airflow_with_its_reason(
    desk: Desk, drill: dict[str, Any]
) -> None:
    decision = drill["decision"]
    assert decision.launches, decision.reason
    dag = f"{MODEL}.train"
    said = desk.api._require("GET", f"/dags/{dag}/dagRuns/{decision.run_id}")
    assert said["conf"]["reason"] == decision.reason
    assert said["conf"]["launched_by"] == drill["run"].run_id
    run = desk.follow(dag, decision.run_id)
    assert drill["run"].run_id.replace(":", "%3A").replace("+", "%2B") in str(
        desk.links(run, "admit")["Decision"]
    )
    (known,) = [
        one
        for one in desk.stores.ledger.events(model=MODEL, kind="retrain_ended")
        if one.payload["run_id"] == f"train/{decision.run_id}"
    ]
    assert known.payload["outcome"] in ("promoted", "blocked", "unchanged")


def test_two_looks_at_one_night_launch_one_training(desk: Desk, drill: dict[str, Any]) -> None:
    dag = f"{MODEL}.monitor"
    conf = {"as_of": drill["last"].isoformat(), "reason": "again"}
    runs = [desk.api.trigger(dag, conf=conf) for _ in range(2)]
    for run_id in runs:
        desk.follow(dag, run_id)
    launched = desk.stores.ledger.events(model=MODEL, kind="retrain_launched")
    assert len([one for one in launched if one.as_of == moment_of(drill["last"])]) == 1
