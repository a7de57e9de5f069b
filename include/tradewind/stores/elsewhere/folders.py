"""Folders of this machine: logs, which other processes hold open, and the models that are kept.

A log is searched and changed where it lies: as many bytes as there were are written over, so that
whoever has it open goes on writing behind them, and whoever reads it finds the lines where they
were.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tradewind.stores.elsewhere.changing import UnchangeableError, changed
from tradewind.stores.elsewhere.contents import Looked, look_into, places
from tradewind.stores.elsewhere.records import Finding, Searched, Unsearched, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.needles import Needles

_NAMED = "its name holds it: rename or delete it"
_DRAFT, _DIGEST = ".draft-", re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class _File:
    """A file that holds needles, or may.

    Attributes:
        count: How often needles stand in it and in its name.
        named: Whether they stand in its name.
        unread: Why some of it could not be looked into.
    """

    path: Path
    bytes: int
    count: int
    named: bool
    unread: str


@dataclass(frozen=True)
class Folder:
    """Files below a folder, or one file.

    Attributes:
        name: What they are, in a word.
        path: Where.
        is_cache: Whether it is the folder of the kept models, whose entries are fetched again when
            they are needed.
    """

    name: str
    path: Path
    is_cache: bool = False

    def look(self, needles: Needles) -> tuple[Searched, list[Finding], list[Unsearched]]:
        """What there is to look at, how often needles stand where, and what could not be read."""
        if not self.path.exists() and not self.is_cache:
            return Searched(self._place()), [], [Unsearched(self._place(), "it is not there")]
        files = self._files(needles)
        return together(self._place(), ((self._place(file.path, needles), file) for file in files))

    def erase(self, needles: Needles) -> list[Finding]:
        """Write over every needle, or delete the entries of a cache that hold one.

        Returns:
            What was found; what is found still says why it is kept.
        """
        found = []
        for file in [*self._files(needles)]:
            if file.count:
                why = self._delete(file) if self.is_cache else _overwrite(file, needles)
                found.append(Finding(self._place(file.path, needles), file.count, why))
        return found

    def _files(self, needles: Needles) -> Iterator[_File]:
        every = [self.path] if self.path.is_file() else _below(self.path)
        for path in every:
            named = len(needles.spans_in(str(path.relative_to(self.path.parent))))
            try:
                with _opened(path, os.O_RDONLY) as file:
                    looked = look_into(file, needles)
            except FileNotFoundError:
                continue  # it was rotated away
            except OSError as error:
                looked = Looked(unread=f"it cannot be read ({error.strerror})")
            yield _File(path, looked.bytes, looked.count + named, bool(named), looked.unread)

    def _delete(self, file: _File) -> str:
        """Delete the entry of the cache that a file is part of; why it stays, if it does."""
        model, *inside = file.path.relative_to(self.path).parts
        if model.startswith(_DRAFT):
            entry = self.path / model
        elif len(inside) > 1 and _DIGEST.fullmatch(inside[0]):
            entry = self.path / model / inside[0]
        else:
            return "it is no model that is kept here, and nobody else's file is deleted"
        shutil.rmtree(entry, ignore_errors=True)
        return "it cannot be deleted: see who owns it" if file.path.exists() else ""

    def _place(self, path: Path | None = None, needles: Needles | None = None) -> str:
        if path is None or needles is None:
            return f"{self.name} {self.path}"
        return needles.taken_out(f"{self.name} {path}")


def _below(folder: Path) -> Iterator[Path]:
    """Every file below a folder; no link is followed, since it may lead out of it."""
    for where, _, names in os.walk(folder):
        every = (Path(where, name) for name in sorted(names))
        yield from (path for path in every if not path.is_symlink())


def _overwrite(file: _File, needles: Needles) -> str:
    """Write over what stands in a file; why something stays, if it does."""
    try:
        with _opened(file.path, os.O_RDWR) as opened:
            spans = [*places(opened, needles)]
            for start, end in spans:
                opened.seek(start)
                opened.write(b"*" * (end - start))
            opened.flush()
            os.fsync(opened.fileno())
            opened.seek(0)
            if look_into(opened, needles).count:
                opened.seek(0)
                _pack_anew(file.path, changed(opened.read(), needles))
    except OSError as error:
        return f"it cannot be written ({error.strerror})"
    except UnchangeableError as error:
        return str(error)
    return _NAMED if file.named else ""


def _pack_anew(path: Path, content: bytes) -> None:
    """Put another file in the place of a packed one, which nobody goes on writing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
    shutil.copymode(path, draft.name)
    Path(draft.name).replace(path)


@contextmanager
def _opened(path: Path, how: int) -> Iterator[IO[bytes]]:
    """Open a regular file, and nothing that was put in its place meanwhile."""
    # Without waiting: a pipe would have us wait for whoever writes to it.
    number = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb+" if how == os.O_RDWR else "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(0, "it is no file")
        yield file
