"""What each process is told."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.fixtures.sandbox import DATABASES
from tradewind.errors import PlatformError
from tradewind.local import environment
from tradewind.local.layout import Layout
from tradewind.settings import Settings, load_settings, read_env_file
from tradewind.stores import airflow_store, connections

if TYPE_CHECKING:
    from pathlib import Path

PORTS = {"airflow": 8123, "mlflow": 5123}


@pytest.fixture
def layout(home: Settings) -> Layout:
    found = Layout(home.home)
    found.create()
    return found


def written(home: Settings, layout: Layout) -> dict[str, str]:
    values = environment.shell_environment(home, layout, DATABASES, PORTS)
    environment.write_env_file(layout, values)
    return values


def test_nothing_of_another_project_gets_in():
    hostile = {
        "AIRFLOW__CORE__EXECUTOR": "Other", "AIRFLOW_HOME": "/x", "MLFLOW_TRACKING_URI": "http://x",
        "PYTHONPATH": "/x", "PGHOST": "x", "AIRFLOW_CONN_TRADEWIND_LEDGER": "postgres://x/x",
        "TRADEWIND_LAKE": "s3://mine", "HOME": "/home/ann",
    }  # fmt: skip
    seen = environment.clean(hostile)
    assert seen["TRADEWIND_LAKE"] == "s3://mine"
    assert seen["HOME"] == "/home/ann"
    assert not {name for name in seen if name.startswith(("AIRFLOW", "MLFLOW", "PG"))}
    assert "PYTHONPATH" not in seen


def test_the_loopback_is_never_asked_through_a_proxy():
    seen = environment.clean({"HTTPS_PROXY": "http://proxy:3128"})
    assert seen["HTTPS_PROXY"] == "http://proxy:3128"
    assert "127.0.0.1" in seen["NO_PROXY"]


def test_every_shared_setting_has_its_reason_above_it(home: Settings):
    lines = (home.root / "config" / "airflow.env").read_text().splitlines()
    explained = False
    for line in lines:
        if line.startswith("#"):
            explained = True
        elif not line:
            explained = False
        else:
            assert "=" in line, line
            assert explained, f"{line}: why?"


def test_the_test_profile_notices_a_killed_task_sooner(home: Settings):
    name = "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"
    usual, test = environment.shared(home), environment.shared(home, profile="test")
    assert int(test[name]) < int(usual[name])


def test_an_unknown_profile_is_an_error_that_names_the_known(home: Settings):
    with pytest.raises(PlatformError, match=r"no profile 'fast': there are default, test"):
        environment.shared(home, profile="fast")


def test_a_root_without_the_shared_settings_is_an_error(tmp_path: Path):
    elsewhere = load_settings({"TRADEWIND_ROOT": str(tmp_path)})
    with pytest.raises(PlatformError, match=r"airflow.env is missing"):
        environment.shared(elsewhere)


def test_the_env_file_is_for_its_owner_alone(home: Settings, layout: Layout):
    written(home, layout)
    assert stat.S_IMODE(layout.env.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.secrets.stat().st_mode) == 0o700
    for secret in layout.secrets.iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret.name


def test_a_shell_reads_the_env_file_as_we_do(home: Settings, layout: Layout):
    values = written(home, layout)
    said = subprocess.run(
        ["/bin/sh", "-c", f'set -a; . "{layout.env}"; env'],
        check=True, capture_output=True, text=True, env={"PATH": os.defpath},
    ).stdout  # fmt: skip
    seen = dict(line.split("=", 1) for line in said.splitlines())
    assert {name: seen[name] for name in values} == values
    assert read_env_file(layout.env) == values


def test_a_notebook_reaches_the_ledger_without_sourcing_anything(
    home: Settings, layout: Layout, postgres
):
    written(home, layout)
    settings = load_settings({"TRADEWIND_HOME": str(home.home)})
    dsn = connections.postgres_dsn("tradewind_ledger", settings=settings)
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone() == ("tradewind", "ledger")


def test_a_shell_is_told_where_airflow_keeps_its_connections(home: Settings, layout: Layout):
    written(home, layout)
    told = load_settings({"TRADEWIND_HOME": str(home.home)}).environment
    airflow = environment.airflow_environment(home, layout, DATABASES, PORTS)
    for name in (airflow_store.DATABASE, airflow_store.FERNET_KEY):
        assert told[name] == airflow[name]


def test_what_was_written_before_a_clone_moved_is_not_believed(
    home: Settings, layout: Layout, tmp_path: Path
):
    written(home, layout)
    moved = home.home.rename(tmp_path / "moved")
    settings = load_settings({"TRADEWIND_HOME": str(moved)})
    assert settings.lake_uri == (moved / "lake").as_uri()
    assert settings.tracking_uri == ""


def test_connections_of_ones_own_come_from_a_file_of_ones_own(home: Settings, layout: Layout):
    written(home, layout)
    (home.home / "local.env").write_text("AIRFLOW_CONN_SHOP=postgres://ann@db/sales\n")
    settings = load_settings({"TRADEWIND_HOME": str(home.home)})
    assert settings.own_environment == {"AIRFLOW_CONN_SHOP": "postgres://ann@db/sales"}
    assert connections.resolve("shop", settings=settings).login == "ann"


def test_secrets_are_made_once_and_long_enough_for_what_they_sign(home: Settings, layout: Layout):
    first = environment.airflow_environment(home, layout, DATABASES, PORTS)
    assert first == environment.airflow_environment(home, layout, DATABASES, PORTS)
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert (
        environment.admin_password(layout)
        in (layout.secrets / "airflow-passwords.json").read_text()
    )


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        pytest.param('{"admin": "old", "rita": "hers"}', {"rita": "hers"}, id="other users"),
        pytest.param("", {}, id="an empty file"),
        pytest.param('{"rita": ', {}, id="a file cut short"),
    ],
)
def test_airflows_passwords_of_other_users_outlive_a_start(
    home: Settings, layout: Layout, known: str, kept: dict[str, str]
):
    file = layout.secrets / "airflow-passwords.json"
    file.write_text(known)
    environment.airflow_environment(home, layout, DATABASES, PORTS)
    said = {"admin": environment.admin_password(layout), **kept}
    assert json.loads(file.read_text()) == said


def test_all_of_airflow_and_mlflow_stay_on_the_loopback(home: Settings, layout: Layout):
    airflow = environment.airflow_environment(home, layout, DATABASES, PORTS)
    mlflow = environment.mlflow_environment(layout, DATABASES, PORTS)
    assert airflow["AIRFLOW__API__HOST"] == mlflow["MLFLOW_HOST"] == "127.0.0.1"
    assert mlflow["MLFLOW_SERVER_ALLOWED_HOSTS"] == "127.0.0.1:5123,localhost:5123"
