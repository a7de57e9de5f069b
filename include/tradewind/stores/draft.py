"""A Parquet file while it is written: seen by nobody until it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.stores.placement import Placement

# Rows of a group in every Parquet file here, so that the same rows make the same file.
ROW_GROUP_ROWS = 131_072


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
