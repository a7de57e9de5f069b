"""The lake: Parquet and JSON, written once, in a folder or an S3-compatible store alike.

Whoever reads a path sees all of it or nothing. Nothing is ever written over: paths are made of
digests, so the same path means the same content. What had to be let go of is read, under its old
path, as what stands for it now.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from tradewind.errors import LakeError
from tradewind.stores import gone
from tradewind.stores.connections import arrow_filesystem, is_defined, s3_client
from tradewind.stores.digests import canonical_json
from tradewind.stores.draft import Draft
from tradewind.stores.placement import (
    DRAFTS,
    BucketPlacement,
    FolderPlacement,
    Placement,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tradewind.settings import Settings
    from tradewind.stores.placement import OlderVersion

# How pyarrow begins what an S3-compatible store said, and its words for one that is the trouble.
_STORE_SAYS = "AWS Error "
_NO_ANSWER = tuple(
    f"{_STORE_SAYS}{word}"
    for word in (
        "NETWORK_CONNECTION",
        "INTERNAL_FAILURE",
        "SERVICE_UNAVAILABLE",
        "SLOW_DOWN",
        "THROTTLING",
        "REQUEST_TIMEOUT",
    )
)
_NOT_LISTED = (f"{DRAFTS}/", f"{gone.FOLDER}/")


class Lake:
    """Immutable files by relative POSIX paths.

    Args:
        uri: `file://…` or `s3://bucket/prefix`.
        filesystem: Reads it.
        root: Of the lake in that file system, without a slash at its end.
        placement: Writes it.
    """

    def __init__(
        self, uri: str, *, filesystem: fs.FileSystem, root: str, placement: Placement
    ) -> None:
        self.uri = uri
        self._filesystem = filesystem
        self._root = root
        self._placement = placement

    @classmethod
    def open(cls, settings: Settings) -> Lake:
        """The lake that the settings name.

        Raises:
            LakeError: Its address is of no kind that is known.
        """
        filesystem, root = lake_filesystem(settings)
        placement: Placement = FolderPlacement(Path(f"{root}/"))
        if is_in_bucket(settings):
            bucket, _, prefix = root.strip("/").partition("/")
            client = s3_client(_connection(settings), settings=settings)
            placement = BucketPlacement(client, bucket, prefix)
        return cls(settings.lake_uri, filesystem=filesystem, root=root, placement=placement)

    def exists(self, path: str) -> bool:
        """Whether there is something at `path`, or stands for it."""
        return self._standing(path)[0] is not None

    def standing(self, path: str) -> str | None:
        """Where what is read at `path` lies: there, or where what stands for it does; or nowhere.

        Raises:
            LakeError: The lake does not answer.
        """
        return self._standing(path)[0]

    def list(self, prefix: str) -> list[str]:
        """Every path below the folder `prefix`, sorted; none when there is no such folder.

        The empty prefix is the whole lake. What was let go of is not among them.
        """
        with self._reading(prefix, checked=bool(prefix)) as full:
            selector = fs.FileSelector(full, recursive=True, allow_not_found=True)
            found = self._filesystem.get_file_info(selector)
        paths = (info.path for info in found if info.type == fs.FileType.File)
        relative = (path.removeprefix(self._root).lstrip("/") for path in paths)
        return sorted(path for path in relative if not path.startswith(_NOT_LISTED))

    def read_bytes(self, path: str) -> bytes:
        """The content at `path`.

        Raises:
            LakeError: There is nothing there, or it cannot be read.
        """
        with self._reading(path), self._opened(path) as file:
            return bytes(file.readall())

    def read_json(self, path: str) -> Any:
        """The value at `path`.

        Raises:
            LakeError: There is nothing there, or it is not JSON.
        """
        try:
            return json.loads(self.read_bytes(path))
        except ValueError as error:
            raise self._damaged(path, error) from error

    def put_bytes(self, path: str, content: bytes) -> None:
        """Write once; the same content again changes nothing.

        A path that was let go of is written as if it were new, and is then read as it is.

        Raises:
            LakeError: Something else is there already, or the lake cannot be written.
        """
        if not self._placed(path, content) and self.read_bytes(path) != content:
            raise LakeError(
                f"{self.uri}/{path} holds something else, and nothing in the lake is written "
                f"over: two contents were given one name; remove the file if it is damaged"
            )

    def put_json(self, path: str, value: Any) -> None:
        """Write once, as canonical JSON; the same value again changes nothing.

        Raises:
            LakeError: Something else is there already, or the lake cannot be written.
            ValueError: The value holds a NaN or an infinity.
        """
        self.put_bytes(path, canonical_json(value).encode())

    def first_json(self, path: str, value: Any) -> Any:
        """Write unless something is there; return what is there then.

        For records whose name says all that matters of them, and whose particulars (when it was
        recorded) may differ: the first one stays.

        Raises:
            LakeError: The lake cannot be read or written, or holds no JSON there.
            ValueError: The value holds a NaN or an infinity.
        """
        if not self.exists(path):
            self._placed(path, canonical_json(value).encode())
        return self.read_json(path)

    @contextmanager
    def draft(self, schema: pa.Schema) -> Iterator[Draft]:
        """A Parquet file that nobody sees until it is published; dropped if it is not."""
        with self._placement.draft() as file:
            draft = Draft(file, schema, placement=self._placement)
            try:
                yield draft
            finally:
                draft.close()

    def write_parquet(self, path: str, table: pa.Table | pa.RecordBatchReader) -> None:
        """Write rows once, streaming; a path that is there is taken to hold them already.

        Raises:
            LakeError: The lake cannot be written.
        """
        if self._is_file(path):
            return
        batches = table.to_batches() if isinstance(table, pa.Table) else table
        with self.draft(table.schema) as draft:
            for batch in batches:
                draft.write(batch)
            draft.publish(_checked(path))

    def read_table(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one Parquet file, or some of their columns.

        Raises:
            LakeError: There is nothing there, or it is not what it should be.
        """
        names = None if columns is None else [*columns]
        with self._reading(path), self._opened(path) as file:
            return pq.ParquetFile(file).read(columns=names)

    def read_schema(self, path: str) -> pa.Schema:
        """The columns of one Parquet file.

        Raises:
            LakeError: There is nothing there, or it is not what it should be.
        """
        with self._reading(path), self._opened(path) as file:
            return pq.read_schema(file)

    def read_batches(
        self, path: str, *, rows: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one Parquet file in their order, or some columns, so many at a time at most.

        No more than one of its row groups is held.

        Raises:
            LakeError: There is nothing there, or it is not what it should be.
        """
        with self._reading(path), self._opened(path) as file:
            # A dataset's scanner would read many of them ahead.
            parquet = pq.ParquetFile(file, pre_buffer=True)
            names = None if columns is None else [*columns]
            for group in range(parquet.num_row_groups):
                yield from parquet.iter_batches(rows, row_groups=[group], columns=names)

    def dataset(self, paths: Sequence[str], *, schema: pa.Schema | None = None) -> ds.Dataset:
        """Parquet files as one dataset, to be scanned out of core.

        Args:
            paths: The files.
            schema: What to read them as. Where none is given it is all files' columns together:
                a file without one of them has nulls there.

        Raises:
            LakeError: No path is given, a file is missing or damaged, or types disagree.
        """
        if not paths:
            raise LakeError(f"a dataset in {self.uri} of no files has no columns: give a path")
        where = paths[0] if len(paths) == 1 else f"{paths[0]} … {paths[-1]}"
        with self._reading(where, checked=False):
            if schema is not None:
                # A scan would find out only later that one is not there.
                return self._factory([self._found(path) for path in paths]).finish(schema)
            try:
                return self._as_one(paths)
            except FileNotFoundError:
                return self._as_one([self._found(path) for path in paths])

    def replace(self, path: str, now: str | None, *, why: str, at: datetime) -> None:
        """Let go of a file for good, in every version that the store kept of it.

        First it is recorded what stands for it, then it is deleted: killed in between, the same
        again ends the same. Once deleted, reading the path reads `now`.

        Args:
            path: The file.
            now: What stands for it from here on, which must be there; None for nothing.
            why: The reason, as readers of the path are told it; nothing of what the file held.
            at: When.

        Raises:
            LakeError: There is no such file, `now` is not there, or the file must stay: heads of
                the ledger's chain do.
        """
        if _checked(path).startswith(gone.KEPT_FOR_GOOD):
            raise LakeError(f"{self.uri}/{path} is kept for good: nothing may stand for it")
        if now is not None and (now == path or not self.exists(now)):
            raise LakeError(f"{self.uri}/{now} cannot stand for {path}: write it first, elsewhere")
        before = self._let_go(path)
        if before is None or before.now != now:
            if not self._is_file(path):
                raise self._absent(path, before)
            if before is not None:
                # It was written anew since: as long as it is there, nobody reads the record.
                self._placement.remove(gone.record_of(path))
            self.put_json(gone.record_of(path), gone.record(now, why=why, at=at))
        self._placement.remove(path)

    def older_versions(self) -> Iterator[OlderVersion]:
        """What the bucket kept of files that were written over or deleted; of a folder nothing.

        Raises:
            LakeUnavailableError: The store does not answer.
            LakeError: It refuses to list them.
        """
        return self._placement.older_versions()

    def _placed(self, path: str, content: bytes) -> bool:
        with self._placement.draft() as file:
            file.write_bytes(content)
            return self._placement.place(file, _checked(path))

    def _full(self, path: str) -> str:
        return f"{self._root}/{_checked(path)}"

    def _is_file(self, path: str) -> bool:
        with self._reading(path) as full:
            return bool(self._filesystem.get_file_info(full).type == fs.FileType.File)

    def _opened(self, path: str) -> pa.NativeFile:
        """The file at `path`, or what stands for it, to be read from anywhere."""
        try:
            return self._filesystem.open_input_file(self._full(path))
        except FileNotFoundError:
            return self._filesystem.open_input_file(self._full(self._found(path)))

    def _as_one(self, paths: Sequence[str]) -> ds.Dataset:
        factory = self._factory(paths)
        return factory.finish(factory.inspect(promote_options="default"))

    def _factory(self, paths: Sequence[str]) -> ds.FileSystemDatasetFactory:
        full = [self._full(path) for path in paths]
        options = ds.FileSystemFactoryOptions()
        return ds.FileSystemDatasetFactory(self._filesystem, full, ds.ParquetFileFormat(), options)

    def _found(self, path: str) -> str:
        """The path itself, or of what stands for it; an error where nothing does."""
        standing, last = self._standing(path)
        if standing is None:
            raise self._absent(path, last)
        return standing

    def _standing(self, path: str) -> tuple[str | None, gone.LetGo | None]:
        """What is read at a path, None for nothing; and what was said last on the way there."""
        passed, last, now = set[str](), None, path
        while not self._is_file(now):
            passed.add(now)
            said = self._let_go(now)
            last = said or last
            if said is None or said.now is None:
                return None, last
            if said.now in passed:
                raise LakeError(
                    f"{self.uri}/{path}: what is said to stand for it leads back to {said.now}: "
                    f"the lake's folder {gone.FOLDER}/ was changed by hand; put it back"
                )
            now = said.now
        return now, last

    def _let_go(self, path: str) -> gone.LetGo | None:
        """What is recorded of a path that was let go of; None where nothing is."""
        with self._reading(gone.record_of(path)) as full:
            if self._filesystem.get_file_info(full).type != fs.FileType.File:
                return None
            with self._filesystem.open_input_file(full) as file:
                content = bytes(file.readall())
        try:
            return gone.LetGo.from_json(json.loads(content))
        except (ValueError, LookupError, TypeError) as error:
            raise self._damaged(gone.record_of(path), error) from error

    def _absent(self, path: str, last: gone.LetGo | None = None) -> LakeError:
        if last is None:
            return LakeError(
                f"{self.uri}/{path} is not there: it was removed from the lake, or never "
                "written; a new run makes it again"
            )
        return LakeError(
            f"{self.uri}/{path} is not there any more: it was let go of on {last.at}: {last.why}"
        )

    @contextmanager
    def _reading(self, path: str, *, checked: bool = True) -> Iterator[str]:
        try:
            yield f"{self._root}/{_checked(path) if checked else path}".rstrip("/")
        except FileNotFoundError as error:
            raise self._absent(path) from error
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: str, error: Exception) -> LakeError:
        said, where = str(error), f"{self.uri}/{path}"
        if any(sign in said for sign in _NO_ANSWER):
            return unavailable(where, error)
        if _STORE_SAYS in said or isinstance(error, PermissionError):
            return LakeError(
                f"{where} cannot be read: {said}. The store is up and refuses: see what the "
                "lake's connection may do there"
            )
        return LakeError(
            f"{where} cannot be read: {said}. The file is damaged: remove it, and a new run makes "
            "it again"
        )


def lake_filesystem(settings: Settings) -> tuple[fs.FileSystem, str]:
    """The file system of the lake that the settings name, and the lake's root inside it.

    The root has no slash at its end.

    Raises:
        LakeError: Its address is of no kind that is known.
    """
    filesystem, root = arrow_filesystem(settings.lake_uri, _connection(settings), settings=settings)
    return filesystem, root.rstrip("/")


def _connection(settings: Settings) -> str | None:
    """That of a lake in a bucket; None where none is defined, and of a lake in a folder."""
    name = settings.lake_connection
    return name if is_in_bucket(settings) and is_defined(name, settings=settings) else None


def is_in_bucket(settings: Settings) -> bool:
    """Whether the lake is in an S3-compatible store."""
    return settings.lake_uri.startswith("s3://")


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise LakeError(f"{path!r} is no path in the lake: it must be relative, without `..`")
    return path
