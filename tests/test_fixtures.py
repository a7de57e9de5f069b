"""The fixtures that every other test stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow
from mlflow import MlflowClient

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
