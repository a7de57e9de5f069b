"""The main job through the real scheduler: every task killed once, the pages, a broken edit.

A small model is disturbed here each time, and that of the demo in the drill.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from tests.fixtures import training
from tests.integration import customers
from tests.integration.waiting import read_again, wait_for
from tests.stages import nightly
from tradewind.definition.loader import load_definition
from tradewind.local import demo
from tradewind.pipeline import TRAIN, run_pipeline
from tradewind.records import RunRequest
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.fixtures.home import NewHome
    from tests.integration.conftest import RunningPlatform
    from tradewind.local.airflow_api import AirflowApi, RunState
    from tradewind.records import Record

pytestmark = pytest.mark.platform


@dataclass(frozen=True)
class Job:
    """A training that is to be disturbed.

    Attributes:
        in_the_middle: CPU seconds after which a task is in the middle of its work; the others are
            killed at sight.
    """

    model: str
    as_of: datetime
    in_the_middle: dict[str, float] = field(default_factory=dict)

    @property
    def dag(self) -> str:
        return f"{self.model}.train"


SHOP = Job("disturbed", nightly.AS_OF, {"validate": 1.0, "train": 2.0, "evaluate": 1.0})
FLIGHTS = Job(
    "flight_delay",
    training.AS_OF,
    {"ingest": 1.2, "validate": 2.5, "features": 3.0, "train": 6.0, "evaluate": 2.5, "probe": 4.0},
)
STAGES = ["admit", *TRAIN]
# What the process of a task calls itself, before the task instance's id.
WORKER = "airflow worker -- "


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(SHOP, id="shop"),
        pytest.param(FLIGHTS, id="flights", marks=pytest.mark.drill),
    ],
)
def job(request: pytest.FixtureRequest, platform: RunningPlatform) -> Job:
    """A training whose model is declared and whose sources are there."""
    job: Job = request.param
    if job == FLIGHTS:
        demo.load(platform.platform.demo_dsn)
    else:
        days, often = nightly.TRAINED_DAYS + 2, {"retries": 2, "retry_delay": "1 second"}
        customers.load(platform.platform.demo_dsn, job.model, days=days)
        customers.declare(platform, job.model, table=job.model, schedule=often)
        read_again()
    return job


@pytest.fixture(scope="module")
def alone(
    request: pytest.FixtureRequest,
    job: Job,
    platform: RunningPlatform,
    new_home: NewHome,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Record]:
    """The records of the same training, undisturbed and without Airflow."""
    if job == FLIGHTS:
        found: dict[str, Record] = request.getfixturevalue("trained").records
        return found
    known = {
        "TRADEWIND_CONFIG": str(platform.settings.config_dir),
        "AIRFLOW_CONN_DEMO": platform.platform.demo_dsn,
    }
    asked = RunRequest(model=job.model, run_id="alone", as_of=job.as_of, actor="ann", reason="why")
    with new_home(tmp_path_factory.mktemp("alone"), **known) as home:
        return run_pipeline(asked, stores=home.stores)


@pytest.fixture(scope="module")
def model_dir(platform: RunningPlatform, job: Job) -> Path:
    """The model in the platform's own configuration."""
    return platform.settings.config_dir / "models" / job.model


@pytest.fixture(scope="module")
def api(platform: RunningPlatform) -> Iterator[AirflowApi]:
    with platform.api() as session:
        yield session


def task_processes() -> dict[str, psutil.Process]:
    """The processes in which tasks' own code runs, by the task instance's id."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            title = next(iter(process.cmdline()), "")
            if title.startswith(WORKER):
                found[title.removeprefix(WORKER)] = process
    return found


def kill_in_the_middle(api: AirflowApi, job: Job, run_id: str) -> set[str]:
    """Follow a run to its end and kill the first attempt of every task; returns whom it hit."""
    killed: set[str] = set()
    path = f"/dags/{job.dag}/dagRuns/{run_id}/taskInstances"

    def look() -> bool:
        processes = task_processes()
        for task in api._require("GET", path)["task_instances"]:
            name, process = task["task_id"], processes.get(task["id"])
            first = task["state"] == "running" and task["try_number"] == 1
            if process is None or not first or name in killed:
                continue
            with suppress(psutil.Error):
                if process.cpu_times().user >= job.in_the_middle.get(name, 0):
                    process.kill()
                    killed.add(name)
        return api.run(job.dag, run_id).state in ("success", "failed")

    wait_for(look)
    return killed


@dataclass(frozen=True)
class Disturbed:
    """What became of a run that had every reason to fail.

    Attributes:
        run: At its end.
        killed: The tasks whose first attempt was killed.
        error: What Airflow showed meanwhile of the definition.
    """

    run: RunState
    killed: set[str]
    error: str


@contextmanager
def misspelt(folder: Path) -> Iterator[None]:
    """A definition with a key that nobody knows; Airflow reads it again, and again afterwards."""
    path = folder / "model.yaml"
    whole = path.read_text()
    path.write_text(whole.replace("\nhorizon:", "\nhorizn:", 1))
    try:
        read_again()
        yield
    finally:
        path.write_text(whole)
        read_again()


@pytest.fixture(scope="module")
def disturbed(platform: RunningPlatform, api: AirflowApi, job: Job, model_dir: Path) -> Disturbed:
    """A run from an empty lake whose every task is killed with `kill -9` once.

    It begins and ends while the definition is broken, so it is run with what an earlier one left.
    """
    api.wait_for_dag(job.dag)
    api.unpause(job.dag)
    files, ledger = load_definition(model_dir).files, Stores.open(platform.settings).ledger
    ledger.freeze_definition(job.model, files, as_of=job.as_of, actor="an earlier run")
    with misspelt(model_dir):
        # The files are read again meanwhile: every task reads its own, as it is now.
        conf = {"as_of": f"{job.as_of:%Y-%m-%d}", "reason": "to be disturbed"}
        run_id = api.trigger(job.dag, conf=conf)
        killed = kill_in_the_middle(api, job, run_id)
        error = wait_for(lambda: next(iter(api.import_errors().values()), ""))
    return Disturbed(api.run(job.dag, run_id), killed, error)


def test_a_run_with_every_task_killed_gives_the_undisturbed_result(
    disturbed: Disturbed, platform: RunningPlatform, job: Job, alone: dict[str, Record]
) -> None:
    run = disturbed.run
    assert disturbed.killed >= set(STAGES)
    assert run.state == "success", run
    stores = Stores.open(platform.settings)
    outcomes = stores.ledger.outcomes(model=job.model, run_id=f"train/{run.run_id}")
    results = {outcome.stage: outcome.result for outcome in outcomes}
    whole = {name: record.model_dump(mode="json") for name, record in alone.items()}
    for stage in ("ingest", "validate", "features"):
        assert results[stage]["digest"] == whole[stage]["digest"], stage
    assert results["train"]["prediction_digest"] == whole["train"]["prediction_digest"]
    assert results["gate"]["results"] == whole["gate"]["results"]
    assert results["register"]["outcome"] == "promoted"
    assert [version.version for version in stores.registry.versions(job.model)] == [1]


def test_nothing_half_written_is_visible_after_the_kills(
    disturbed: Disturbed, platform: RunningPlatform
) -> None:
    stores = Stores.open(platform.settings)
    for path in stores.lake.list(""):
        if path.endswith(".parquet"):
            stores.lake.read_table(path)
        elif path.endswith(".json"):
            stores.lake.read_json(path)


def test_the_lease_was_given_back(
    disturbed: Disturbed, platform: RunningPlatform, job: Job
) -> None:
    lease = Stores.open(platform.settings).ledger.lease(job.model)
    assert lease is None or lease.released_at is not None


def pages(dag: str, run_id: str) -> list[str]:
    return [
        "/tradewind/",
        f"/tradewind/dags/{dag}",
        *(f"/tradewind/dags/{dag}/runs/{run_id}/{stage}" for stage in STAGES),
    ]


def test_the_pages_ask_who_is_there_and_then_show(
    disturbed: Disturbed, platform: RunningPlatform, job: Job
) -> None:
    every = pages(job.dag, disturbed.run.run_id)
    server = platform.platform
    with httpx.Client(base_url=server.airflow_url, trust_env=False, timeout=60) as browser:
        said = {path: browser.get(path).status_code for path in every}
        assert set(said.values()) == {401}
        token = browser.post(
            "/auth/token", json={"username": server.login, "password": server.password}
        ).json()["access_token"]
        browser.headers["Authorization"] = f"Bearer {token}"
        shown = {path: browser.get(path) for path in every}
    assert {path: page.status_code for path, page in shown.items()} == dict.fromkeys(shown, 200)
    assert "version 1" in shown["/tradewind/"].text
    assert "beats_naive" in shown[every[-2]].text
    assert all("default-src 'none'" in p.headers["content-security-policy"] for p in shown.values())


def test_a_task_links_to_its_report_and_to_its_run_in_mlflow(
    disturbed: Disturbed, platform: RunningPlatform, api: AirflowApi, job: Job
) -> None:
    run = disturbed.run
    path = f"/dags/{job.dag}/dagRuns/{run.run_id}/taskInstances/train/links"
    links = api._require("GET", path)["extra_links"]
    assert links["Report"] == f"/tradewind/dags/{job.dag}/runs/{run.run_id}/train".replace(
        ":", "%3A"
    ).replace("+", "%2B")
    assert links["MLflow run"].startswith(platform.platform.mlflow_url)


def test_a_log_says_what_was_done_in_a_few_lines(
    disturbed: Disturbed, api: AirflowApi, job: Job
) -> None:
    run = disturbed.run
    task = next(task for task in run.tasks if task.task_id == "features")
    path = f"/dags/{job.dag}/dagRuns/{run.run_id}/taskInstances/features/logs/{task.try_number}"
    lines = [line for line in api._require("GET", path)["content"] if line.get("event")]
    ours = [line["event"] for line in lines if "features" in str(line["event"])]
    assert any("point in time" in line for line in ours)
    assert len(lines) < 60


def test_a_broken_edit_is_shown_with_file_and_line_and_stops_nothing(
    disturbed: Disturbed, platform: RunningPlatform, job: Job, model_dir: Path, api: AirflowApi
) -> None:
    lines = (model_dir / "model.yaml").read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "horizon:" in text)
    assert re.search(rf"model\.yaml:{line}: horizn: .*did you mean horizon", disturbed.error)
    run = disturbed.run
    assert run.state == "success", [api.error_of(run, task) for task in run.failed_tasks]
    ledger = Stores.open(platform.settings).ledger
    admitted = ledger.outcomes(model=job.model, run_id=f"train/{run.run_id}", stage="admit")
    assert [f"model.yaml:{line}: horizn" in one.result["warning"] for one in admitted] == [True]
    # Mended, nothing is shown any more.
    wait_for(lambda: not api.import_errors())
