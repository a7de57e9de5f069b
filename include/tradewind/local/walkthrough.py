"""What `make run` shows a newcomer: a model trained, a night that it served, a decision.

`make run-all` does the same with every model of the clone, one after the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tradewind.definition.loader import load_definition, model_folders
from tradewind.local import demo, explained, platform
from tradewind.local.airflow_api import AirflowApi
from tradewind.reports.page import result_address
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
    "train": ("train", "evaluate", "gate", "card", "register"),
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
        as_of: The moment that it stood at; None where it came to nothing.
    """

    run: RunState
    done: bool
    said: list[str]
    as_of: datetime | None = None


@dataclass(frozen=True)
class Tour:
    """One model on its way through Airflow, told as it goes.

    Attributes:
        as_of: The night that is trained, a date; the night after it is scored.
        echo: Prints a line, with the time since the tour began.
    """

    api: AirflowApi
    model: str
    as_of: str
    echo: Echo

    def run(self) -> dict[Pipeline, Finished]:
        """Train, score the night after, and follow the look at it that scoring starts."""
        for pipeline in _SHOWN:
            self.echo(f"waiting for Airflow to read {self._dag(pipeline)}")
            self.api.wait_for_dag(self._dag(pipeline))
            self.api.unpause(self._dag(pipeline))
        finished: dict[Pipeline, Finished] = {}
        finished["train"] = self._follow("train", self._trigger("train", self.as_of))
        if not finished["train"].done:
            return finished
        night = date.fromisoformat(self.as_of) + timedelta(days=1)
        run_id = self._trigger("score", night.isoformat())
        finished["score"] = self._follow("score", run_id)
        if finished["score"].done:
            finished["monitor"] = self._follow("monitor", f"after__{run_id}")
        return finished

    def _dag(self, pipeline: Pipeline) -> str:
        return f"{self.model}.{pipeline}"

    def _trigger(self, pipeline: Pipeline, as_of: str) -> str:
        conf = {"as_of": as_of, **_CONF}
        return self.api.trigger(self._dag(pipeline), conf=conf, note=_CONF["reason"])

    def _follow(self, pipeline: Pipeline, run_id: str) -> Finished:
        dag = self._dag(pipeline)
        self.echo(f"{dag}: {run_id}")
        run = self.api.wait(dag, run_id, on_change=lambda task: self.echo(f"  {_said(task)}"))
        outcomes = _outcomes(self.model, f"{pipeline}/{run_id}")
        shown = _SHOWN[pipeline]
        if run.state == "success" and shown[-1] in outcomes:
            self.echo(f"{dag} is done")
            said = [line for stage in shown for line in _section(outcomes, stage)]
            return Finished(run, done=True, said=said, as_of=outcomes[shown[-1]].as_of)
        if run.state == "success":
            self.echo(f"{dag} did nothing")
            nothing = ["the ledger holds nothing of this run"]
            return Finished(run, done=False, said=_section(outcomes, "admit") or nothing)
        self.echo(f"{dag} failed")
        failed = [f"{task.task_id}: {self.api.error_of(run, task)}" for task in run.failed_tasks]
        return Finished(
            run, done=False, said=failed or [f"the run is {run.state} and no task of it failed"]
        )


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
    return _show(settings, {MODEL: as_of}, echo=echo)


def show_all(settings: Settings, *, echo: Echo) -> int:
    """Do that for every model of this clone that stands at a day of its own (`schedule.today`).

    Returns:
        0 when every model came to a verdict and a decision, whatever they are.

    Raises:
        PlatformError: Something could not be started.
        DefinitionError: A definition is broken.
    """
    definitions = {
        name: load_definition(folder).model
        for name, folder in model_folders(settings.config_dir).items()
    }
    nights = {
        name: model.schedule.today.isoformat()
        for name, model in definitions.items()
        if model.schedule.today is not None
    }
    return _show(settings, nights, echo=echo)


def _show(settings: Settings, nights: Mapping[str, str], *, echo: Echo) -> int:
    clock = Clock(time.monotonic())

    def told(line: str) -> None:
        echo(f"{clock}  {line}")

    told("starting PostgreSQL, MLflow and Airflow")
    running = platform.up(settings, echo=lambda line: told(f"  {line}"))
    told("loading the demo's source tables")
    demo.load(running.demo_dsn, echo=told)
    done = True
    with AirflowApi(running.airflow_url, login=running.login, password=running.password) as api:
        for model, as_of in nights.items():
            finished = Tour(api, model, as_of, told).run()
            said = [line for pipeline in finished.values() for line in pipeline.said]
            told("telling one decision's story")
            plain = _made_plain(running, model, finished)
            echo("\n".join(("", *said, *plain, "", *_runs(running, model, finished))))
            done &= len(finished) == len(_SHOWN) and all(one.done for one in finished.values())
    echo(_addresses(running))
    return 0 if done else 1


def _said(task: TaskState) -> str:
    attempt = f" (attempt {task.try_number})" if task.try_number > 1 else ""
    took = f" in {task.seconds:.1f} s" if task.seconds is not None else ""
    return f"{task.task_id:<10} {task.state}{attempt}{took}"


def _outcomes(model: str, run_id: str) -> dict[str, StageOutcome]:
    """What the stages of the run said; the platform's address is known to new settings only."""
    from tradewind.stores.ledger import Ledger

    ledger = Ledger.open(load_settings())
    return {one.stage: one for one in ledger.outcomes(model=model, run_id=run_id)}


def _section(outcomes: Mapping[str, StageOutcome], stage: str) -> list[str]:
    outcome = outcomes.get(stage)
    return [f"{stage}:", *(f"  {line}" for line in outcome.lines)] if outcome else []


def _runs(running: Platform, model: str, finished: Mapping[Pipeline, Finished]) -> list[str]:
    return [
        *(
            f"         {running.airflow_url}/dags/{model}.{pipeline}/runs/{one.run.run_id}"
            for pipeline, one in finished.items()
        ),
        f"         {running.mlflow_url}/#/models/{model}",
        *_card(running, model, finished),
    ]


def _made_plain(running: Platform, model: str, finished: Mapping[Pipeline, Finished]) -> list[str]:
    """One decision of the night, and the score of the model's tests; nothing of a failed night."""
    scored = finished.get("score")
    if scored is None or scored.as_of is None:
        return []
    settings = load_settings()
    return [
        *explained.story_lines(settings, running, model, night=scored.as_of),
        *explained.score_lines(settings, running, model),
    ]


def _card(running: Platform, model: str, finished: Mapping[Pipeline, Finished]) -> list[str]:
    """Where the card of what was trained is, and how to have the champion's from a shell."""
    trained = finished.get("train")
    if trained is None or not trained.done:
        return []
    page = result_address(model, f"train/{trained.run.run_id}", "card")
    return [
        f"         {running.airflow_url}{page} (its model card)",
        f"         the champion's card: tradewind card {model} --output card.html",
    ]


def _addresses(running: Platform) -> str:
    return "\n".join(
        (
            f"Airflow  {running.airflow_url}",
            f"         login {running.login}, password {running.password}",
            f"MLflow   {running.mlflow_url}",
            "Stop it all with `make stop`.",
        )
    )
