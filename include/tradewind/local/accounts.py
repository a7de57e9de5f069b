"""Whose the server is: PostgreSQL refuses to run as root, so root gives it to a user of its own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER_USER = "tradewind-pg"


def is_root() -> bool:
    """Whether this process may hand files and processes to another user, and so must."""
    return os.geteuid() == 0


def server_account() -> pwd.struct_passwd:
    """The account that PostgreSQL runs under: one's own, or for root one made for it.

    Raises:
        PlatformError: Root's machine has no way to make the account.
    """
    if not is_root():
        return pwd.getpwuid(os.geteuid())
    return _known_account() or _add_account()


def _known_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        return None


def _add_account() -> pwd.struct_passwd:
    program = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [program, "--system", "--no-create-home", "--shell", "/bin/sh", SERVER_USER]
    try:
        with _one_at_a_time():
            if account := _known_account():
                return account
            subprocess.run(command, check=True, capture_output=True)
            return pwd.getpwnam(SERVER_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise PlatformError(
            "PostgreSQL does not run as root, and a user for it could not be made with useradd: "
            "run this as an ordinary user"
        ) from error


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold off every other process that makes the account.

    Of two that run useradd at once both succeed, and the second takes the first one's number away.
    """
    folder = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def as_server_user() -> dict[str, Any]:
    """The arguments of `subprocess` that make a process PostgreSQL's own."""
    if not is_root():
        return {}
    account = server_account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def hand_over(path: Path) -> None:
    """Give a file or folder to the account that PostgreSQL runs under."""
    if is_root():
        account = server_account()
        os.chown(path, account.pw_uid, account.pw_gid)


def open_the_way(*targets: Path, echo: Callable[[str], None]) -> None:
    """For root: let the server's account pass through (not list) the folders above `targets`.

    Args:
        targets: What the server must reach.
        echo: Told which folders were changed, where any was: others may pass through them now too.
    """
    if not is_root():
        return
    above = sorted({parent for target in targets for parent in target.resolve().parents})
    closed = [folder for folder in above if not folder.stat().st_mode & stat.S_IXOTH]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    if closed:
        names = ", ".join(map(str, closed))
        echo(f"PostgreSQL does not run as root: {SERVER_USER} may pass through {names} (chmod o+x)")


def short_folder(data_dir: Path) -> Path:
    """A folder for the socket of a data directory whose own path is too long for one."""
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tradewind-{os.geteuid()}-{name}"


def make_private(folder: Path) -> None:
    """Make a folder that only the server's account may enter, or see that it is one.

    Raises:
        PlatformError: Somebody else made it first, which in a shared folder anyone can.
    """
    _make(folder, owner=server_account().pw_uid)


def make_own(folder: Path) -> None:
    """Make a folder that only this process's user may enter, or see that it is one.

    Raises:
        PlatformError: Somebody else made it first, which in a shared folder anyone can.
    """
    _make(folder, owner=os.geteuid())


def _make(folder: Path, *, owner: int) -> None:
    try:
        folder.mkdir(mode=0o700)
        if owner != os.geteuid():
            hand_over(folder)
    except FileExistsError:
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != owner:
            raise PlatformError(
                f"{folder} is not a private folder of user {owner}: remove it"
            ) from None
