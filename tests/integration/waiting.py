"""Waiting for what the running platform does in its own time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from tests.fixtures.sandbox import CLONE

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE_SECONDS = 900
SECONDS_BETWEEN_LOOKS = 0.5


def wait_for(look: Callable[[], T]) -> T:
    """Look until there is something to see, and leave the core to others in between."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return seen


def read_again() -> None:
    """Let Airflow read every DAG file as it is now: one that was touched is read at once."""
    for file in (CLONE / "dags").glob("*.py"):
        file.touch()
