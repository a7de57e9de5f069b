"""How a file comes to its place in the lake: whole, once, and never over another."""

from __future__ import annotations

import os
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tradewind.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where unfinished files lie; no listing of the lake shows them.
DRAFTS = ".drafts"
_TAKEN = 412  # the precondition `If-None-Match: *` failed
_BUSY = 409  # somebody else is writing the very same key


class Placement(Protocol):
    """One kind of lake, as its writer sees it."""

    def draft(self) -> Any:
        """A context manager: the path of an empty local file, gone afterwards."""

    def place(self, draft: Path, path: str) -> bool:
        """Make the draft visible under `path`; False when something is there already."""


class FolderPlacement:
    """A lake in a folder: a hard link appears at once, and fails where a file is."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty file on the lake's own file system, for as long as the block lasts."""
        file = self._root / DRAFTS / f"{os.getpid()}-{uuid.uuid4().hex}"
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def place(self, draft: Path, path: str) -> bool:
        """Link the draft to its place, after its bytes are safe on the disk."""
        target = self._root / path
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(draft, target)
        except FileExistsError:
            return False
        except OSError as error:
            raise LakeError(f"{target} cannot be written: {error}") from error
        return True


class BucketPlacement:
    """A lake in an S3-compatible store: a conditional put, which S3 makes visible when whole."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty file in the local temporary folder, for as long as the block lasts."""
        with tempfile.TemporaryDirectory(prefix="tradewind-") as folder:
            yield Path(folder) / "draft"

    def place(self, draft: Path, path: str) -> bool:
        """Put the draft unless the key exists; asks again while another puts the same key."""
        key = f"{self._prefix}/{path}" if self._prefix else path
        while True:
            try:
                with draft.open("rb") as body:
                    self._client.put_object(
                        Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*"
                    )
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == _TAKEN:
                    return False
                if status != _BUSY:
                    raise self._refused(key, error) from error
            except BotoCoreError as error:
                raise self._refused(key, error) from error
            else:
                return True

    def _refused(self, key: str, error: Exception) -> LakeError:
        return LakeError(f"s3://{self._bucket}/{key} cannot be written: {error}")
