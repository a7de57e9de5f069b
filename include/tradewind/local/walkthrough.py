"""What `make run` shows a newcomer: a model trained, a night that it served, a decision."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tradewind.local import demo, platform
from tradewind.local.airflow_api import AirflowApi
from tradewind.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.local.airflow_api import RunState, TaskState
    from tradewind.local.platform import Platform
    from tradewind.records import Pipeline, StageOutcome
    from tradewind.settings import Settings

    Echo = Callable[[str], None]

MODEL = "flight_delay"
# What a reader wants of each pipeline, in this order; the rest is on the stages' own pages.
_SHOWN: dict[Pipeline, tuple[str, ...]] = {
    "train": ("train", "evaluate", "gate", "register"),
    "score": ("predict",),
    "monitor": ("monitor", "decide"),
}
_CONF = {"reason": "make run"}


@dataclass(frozen=True)
class Clock:
    """Says how long things took."""

    begun: float

    def __str__(self) -> str:
        return f"{time.monotonic() - self.begun:5.0f} s"


@dataclass(frozen=True)
class Finished:
    """A run that is over, and what it said.

    Attributes:
        done: Whether its last stage said something.
        said: Lines for the reader.
    """

    run: RunState
    done: bool
    said: list[str]


def show_demo(settings: Settings, *, as_of: str, echo: Echo) -> int:
    """Bring the platform up, train the demo's model, score and judge the night after.

    Args:
        settings: The clone.
        as_of: The night that is trained, a date of 2013; the night after it is scored.
        echo: Prints a line.

    Returns:
        0 when training came to a verdict, whatever it is, and the night to a decision; 1 when a
        task failed, or a run was not admitted.

    Raises:
        PlatformError: Something could not be started.
    """
    clock = Clock(time.monotonic())
    echo(f"{clock}  starting PostgreSQL, MLflow and Airflow")
    running = platform.up(settings, echo=lambda line: echo(f"{clock}    {line}"))
    echo(f"{clock}  loading the demo's source tables")
    demo.load(running.demo_dsn, echo=lambda line: echo(f"{clock}  {line}"))
    with AirflowApi(running.airflow_url, login=running.login, password=running.password) as api:
        finished = _all_pipelines(api, as_of=as_of, clock=clock, echo=echo)
    said = [line for pipeline in finished.values() for line in pipeline.said]
    echo("\n".join(("", *said, "", _addresses(running, finished))))
    return 0 if len(finished) == len(_SHOWN) and all(one.done for one in finished.values()) else 1


def _all_pipelines(
    api: AirflowApi, *, as_of: str, clock: Clock, echo: Echo
) -> dict[Pipeline, Finished]:
    """Train, score the night after, and follow the look at it that scoring starts."""
    for pipeline in _SHOWN:
        echo(f"{clock}  waiting for Airflow to read {_dag(pipeline)}")
        api.wait_for_dag(_dag(pipeline))
        api.unpause(_dag(pipeline))
    finished: dict[Pipeline, Finished] = {}
    run_id = api.trigger(_dag("train"), conf={"as_of": as_of, **_CONF}, note="make run")
    finished["train"] = _follow(api, "train", run_id, clock=clock, echo=echo)
    if not finished["train"].done:
        return finished
    night = date.fromisoformat(as_of) + timedelta(days=1)
    conf = {"as_of": night.isoformat(), **_CONF}
    run_id = api.trigger(_dag("score"), conf=conf, note="make run")
    finished["score"] = _follow(api, "score", run_id, clock=clock, echo=echo)
    if finished["score"].done:
        look = f"after__{run_id}"
        finished["monitor"] = _follow(api, "monitor", look, clock=clock, echo=echo)
    return finished


def _dag(pipeline: Pipeline) -> str:
    return f"{MODEL}.{pipeline}"


def _follow(
    api: AirflowApi, pipeline: Pipeline, run_id: str, *, clock: Clock, echo: Echo
) -> Finished:
    dag = _dag(pipeline)
    echo(f"{clock}  {dag}: {run_id}")
    run = api.wait(dag, run_id, on_change=lambda task: echo(f"{clock}    {_said(task)}"))
    outcomes = _outcomes(f"{pipeline}/{run_id}")
    shown = _SHOWN[pipeline]
    if run.state == "success" and shown[-1] in outcomes:
        echo(f"{clock}  {dag} is done")
        said = [line for stage in shown for line in _section(outcomes, stage)]
        return Finished(run, done=True, said=said)
    if run.state == "success":
        echo(f"{clock}  {dag} did nothing")
        nothing = ["the ledger holds nothing of this run"]
        return Finished(run, done=False, said=_section(outcomes, "admit") or nothing)
    echo(f"{clock}  {dag} failed")
    failed = [f"{task.task_id}: {api.error_of(run, task)}" for task in run.failed_tasks]
    return Finished(
        run, done=False, said=failed or [f"the run is {run.state} and no task of it failed"]
    )


def _said(task: TaskState) -> str:
    attempt = f" (attempt {task.try_number})" if task.try_number > 1 else ""
    took = f" in {task.seconds:.1f} s" if task.seconds is not None else ""
    return f"{task.task_id:<10} {task.state}{attempt}{took}"


def _outcomes(run_id: str) -> dict[str, StageOutcome]:
    """What the stages of the run said; the platform's address is known to new settings only."""
    from tradewind.stores.ledger import Ledger

    ledger = Ledger.open(load_settings())
    return {one.stage: one for one in ledger.outcomes(model=MODEL, run_id=run_id)}


def _section(outcomes: Mapping[str, StageOutcome], stage: str) -> list[str]:
    outcome = outcomes.get(stage)
    return [f"{stage}:", *(f"  {line}" for line in outcome.lines)] if outcome else []


def _addresses(running: Platform, finished: Mapping[Pipeline, Finished]) -> str:
    runs = [
        f"         {running.airflow_url}/dags/{_dag(pipeline)}/runs/{one.run.run_id}"
        for pipeline, one in finished.items()
    ]
    return "\n".join(
        (
            f"Airflow  {running.airflow_url}",
            *runs,
            f"         login {running.login}, password {running.password}",
            f"MLflow   {running.mlflow_url}/#/models/{MODEL}",
            "Stop it all with `make stop`.",
        )
    )
