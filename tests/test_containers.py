"""docker-compose.yml against the compose specification, and against what `make run` starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import yaml

from tests.fixtures.sandbox import CLONE
from tradewind.errors import PlatformError
from tradewind.local import airflow_services, containers, environment, mlflow_server
from tradewind.local.layout import Layout
from tradewind.settings import AIRFLOW_HEALTH, MLFLOW_HEALTH, load_settings, read_env_file
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from tests.fixtures.s3 import Bucket
    from tradewind.local.databases import Databases

COMPOSE = CLONE / "docker-compose.yml"
AIRFLOW = ["api-server", "scheduler", "dag-processor", "triggerer"]
# What one machine needs and containers do not: the reason stands behind each.
ONE_MACHINE_ONLY = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",  # containers use the FAB auth manager
}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_the_file_follows_the_compose_specification() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_worker_gets_a_stop_and_the_time_to_end_its_tasks(
    services: dict[str, dict[str, Any]],
) -> None:
    worker = services["worker"]
    assert worker["command"] == ["airflow", "celery", "worker"]  # no shell between
    assert worker["stop_grace_period"] == "5m"
    ours = [*AIRFLOW, "worker", "prepare", "mlflow"]
    assert all(services[name]["init"] for name in ours)


def test_links_to_mlflow_lead_to_where_a_browser_reaches_it(
    services: dict[str, dict[str, Any]],
) -> None:
    (port,) = services["mlflow"]["ports"]
    for name in (*AIRFLOW, "worker"):
        told = {key: str(value) for key, value in services[name]["environment"].items()}
        settings = load_settings(told)
        assert settings.tracking_uri == "http://mlflow:5000"
        assert settings.mlflow_url == "http://localhost:${MLFLOW_PORT:-5000}"
        shown = Registry.open(settings).version_url("flight_delay", 3)
        assert shown == f"{settings.mlflow_url}/#/models/flight_delay/versions/3"
    assert "${MLFLOW_PORT:-5000}:5000" in port


@pytest.mark.parametrize("name", AIRFLOW)
def test_an_airflow_service_runs_the_command_of_the_native_start(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    # Containers share no disk with the API server, so there the task logs are served.
    native = [word for word in airflow_services.ARGUMENTS[name] if word != "--skip-serve-logs"]
    assert services[name]["command"] == ["airflow", *native]


def test_mlflow_runs_the_command_and_settings_of_the_native_start(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    service = services["mlflow"]
    assert service["command"] == mlflow_server.COMMAND[-2:]
    native = mlflow_server.server_environment(port=5000, store_uri="x", artifacts=tmp_path)
    assert set(native) <= set(service["environment"])
    assert f"http://127.0.0.1:5000{MLFLOW_HEALTH}" in str(service["healthcheck"])


def test_every_service_reads_the_settings_of_the_native_start(
    services: dict[str, dict[str, Any]],
) -> None:
    ours = [*AIRFLOW, "worker", "prepare", "mlflow"]
    assert {name: services[name]["env_file"] for name in ours} == {
        name: ["config/airflow.env"] for name in ours
    }


@pytest.mark.parametrize("name", [*AIRFLOW, "worker"])
def test_airflow_is_told_in_containers_all_that_it_is_told_on_one_machine(
    services: dict[str, dict[str, Any]], name: str, postgres: Databases, tmp_path: Path
) -> None:
    settings = load_settings({"TRADEWIND_HOME": str(tmp_path)})
    layout, ports = Layout(tmp_path), {"airflow": 1, "mlflow": 2}
    layout.create()
    native = {
        **environment.platform_environment(settings, layout, postgres, ports),
        **environment.airflow_environment(settings, layout, postgres, ports),
    }
    # Where a container keeps things is the image's to say, and the shared file's.
    of_the_image = {"TRADEWIND_HOME", "TRADEWIND_ROOT"}
    shared = set(read_env_file(CLONE / "config" / "airflow.env"))
    told = set(services[name]["environment"]) | shared | of_the_image | ONE_MACHINE_ONLY
    assert set(native) - told == set()


def test_the_health_of_airflow_is_asked_where_the_native_start_asks(
    services: dict[str, dict[str, Any]],
) -> None:
    assert AIRFLOW_HEALTH in str(services["api-server"]["healthcheck"])
    assert [name for name in services if "healthcheck" not in services[name]] == ["prepare"]


def test_no_secret_has_a_default_and_every_setting_is_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE.read_text()))
    example = (CLONE / ".env.example").read_text()
    explained = read_env_file(CLONE / ".env.example")
    assert {name for name, _ in used if name != "HOSTNAME"} == set(explained)
    secret = {name for name, default in used if default.startswith(":?")}
    assert all(explained[name] == "" for name in secret)
    assert all(explained[name] for name in set(explained) - secret)
    for name in explained:
        before = example[: example.index(f"\n{name}=")].splitlines()[-1]
        assert before.startswith("#") or before.split("=")[0] in explained, name


@pytest.fixture
def told(
    postgres: Databases, s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of the `prepare` service, with this machine's servers in it."""
    names = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn("airflow", driver="psycopg2"),
        "MLFLOW_BACKEND_STORE_URI": postgres.dsn("mlflow", driver="psycopg2"),
        "AIRFLOW_CONN_TRADEWIND_LEDGER": postgres.dsn("ledger", role="tradewind"),
        "AIRFLOW_CONN_DEMO": postgres.dsn("demo"),
        "AIRFLOW_CONN_TRADEWIND_LAKE": s3.connection,
        "TRADEWIND_SUPERUSER_URL": postgres.server.superuser_dsn(),
        "TRADEWIND_OWNER_PASSWORD": postgres.password("tradewind_owner"),
        "TRADEWIND_LAKE": "s3://tradewind-lake",
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://tradewind-mlflow",
        "TRADEWIND_HOME": str(tmp_path),
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **names}


def test_prepare_makes_roles_databases_and_buckets_and_twice_is_once(
    told: dict[str, str], s3: Bucket
) -> None:
    settings = load_settings(told)
    for _ in range(2):
        containers.provide(settings.environment)
        containers.make_buckets(settings)
    buckets = {bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]}
    assert {"tradewind-lake", "tradewind-mlflow"} <= buckets
    with psycopg2.connect(told["AIRFLOW_CONN_DEMO"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)


def test_prepare_says_which_setting_is_missing(told: dict[str, str]) -> None:
    del told["TRADEWIND_OWNER_PASSWORD"]
    with pytest.raises(PlatformError, match="TRADEWIND_OWNER_PASSWORD is not set"):
        containers.provide(load_settings(told).environment)
