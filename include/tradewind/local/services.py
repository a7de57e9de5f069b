"""The processes of the platform besides PostgreSQL, and how to ask each whether it is well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from tradewind.local import airflow_services, environment, mlflow_server
from tradewind.local.processes import Service
from tradewind.settings import MLFLOW_HEALTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.local.databases import Databases
    from tradewind.local.layout import Layout
    from tradewind.settings import Settings

MLFLOW = "mlflow"
API_SERVER = "api-server"
# Who listens on which of the chosen ports.
LISTENERS = {API_SERVER: "airflow", MLFLOW: MLFLOW}
# The scheduler first, so that a task which is stopped with it can still be written down as stopped.
STOPPING_ORDER = [["scheduler", "triggerer", "dag-processor"], [API_SERVER, MLFLOW]]
NAMES = [*airflow_services.ARGUMENTS, MLFLOW]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def services(
    settings: Settings,
    layout: Layout,
    databases: Databases,
    chosen: Mapping[str, int],
    *,
    profile: str,
) -> dict[str, Service]:
    """What is to run, by name.

    Args:
        settings: The clone.
        layout: Its home.
        databases: Its databases.
        chosen: Its ports.
        profile: A name of `environment.PROFILES`.
    """
    common = {
        **environment.clean(),
        **environment.shared(settings, profile=profile),
        **settings.own_environment,
        **environment.platform_environment(settings, layout, databases, chosen),
        "TRADEWIND_CONFIG": str(settings.config_dir),
    }
    airflow = {**common, **environment.airflow_environment(settings, layout, databases, chosen)}
    mlflow = {**common, **environment.mlflow_environment(layout, databases, chosen)}
    code = _code_digest(settings)
    found = [
        Service(name, [*airflow_services.PROGRAM, *arguments], airflow, code)
        for name, arguments in airflow_services.ARGUMENTS.items()
    ]
    return {
        service.name: service
        for service in [*found, Service(MLFLOW, mlflow_server.COMMAND, mlflow)]
    }


def well(chosen: Mapping[str, int], *, begun: Mapping[str, datetime] | None = None) -> set[str]:
    """Names of the services that answer.

    Args:
        chosen: Port by name.
        begun: When each process began, UTC: a sign of life from before is its predecessor's.
    """
    since = begun or {}
    said = airflow_services.health(environment.url(chosen["airflow"]))
    found = {name for name, one in said.items() if one.since(since.get(name, _LONG_AGO))}
    return found | ({MLFLOW} if _mlflow_answers(chosen[MLFLOW]) else set())


def _mlflow_answers(port: int) -> bool:
    try:
        address = environment.url(port) + MLFLOW_HEALTH
        return httpx.get(address, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _code_digest(settings: Settings) -> str:
    """Changes with any Python file that Airflow's long-lived processes may have loaded."""
    folders = (settings.root / "include", settings.root / "plugins")
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return str([(str(file), file.stat().st_mtime_ns) for file in files])
