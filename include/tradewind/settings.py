"""Where this installation is, and what it talks to.

Everything a process needs to find the platform (connections, MLflow's address, the lake) comes from
its environment. The local platform writes the same values to `<home>/env`, and they are read from
there too, so that a shell or a notebook sees the running platform without sourcing anything. What
the user adds in `<home>/local.env` wins over that, and the process environment over both.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


MLFLOW_HEALTH = "/health"
"""Below MLflow's address: answers when it is well."""
AIRFLOW_HEALTH = "/api/v2/monitor/health"
"""Below Airflow's address: how each of its components is."""


@dataclass(frozen=True)
class Settings:
    """One installation of Tradewind, as a process sees it.

    Attributes:
        root: The clone, which holds `config/`, `dags/` and `plugins/`.
        home: Where the local platform keeps what it makes while running.
        config_dir: Where the model definitions lie, in `models/<name>/`.
        lake_uri: `file://` or `s3://` address of the lake, without a slash at its end.
        tracking_uri: Address of the MLflow server; empty when none is known.
        mlflow_url: Where a browser finds it, which in containers is another address.
        log_folders: Where the platform's processes write their logs; folders, and single files.
        environment: The process environment over `<home>/local.env` over `<home>/env`.
        ledger_connection: Name of the connection to the ledger's database.
        lake_connection: Name of the connection with the lake's S3 endpoint and keys.
        hash_connection: Name of the connection whose password personal columns are hashed with.
        airflow_database_connection: Name of the connection to Airflow's own database, for erasing.
        mlflow_database_connection: Name of the connection to MLflow's own database, for erasing.
    """

    root: Path
    home: Path
    config_dir: Path
    lake_uri: str
    tracking_uri: str
    mlflow_url: str
    log_folders: tuple[Path, ...]
    environment: Mapping[str, str] = field(repr=False)
    ledger_connection: str = "tradewind_ledger"
    lake_connection: str = "tradewind_lake"
    hash_connection: str = "tradewind_hash_key"
    airflow_database_connection: str = "tradewind_airflow_database"
    mlflow_database_connection: str = "tradewind_mlflow_database"

    @property
    def own_environment(self) -> dict[str, str]:
        """What the user adds for every process in `<home>/local.env`, such as own connections."""
        return read_env_file(self.home / "local.env")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Args:
        environ: The process environment; `os.environ` by default.

    Returns:
        The settings, with defaults for a clone that was never started.
    """
    own = dict(os.environ if environ is None else environ)
    root = Path(own.get("TRADEWIND_ROOT") or _clone_root()).expanduser().resolve()
    home = Path(own.get("TRADEWIND_HOME") or root / ".tradewind").expanduser().resolve()
    written = read_env_file(home / "env")
    if written.get("TRADEWIND_HOME") != str(home):
        written = {}  # written before the clone was moved or copied here
    known = {**written, **read_env_file(home / "local.env"), **own}
    tracking_uri, logs = known.get("MLFLOW_TRACKING_URI", ""), known.get("TRADEWIND_LOGS", "")
    return Settings(
        root=root,
        home=home,
        config_dir=Path(known.get("TRADEWIND_CONFIG") or root / "config").expanduser().resolve(),
        lake_uri=(known.get("TRADEWIND_LAKE") or (home / "lake").as_uri()).rstrip("/"),
        tracking_uri=tracking_uri,
        mlflow_url=(known.get("TRADEWIND_MLFLOW_PUBLIC_URL") or tracking_uri).rstrip("/"),
        log_folders=tuple(Path(each) for each in logs.split(os.pathsep) if each),
        environment=MappingProxyType(known),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Read `KEY=value` lines, quoted as a shell would have them; empty when there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key: "".join(shlex.split(value)) for key, value in pairs}


def _clone_root() -> Path:
    # include/tradewind/settings.py lies three levels below the clone.
    return Path(__file__).resolve().parents[2]
