"""How a file comes to its place in the lake: whole, once, and never over another."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tradewind.errors import LakeError, LakeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Where unfinished files lie; no listing of the lake shows them.
DRAFTS = ".drafts"
_DONE = 200
_TAKEN = 412  # the precondition `If-None-Match: *` failed
_BUSY = 409  # somebody else is writing the very same key
_TOO_MANY = 429
_AT_FAULT = 500  # from here on it is the store itself
_NOT_IMPLEMENTED = 501
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


@dataclass(frozen=True)
class OlderVersion:
    """A version of a file that its path shows no more, and that nothing reads.

    Attributes:
        path: Of the file.
        read: All of it.
        delete: Delete this version alone.
    """

    path: str
    read: Callable[[], bytes]
    delete: Callable[[], object]


class Placement(Protocol):
    """One kind of lake, as its writer sees it."""

    def draft(self) -> Any:
        """A context manager: the path of an empty local file, gone afterwards."""

    def place(self, draft: Path, path: str) -> bool:
        """Make the draft visible under `path`; False when something is there already."""

    def remove(self, path: str) -> None:
        """Delete the file and every older version of it; nothing where there is none."""

    def older_versions(self) -> Iterator[OlderVersion]:
        """What the lake's store kept of files that were written over or deleted."""


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

    def remove(self, path: str) -> None:
        """Unlink the file, if there is one.

        Raises:
            LakeError: It cannot be.
        """
        target = self._root / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise LakeError(f"{target} cannot be deleted: {error}") from error

    def older_versions(self) -> Iterator[OlderVersion]:
        """None: a folder keeps none."""
        return iter(())


class BucketPlacement:
    """A lake in an S3-compatible store: a conditional put, which S3 makes visible when whole.

    Args:
        client: Of boto3.
        bucket: The bucket.
        prefix: Of every key in it; empty for none.
        pauses: Seconds to wait while another puts the same key, one for each time of asking again.
        wait: Waits for so many seconds.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        prefix: str,
        *,
        pauses: Sequence[float] = _PAUSES,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._pauses = pauses
        self._wait = wait

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty file in the local temporary folder, for as long as the block lasts."""
        with tempfile.TemporaryDirectory(prefix="tradewind-") as folder:
            yield Path(folder) / "draft"

    def place(self, draft: Path, path: str) -> bool:
        """Put the draft unless the key exists; asks again while another puts the same key.

        Raises:
            LakeUnavailableError: The store does not answer, or others go on putting the same key.
            LakeError: The store refuses.
        """
        key = self._key(path)
        for pause in (None, *self._pauses):
            if pause is not None:
                self._wait(pause)
            if (status := self._put(draft, key)) != _BUSY:
                return status != _TAKEN
        raise LakeUnavailableError(
            f"s3://{self._bucket}/{key} cannot be written: others are writing the same key, and "
            f"were after {sum(self._pauses):g} seconds still; run it again later"
        )

    def remove(self, path: str) -> None:
        """Delete the key in every version that the bucket kept, and what marks it as deleted.

        Raises:
            LakeUnavailableError: The store does not answer.
            LakeError: The store refuses, to list versions or to delete one.
        """
        key = self._key(path)
        with _asking(f"s3://{self._bucket}/{key}", "deleted"):
            for version in self._versions(key):
                self._client.delete_object(Bucket=self._bucket, Key=key, **version)

    def older_versions(self) -> Iterator[OlderVersion]:
        """Each version that is not the newest of its key; none in a bucket that keeps none.

        Raises:
            LakeUnavailableError: The store does not answer.
            LakeError: The store refuses to list versions; reading or deleting one raises the same.
        """
        prefix = self._key("")
        with _asking(f"s3://{self._bucket}/{prefix}", "listed with its older versions"):
            found = [
                version
                for page in self._pages(prefix)
                for version in page.get("Versions", ())
                if not version["IsLatest"]
            ]
        for version in found:
            named = {"Key": version["Key"], "VersionId": version["VersionId"]}
            path = version["Key"].removeprefix(prefix)
            yield OlderVersion(path, partial(self._read, named), partial(self._delete, named))

    def _read(self, named: Mapping[str, str]) -> bytes:
        with _asking(f"s3://{self._bucket}/{named['Key']}", "read in an older version"):
            body = self._client.get_object(Bucket=self._bucket, **named)["Body"]
            content: bytes = body.read()
            return content

    def _delete(self, named: Mapping[str, str]) -> None:
        with _asking(f"s3://{self._bucket}/{named['Key']}", "deleted in an older version"):
            self._client.delete_object(Bucket=self._bucket, **named)

    def _versions(self, key: str) -> list[dict[str, str]]:
        """What names each version of a key; of a store that knows no versions, the key alone."""
        pages = self._pages(key)
        if not pages:
            return [{}]
        # Other keys may begin with this one.
        return [
            {"VersionId": each["VersionId"]}
            for page in pages
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if each["Key"] == key
        ]

    def _pages(self, prefix: str) -> list[Mapping[str, Any]]:
        """What the store says of the versions of some keys; none where it knows no versions."""
        pages = self._client.get_paginator("list_object_versions")
        try:
            return [*pages.paginate(Bucket=self._bucket, Prefix=prefix)]
        except ClientError as error:
            if _status(error) != _NOT_IMPLEMENTED:
                raise
            return []

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _put(self, draft: Path, key: str) -> int:
        """The status that the store answers with: done, taken or busy."""
        with _asking(f"s3://{self._bucket}/{key}", "written"):
            try:
                with draft.open("rb") as body:
                    self._client.put_object(
                        Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*"
                    )
            except ClientError as error:
                if (status := _status(error)) in {_TAKEN, _BUSY}:
                    return status
                raise
        return _DONE


@contextmanager
def _asking(where: str, done: str) -> Iterator[None]:
    """Say what a store's refusal or silence means for what was to be done."""
    try:
        yield
    except ClientError as error:
        if (status := _status(error)) >= _AT_FAULT or status == _TOO_MANY:
            raise unavailable(where, error) from error
        raise LakeError(f"{where} cannot be {done}: {error}") from error
    except (BotoConnectionError, HTTPClientError) as error:
        raise unavailable(where, error) from error
    except BotoCoreError as error:
        raise LakeError(f"{where} cannot be {done}: {error}") from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def unavailable(where: str, error: Exception) -> LakeUnavailableError:
    """Say that a lake's store, and not what is in it, is the trouble."""
    return LakeUnavailableError(
        f"{where}: the store does not answer, or is too busy: {error}. See that it is up and "
        "reached by the lake's connection, and run it again"
    )
