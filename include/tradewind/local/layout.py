"""Where the local platform keeps its things: all under one home, which belongs to one clone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Every process of a clone carries this variable, so that a stray one can be told from a stranger's.
MARKER = "TRADEWIND_CLONE"


@dataclass(frozen=True)
class Layout:
    """The folders and files of one home.

    Attributes:
        home: The folder that holds them all.
    """

    home: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "postgres"

    @property
    def airflow(self) -> Path:
        """`AIRFLOW_HOME`: what Airflow itself writes, and the logs of the tasks."""
        return self.home / "airflow"

    @property
    def mlflow(self) -> Path:
        """The artefacts that the MLflow server stores."""
        return self.home / "mlflow"

    @property
    def lake(self) -> Path:
        """The lake, unless `TRADEWIND_LAKE` puts it elsewhere."""
        return self.home / "lake"

    @property
    def run(self) -> Path:
        """What tells one start from the next: pid files, ports, the lock, stamps."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """Output of the services."""
        return self.run / "logs"

    @property
    def secrets(self) -> Path:
        """Generated passwords and keys, one file each."""
        return self.home / "secrets"

    @property
    def env(self) -> Path:
        """What a shell or a notebook needs to see this platform."""
        return self.home / "env"

    @property
    def marker(self) -> str:
        """The value of `TRADEWIND_CLONE` in every process of this home."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:16]

    def create(self) -> None:
        """Make the folders; those with secrets in them are for the owner alone."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in (self.airflow, self.mlflow, self.lake, self.run, self.logs, self.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)
