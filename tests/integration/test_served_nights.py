"""The nights through the real scheduler: served, looked at, decided; governed, taken back, told.

A shop of forty customers a day, in one story: the first night finds no champion and launches a
training; by hand the governor lets in what it should; a careless training is taken back; the model
is switched off; a source is late; the definition breaks. A week of ordinary nights, which no test
can wait for, is run by the same stages in this process, against the same stores.
"""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import yaml

from tests.integration.customers import load, sources_of
from tests.integration.waiting import wait_for
from tests.stages.nightly import (
    CUSTOMERS_A_DAY,
    DEFINITION,
    MODEL,
    SQL,
    night,
)
from tradewind.health import examine
from tradewind.live import live_state
from tradewind.pipeline import run_pipeline
from tradewind.policy.triage import symptom_of_file
from tradewind.records import Pipeline, RunRequest
from tradewind.stages.decide import decision_of
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import RunningPlatform
    from tradewind.local.airflow_api import AirflowApi, RunState
    from tradewind.nights import Decision, Incident
    from tradewind.stores.outcomes import RecordedOutcome

pytestmark = [pytest.mark.platform, pytest.mark.drill]

DAGS = ("train", "score", "monitor", "release")
PATIENCE_SECONDS = 400
TABLE = "renewals"
DAYS = 80
# Nights of the drill: a watch decides nothing in its first seven matured days.
PROMOTED, WATCHED_IN_AIRFLOW, WATCHED_AT_MOST = 2, 10, 13


@dataclass
class Desk:
    """The shop on the running platform.

    Attributes:
        api: Its Airflow.
        stores: Its stores.
        folder: `config/models/<model>`.
        dsn: The database that its customers are read from.
    """

    api: AirflowApi
    stores: Stores
    folder: Path
    dsn: str

    def declare(self, *, depth: int = 3, at_most: int = 6, **changes: Any) -> None:
        """Write the model's folder: a tree, whose depth is what it can learn."""
        tree = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": depth}}
        body = {
            **DEFINITION,
            "sources": sources_of(TABLE),
            "train": {**DEFINITION["train"], "candidates": {"tree": tree}},
            "retrain": {"cooldown": "7 days", "at_most": at_most},
            # Forty customers a day say little in a week: it may err in every fifth watch.
            "promotion": {"error": 0.2},
            # Much longer than an ordinary night takes here, and no longer than a test can wait.
            "score": {"deadline": "20 seconds"},
            "schedule": {"retries": 2, "retry_delay": "1 second"},
            **changes,
            "gates": {**DEFINITION["gates"], **changes.get("gates", {})},
        }
        self.folder.mkdir(exist_ok=True)
        (self.folder / "features.sql").write_text(SQL)
        (self.folder / "model.yaml").write_text(yaml.safe_dump(body))

    def start(self, pipeline: str, **conf: object) -> str:
        return self.api.trigger(f"{MODEL}.{pipeline}", conf={"reason": "a test", **conf})

    def follow(self, pipeline: str, run_id: str) -> RunState:
        run = self.api.wait(f"{MODEL}.{pipeline}", run_id, timeout_seconds=PATIENCE_SECONDS)
        assert run.state == "success", [self.api.error_of(run, task) for task in run.failed_tasks]
        return run

    def run(self, pipeline: str, **conf: object) -> RunState:
        """Run a DAG of the model to its end."""
        return self.follow(pipeline, self.start(pipeline, **conf))

    def score(self, number: int) -> tuple[RunState, RunState]:
        """Score a night through Airflow, and follow the look at it."""
        scored = self.run("score", as_of=day(number))
        return scored, self.looked(scored)

    def looked(self, scored: RunState) -> RunState:
        """The look at a night, at its end."""
        return self.follow("monitor", f"after__{scored.run_id}")

    def here(self, number: int, pipeline: Pipeline = "score") -> None:
        """A night by the same stages in this process."""
        request = RunRequest(
            model=MODEL,
            run_id=f"{pipeline}/here__{day(number)}",
            as_of=night(number),
            actor="a test",
            reason="an ordinary night",
            trigger="schedule",
            pipeline=pipeline,
        )
        run_pipeline(request, stores=self.stores)

    def served(self, number: int) -> dict[str, int]:
        found = self.stores.ledger.night(MODEL, night(number))
        assert found is not None
        return found.served

    def decision(self, number: int) -> Decision:
        found = decision_of(self.stores.ledger, MODEL, night(number))
        assert found is not None
        return found

    def admitted(self, run: RunState) -> RecordedOutcome:
        """What `admit` said of a training."""
        run_id = f"train/{run.run_id}"
        (said,) = self.stores.ledger.outcomes(model=MODEL, run_id=run_id, stage="admit")
        return said

    def refusal(self, number: int, **conf: object) -> str:
        """Why a training is not let in: it ends green, and nothing is done."""
        run = self.run("train", as_of=day(number), **conf)
        assert {task.state for task in run.tasks} == {"skipped"}
        return self.admitted(run).lines[0]

    def launches(self, number: int) -> list[str]:
        found = self.stores.ledger.events(model=MODEL, kind="retrain_launched")
        return [one.payload["run_id"] for one in found if one.as_of == night(number)]

    def champion(self) -> int | None:
        return live_state(self.stores.ledger, MODEL).champion

    def incident(self, key: str) -> Incident | None:
        return next(
            (one for one in self.stores.ledger.incidents.select(model=MODEL) if one.key == key),
            None,
        )

    def told(self, key: str) -> list[dict[str, Any]]:
        """What the file of alerts says of an incident; the chain's heads lie there as well."""
        file = self.stores.settings.home / "alerts" / f"{MODEL}.jsonl"
        lines = map(json.loads, file.read_text().splitlines() if file.exists() else [])
        return [line for line in lines if line.get("key") == key]

    def ill(self) -> dict[str, str]:
        """What `tradewind health` finds ill, by subject."""
        return {one.subject: one.sentence for one in examine(self.stores) if one.ill}

    def links(self, run: RunState, task: str) -> dict[str, Any]:
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task}/links"
        return dict(self.api._require("GET", path)["extra_links"])

    def conf(self, run_id: str) -> dict[str, Any]:
        """What Airflow shows that a training was started with."""
        return dict(self.api._require("GET", f"/dags/{MODEL}.train/dagRuns/{run_id}")["conf"])


def day(number: int) -> str:
    return night(number).date().isoformat()


def states(run: RunState) -> dict[str, str]:
    return {task.task_id: task.state for task in run.tasks}


@pytest.fixture(scope="module")
def desk(platform: RunningPlatform) -> Iterator[Desk]:
    """The shop on the platform, all its DAGs switched on."""
    dsn = platform.platform.demo_dsn
    load(dsn, TABLE, days=DAYS)
    with platform.api() as api:
        folder = platform.settings.config_dir / "models" / MODEL
        desk = Desk(api, Stores.open(platform.settings), folder, dsn)
        desk.declare()
        for pipeline in DAGS:
            api.wait_for_dag(f"{MODEL}.{pipeline}")
            api.unpause(f"{MODEL}.{pipeline}")
        yield desk


# --------------------------------------------------------------- the first night, and its training


@pytest.fixture(scope="module")
def first(desk: Desk) -> tuple[RunState, RunState]:
    """The first night, looked at from here and in Airflow at once.

    Before it, `dags/score.py` could not be read for a while.
    """
    broken = symptom_of_file("score", "SyntaxError: what is this", model=MODEL)
    now = desk.stores.ledger.now()
    desk.stores.ledger.incidents.see(MODEL, broken, as_of=now, owner="a test", runbook="")
    assert "Airflow cannot read dags/score.py" in desk.ill()[f"incident {broken.key}"]
    scored = desk.run("score", as_of=day(0))
    desk.here(0, "monitor")
    return scored, desk.looked(scored)


@pytest.fixture(scope="module")
def launched(desk: Desk, first: tuple[RunState, RunState]) -> RunState:
    """The training that the first night launched, at its end."""
    return desk.follow("train", str(desk.decision(0).run_id))


def test_a_night_without_a_champion_is_served_by_the_rule_and_launches_a_training(
    desk: Desk, first: tuple[RunState, RunState]
) -> None:
    scored, looked = first
    assert desk.served(0) == {"fallback": CUSTOMERS_A_DAY}
    assert (desk.decision(0).actions, desk.decision(0).cause) == (["retrain"], "no_champion")
    assert set(states(scored).values()) == set(states(looked).values()) == {"success"}


def test_each_run_links_to_the_one_that_it_started_and_a_training_back_to_the_look(
    desk: Desk, first: tuple[RunState, RunState], launched: RunState
) -> None:
    scored, looked = first
    assert looked.run_id in desk.links(scored, "monitor")["Triggered DAG"]
    assert launched.run_id in desk.links(looked, "retrain")["Triggered DAG"]
    assert desk.links(looked, "decide")["Report"].endswith("/decide")
    escaped = looked.run_id.replace(":", "%3A").replace("+", "%2B")
    assert desk.links(launched, "admit")["Decision"].endswith(escaped)
    conf = desk.conf(launched.run_id)
    assert (conf["reason"], conf["launched_by"]) == (desk.decision(0).reason, looked.run_id)


def test_the_decision_learns_what_became_of_its_training(desk: Desk, launched: RunState) -> None:
    (known,) = desk.stores.ledger.events(model=MODEL, kind="retrain_ended")
    assert known.payload["run_id"] == f"train/{launched.run_id}"
    assert known.payload["outcome"] == "promoted"
    assert desk.champion() == 1


def test_two_looks_at_one_night_launch_one_training(desk: Desk, launched: RunState) -> None:
    looks = desk.stores.ledger.outcomes(model=MODEL, stage="decide", pipeline="monitor")
    assert len({one.run_id for one in looks if one.as_of == night(0)}) == 2
    assert desk.launches(0) == [f"train/{launched.run_id}"]
    runs = desk.api._require("GET", f"/dags/{MODEL}.train/dagRuns?limit=100")["dag_runs"]
    decided = [run for run in runs if run["run_type"] == "operator_triggered"]
    assert [run["dag_run_id"] for run in decided if day(0) in run["dag_run_id"]] == [
        launched.run_id
    ]


# ------------------------------------------------------------------------------------ the governor


def test_by_hand_nobody_trains_within_the_cooldown_without_a_reason(
    desk: Desk, launched: RunState
) -> None:
    said = desk.refusal(1)
    assert "7 days must lie between two" in said
    assert "name a reason in `override`" in said


def test_a_reason_does_not_override_how_many_may_be_launched_in_a_window(
    desk: Desk, launched: RunState
) -> None:
    desk.declare(at_most=1)
    assert "1 launches in 90 days, where 1 may be" in desk.refusal(1, override="new prices")
    desk.declare()


def test_nothing_overrides_the_single_flight(desk: Desk, launched: RunState) -> None:
    ledger, holder = desk.stores.ledger, "train/of a shell"
    told = {"as_of": night(1), "actor": "a test", "reason": "it trains"}
    lease = ledger.acquire_lease(MODEL, holder=holder, ttl=timedelta(hours=1), **told)
    said = desk.refusal(1, override="new prices")
    ledger.release_lease(MODEL, holder=holder, fencing_token=lease.fencing_token)
    assert said.startswith(f"not admitted: the run {holder} holds the lease")


@pytest.fixture(scope="module")
def careless(desk: Desk, launched: RunState) -> RunState:
    """By hand, within the cool-down and through a gate that somebody opened: a model of a stump."""
    desk.here(1)
    desk.declare(depth=1, gates={"beats_champion": {"margin": 5.0}})
    run = desk.run("train", as_of=day(PROMOTED), override="new prices")
    desk.declare()
    return run


def test_a_person_overrides_the_cooldown_with_a_reason_that_is_kept(
    desk: Desk, careless: RunState
) -> None:
    assert set(states(careless).values()) == {"success"}
    assert desk.admitted(careless).result["request"]["override"] == "new prices"


# ------------------------------------------------------------------------------ the rollback drill


@dataclass(frozen=True)
class Drill:
    """What became of the careless promotion.

    Attributes:
        looked: The run that took it back, or the last that did not.
        number: Its night.
        seconds: From the start of that night's run to the champion's being back.
    """

    looked: RunState
    number: int
    seconds: float


@pytest.fixture(scope="module")
def drill(desk: Desk, careless: RunState) -> Drill:
    """Night after night until the promotion is taken back; the last of them in Airflow."""
    assert desk.champion() == 2
    for number in range(PROMOTED, WATCHED_IN_AIRFLOW):
        desk.here(number)
        desk.here(number, "monitor")
        assert desk.champion() == 2
    for number in range(WATCHED_IN_AIRFLOW, WATCHED_AT_MOST + 1):
        begun = desk.stores.ledger.now()
        _, looked = desk.score(number)
        if desk.champion() != 2:
            break
    (back,) = desk.stores.ledger.events(model=MODEL, kind="applied", newest_first=True, limit=1)
    return Drill(looked, number, (back.recorded_at - begun).total_seconds())


def test_a_bad_promotion_is_taken_back_by_the_night(
    desk: Desk, drill: Drill, record_property: Callable[[str, object], None]
) -> None:
    decision = desk.decision(drill.number)
    assert decision.actions == ["roll_back", "retrain"], decision.reason
    assert decision.roll_back_to == desk.champion() == 1
    assert desk.stores.registry.alias(MODEL, "champion") == 1
    record_property("nights from bad promotion to restored champion", drill.number - PROMOTED)
    record_property("seconds from the start of the night to restored champion", drill.seconds)
    assert drill.seconds < PATIENCE_SECONDS


def test_the_training_that_follows_a_rollback_is_launched_with_its_reason(
    desk: Desk, drill: Drill
) -> None:
    decision = desk.decision(drill.number)
    assert states(drill.looked)["retrain"] == "success"
    conf = desk.conf(str(decision.run_id))
    assert (conf["reason"], conf["launched_by"]) == (decision.reason, drill.looked.run_id)


# --------------------------------------------------------------------------------- the kill switch


@pytest.fixture(scope="module")
def number(desk: Desk, drill: Drill) -> int:
    """The night after the drill; from here on nothing is run but scoring and releases."""
    for pipeline in ("monitor", "train"):
        desk.api._require("PATCH", f"/dags/{MODEL}.{pipeline}", {"is_paused": True})
    return drill.number + 1


def test_the_kill_switch_acts_by_the_next_night_and_a_night_is_final(
    desk: Desk, number: int
) -> None:
    desk.run("release", action="fall_back", reason="the feed is wrong")
    desk.run("score", as_of=day(number))
    assert desk.served(number) == {"fallback": CUSTOMERS_A_DAY}
    found = desk.stores.ledger.night(MODEL, night(number))
    assert found is not None
    assert any("the feed is wrong" in reason for reason in found.fallback_reasons)
    desk.run("release", action="resume", reason="it is right again")
    desk.here(number)
    assert desk.stores.ledger.night(MODEL, night(number)) == found
    desk.here(number + 1)
    assert desk.served(number + 1) == {"champion": CUSTOMERS_A_DAY}


# ---------------------------------------------------------------------- alerts that Airflow raises


def test_a_dag_file_that_can_be_read_again_ends_its_incident_with_its_next_run(
    desk: Desk, first: tuple[RunState, RunState]
) -> None:
    assert desk.incident("failed:score:dag_file") is None


@contextmanager
def hanging(dsn: str) -> Iterator[None]:
    """The source answers nobody."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        yield


def test_a_late_source_raises_a_deadline_alert_that_ends_with_the_night(
    desk: Desk, number: int
) -> None:
    number += 2
    with hanging(desk.dsn):
        run_id = desk.start("score", as_of=day(number))
        incident = wait_for(lambda: desk.incident("late:score"))
        assert run_id in incident.way_out
        assert incident.severity == "critical"
        wait_for(lambda: desk.told("late:score"))
        assert "late:score" in " ".join(desk.ill())
    desk.follow("score", run_id)
    assert desk.served(number) == {"champion": CUSTOMERS_A_DAY}
    assert desk.incident("late:score") is None


def test_a_definition_that_breaks_raises_an_alert_that_ends_with_the_next_run(
    desk: Desk, number: int
) -> None:
    definition = desk.folder / "model.yaml"
    definition.write_text(definition.read_text().replace("owner:", "ownr:"))
    incident = wait_for(lambda: desk.incident("definition"))
    assert "ownr" in incident.details[0]
    wait_for(lambda: desk.told("definition"))
    assert "ownr" in desk.ill()[MODEL]
    desk.declare()
    desk.here(number + 3)
    assert desk.incident("definition") is None
