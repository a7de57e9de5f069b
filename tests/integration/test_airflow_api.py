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


def test_waiting_for_a_dag_that_never_comes_ends_with_an_error(platform: RunningPlatform):
    with platform.api() as api, pytest.raises(PlatformError, match=r"knows no DAG 'nobody.train'"):
        api.wait_for_dag("nobody.train", seconds=0)
