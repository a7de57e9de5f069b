"""Who asks is whom Airflow says that it was, in the run, whatever its form says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType

from tests.dags.conftest import DEMO
from tradewind.orchestration.identities import identity_of
from tradewind.orchestration.run_requests import order_of, request_of
from tradewind.pipeline import TRAIN
from tradewind.records import Identity
from tradewind.stores.ledger import Ledger
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

MODEL = "flight_delay"
USERS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
MANAGER = "AIRFLOW__CORE__AUTH_MANAGER"
SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
FORGED = {
    "actor": "rita",
    "by": {"kind": "airflow", "name": "rita", "roles": ["admin"]},
    "triggering_user_name": "rita",
    "trigger": "decision",
}


@dataclass
class DagRun:
    """As much of Airflow's as the operators read."""

    triggering_user_name: str | None
    run_type: DagRunType = DagRunType.MANUAL
    run_after: datetime = datetime(2013, 7, 2, 9, 30, tzinfo=UTC)
    run_id: str = "a run"


@dataclass
class Dag:
    """As much of Airflow's as the operators read."""

    dag_id: str


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MANAGER, SIMPLE)
    monkeypatch.setenv(USERS, "admin:admin,rita:op,vic:viewer:sales")


@pytest.mark.parametrize(
    ("name", "roles"),
    [("rita", ["op"]), ("vic", ["viewer"]), ("stranger", []), (None, [])],
)
def test_the_simple_auth_manager_s_users_have_the_roles_of_its_settings(
    name: str | None, roles: list[str]
) -> None:
    assert identity_of(DagRun(name)) == Identity(kind="airflow", name=name, roles=roles)


def test_where_all_are_admins_whoever_is_named_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    assert identity_of(DagRun("Anonymous")).roles == ["admin"]
    assert identity_of(DagRun(None)).roles == []


def test_under_fab_a_task_knows_of_no_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MANAGER, FAB)
    assert identity_of(DagRun("rita")) == Identity(kind="airflow", name="rita", roles=None)


def test_a_training_s_form_changes_nothing_of_who_asks(home: Settings, models_dir: Path) -> None:
    answers = {"as_of": None, "reason": "by hand", **FORGED}
    context = {"dag_run": DagRun("vic"), "dag": Dag(f"{MODEL}.train"), "params": answers}
    request = request_of(MODEL, context, stores=Stores.open())  # type: ignore[arg-type]
    assert (request.actor, request.trigger) == ("vic", "hand")
    assert request.by == Identity(kind="airflow", name="vic", roles=["viewer"])


def test_a_release_s_form_changes_nothing_of_who_orders(
    home: Settings, models_dir: Path, ledger_dsn: str
) -> None:
    answers = {"action": "fall_back", "reason": "it is late", **FORGED}
    context = {"dag_run": DagRun("vic"), "dag": Dag(f"{MODEL}.release"), "params": answers}
    order = order_of(MODEL, context, stores=Stores.open())  # type: ignore[arg-type]
    assert order.actor == "vic"
    assert order.by == Identity(kind="airflow", name="vic", roles=["viewer"])


def declare(models_dir: Path, more: str) -> None:
    (models_dir / MODEL / "model.yaml").write_text(f"{(DEMO / 'model.yaml').read_text()}\n{more}\n")


def test_the_page_of_a_dag_says_who_may_what(models_dir: Path, parse: Callable[[], DagBag]) -> None:
    declare(models_dir, "permissions: {retire: [rita, carl]}")
    page = parse().dags[f"{MODEL}.release"].doc_md
    assert "| may | retire: rita or carl; all else: anybody |" in (page or "")


def test_a_run_by_somebody_who_may_not_retrain_ends_green_with_nothing_done_and_the_reason(
    airflow_db: str,
    ledger_dsn: str,
    home: Settings,
    models_dir: Path,
    parse: Callable[[], DagBag],
) -> None:
    declare(models_dir, "permissions: {retrain: rita}")
    conf = {"as_of": "2013-07-01", "reason": "try", "actor": "rita", "by": FORGED["by"]}

    # Airflow's own test of a DAG starts its run under this name.
    run = parse().dags[f"{MODEL}.train"].test(run_conf=conf)

    assert run.state == "success"
    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert set(states) == {"admit", *TRAIN, "release"}
    assert set(states.values()) == {"skipped"}
    ledger = Ledger.open(home)
    (refused,) = ledger.events(model=MODEL, kind="refused")
    assert refused.payload["by"] == {"kind": "airflow", "name": "dag_test", "roles": []}
    assert refused.reason == (
        "dag_test may not retrain: `permissions.retrain` names rita; ask one of them"
    )
    (outcome,) = ledger.outcomes(model=MODEL, run_id=f"train/{run.run_id}")
    assert outcome.lines == [f"not admitted: {MODEL}: {refused.reason}"]
