"""The whole platform on one machine: PostgreSQL, MLflow and Airflow, up, down, and as it stands."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from tradewind.errors import PlatformError
from tradewind.local import environment, lock, pools, ports, processes, schemas, services
from tradewind.local.databases import Databases
from tradewind.local.layout import MARKER, Layout
from tradewind.local.postgres import Postgres
from tradewind.local.starting import Starting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.settings import Settings

# What `reset` empties; the demo's source tables and Airflow's history of runs stay.
_DERIVED = ("mlflow", "ledger")


@dataclass(frozen=True)
class Platform:
    """A running platform.

    Attributes:
        airflow_url: Address of Airflow's page and API.
        mlflow_url: Address of MLflow's page and API.
        login: User name for Airflow's page.
        password: Its password.
        env: What a process needs to see the platform.
        demo_dsn: The demo's database, as its owner.
        started: What was not running before.
        seconds: How long it took until all answered.
    """

    airflow_url: str
    mlflow_url: str
    login: str
    password: str = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    demo_dsn: str = field(repr=False)
    started: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class ServiceStatus:
    """How one part of the platform stands.

    Attributes:
        name: `postgres`, `mlflow`, or the name of an Airflow process.
        state: `running`, `unhealthy` (which it is while starting, too) or `stopped`.
        pid: Its process, if there is one.
        address: Where it answers, if anywhere.
        log: Where its output goes.
    """

    name: str
    state: str
    pid: int | None = None
    address: str = ""
    log: str = ""


def up(
    settings: Settings,
    *,
    profile: str = "default",
    airflow: bool = True,
    echo: Callable[[str], None] = print,
) -> Platform:
    """Start what is not running, wait until everything answers, and say where.

    Args:
        settings: The clone.
        profile: A name of `environment.PROFILES`.
        airflow: Whether Airflow runs too; what calls the stages itself needs the stores alone.
        echo: Told what is being done and waited for.

    Raises:
        PlatformError: Something cannot be started; says what, and the end of its log.
    """
    begun = time.monotonic()
    layout = Layout(settings.home)
    layout.create()
    with lock.held(layout.run / "lock", echo=echo):
        databases = _databases(layout)
        started = ["postgres"] if databases.server.start(echo=echo) else []
        databases.provide()
        keeper = processes.Processes(layout)
        if strays := keeper.end_strays():
            echo(f"stopped {strays} stray processes of an earlier start")
        with ports.chosen(layout.run / "ports.json", keep=_listening(keeper)) as chosen:
            wanted = services.services(settings, layout, databases, chosen, profile=profile)
            schemas.upgrade(
                databases,
                layout.run,
                airflow=wanted[services.API_SERVER].environment,
                mlflow=wanted[services.MLFLOW].environment,
                echo=echo,
            )
            if airflow:
                of_airflow = wanted[services.API_SERVER].environment
                pools.provide(settings.config_dir, of_airflow, echo=echo)
            else:
                wanted = {services.MLFLOW: wanted[services.MLFLOW]}
            started += Starting(keeper, wanted, chosen, echo).start()
        seen = environment.shell_environment(settings, layout, databases, chosen)
        environment.write_env_file(layout, seen)
    return Platform(
        airflow_url=environment.url(chosen["airflow"]),
        mlflow_url=environment.url(chosen["mlflow"]),
        login=environment.LOGIN,
        password=environment.admin_password(layout),
        env=seen,
        demo_dsn=databases.dsn("demo"),
        started=tuple(started),
        seconds=time.monotonic() - begun,
    )


def down(settings: Settings, *, echo: Callable[[str], None] = print) -> list[str]:
    """Stop everything of this clone and nothing else; returns the names of what was running."""
    layout = Layout(settings.home)
    if not layout.run.is_dir():
        echo("nothing was ever started here")
        return []
    with lock.held(layout.run / "lock", echo=echo):
        stopped = _stop_all(layout)
    echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    return stopped


def status(settings: Settings) -> list[ServiceStatus]:
    """How each part of the platform stands, without changing anything."""
    layout = Layout(settings.home)
    keeper = processes.Processes(layout)
    known = ports.remembered(layout.run / "ports.json")
    server = _databases(layout).server
    master = server.postmaster()
    found = [
        ServiceStatus(
            "postgres",
            "running" if master else "stopped",
            pid=master.pid if master else None,
            address=str(server.socket_dir),
            log=str(server.log),
        )
    ]
    well = services.well(known) if known else set()
    return found + [
        _status(keeper, name, well=name in well, known=known) for name in services.NAMES
    ]


def reset(settings: Settings, *, echo: Callable[[str], None] = print) -> list[str]:
    """Stop everything and empty what was derived: the lake, MLflow and the ledger.

    The demo's source tables, Airflow's history of runs and the passwords stay.

    Returns:
        What was emptied.

    Raises:
        PlatformError: The lake is not the one of this home, so emptying it is not ours to do.
    """
    layout = Layout(settings.home)
    if settings.lake_uri != layout.lake.as_uri():
        raise PlatformError(
            f"the lake is {settings.lake_uri}, not {layout.lake}: empty it with its own tools"
        )
    layout.create()
    with lock.held(layout.run / "lock", echo=echo):
        _stop_all(layout)
        databases = _databases(layout)
        databases.server.start(echo=echo)
        for database in _DERIVED:
            _drop(databases.server, database)
        databases.provide()
        databases.server.stop()
        for folder in (layout.lake, layout.mlflow):
            shutil.rmtree(folder)
        layout.create()
    emptied = [*(f"database {name}" for name in _DERIVED), str(layout.lake), str(layout.mlflow)]
    echo(f"emptied {', '.join(emptied)}")
    return emptied


def _databases(layout: Layout) -> Databases:
    server = Postgres(
        layout.postgres,
        password_file=layout.secrets / "postgres",
        environment={MARKER: layout.marker},
    )
    return Databases(server, layout.secrets)


def _listening(keeper: processes.Processes) -> set[str]:
    listeners = services.LISTENERS.items()
    return {port for name, port in listeners if keeper.running(name) is not None}


def _stop_all(layout: Layout) -> list[str]:
    keeper = processes.Processes(layout)
    stopped = [name for group in services.STOPPING_ORDER for name in keeper.stop(group)]
    keeper.end_strays()
    if _databases(layout).server.stop():
        stopped.append("postgres")
    return stopped


def _status(
    keeper: processes.Processes, name: str, *, well: bool, known: Mapping[str, int]
) -> ServiceStatus:
    process = keeper.running(name)
    port = known.get(services.LISTENERS.get(name, ""))
    address = environment.url(port) if port else ""
    state = "stopped" if process is None else "running" if well else "unhealthy"
    pid = process.pid if process else None
    return ServiceStatus(name, state, pid=pid, address=address, log=str(keeper.log(name)))


def _drop(server: Postgres, database: str) -> None:
    with closing(psycopg2.connect(server.superuser_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            name = sql.Identifier(database)
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
