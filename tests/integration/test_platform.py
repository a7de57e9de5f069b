"""The whole platform: up, killed, up again, down."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from tests.integration.conftest import settings_of
from tradewind.local import platform as local_platform
from tradewind.local import ports
from tradewind.local.layout import MARKER, Layout
from tradewind.local.processes import lives
from tradewind.stores import connections

if TYPE_CHECKING:
    from tests.integration.conftest import RunningPlatform

pytestmark = pytest.mark.platform

SERVICES = {"postgres", "api-server", "scheduler", "dag-processor", "triggerer", "mlflow"}


def family(running: RunningPlatform) -> list[psutil.Process]:
    """Every living process of this clone."""
    marker, data = Layout(running.settings.home).marker, str(running.settings.home / "postgres")
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            own = process.environ().get(MARKER) == marker or process.cwd() == data
            if own and lives(process):
                found.append(process)
    return found


def pids(running: RunningPlatform) -> dict[str, int]:
    return {one.name: one.pid for one in local_platform.status(running.settings)}


def test_everything_answers(platform: RunningPlatform):
    found = {one.name: one.state for one in local_platform.status(platform.settings)}
    assert found == dict.fromkeys(SERVICES, "running")
    assert httpx.get(platform.platform.mlflow_url, trust_env=False).status_code == 200
    with platform.api() as api:
        assert isinstance(api.import_errors(), dict)


def test_everything_listens_on_the_loopback_only(platform: RunningPlatform):
    listening = []
    for process in family(platform):
        with contextlib.suppress(psutil.NoSuchProcess):  # a parser lives for a moment only
            listening += process.net_connections("inet")
    listening = [one.laddr.ip for one in listening if one.status == psutil.CONN_LISTEN]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def test_a_shell_sees_it_without_sourcing_anything(platform: RunningPlatform):
    assert platform.settings.tracking_uri == platform.platform.mlflow_url
    connection = connections.connect_postgres(
        "tradewind_ledger", application_name="test", settings=platform.settings
    )
    connection.close()


def test_starting_what_runs_starts_nothing(platform: RunningPlatform):
    before = pids(platform)
    again = local_platform.up(platform.settings, profile="test")
    assert again.started == ()
    assert again.airflow_url == platform.platform.airflow_url
    assert pids(platform) == before


def test_stopping_another_clone_stops_nothing_here(platform: RunningPlatform):
    before = pids(platform)
    assert local_platform.down(settings_of("another")) == []
    assert pids(platform) == before


def kill(running: RunningPlatform, *names: str) -> None:
    known = pids(running)
    victims = [psutil.Process(known[name]) for name in names]
    for victim in victims:
        victim.kill()
    psutil.wait_procs(victims, timeout=10)


def test_after_kill_9_what_died_is_started_again_and_nothing_else(platform: RunningPlatform):
    before = pids(platform)
    workers = psutil.Process(before["scheduler"]).children()
    kill(platform, "scheduler", "mlflow")

    again = local_platform.up(platform.settings, profile="test")

    assert set(again.started) == {"scheduler", "mlflow"}
    assert not [worker for worker in workers if lives(worker)], "orphans of the killed scheduler"
    after = pids(platform)
    assert {name for name in before if before[name] != after[name]} == {"scheduler", "mlflow"}


def test_after_kill_9_of_the_database_everything_comes_back(platform: RunningPlatform):
    kill(platform, "postgres")

    again = local_platform.up(platform.settings, profile="test")

    assert "postgres" in again.started
    test_everything_answers(platform)


def test_down_stops_all_of_it_and_up_comes_back_to_the_same_addresses(platform: RunningPlatform):
    running = family(platform)
    stranger = psutil.Process()

    stopped = local_platform.down(platform.settings)

    assert set(stopped) == SERVICES
    assert not [process for process in running if lives(process)]
    assert not family(platform)
    assert lives(stranger)
    chosen = ports.remembered(Layout(platform.settings.home).run / "ports.json")
    assert all(ports.is_free(port) for port in chosen.values())
    again = local_platform.up(platform.settings, profile="test")
    assert set(again.started) == SERVICES
    assert again.airflow_url == platform.platform.airflow_url
