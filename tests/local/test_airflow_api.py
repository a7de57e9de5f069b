"""What is read from Airflow's answers; the talk itself is tested with the whole platform."""

from __future__ import annotations

import pytest

from tests.fixtures.mlflow import free_port
from tradewind.errors import PlatformError
from tradewind.local import airflow_api
from tradewind.local.airflow_api import AirflowApi, RunState, TaskState

FRAMES = [
    {"filename": "/site-packages/airflow/sdk/task_runner.py", "lineno": 1579, "name": "_run"},
    {"filename": "/clone/include/tradewind/stages/train.py", "lineno": 18, "name": "train"},
]
LOG = [
    {"event": "::group::Log message source details"},
    {"event": "/clone/.tradewind/airflow/logs/attempt=1.log"},
    {"event": "::endgroup::"},
    {"event": "reading 3 parts", "level": "info"},
    {
        "event": "Task failed with exception",
        "error_detail": [
            {"exc_type": "LabelError", "exc_value": "one class only", "frames": FRAMES},
            {"exc_type": "KeyError", "exc_value": "'late'", "frames": FRAMES[:1]},
        ],
    },
    {"event": "::group::Post Execute"},
]


def test_a_failed_task_is_told_by_its_own_exception_and_line():
    assert airflow_api._exception(LOG) == (
        "LabelError: one class only\n  at /clone/include/tradewind/stages/train.py:18"
    )


def test_the_word_to_airflow_not_to_try_again_is_left_out():
    wrapped = {"exc_type": "AirflowFailException", "exc_value": "LabelError: one class only"}
    own = {"exc_type": "LabelError", "exc_value": "one class only", "frames": FRAMES}
    log = [{"event": "Task failed", "error_detail": [{**wrapped, "frames": FRAMES}, own]}]
    assert airflow_api._exception(log) == airflow_api._exception(LOG)


def test_a_line_of_the_framework_is_no_place():
    own = {"exc_type": "KeyError", "exc_value": "'late'", "frames": FRAMES[:1]}
    assert airflow_api._exception([{"error_detail": [own]}]) == "KeyError: 'late'"


def test_a_killed_task_is_told_by_the_last_words_of_its_log():
    killed = [line for line in LOG if "error_detail" not in line]
    assert airflow_api._exception(killed) == ""
    assert airflow_api._last_words(killed) == "reading 3 parts"


def test_only_tasks_that_failed_by_themselves_are_reasons():
    states = {"ingest": "failed", "train": "upstream_failed", "admit": "success"}
    tasks = tuple(TaskState(name, state, 1) for name, state in states.items())
    run = RunState("m.train", "r", "failed", tasks)
    assert [task.task_id for task in run.failed_tasks] == ["ingest"]


def test_a_server_that_is_not_there_is_an_error_that_names_it():
    address = f"http://127.0.0.1:{free_port()}"
    with (
        AirflowApi(address, login="admin", password="x") as api,
        pytest.raises(PlatformError, match=rf"Airflow at {address} does not answer"),
    ):
        api.unpause("m.train")
