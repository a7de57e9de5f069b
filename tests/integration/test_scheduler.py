"""The main job through the real scheduler: every task killed once, the pages, a broken edit."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from tests.fixtures.training import AS_OF
from tests.integration.waiting import read_again, wait_for
from tradewind.definition.loader import load_definition
from tradewind.local import demo
from tradewind.pipeline import TRAIN
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.training import Training
    from tests.integration.conftest import RunningPlatform
    from tradewind.local.airflow_api import AirflowApi, RunState

pytestmark = pytest.mark.platform

DAG = "flight_delay.train"
# CPU seconds after which a task is in the middle of its work; the others are killed at sight.
IN_THE_MIDDLE = {
    "ingest": 1.2,
    "validate": 2.5,
    "features": 3.0,
    "train": 6.0,
    "evaluate": 2.5,
    "probe": 4.0,
}
STAGES = ["admit", *TRAIN]
# What the process of a task calls itself, before the task instance's id.
WORKER = "airflow worker -- "


@pytest.fixture(scope="module")
def model_dir(platform: RunningPlatform) -> Path:
    """The demo's model in the platform's own configuration."""
    return platform.settings.config_dir / "models" / "flight_delay"


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


def kill_in_the_middle(api: AirflowApi, run_id: str) -> set[str]:
    """Follow a run to its end and kill the first attempt of every task; returns whom it hit."""
    killed: set[str] = set()
    path = f"/dags/{DAG}/dagRuns/{run_id}/taskInstances"

    def look() -> bool:
        processes = task_processes()
        for task in api._require("GET", path)["task_instances"]:
            name, process = task["task_id"], processes.get(task["id"])
            first = task["state"] == "running" and task["try_number"] == 1
            if process is None or not first or name in killed:
                continue
            with suppress(psutil.Error):
                if process.cpu_times().user >= IN_THE_MIDDLE.get(name, 0):
                    process.kill()
                    killed.add(name)
        return api.run(DAG, run_id).state in ("success", "failed")

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
def disturbed(platform: RunningPlatform, api: AirflowApi, model_dir: Path) -> Disturbed:
    """A run from an empty lake whose every task is killed with `kill -9` once.

    It begins and ends while the definition is broken, so it is run with what an earlier one left.
    """
    demo.load(platform.platform.demo_dsn)
    api.wait_for_dag(DAG)
    api.unpause(DAG)
    files, ledger = load_definition(model_dir).files, Stores.open(platform.settings).ledger
    ledger.freeze_definition("flight_delay", files, as_of=AS_OF, actor="an earlier run")
    with misspelt(model_dir):
        # The files are read again meanwhile: every task reads its own, as it is now.
        run_id = api.trigger(DAG, conf={"as_of": "2013-07-01", "reason": "to be disturbed"})
        killed = kill_in_the_middle(api, run_id)
        error = wait_for(lambda: next(iter(api.import_errors().values()), ""))
    return Disturbed(api.run(DAG, run_id), killed, error)


def test_a_run_with_every_task_killed_gives_the_undisturbed_result(
    disturbed: Disturbed, platform: RunningPlatform, trained: Training
) -> None:
    run = disturbed.run
    assert disturbed.killed >= set(STAGES)
    assert run.state == "success", run
    stores = Stores.open(platform.settings)
    outcomes = stores.ledger.outcomes(model="flight_delay", run_id=f"train/{run.run_id}")
    results = {outcome.stage: outcome.result for outcome in outcomes}
    alone = {name: record.model_dump(mode="json") for name, record in trained.records.items()}
    for stage in ("ingest", "validate", "features"):
        assert results[stage]["digest"] == alone[stage]["digest"], stage
    assert results["train"]["prediction_digest"] == alone["train"]["prediction_digest"]
    assert results["gate"]["results"] == alone["gate"]["results"]
    assert results["register"]["outcome"] == "promoted"
    assert [version.version for version in stores.registry.versions("flight_delay")] == [1]


def test_nothing_half_written_is_visible_after_the_kills(
    disturbed: Disturbed, platform: RunningPlatform
) -> None:
    stores = Stores.open(platform.settings)
    for path in stores.lake.list(""):
        if path.endswith(".parquet"):
            stores.lake.read_table(path)
        elif path.endswith(".json"):
            stores.lake.read_json(path)


def test_the_lease_was_given_back(disturbed: Disturbed, platform: RunningPlatform) -> None:
    lease = Stores.open(platform.settings).ledger.lease("flight_delay")
    assert lease is None or lease.released_at is not None


def pages(run_id: str) -> list[str]:
    return [
        "/tradewind/",
        f"/tradewind/dags/{DAG}",
        *(f"/tradewind/dags/{DAG}/runs/{run_id}/{stage}" for stage in STAGES),
    ]


def test_the_pages_ask_who_is_there_and_then_show(
    disturbed: Disturbed, platform: RunningPlatform
) -> None:
    run = disturbed.run
    server = platform.platform
    with httpx.Client(base_url=server.airflow_url, trust_env=False, timeout=60) as browser:
        said = {path: browser.get(path).status_code for path in pages(run.run_id)}
        assert set(said.values()) == {401}
        token = browser.post(
            "/auth/token", json={"username": server.login, "password": server.password}
        ).json()["access_token"]
        browser.headers["Authorization"] = f"Bearer {token}"
        shown = {path: browser.get(path) for path in pages(run.run_id)}
    assert {path: page.status_code for path, page in shown.items()} == dict.fromkeys(shown, 200)
    assert "version 1" in shown["/tradewind/"].text
    assert "beats_naive" in shown[pages(run.run_id)[-2]].text
    assert all("default-src 'none'" in p.headers["content-security-policy"] for p in shown.values())


def test_a_task_links_to_its_report_and_to_its_run_in_mlflow(
    disturbed: Disturbed, platform: RunningPlatform, api: AirflowApi
) -> None:
    run = disturbed.run
    path = f"/dags/{DAG}/dagRuns/{run.run_id}/taskInstances/train/links"
    links = api._require("GET", path)["extra_links"]
    assert links["Report"] == f"/tradewind/dags/{DAG}/runs/{run.run_id}/train".replace(
        ":", "%3A"
    ).replace("+", "%2B")
    assert links["MLflow run"].startswith(platform.platform.mlflow_url)


def test_a_log_says_what_was_done_in_a_few_lines(disturbed: Disturbed, api: AirflowApi) -> None:
    run = disturbed.run
    task = next(task for task in run.tasks if task.task_id == "features")
    path = f"/dags/{DAG}/dagRuns/{run.run_id}/taskInstances/features/logs/{task.try_number}"
    lines = [line for line in api._require("GET", path)["content"] if line.get("event")]
    ours = [line["event"] for line in lines if "features" in str(line["event"])]
    assert any("point in time" in line for line in ours)
    assert len(lines) < 60


def test_a_broken_edit_is_shown_with_file_and_line_and_stops_nothing(
    disturbed: Disturbed, platform: RunningPlatform, model_dir: Path, api: AirflowApi
) -> None:
    lines = (model_dir / "model.yaml").read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "horizon:" in text)
    assert re.search(rf"model\.yaml:{line}: horizn: .*did you mean horizon", disturbed.error)
    run = disturbed.run
    assert run.state == "success", [api.error_of(run, task) for task in run.failed_tasks]
    ledger = Stores.open(platform.settings).ledger
    admitted = ledger.outcomes(model="flight_delay", run_id=f"train/{run.run_id}", stage="admit")
    assert [f"model.yaml:{line}: horizn" in one.result["warning"] for one in admitted] == [True]
    # Mended, nothing is shown any more.
    wait_for(lambda: not api.import_errors())
