"""The lake: Parquet and JSON, written once, in a folder or an S3-compatible store alike.

Whoever reads a path sees all of it or nothing. Nothing is ever written over: paths are made of
digests, so the same path means the same content.
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
from tradewind.stores.connections import arrow_filesystem, is_defined, s3_client
from tradewind.stores.digests import canonical_json
from tradewind.stores.placement import (
    DRAFTS,
    BucketPlacement,
    FolderPlacement,
    Placement,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.settings import Settings

# Rows of a group in every Parquet file here, so that the same rows make the same file.
ROW_GROUP_ROWS = 131_072
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


class Lake:
    """Immutable files by relative POSIX paths.

    Args:
        uri: `file://…` or `s3://bucket/prefix`.
        filesystem: Reads it.
        root: Of the lake in that file system.
        placement: Writes it.
    """

    def __init__(
        self, uri: str, *, filesystem: fs.FileSystem, root: str, placement: Placement
    ) -> None:
        self.uri = uri
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._placement = placement

    @classmethod
    def open(cls, settings: Settings) -> Lake:
        """The lake that the settings name.

        Raises:
            LakeError: Its address is of no kind that is known.
        """
        uri, name = settings.lake_uri, settings.lake_connection
        on_s3 = uri.startswith("s3://")
        connection = name if on_s3 and is_defined(name, settings=settings) else None
        filesystem, root = arrow_filesystem(uri, connection, settings=settings)
        placement: Placement
        if on_s3:
            bucket, _, prefix = root.strip("/").partition("/")
            client = s3_client(connection, settings=settings)
            placement = BucketPlacement(client, bucket, prefix)
        else:
            placement = FolderPlacement(Path(root))
        return cls(uri, filesystem=filesystem, root=root, placement=placement)

    def exists(self, path: str) -> bool:
        """Whether there is something at `path`."""
        with self._reading(path) as full:
            return bool(self._filesystem.get_file_info(full).type == fs.FileType.File)

    def list(self, prefix: str) -> list[str]:
        """Every path below the folder `prefix`, sorted; none when there is no such folder.

        The empty prefix is the whole lake.
        """
        with self._reading(prefix, checked=bool(prefix)) as full:
            selector = fs.FileSelector(full, recursive=True, allow_not_found=True)
            found = self._filesystem.get_file_info(selector)
        paths = (info.path for info in found if info.type == fs.FileType.File)
        relative = (path.removeprefix(self._root).lstrip("/") for path in paths)
        return sorted(path for path in relative if not path.startswith(f"{DRAFTS}/"))

    def read_bytes(self, path: str) -> bytes:
        """The content at `path`.

        Raises:
            LakeError: There is nothing there, or it cannot be read.
        """
        with self._reading(path) as full, self._filesystem.open_input_stream(full) as stream:
            return bytes(stream.readall())

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
        if self.exists(path):
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
        with self._reading(path) as full, self._filesystem.open_input_file(full) as file:
            return pq.ParquetFile(file).read(columns=names)

    def read_batches(self, path: str, *, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of one Parquet file in their order, at most so many at a time.

        No more than one of its row groups is held.

        Raises:
            LakeError: There is nothing there, or it is not what it should be.
        """
        with self._reading(path) as full, self._filesystem.open_input_file(full) as file:
            # A dataset's scanner would read many of them ahead.
            parquet = pq.ParquetFile(file, pre_buffer=True)
            for group in range(parquet.num_row_groups):
                yield from parquet.iter_batches(rows, row_groups=[group])

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
        full = [f"{self._root}/{_checked(path)}" for path in paths]
        with self._reading(where, checked=False):
            factory = ds.FileSystemDatasetFactory(
                self._filesystem, full, ds.ParquetFileFormat(), ds.FileSystemFactoryOptions()
            )
            return factory.finish(schema or factory.inspect(promote_options="default"))

    def _placed(self, path: str, content: bytes) -> bool:
        with self._placement.draft() as file:
            file.write_bytes(content)
            return self._placement.place(file, _checked(path))

    @contextmanager
    def _reading(self, path: str, *, checked: bool = True) -> Iterator[str]:
        try:
            yield f"{self._root}/{_checked(path) if checked else path}".rstrip("/")
        except FileNotFoundError as error:
            raise LakeError(
                f"{self.uri}/{path} is not there: it was removed from the lake, or never "
                f"written; a new run makes it again ({error})"
            ) from error
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


class Draft:
    """A Parquet file being written: zstd, row groups of `ROW_GROUP_ROWS` rows, the last one less.

    Made by `Lake.draft`.
    """

    def __init__(self, file: Path, schema: pa.Schema, *, placement: Placement) -> None:
        self._file = file
        self._schema = schema
        self._placement = placement
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        while self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush(ROW_GROUP_ROWS)

    def publish(self, path: str) -> None:
        """Finish the file and make it visible; whatever is at `path` already stays."""
        if self._waiting_rows:
            self._flush(self._waiting_rows)
        self.close()
        self._placement.place(self._file, path)

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        # In one piece: where a chunk ends would show in the file's pages.
        self._writer.write_table(table.slice(0, rows).combine_chunks(), row_group_size=rows)
        self._waiting = table.slice(rows).to_batches()
        self._waiting_rows -= rows


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise LakeError(f"{path!r} is no path in the lake: it must be relative, without `..`")
    return path
