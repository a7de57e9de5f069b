"""What `dags/train.py` makes of a definition."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from inspect import signature
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import ParamValidationError

from tests.fixtures.sandbox import CLONE
from tradewind.orchestration.model_dags import in_words
from tradewind.pipeline import TRAIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

pytestmark = pytest.mark.dags

SIDE_BY_SIDE = ["probe", "refit", "load_test"]
STAGES = [
    *("admit", "ingest", "validate", "features", "train", "evaluate"),
    *SIDE_BY_SIDE,
    *("gate", "card", "register"),
]


@pytest.fixture
def dag(models_dir: Path, parse: Callable[[], DagBag]) -> DAG:
    bag = parse()
    assert bag.import_errors == {}
    return bag.dags["flight_delay.train"]


def test_a_model_has_four_dags(
    add_model: Callable[[str], Path], parse: Callable[[], DagBag]
) -> None:
    add_model("second_model")
    found = {dag_id for dag_id in parse().dags if not dag_id.startswith("tradewind.")}
    assert found == {
        f"{model}.{pipeline}"
        for model in ("flight_delay", "second_model")
        for pipeline in ("train", "score", "monitor", "release")
    }


def test_the_stages_run_in_their_order_and_the_lease_is_given_back_last(dag: DAG) -> None:
    order = [task.task_id for task in dag.topological_sort()]
    assert sorted(order) == sorted([*STAGES, "release"])
    assert dag.get_task("release").is_teardown
    alone = [stage for stage in STAGES if stage not in SIDE_BY_SIDE]
    for before, after in pairwise(alone):
        if after != "gate":
            assert dag.get_task(after).upstream_task_ids == {before}
    for task in SIDE_BY_SIDE:
        assert dag.get_task(task).upstream_task_ids == {"evaluate"}
    assert dag.get_task("gate").upstream_task_ids == {*SIDE_BY_SIDE}


def test_every_stage_of_the_pipeline_is_a_task(dag: DAG) -> None:
    assert [*TRAIN] == STAGES[1:]
    given = {
        name: [STAGES.index(earlier) for earlier in stage.inputs] for name, stage in TRAIN.items()
    }
    assert all(place < STAGES.index(name) for name, places in given.items() for place in places)


def test_the_dag_keeps_the_house_rules(dag: DAG) -> None:
    broken = {
        "its id is <model>.<pipeline>": re.fullmatch(r"[a-z0-9_]+\.[a-z]+", dag.dag_id) is None,
        "it runs one at a time": dag.max_active_runs != 1,
        "it does not catch up by itself": dag.catchup,
        "it has a page": not dag.doc_md,
        "it names its owner": not any(tag.startswith("owner:") for tag in dag.tags),
        "defaults are arguments of operators": not set(dag.default_args)
        <= set(signature(BaseOperator.__init__).parameters),
        "every task retries": any(task.retries < 1 for task in dag.tasks),
        "every task has a time-out": any(task.execution_timeout is None for task in dag.tasks),
    }
    assert [rule for rule, is_broken in broken.items() if is_broken] == []


def test_retries_time_out_and_pool_come_from_the_definition(
    models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    definition = models_dir / "flight_delay" / "model.yaml"
    text = re.sub(r"\nschedule:\n(?:  .*\n)+", "\n", definition.read_text())
    text = re.sub(r"\nresources:\n(?:  .*\n)+", "\n", text)
    definition.write_text(
        text
        + "schedule: {train: '0 3 * * *', retries: 5, retry_delay: 2 minutes,"
        + " task_timeout: 3 hours}\n"
        + "resources: {pool: nightly, queue: large}\n"
    )
    dag = parse().dags["flight_delay.train"]
    task = dag.get_task("train")
    assert (task.retries, task.retry_delay.total_seconds()) == (5, 120)
    assert task.retry_exponential_backoff == 2.0
    assert task.max_retry_delay.total_seconds() == 3600
    assert task.execution_timeout.total_seconds() == 3 * 3600
    assert (task.pool, task.queue) == ("nightly", "large")
    assert dag.timetable.expression == "0 3 * * *"
    assert str(dag.timetable.timezone) == "America/New_York"


def test_an_owner_of_many_words_takes_no_dag_down(
    models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    definition = models_dir / "flight_delay" / "model.yaml"
    long = "The desk of all flights from New York " * 5
    text = definition.read_text()
    definition.write_text(text.replace("owner: Flight operations desk", f"owner: {long}"))
    assert "flight_delay.train" in parse().dags


def test_the_page_says_what_the_model_is_for_and_who_owns_it(dag: DAG) -> None:
    assert "Flight operations desk" in dag.doc_md
    assert "Which departures from New York to prepare for" in dag.doc_md


def test_the_page_says_in_words_how_long_before(
    dag: DAG, models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    assert ", 2 hours before `" in dag.doc_md
    definition = models_dir / "flight_delay" / "model.yaml"
    definition.write_text(re.sub(r"\nhorizon: .*", "", definition.read_text()))
    assert ", at `" in parse().dags["flight_delay.train"].doc_md


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=1, minutes=30), "1 day 30 minutes"),
        (timedelta(weeks=2, seconds=1), "14 days 1 second"),
        (timedelta(), "no time"),
    ],
)
def test_a_length_of_time_is_said_in_words(length: timedelta, words: str) -> None:
    assert in_words(length) == words


@pytest.mark.parametrize(
    ("answers", "valid"),
    [
        pytest.param({"as_of": "2013-06-01", "reason": "try"}, True, id="a date"),
        pytest.param({"as_of": "last tuesday"}, False, id="no date"),
        pytest.param({"window_days": 120}, True, id="a window"),
        pytest.param({"window_days": 3}, False, id="a window shorter than what it is cut into"),
        pytest.param({"candidate": "no_such"}, False, id="a candidate that is not declared"),
        pytest.param({"reason": ""}, False, id="no reason"),
    ],
)
def test_the_form_takes_what_makes_sense_only(dag: DAG, answers: dict, valid: bool) -> None:
    form = dag.params
    with nullcontext() if valid else pytest.raises(ParamValidationError):
        form.update(answers)
        form.validate()


def test_the_form_has_sound_defaults(dag: DAG) -> None:
    assert dag.params.validate()["reason"] == "by hand"


HEAVY = [
    "pandas", "sklearn", "mlflow", "great_expectations", "duckdb", "pyarrow", "scipy", "boto3",
]  # fmt: skip


def test_parsing_a_hundred_definitions_loads_nothing_heavy(
    add_model: Callable[[str], Path],
) -> None:
    for number in range(99):
        add_model(f"model_{number:02}")
    script = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(CLONE / 'dags')!r})\n"
        f"sys.path.insert(0, {str(CLONE / 'plugins')!r})\n"
        "import train, score, monitor, release, definition_errors, tradewind_plugin\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "from tradewind.orchestration.models import runnable_models\n"
        "print(json.dumps([loaded, len(list(runnable_models('train')))]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [[], 100]
