"""Which ports the platform answers on: the usual ones, or the next that are free."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tradewind.errors import PlatformError
from tradewind.local.accounts import make_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

PREFERRED = {"airflow": 8080, "mlflow": 5000}
HOST = "127.0.0.1"
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    # Where a listener on all addresses does not hinder one on loopback, it would still be met.
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) != 0


@contextmanager
def chosen(file: Path, *, keep: Set[str] = frozenset()) -> Iterator[dict[str, int]]:
    """Choose a port for each name of `PREFERRED`, and hold them until the servers listen.

    Args:
        file: Where the choice is remembered from one start to the next.
        keep: Names whose own server is listening: their port stays what it was.

    Yields:
        Port by name. While the context is open, no other clone of this user chooses the same.

    Raises:
        PlatformError: None of many ports is free.
    """
    known = remembered(file)
    with ExitStack() as claims:
        ports: dict[str, int] = {}
        for name, preferred in PREFERRED.items():
            if name in keep and name in known:
                ports[name] = known[name]
            else:
                first = [known[name]] if name in known else []
                ports[name] = _first_free([*first, *range(preferred, preferred + _TRIES)], claims)
        file.write_text(json.dumps(ports) + "\n")
        yield ports


def remembered(file: Path) -> dict[str, int]:
    """The ports that were chosen last; empty when none ever were."""
    try:
        return {name: int(port) for name, port in json.loads(file.read_text()).items()}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}


def _first_free(candidates: list[int], claims: ExitStack) -> int:
    for port in candidates:
        if (claim := _claim(port)) is not None:
            if is_free(port):
                claims.enter_context(claim)
                return port
            claim.close()
    raise PlatformError(f"no port from {candidates[0]} to {candidates[-1]} is free")


def _claim(port: int) -> IO[str] | None:
    folder = Path(tempfile.gettempdir()) / f"tradewind-{os.geteuid()}-ports"
    make_own(folder)
    claim = (folder / str(port)).open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        return None
    return claim
