"""The whole platform, started once as `make run` starts it, in a home of the tests' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.sandbox import FOLDER
from tests.fixtures.training import copy_demo
from tradewind.local import platform as local_platform
from tradewind.local.airflow_api import AirflowApi
from tradewind.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.local.platform import Platform


# The DAG files are read once, and when `read_again` asks: it takes a second or two for each.
READ_ONCE = "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL=3600\n"


@dataclass(frozen=True)
class RunningPlatform:
    """The platform under test.

    Attributes:
        settings: Its settings, connections included; `config_dir` is a copy that a test may edit.
        platform: What `up` said of it.
    """

    settings: Settings
    platform: Platform

    def api(self) -> AirflowApi:
        """A session with its Airflow; use it as a context manager."""
        found = self.platform
        return AirflowApi(found.airflow_url, login=found.login, password=found.password)


def settings_of(name: str) -> Settings:
    """Settings of a home of its own, with a copy of the configuration."""
    home = FOLDER / name
    config = home / "config"
    if not config.exists():
        copy_demo(home)
    return load_settings({"TRADEWIND_HOME": str(home), "TRADEWIND_CONFIG": str(config)})


@pytest.fixture(scope="package")
def platform(request: pytest.FixtureRequest) -> Iterator[RunningPlatform]:
    """Everything running, with the short time-outs of the test profile.

    It is stopped after the last test of this folder: it takes half a core as long as it runs, and
    less without the drill, whose stories edit definitions all the time.
    """
    settings = settings_of("platform")
    if not any(item.get_closest_marker("drill") for item in request.session.items):
        (settings.home / "local.env").write_text(READ_ONCE)
    try:
        running = local_platform.up(settings, profile="test")
        yield RunningPlatform(settings_of("platform"), running)
    finally:
        local_platform.down(settings)
