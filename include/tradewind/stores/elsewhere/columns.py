"""Looking into columns: their values decoded, and what is nested in them."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.stores.needles import Needles

_ROWS = 65_536


def in_parquet(file: IO[bytes], needles: Needles) -> int:
    """How many values of a Parquet file hold a needle, a few rows at a time.

    Text holds it anywhere; a number is it.

    Raises:
        ArrowException: It is no Parquet file, or damaged.
    """
    parquet = pq.ParquetFile(file)
    return sum(
        in_column(column, needles)
        for group in range(parquet.num_row_groups)
        for batch in parquet.iter_batches(_ROWS, row_groups=[group])
        for column in batch.columns
    )


def in_column(values: pa.Array, needles: Needles) -> int:
    """How many values of a column, or of what is nested in it, hold a needle."""
    return sum(_in_leaf(leaf, needles) for leaf in _leaves(values))


def _leaves(values: pa.Array) -> Iterator[pa.Array]:
    """The columns of single values that a column is made of."""
    kind = values.type
    parts: list[pa.Array] = []
    if isinstance(values, pa.ExtensionArray):
        parts = [values.storage]
    elif pa.types.is_dictionary(kind):
        parts = [values.cast(kind.value_type)]
    elif pa.types.is_map(kind):
        parts = [values.keys, values.items]
    elif pa.types.is_struct(kind):
        parts = values.flatten()
    elif pa.types.is_nested(kind):
        parts = [values.flatten()]
    else:
        yield values
    for part in parts:
        yield from _leaves(part)


def _in_leaf(values: pa.Array, needles: Needles) -> int:
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _in_numbers(values, needles)
    if pa.types.is_fixed_size_binary(kind):
        values = values.cast(pa.binary())
    elif not (is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return 0
    return int(needles.among(values).sum())


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _in_numbers(values: pa.Array, needles: Needles) -> int:
    wanted = pa.array([number for text in needles.numbers for number in _as(text, values.type)])
    if not len(wanted):
        return 0
    return int(pc.sum(pc.is_in(values, value_set=wanted.cast(values.type))).as_py() or 0)


def _as(text: str, kind: pa.DataType) -> list[int | float]:
    """A whole number as this kind of column would hold it; nothing where it cannot."""
    number = float(text) if pa.types.is_floating(kind) else int(text)
    try:
        pa.scalar(number, kind)
    except (pa.ArrowException, OverflowError):
        return []
    return [number]
