"""The head of the ledger's chain leaves the database at the end of a night."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.shop import AS_OF, enter_shop
from tradewind.settings import load_settings
from tradewind.stores.chain_heads import newest, verify
from tradewind.stores.chain_heads import parse as heads_of
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags


def test_a_night_keeps_a_head_in_the_lake_and_tells_of_one_a_day(
    airflow_db: str,
    ledger_dsn: str,
    mlflow_server: str,
    home: Settings,
    tmp_path: Path,
    parse: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter_shop(tmp_path / "shop", monkeypatch, waived=True)
    monitor = parse().dags["churn.monitor"]

    for night in (AS_OF, AS_OF + timedelta(days=1)):
        monitor.test(run_conf={"moment": night.isoformat(), "reason": "to see it through"})

    stores = Stores.open(load_settings())
    first, second = stores.ledger.events(kind="head_kept")
    told, *later = stores.ledger.events(kind="head_told")
    # One more only where midnight came in between.
    assert [event for event in later if event.recorded_at.date() == told.recorded_at.date()] == []
    assert told.model == "churn"
    assert told.payload.items() <= first.payload.items()
    assert second.id > told.id
    heads, _ = heads_of((home.home / "alerts" / "churn.jsonl").read_text("utf-8"), where="alerts")
    assert [head.hash for head in heads] == [event.payload["hash"] for event in (told, *later)]
    whole = verify(stores.ledger, stores.lake, heads=heads)
    assert (whole.findings, whole.agreeing, whole.held) == ([], 2 + len(heads), newest(stores.lake))
