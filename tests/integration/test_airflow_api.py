"""The conversation with a running Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.errors import PlatformError
from tradewind.local.airflow_api import AirflowApi

if TYPE_CHECKING:
    from tests.integration.conftest import RunningPlatform

pytestmark = pytest.mark.platform


def test_a_wrong_password_is_refused_in_a_sentence(platform: RunningPlatform):
    wrong = AirflowApi(platform.platform.airflow_url, login="admin", password="guess")
    with wrong as api, pytest.raises(PlatformError, match="does not let 'admin' in"):
        api.import_errors()


def test_an_unknown_dag_is_refused_in_a_sentence(platform: RunningPlatform):
    with platform.api() as api, pytest.raises(PlatformError, match=r"'nobody.train' not found"):
        api.trigger("nobody.train", conf={})


def test_a_failed_task_is_told_in_its_own_words(platform: RunningPlatform):
    dag = "flight_delay.train"
    with platform.api() as api:
        api.wait_for_dag(dag)
        api.unpause(dag)
        run_id = api.trigger(dag, conf={"as_of": "2999-01-01", "reason": "to see it fail"})
        run = api.wait(dag, run_id, timeout_seconds=240)
        (task,) = run.failed_tasks
        error = api.error_of(run, task)
    assert (run.state, task.task_id, task.try_number) == ("failed", "admit", 1)
    assert error.startswith("RequestError: flight_delay: the as-of 2999-01-01")
    assert "AirflowFailException" not in error
    assert "site-packages" not in error


def test_waiting_for_a_dag_that_never_comes_ends_with_an_error(platform: RunningPlatform):
    with platform.api() as api, pytest.raises(PlatformError, match=r"knows no DAG 'nobody.train'"):
        api.wait_for_dag("nobody.train", seconds=0)
