"""What each process is told. Nothing of the caller's shell gets in but what is named here."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.errors import PlatformError
from tradewind.local import mlflow_server
from tradewind.local.credentials import fernet_key, keep, long_key, password, write_private
from tradewind.local.ports import HOST
from tradewind.settings import read_env_file
from tradewind.stores import airflow_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.local.databases import Databases
    from tradewind.local.layout import Layout
    from tradewind.settings import Settings

LOGIN = "admin"
_FROM_THE_CALLER = (
    "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "LC_ALL", "LOGNAME", "PATH", "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "USER", "http_proxy", "https_proxy",
)  # fmt: skip
_OWN_PREFIX = "TRADEWIND_"

# Settings over those of config/airflow.env. `test` notices within seconds that a process was
# killed; on a machine that is merely busy it would see dead where there are only late.
PROFILES: dict[str, dict[str, str]] = {
    "default": {},
    "test": {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
        # Five files take ten seconds to parse: more often, and nothing else gets the core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "20",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "60",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
        # People who approve of what the admin's trainings come to.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,rita:op,carl:op",
    },
}


def clean(caller: Mapping[str, str] | None = None) -> dict[str, str]:
    """The part of the caller's environment that a service may see."""
    known = os.environ if caller is None else caller
    kept = {
        name: value
        for name, value in known.items()
        if name in _FROM_THE_CALLER or name.startswith(_OWN_PREFIX)
    }
    kept.setdefault("HOME", str(Path.home()))
    programs = [str(Path(sys.executable).parent), kept.get("PATH") or os.defpath]
    kept["PATH"] = os.pathsep.join(programs)
    # A proxy is for the world outside, never for the loopback.
    kept["NO_PROXY"] = kept["no_proxy"] = f"{HOST},localhost"
    kept["PYTHONNOUSERSITE"] = "1"
    # A process which renames itself must not overwrite its environment: the marker is in it.
    kept["SPT_NOENV"] = "1"
    return kept


def shared(settings: Settings, *, profile: str = "default") -> dict[str, str]:
    """The settings of `config/airflow.env`, which containers read too, and those of the profile.

    Raises:
        PlatformError: The file is missing, or there is no such profile.
    """
    file = settings.root / "config" / "airflow.env"
    if not file.is_file():
        raise PlatformError(f"{file} is missing: TRADEWIND_ROOT must name a clone of Tradewind")
    if profile not in PROFILES:
        raise PlatformError(f"no profile {profile!r}: there are {', '.join(PROFILES)}")
    return {**read_env_file(file), **PROFILES[profile]}


def platform_environment(
    settings: Settings, layout: Layout, databases: Databases, ports: Mapping[str, int]
) -> dict[str, str]:
    """What a shell, a notebook and a task need to see the platform."""
    logs = (layout.logs, layout.airflow / "logs", databases.server.log)
    return {
        "TRADEWIND_HOME": str(layout.home),
        "TRADEWIND_ROOT": str(settings.root),
        "TRADEWIND_LAKE": settings.lake_uri,
        "TRADEWIND_AIRFLOW_URL": url(ports["airflow"]),
        "AIRFLOW_CONN_TRADEWIND_LEDGER": databases.dsn("ledger", role="tradewind"),
        "AIRFLOW_CONN_DEMO": databases.dsn("demo"),
        # Where a person is to be forgotten, in a shell or a task, these are searched too.
        "AIRFLOW_CONN_TRADEWIND_AIRFLOW_DATABASE": databases.dsn("airflow"),
        "AIRFLOW_CONN_TRADEWIND_MLFLOW_DATABASE": databases.dsn("mlflow"),
        "TRADEWIND_LOGS": os.pathsep.join(map(str, logs)),
        "AIRFLOW_CONN_TRADEWIND_HASH_KEY": f"generic://:{_hash_key(layout)}@",
        "MLFLOW_TRACKING_URI": url(ports["mlflow"]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def shell_environment(
    settings: Settings, layout: Layout, databases: Databases, ports: Mapping[str, int]
) -> dict[str, str]:
    """What `<home>/env` says: the platform, and how to read Airflow's store of connections."""
    airflow = airflow_environment(settings, layout, databases, ports)
    return {
        **platform_environment(settings, layout, databases, ports),
        **{name: airflow[name] for name in (airflow_store.DATABASE, airflow_store.FERNET_KEY)},
    }


def airflow_environment(
    settings: Settings, layout: Layout, databases: Databases, ports: Mapping[str, int]
) -> dict[str, str]:
    """What makes Airflow this clone's: folders, database, addresses and keys."""
    address = url(ports["airflow"])
    return {
        "AIRFLOW_HOME": str(layout.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.root / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": keep(layout.secrets / "fernet-key", fernet_key),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords_file(layout)),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": databases.dsn("airflow", driver="psycopg2"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": databases.dsn("airflow", driver="asyncpg"),
        # Migrated before anything starts; otherwise each process would look for itself.
        "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports["airflow"]),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": keep(layout.secrets / "api-secret-key", long_key),
        "AIRFLOW__API_AUTH__JWT_SECRET": keep(layout.secrets / "jwt-secret", long_key),
    }


def mlflow_environment(
    layout: Layout, databases: Databases, ports: Mapping[str, int]
) -> dict[str, str]:
    """What makes the MLflow server this clone's."""
    return mlflow_server.server_environment(
        port=ports["mlflow"],
        store_uri=databases.dsn("mlflow", driver="psycopg2"),
        artifacts=layout.mlflow,
    )


def admin_password(layout: Layout) -> str:
    """The password of Airflow's `admin`, made on first use."""
    return keep(layout.secrets / "airflow-admin-password", password)


def write_env_file(layout: Layout, values: Mapping[str, str]) -> None:
    """Write `<home>/env`, for its owner alone: it holds passwords and Airflow's key."""
    head = "# Written at each start of the platform. In a shell: set -a; . this-file; set +a\n"
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    write_private(layout.env, head + "".join(lines))


def url(port: int) -> str:
    """Address of a local server."""
    return f"http://{HOST}:{port}"


def _hash_key(layout: Layout) -> str:
    """What personal columns are hashed with, made on first use."""
    return keep(layout.secrets / "hash-key", long_key)


def _passwords_file(layout: Layout) -> Path:
    """Airflow's own file of passwords: ours, and those that it made for users named beside."""
    file = layout.secrets / "airflow-passwords.json"
    known = _passwords_in(file)
    said = {**known, LOGIN: admin_password(layout)}
    if said != known:
        write_private(file, json.dumps(said))
    return file


def _passwords_in(file: Path) -> dict[str, str]:
    try:
        return dict(json.loads(file.read_text()))
    except (FileNotFoundError, ValueError):
        return {}
