"""The MLflow server: one worker, artefacts through it, its schema brought up to date beforehand.

Everything is said through the environment, so that no password shows in a list of processes.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tradewind.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "mlflow", "server"]
# `mlflow db upgrade` takes the address as an argument, which every user of the machine could read.
_UPGRADE = (
    "import os; from mlflow.db import commands; "
    "commands(['upgrade', os.environ['MLFLOW_BACKEND_STORE_URI']])"
)


def server_environment(*, port: int, store_uri: str, artifacts: Path) -> dict[str, str]:
    """What the server needs to know besides the settings that all processes share.

    Args:
        port: Where it listens on 127.0.0.1.
        store_uri: SQLAlchemy's address of its database.
        artifacts: The folder that it keeps artefacts in.
    """
    return {
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_BACKEND_STORE_URI": store_uri,
        "MLFLOW_ARTIFACTS_DESTINATION": artifacts.as_uri(),
        # The port is part of the match, and what is not listed is refused.
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"127.0.0.1:{port},localhost:{port}",
    }


def upgrade_schema(environment: Mapping[str, str]) -> None:
    """Bring the schema up to date; two processes that meet an empty database at once would crash.

    Args:
        environment: That of the server.

    Raises:
        PlatformError: The upgrade failed; says what MLflow said.
    """
    outcome = subprocess.run(
        [sys.executable, "-c", _UPGRADE],
        env=dict(environment),
        check=False,
        capture_output=True,
        text=True,
    )
    if outcome.returncode:
        raise PlatformError(f"MLflow's schema could not be upgraded:\n{outcome.stderr[-2000:]}")
