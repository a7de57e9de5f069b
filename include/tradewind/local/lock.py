"""One hand at a time on a clone: whoever starts or stops its platform holds this lock."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def held(path: Path, *, echo: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at `path`, waiting for whoever has it; the kernel frees it if we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            echo("waiting for another start or stop of this clone to finish")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
