"""Rows written under the digest of their content, and read again, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.stores.digests import TableDigest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.stores.lake import Lake


@dataclass(frozen=True)
class Written:
    """A Parquet file in the lake, named by what it holds."""

    digest: str
    uri: str
    rows: int


def write_digested(
    lake: Lake, folder: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Written:
    """Write rows as `<folder>/<digest>.parquet`; the same rows are there once.

    Args:
        lake: Where.
        folder: Its folder there.
        schema: Of every batch.
        batches: The rows, to be read once; none is a file without rows.

    Raises:
        LakeError: The lake cannot be written.
    """
    digest, rows = TableDigest(schema), 0
    with lake.draft(schema) as draft:
        for batch in batches:
            draft.write(batch)
            digest.update(batch)
            rows += batch.num_rows
        uri = f"{folder}/{digest.hexdigest()}.parquet"
        draft.publish(uri)
    return Written(digest.hexdigest(), uri, rows)


def read_chunks(lake: Lake, uri: str, *, rows: int) -> Iterator[pa.Table]:
    """A file's rows in their order, so many at a time; the last ones are fewer.

    Two files of as many rows are cut alike, whatever their row groups.

    Raises:
        LakeError: There is no such file.
    """
    waiting: list[pa.RecordBatch] = []
    for batch in lake.read_batches(uri, rows=rows):
        waiting.append(batch)
        while sum(part.num_rows for part in waiting) >= rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, rows)
            waiting = table.slice(rows).to_batches()
    if any(part.num_rows for part in waiting):
        yield pa.Table.from_batches(waiting)
