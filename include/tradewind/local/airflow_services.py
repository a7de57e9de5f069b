"""Airflow's processes on one machine: what they are, and when they are well."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from tradewind.errors import PlatformError
from tradewind.settings import AIRFLOW_HEALTH

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = [sys.executable, "-m", "airflow"]
# The task logs lie on this machine, where the API server reads them itself; the log servers, which
# would listen on every address, are left out.
ARGUMENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


@dataclass(frozen=True)
class Health:
    """What the API server says of one component.

    Attributes:
        status: `healthy`, or anything else.
        heartbeat: When it last wrote that it lives, UTC; None for the API server itself.
    """

    status: str
    heartbeat: datetime | None = None

    def since(self, moment: datetime) -> bool:
        """Whether it is well, and not by the word of a predecessor that is gone."""
        return self.status == "healthy" and (self.heartbeat is None or self.heartbeat >= moment)


def health(url: str) -> dict[str, Health]:
    """Ask the API server about all components; nothing while it does not answer.

    Args:
        url: Address of the API server.

    Returns:
        Health by the names of `ARGUMENTS`.
    """
    try:
        answer = httpx.get(url + AIRFLOW_HEALTH, timeout=5, trust_env=False)
        said = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return {}
    found = {"api-server": Health("healthy")}
    for name in ("scheduler", "dag-processor", "triggerer"):
        key = name.replace("-", "_")
        part = said.get(key) or {}
        heartbeat = part.get(f"latest_{key}_heartbeat")
        moment = datetime.fromisoformat(heartbeat).astimezone(UTC) if heartbeat else None
        status = str(part.get("status")) if moment else "starting"
        found[name] = Health(status, moment)
    return found


def run_airflow(*words: str, environment: Mapping[str, str], said: str = "") -> None:
    """Run one of Airflow's own commands.

    Args:
        words: The command, such as `db`, `migrate`.
        environment: That of Airflow's processes.
        said: What is typed into it: every user of a machine can read what a command was called
            with, so no password may be among `words`.

    Raises:
        PlatformError: It failed; says what Airflow said.
    """
    outcome = subprocess.run(
        [*PROGRAM, *words],
        env=dict(environment),
        input=said,
        check=False,
        capture_output=True,
        text=True,
    )
    if outcome.returncode:
        answer = (outcome.stdout + outcome.stderr)[-3000:]
        raise PlatformError(f"`airflow {' '.join(words[:3])}` failed:\n{answer}")


def upgrade_schema(environment: Mapping[str, str]) -> None:
    """Bring Airflow's database to the schema of this release.

    Raises:
        PlatformError: The migration failed; says what Airflow said.
    """
    run_airflow("db", "migrate", environment=environment)
