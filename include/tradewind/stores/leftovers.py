"""What lies in the lake and in the home by size and age, and what of it is let go of by age alone.

The home is a machine's own: each machine that loads models has a cache of them, and looks after it
by itself.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import fs

from tradewind.stores.lake import is_in_bucket, lake_filesystem
from tradewind.stores.mlflow_access import model_id
from tradewind.stores.placement import DRAFTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from tradewind.settings import Settings

DRAFT_AGE = timedelta(days=1)
"""What is written for longer than this was left by a killed process."""
CACHE_AGE = timedelta(days=30)
"""A cached model that nobody loaded for so long is fetched again if somebody does."""
CACHE_BYTES = 1_000_000_000
"""Beyond this the cached models that were loaded longest ago go, whatever their age."""
_CACHE = "models"
_UNFINISHED = ".draft-"


@dataclass(frozen=True)
class Lying:
    """A file, or a folder with all that is in it.

    Attributes:
        at: When it was written or, of a cached model, loaded last.
    """

    path: str
    files: int
    bytes: int
    at: datetime


def lake_files(settings: Settings) -> dict[str, Lying]:
    """Every file of the lake, unfinished ones and records of what is gone too, by path.

    Raises:
        LakeError: Its address is of no kind that is known.
        OSError: It cannot be listed.
    """
    filesystem, root = lake_filesystem(settings)
    found = filesystem.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    return {
        path: Lying(path, 1, int(info.size or 0), info.mtime or datetime.max.replace(tzinfo=UTC))
        for info in found
        if info.type == fs.FileType.File
        for path in (info.path.removeprefix(root).lstrip("/"),)
    }


def old_drafts(files: Collection[Lying], settings: Settings, *, now: datetime) -> list[Lying]:
    """Unfinished files of the lake and of the cache of models that nobody writes any more.

    Args:
        files: The lake's.
        settings: Name the home.
        now: By the clock of those who wrote them.
    """
    before = now - DRAFT_AGE
    cached = _folders(settings.home / _CACHE, f"{_UNFINISHED}*")
    # A lake in a bucket has none: they lie in the machine's temporary folder.
    in_folder = not is_in_bucket(settings)
    drafts = [file for file in files if in_folder and file.path.startswith(f"{DRAFTS}/")]
    return [found for found in (*drafts, *cached) if found.at < before]


def old_cached(settings: Settings, needed: Collection[str], *, now: datetime) -> list[Lying]:
    """Cached models to let go of, those loaded longest ago first.

    Args:
        settings: Name the home.
        needed: Addresses (`models:/m-…`) of models that must be there while MLflow is away.
        now: By this machine's clock.
    """
    keep = {model_id(uri) for uri in needed}
    every = sorted(_folders(settings.home / _CACHE, "m-*"), key=lambda found: found.at)
    held = sum(found.bytes for found in every)
    old = []
    for found in every:
        too_old, too_much = found.at < now - CACHE_AGE, held > CACHE_BYTES
        if (too_old or too_much) and Path(found.path).name not in keep:
            old.append(found)
            held -= found.bytes
    return old


def remove(found: Lying, settings: Settings) -> None:
    """Delete a draft of a lake in a folder, or a folder of the cache; it may be gone by now."""
    if found.path.startswith(f"{DRAFTS}/"):
        _, root = lake_filesystem(settings)
        Path(root, found.path).unlink(missing_ok=True)
    else:
        shutil.rmtree(found.path, ignore_errors=True)


def _folders(place: Path, pattern: str) -> list[Lying]:
    return [_weighed(folder) for folder in sorted(place.glob(pattern)) if folder.is_dir()]


def _weighed(folder: Path) -> Lying:
    told = [found.stat() for found in folder.rglob("*") if found.is_file()]
    # Loading reads every file, to hold it against the folder's name.
    used = max((max(one.st_atime, one.st_mtime) for one in told), default=folder.stat().st_mtime)
    at = datetime.fromtimestamp(used, tz=UTC)
    return Lying(str(folder), len(told), sum(one.st_size for one in told), at)
