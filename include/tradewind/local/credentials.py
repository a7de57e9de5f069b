"""Passwords and keys of the local platform: made once, kept in files for the owner alone."""

from __future__ import annotations

import base64
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def password() -> str:
    """A new password that needs no quoting in any URI."""
    return secrets.token_urlsafe(24)


def long_key() -> str:
    """A new key of 86 characters: Airflow signs its tokens with SHA-512, which wants 64 or more."""
    return secrets.token_urlsafe(64)


def fernet_key() -> str:
    """A new key in the form that Fernet reads: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def keep(path: Path, make: Callable[[], str] = password) -> str:
    """Read the secret at `path`, making it first if there is none.

    Args:
        path: The file, which gets mode 0600.
        make: Gives the secret when the file is missing or empty.
    """
    if path.exists() and (known := path.read_text(encoding="utf-8").strip()):
        return known
    value = make()
    write_private(path, value + "\n")
    return value


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)
