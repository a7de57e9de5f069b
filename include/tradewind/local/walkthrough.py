"""What `make run` shows a newcomer: everything up, a model trained on real flights, its verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.local import demo, platform
from tradewind.local.airflow_api import AirflowApi
from tradewind.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.local.airflow_api import RunState, TaskState
    from tradewind.local.platform import Platform
    from tradewind.records import StageOutcome
    from tradewind.settings import Settings

MODEL = "flight_delay"
DAG = f"{MODEL}.train"
# What a reader wants of each stage, in this order; the rest is on the stages' own pages.
_SHOWN = ("train", "evaluate", "gate", "register")


@dataclass(frozen=True)
class Clock:
    """Says how long things took."""

    begun: float

    def __str__(self) -> str:
        return f"{time.monotonic() - self.begun:5.0f} s"


def show_demo(settings: Settings, *, as_of: str, echo: Callable[[str], None]) -> int:
    """Bring the platform up, train the demo's model through Airflow, and print what came of it.

    Args:
        settings: The clone.
        as_of: The night that is trained, a date of 2013.
        echo: Prints a line.

    Returns:
        0 when the run came to a verdict, whatever it is; 1 when a task failed, or the run was not
        admitted.

    Raises:
        PlatformError: Something could not be started.
    """
    clock = Clock(time.monotonic())
    echo(f"{clock}  starting PostgreSQL, MLflow and Airflow")
    running = platform.up(settings, echo=lambda line: echo(f"{clock}    {line}"))
    echo(f"{clock}  loading the demo's source tables")
    demo.load(running.demo_dsn, echo=lambda line: echo(f"{clock}  {line}"))
    run, error = _train(running, as_of=as_of, clock=clock, echo=echo)
    outcomes = _outcomes(run.run_id) if run.state == "success" else {}
    if "register" in outcomes:
        echo(f"{clock}  {DAG} is done\n")
        said = [line for stage in _SHOWN for line in _section(outcomes.get(stage))]
    elif run.state == "success":
        echo(f"{clock}  {DAG} did nothing\n")
        said = _section(outcomes.get("admit")) or ["the ledger holds nothing of this run"]
    else:
        echo(f"{clock}  {DAG} failed\n")
        said = [error]
    echo("\n".join((*said, "", _addresses(running, run))))
    return 0 if "register" in outcomes else 1


def _train(
    running: Platform, *, as_of: str, clock: Clock, echo: Callable[[str], None]
) -> tuple[RunState, str]:
    with AirflowApi(running.airflow_url, login=running.login, password=running.password) as api:
        echo(f"{clock}  waiting for Airflow to read {DAG}")
        api.wait_for_dag(DAG)
        api.unpause(DAG)
        run_id = api.trigger(DAG, conf={"as_of": as_of, "reason": "make run"}, note="make run")
        echo(f"{clock}  {DAG} as of {as_of}: {run_id}")
        run = api.wait(DAG, run_id, on_change=lambda task: echo(f"{clock}    {_said(task)}"))
        failed = [f"{task.task_id}: {api.error_of(run, task)}" for task in run.failed_tasks]
    return run, "\n".join(failed) or f"the run is {run.state} and no task of it failed"


def _said(task: TaskState) -> str:
    attempt = f" (attempt {task.try_number})" if task.try_number > 1 else ""
    took = f" in {task.seconds:.1f} s" if task.seconds is not None else ""
    return f"{task.task_id:<10} {task.state}{attempt}{took}"


def _outcomes(run_id: str) -> dict[str, StageOutcome]:
    """What the stages of the run said; the platform's address is known to new settings only."""
    from tradewind.stores.ledger import Ledger

    ledger = Ledger.open(load_settings())
    return {one.stage: one for one in ledger.outcomes(model=MODEL, run_id=run_id)}


def _section(outcome: StageOutcome | None) -> list[str]:
    if outcome is None:
        return []
    return [f"{outcome.stage}:", *(f"  {line}" for line in outcome.lines)]


def _addresses(running: Platform, run: RunState) -> str:
    return "\n".join(
        (
            f"Airflow  {running.airflow_url}/dags/{DAG}/runs/{run.run_id}",
            f"         login {running.login}, password {running.password}",
            f"MLflow   {running.mlflow_url}/#/models/{MODEL}",
            "Stop it all with `make stop`.",
        )
    )
