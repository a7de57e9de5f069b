"""A whole training through Airflow's own task runner, with the lake in an S3 store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.shop import AS_OF, enter_shop
from tradewind.pipeline import TRAIN
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

    from tests.fixtures.s3 import Bucket
    from tradewind.settings import Settings

pytestmark = pytest.mark.dags


def test_a_run_with_its_lake_in_s3_ends_with_a_champion(
    airflow_db: str,
    ledger_dsn: str,
    mlflow_server: str,
    s3: Bucket,
    home: Settings,
    tmp_path: Path,
    parse: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter_shop(tmp_path / "shop", monkeypatch, waived=True)
    monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}/lake")
    answers = {"as_of": f"{AS_OF:%Y-%m-%d}", "reason": "to see it through"}

    run = parse().dags["churn.train"].test(run_conf=answers)

    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert states == dict.fromkeys(["admit", *TRAIN, "release"], "success")
    stores = Stores.open(load_settings())
    champion = stores.ledger.champion("churn", as_of=AS_OF)
    assert champion is not None
    assert champion.actor == "dag_test"
    assert stores.registry.alias("churn", "champion") == champion.version
    kept = {path.split("/")[0] for path in stores.lake.list("")}
    assert kept >= {
        "sources",
        "snapshots",
        "validated",
        "features",
        "evaluations",
        "verdicts",
        "cards",
    }
    assert not (home.home / "lake" / "features").exists()
