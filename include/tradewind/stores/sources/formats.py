"""Parquet, CSV and CSV in gzip: a file's rows, or a sentence that says why there are none.

In a CSV an empty field is null, and so is `NA` in a column that is not text. A file that does not
end with a line break was cut short: its last value may be half of what it was.
"""

from __future__ import annotations

import csv as text_csv
import gzip
import io
import os
import re
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from tradewind.errors import SchemaChangedError, UnreadableFileError
from tradewind.stores.sources.column_types import canonical, recorded_type
from tradewind.stores.sources.drift import WAY_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IN_MEMORY_BYTES = 32 * 2**20
_CUT = "the file was cut short or is still being written: deliver it again"
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_UNFIT = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to (.+)", re.S)
_LONGEST_QUOTE = 120


def read_rows(
    file: IO[bytes],
    *,
    where: str,
    declared: Mapping[str, pa.DataType],
    held: Mapping[str, str] | None,
) -> pa.Table:
    """The rows of one file, by the ending of its name.

    Args:
        file: Its bytes, seekable.
        where: Source and file, for messages; ends in the file's name.
        declared: Types that the definition states.
        held: Types of the days before, for a CSV's columns; the rest is inferred.

    Raises:
        UnreadableFileError: It is cut short, damaged, or not what its name says.
        SchemaChangedError: A value has no place in its column's type.
    """
    if where.endswith(".parquet"):
        return _typed(_read_parquet(file, where), declared, where=where)
    types = {name: recorded_type(text) for name, text in (held or {}).items()}
    known = {name: kind for name, kind in types.items() if kind and not pa.types.is_null(kind)}
    if where.endswith(".csv.gz"):
        with _unzipped(file, where) as text:
            return _typed(_read_csv(text, {**known, **declared}, where), {}, where=where)
    return _typed(_read_csv(file, {**known, **declared}, where), {}, where=where)


def _read_parquet(file: IO[bytes], where: str) -> pa.Table:
    try:
        return pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"{where} is no whole Parquet file: {_CUT} ({error})") from error


@contextmanager
def _unzipped(file: IO[bytes], where: str) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as text:
        try:
            with gzip.open(file) as packed:
                shutil.copyfileobj(packed, text, length=2**20)
        except (EOFError, OSError, zlib.error) as error:
            raise UnreadableFileError(f"{where} is no whole gzip file: {_CUT} ({error})") from error
        yield text


def _read_csv(file: IO[bytes], types: Mapping[str, pa.DataType], where: str) -> pa.Table:
    _refuse_cut_text(file, where)
    convert = csv.ConvertOptions(
        column_types=types, null_values=["", "NA"], quoted_strings_can_be_null=False
    )
    try:
        table = csv.read_csv(
            pa.PythonFile(file, mode="r"),
            # One thread, so that a message can name the row.
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=convert,
        )
    except pa.ArrowInvalid as error:
        raise _csv_problem(file, error, where) from error
    _refuse_strange_columns(table, where)
    return table


def _refuse_cut_text(file: IO[bytes], where: str) -> None:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise UnreadableFileError(f"{where} is empty, without even a header: {_CUT}")
    file.seek(size - 1)
    if file.read(1) not in {b"\n", b"\r"}:
        raise UnreadableFileError(
            f"{where} does not end with a line break, so its last row may be incomplete: {_CUT} "
            f"(or, if its writer leaves the last line break out, have it written)"
        )
    file.seek(0)


def _refuse_strange_columns(table: pa.Table, where: str) -> None:
    names = table.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UnreadableFileError(f"{where} has more than one column called {', '.join(twice)}")
    if odd := [field.name for field in table.schema if pa.types.is_binary(field.type)]:
        raise UnreadableFileError(f"{where} is not UTF-8 text in column {', '.join(odd)}")


def _csv_problem(
    file: IO[bytes], error: pa.ArrowInvalid, where: str
) -> UnreadableFileError | SchemaChangedError:
    if ragged := _RAGGED.search(str(error)):
        row, expected, found = ragged.groups()
        return UnreadableFileError(
            f"{where}, line {row}: {found} fields where the header has {expected}: {_CUT}"
        )
    if "invalid UTF8" in str(error):
        return UnreadableFileError(f"{where} is not UTF-8 text: {error}")
    if unfit := _UNFIT.search(str(error)):
        number, row, problem = unfit.groups()
        line = f", line {row}" if row else ""
        name = _header(file)[int(number)]
        kind, _, quote = problem.partition(": ")
        return SchemaChangedError(
            f"{where}{line}: column {name!r} is {kind}, but there is {quote[:_LONGEST_QUOTE]}: "
            f"{WAY_OUT}"
        )
    return UnreadableFileError(f"{where} is no CSV: {error}")


def _header(file: IO[bytes]) -> list[str]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    try:
        return next(text_csv.reader(text))
    finally:
        text.detach()


def _typed(table: pa.Table, declared: Mapping[str, pa.DataType], *, where: str) -> pa.Table:
    """Columns in their declared types, or in the canonical form of their own."""
    for position, field in enumerate(table.schema):
        kind = declared.get(field.name) or canonical(field.type)
        column = table.column(position)
        if not column.type.equals(kind):
            column = _cast(column, kind, name=field.name, where=where)
            table = table.set_column(position, field.name, column)
        if where.endswith((".csv", ".csv.gz")) and pa.types.is_string(kind):
            table = table.set_column(position, field.name, _null_where_empty(column))
    return table


def _null_where_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    empty = pc.equal(column, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), column)


def _cast(column: pa.ChunkedArray, kind: pa.DataType, *, name: str, where: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind, safe=not pa.types.is_timestamp(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaChangedError(
            f"{where}: column {name!r} is {column.type} and cannot be read as {kind} ({error}): "
            f"{WAY_OUT}"
        ) from error
