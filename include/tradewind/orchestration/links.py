"""What a task's page links to: its report, and its run in MLflow.

A task computes its links when it has finished, in its own process, and Airflow stores them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ReportLink(BaseOperatorLink):
    """The page with this stage's whole result."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of the page, below the web server's own."""
        return report_address(ti_key.dag_id, ti_key.run_id, ti_key.task_id)


class LaunchedByLink(BaseOperatorLink):
    """The run of the monitor whose decision launched this training; nothing for other runs."""

    name = "Decision"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of that run in Airflow's own pages."""
        run = getattr(operator, "launched_by", None)
        if not run:
            return ""
        model = ti_key.dag_id.partition(".")[0]
        return f"/dags/{quote(model, safe='')}.monitor/runs/{quote(run, safe='')}"


class MlflowLink(BaseOperatorLink):
    """The training's run in MLflow; nothing for the stages before there is one."""

    name = "MLflow run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of the run in MLflow's own pages."""
        return mlflow_address(getattr(operator, "last_records", []))


class CardLink(BaseOperatorLink):
    """The model card of what this run trained."""

    name = "Model card"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of the card's page, below the web server's own."""
        return report_address(ti_key.dag_id, ti_key.run_id, "card")


class StoryLink(BaseOperatorLink):
    """How the decision with the night's highest score came about."""

    name = "One decision"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of its story; nothing where the night served nobody."""
        from tradewind.nights import ScoredNight

        for record in getattr(operator, "last_records", []):
            if isinstance(record, ScoredNight) and record.rows:
                night = quote(record.night.isoformat(), safe="")
                return f"/tradewind/dags/{quote(ti_key.dag_id, safe='')}/explained?as_of={night}"
        return ""


class ScorecardLink(BaseOperatorLink):
    """How well the model is tested and watched."""

    name = "Scorecard"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Address of the page, below the web server's own."""
        return f"/tradewind/dags/{quote(ti_key.dag_id, safe='')}/scorecard"


# What the page of a task links to beside its own report.
_BESIDE: dict[str, tuple[BaseOperatorLink, ...]] = {
    **dict.fromkeys(
        ("train", "evaluate", "probe", "refit", "load_test", "gate", "card"), (MlflowLink(),)
    ),
    "register": (MlflowLink(), CardLink(), ScorecardLink()),
    "predict": (StoryLink(),),
    "alert": (ScorecardLink(),),
}


def links_of(stage: str) -> tuple[BaseOperatorLink, ...]:
    """What the page of a stage's task links to."""
    return (ReportLink(), *_BESIDE.get(stage, ()))


def report_address(dag_id: str, run_id: str, task_id: str) -> str:
    """Where the page with a task's whole result is, below the web server's own address."""
    dag, run = quote(dag_id, safe=""), quote(run_id, safe="")
    return f"/tradewind/dags/{dag}/runs/{run}/{quote(task_id)}"


def mlflow_address(records: list[Any]) -> str:
    """The MLflow page of the first record that names a run; empty where none does."""
    from tradewind.records import TrainedModel
    from tradewind.settings import load_settings

    for record in records:
        if isinstance(record, TrainedModel):
            from tradewind.stores.registry import Registry

            return Registry.open(load_settings()).run_url(record.run_id)
    return ""
