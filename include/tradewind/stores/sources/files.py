"""Files below one folder; a file's size and time of change are its change token."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tradewind.errors import SourceUnavailableError
from tradewind.stores.sources.objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.settings import Settings

ROOT_VARIABLE = "TRADEWIND_FILES"


class LocalFiles:
    """The files of the folder that `TRADEWIND_FILES` names, or of the clone."""

    def __init__(self, *, settings: Settings) -> None:
        self._root = Path(settings.environment.get(ROOT_VARIABLE) or settings.root)

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._root)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every file whose path below the folder begins with `prefix`.

        Raises:
            SourceUnavailableError: There is no such folder, or it cannot be read.
        """
        if not self._root.is_dir():
            raise SourceUnavailableError(
                f"there is no folder {self._root}, which {ROOT_VARIABLE} names: mount or make it"
            )
        top = self._root / prefix.rpartition("/")[0]
        for path in sorted(top.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and path.is_file():
                yield StoredObject(key=key, token=self._token(key))

    @contextmanager
    def open(self, found: StoredObject) -> Iterator[IO[bytes]]:
        """The file's bytes, if it is the same after reading as it was when listed.

        Raises:
            SourceUnavailableError: It cannot be read, or was changed meanwhile.
        """
        try:
            with (self._root / found.key).open("rb") as file:
                yield file
        except (FileNotFoundError, PermissionError) as error:
            raise SourceUnavailableError(f"{self._root / found.key}: {error.strerror}") from error
        if self._token(found.key) != found.token:
            raise SourceUnavailableError(
                f"{self._root / found.key} was changed while it was read: try again"
            )

    def _token(self, key: str) -> str:
        try:
            state = (self._root / key).stat()
        except OSError as error:
            raise SourceUnavailableError(f"{self._root / key}: {error.strerror}") from error
        return f"{state.st_size}-{state.st_mtime_ns}"
