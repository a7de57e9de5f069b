"""The fixtures that every other test stands on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow import MlflowClient

from tests.fixtures import sandbox
from tradewind.stores import connections

if TYPE_CHECKING:
    from tests.fixtures.s3 import Bucket
    from tradewind.settings import Settings


def test_a_home_knows_the_servers_that_the_test_asked_for(
    home: Settings, mlflow_server: str, s3: Bucket
):
    assert home.tracking_uri == mlflow_server
    assert connections.is_defined("tradewind_lake", settings=home)
    assert not connections.is_defined("demo", settings=home)


def test_the_mlflow_server_stores_a_run(mlflow_server: str):
    client = MlflowClient(mlflow_server)
    experiment = client.create_experiment("fixtures")
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "auc", 0.5)
    assert client.get_run(run.info.run_id).data.metrics == {"auc": 0.5}
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert mlflow.__version__


def test_what_a_killed_session_left_is_ended_and_removed_by_the_next_one():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = Path(tempfile.mkdtemp(prefix=f"{sandbox._PREFIX}{gone.pid}-")).resolve()
    living = Path(tempfile.mkdtemp(prefix=f"{sandbox._PREFIX}{os.getpid()}-")).resolve()
    waits = [sys.executable, "-c", "input()"]
    servers = [
        subprocess.Popen(waits, env={"STORE": f"{folder}/mlflow"}, stdin=subprocess.PIPE)
        for folder in (left, living)
    ]
    try:
        sandbox._sweep()
        assert servers[0].wait(timeout=60) != 0
        assert servers[1].poll() is None
        assert (left.exists(), living.exists()) == (False, True)
    finally:
        for server in servers:
            server.kill()
            server.communicate()
        living.rmdir()
