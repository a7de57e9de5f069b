"""What `dags/housekeeping.py` makes: one DAG in all, weekly, which finishes erasures first."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from tests.dags.test_operators import TICK, DagRun
from tradewind.stores.events import HOUSE_KEPT
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags


@pytest.fixture
def dag(models_dir: Path, parse: Callable[[], DagBag]) -> DAG:
    bag = parse()
    assert bag.import_errors == {}
    return bag.dags["tradewind.housekeeping"]


def kept(dag: DAG, **answers: Any) -> dict[str, Any]:
    """What the task hands on."""
    params = {"as_of": None, "dry_run": False, **answers}
    run = DagRun(DagRunType.MANUAL, TICK, triggering_user_name="ann")
    instance = SimpleNamespace(dag_id=dag.dag_id, task_id="keep_house")
    asked = {"params": params, "dag_run": run, "ti": instance}
    return dag.get_task("keep_house").execute(asked)


def test_it_runs_weekly_and_makes_up_for_no_week(dag: DAG) -> None:
    assert dag.timetable.expression == "30 3 * * 0"
    assert not dag.catchup
    assert dag.max_active_runs == 1


def test_erasures_are_finished_first_and_keep_no_house_from_being_kept(dag: DAG) -> None:
    task = dag.get_task("keep_house")
    assert task.upstream_task_ids == {"finish_erasures"}
    assert task.trigger_rule == "all_done"
    assert [link.name for link in task.operator_extra_links] == ["Report"]


@pytest.mark.parametrize(
    ("answers", "valid"),
    [({}, True), ({"as_of": "2013-07-01", "dry_run": True}, True), ({"dry_run": "maybe"}, False)],
    ids=str,
)
def test_its_form_needs_no_answer(dag: DAG, answers: dict[str, Any], *, valid: bool) -> None:
    with nullcontext() if valid else pytest.raises(ParamValidationError):
        dag.params.update(answers)
        dag.params.validate()


def test_it_hands_on_counts_and_the_ledger_knows_who_asked(
    dag: DAG, home: Settings, ledger_dsn: str, mlflow_server: str
) -> None:
    told = kept(dag)
    assert (told["gone"], told["errors"]) == ([], {})
    [event] = Stores.open().ledger.events(kind=HOUSE_KEPT)
    assert (event.actor, event.payload["run_id"]) == ("ann", "housekeeping/a run")


def test_it_is_red_at_the_end_where_a_model_cannot_be_told_of(
    dag: DAG, models_dir: Path, home: Settings, ledger_dsn: str, mlflow_server: str
) -> None:
    (models_dir / "broken").mkdir()
    (models_dir / "broken" / "model.yaml").write_text("name: [")
    with pytest.raises(AirflowFailException, match="all else is done, but broken: "):
        kept(dag)
    assert Stores.open().ledger.events(kind=HOUSE_KEPT)
