"""The whole platform on one machine: PostgreSQL, MLflow and Airflow, up, down, and as it stands."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import psycopg2
from psycopg2 import sql

from tradewind.errors import PlatformError
from tradewind.local import (
    airflow_services,
    environment,
    lock,
    mlflow_server,
    ports,
    processes,
    schemas,
)
from tradewind.local.databases import Databases
from tradewind.local.layout import MARKER, Layout
from tradewind.local.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.settings import Settings

_MLFLOW = "mlflow"
# The scheduler first, so that a task which is stopped with it can still be written down as stopped.
_STOPPING = [["scheduler", "triggerer", "dag-processor"], ["api-server", _MLFLOW]]
_SERVICES = [name for group in _STOPPING for name in group]
_SECONDS_TO_START = 240.0
# A running service that was left from before and does not answer is started anew after this.
_SECONDS_OF_TRUST = 60.0
_SECONDS_BETWEEN_NEWS = 5.0
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
        state: `running`, `starting`, `unhealthy` or `stopped`.
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
    settings: Settings, *, profile: str = "default", echo: Callable[[str], None] = print
) -> Platform:
    """Start what is not running, wait until everything answers, and say where.

    Args:
        settings: The clone.
        profile: A name of `environment.PROFILES`.
        echo: Told what is being done and waited for.

    Raises:
        PlatformError: Something cannot be started; says what, and the end of its log.
    """
    begun = time.monotonic()
    layout = Layout(settings.home)
    layout.create()
    with lock.held(layout.run / "lock", echo=echo):
        databases = _databases(layout)
        started = ["postgres"] if databases.server.start() else []
        databases.provide()
        keeper = processes.Processes(layout)
        if strays := keeper.end_strays():
            echo(f"stopped {strays} stray processes of an earlier start")
        with ports.chosen(layout.run / "ports.json", keep=_listening(keeper)) as chosen:
            services = _services(settings, layout, databases, chosen, profile=profile)
            schemas.upgrade(
                databases,
                layout.run,
                airflow=services[0].environment,
                mlflow=services[-1].environment,
                echo=echo,
            )
            started += _start_all(keeper, services, chosen, echo=echo)
        seen = environment.platform_environment(settings, layout, databases, chosen)
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
        return []
    with lock.held(layout.run / "lock", echo=echo):
        return _stop_all(layout)


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
    well = _well(known) if known else set()
    return found + [_status(keeper, name, well=name in well, known=known) for name in _SERVICES]


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
        databases.server.start()
        for database in _DERIVED:
            _drop(databases.server, database)
        databases.provide()
        databases.server.stop()
        for folder in (layout.lake, layout.mlflow):
            shutil.rmtree(folder)
        layout.create()
    return [*(f"database {name}" for name in _DERIVED), str(layout.lake), str(layout.mlflow)]


def _databases(layout: Layout) -> Databases:
    server = Postgres(
        layout.postgres,
        password_file=layout.secrets / "postgres",
        environment={MARKER: layout.marker},
    )
    return Databases(server, layout.secrets)


def _services(
    settings: Settings,
    layout: Layout,
    databases: Databases,
    chosen: Mapping[str, int],
    *,
    profile: str,
) -> list[processes.Service]:
    common = {
        **environment.clean(),
        **environment.shared(settings, profile=profile),
        **settings.own_environment,
        **environment.platform_environment(settings, layout, databases, chosen),
        "TRADEWIND_CONFIG": str(settings.config_dir),
    }
    airflow = {
        **common,
        **environment.airflow_environment(settings, layout, databases, chosen),
    }
    mlflow = {**common, **environment.mlflow_environment(layout, databases, chosen)}
    code = _code_digest(settings)
    return [
        *(
            processes.Service(name, [*airflow_services.PROGRAM, *arguments], airflow, code)
            for name, arguments in airflow_services.ARGUMENTS.items()
        ),
        processes.Service(_MLFLOW, mlflow_server.COMMAND, mlflow),
    ]


def _code_digest(settings: Settings) -> str:
    """Changes with any Python file that Airflow's long-lived processes have loaded."""
    folders = (settings.root / "include", settings.root / "plugins")
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return str([(str(file), file.stat().st_mtime_ns) for file in files])


def _listening(keeper: processes.Processes) -> set[str]:
    servers = {"airflow": "api-server", "mlflow": _MLFLOW}
    return {port for port, name in servers.items() if keeper.running(name) is not None}


def _start_all(
    keeper: processes.Processes,
    services: list[processes.Service],
    chosen: Mapping[str, int],
    *,
    echo: Callable[[str], None],
) -> list[str]:
    outdated = [s.name for s in services if not keeper.is_current(s)]
    keeper.stop(outdated)
    started = [service.name for service in services if keeper.start(service)]
    if started:
        echo(f"starting {', '.join(started)}")
    adopted = len(started) < len(services)
    patience = _SECONDS_OF_TRUST if adopted else _SECONDS_TO_START
    late = _wait(keeper, services, chosen, patience=patience, echo=echo)
    if late and adopted:
        echo(f"{', '.join(late)} did not answer: starting anew")
        keeper.stop(late)
        started += [service.name for service in services if keeper.start(service)]
        late = _wait(keeper, services, chosen, patience=_SECONDS_TO_START, echo=echo)
    if late:
        raise _failure(keeper, late[0], f"does not answer after {_SECONDS_TO_START:.0f} s")
    return started


def _wait(
    keeper: processes.Processes,
    services: list[processes.Service],
    chosen: Mapping[str, int],
    *,
    patience: float,
    echo: Callable[[str], None],
) -> list[str]:
    """Wait until all are well; returns the names of those that are not when patience ends."""
    begun = time.monotonic()
    news = begun + _SECONDS_BETWEEN_NEWS
    names = [service.name for service in services]
    while waiting := _not_well(keeper, names, chosen):
        now = time.monotonic()
        if now - begun > patience:
            return waiting
        if now > news:
            echo(f"  {now - begun:.0f} s: waiting for {', '.join(waiting)}")
            news = now + _SECONDS_BETWEEN_NEWS
        time.sleep(0.2)
    return []


def _not_well(
    keeper: processes.Processes, names: list[str], chosen: Mapping[str, int]
) -> list[str]:
    begun = {}
    for name in names:
        process = keeper.running(name)
        if process is None:
            raise _failure(keeper, name, "ended while starting")
        begun[name] = datetime.fromtimestamp(process.create_time(), UTC)
    well = _well(chosen, begun=begun)
    return [name for name in names if name not in well]


def _well(chosen: Mapping[str, int], *, begun: Mapping[str, datetime] | None = None) -> set[str]:
    """Names of the services that answer, and since `begun` where that is given."""
    long_ago = datetime.min.replace(tzinfo=UTC)
    said = airflow_services.health(environment.url(chosen["airflow"]))
    well = {
        name for name, health in said.items() if health.since((begun or {}).get(name, long_ago))
    }
    return well | ({_MLFLOW} if _mlflow_answers(chosen["mlflow"]) else set())


def _mlflow_answers(port: int) -> bool:
    try:
        address = environment.url(port) + mlflow_server.HEALTH_PATH
        return httpx.get(address, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _failure(keeper: processes.Processes, name: str, what: str) -> PlatformError:
    return PlatformError(f"{name} {what}; its log ({keeper.log(name)}) ends:\n{keeper.tail(name)}")


def _stop_all(layout: Layout) -> list[str]:
    keeper = processes.Processes(layout)
    stopped = [name for group in _STOPPING for name in keeper.stop(group)]
    keeper.end_strays()
    if _databases(layout).server.stop():
        stopped.append("postgres")
    return stopped


def _status(
    keeper: processes.Processes, name: str, *, well: bool, known: Mapping[str, int]
) -> ServiceStatus:
    process = keeper.running(name)
    port = known.get({"api-server": "airflow"}.get(name, name))
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
