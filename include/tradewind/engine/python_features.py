"""`features.python`: a pure function that adds columns to what the SQL selected.

It runs from the source that the run froze, not from what the file says by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from tradewind.definition.modules import load_function
from tradewind.errors import DataError, DefinitionError

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition


def apply(frozen: FrozenDefinition, selected: pa.Table) -> pa.Table:
    """Call the declared function on the rows of the SELECT.

    Args:
        frozen: Names the function and holds its module's source.
        selected: The SELECT's rows up to the moment that the relations are cut at. The function
            gets them as a frame of its own and may change it.

    Returns:
        What it returned; NaN is a missing value.

    Raises:
        DefinitionError: There is no such function, or it returns no frame.
        DataError: It failed on these rows.
    """
    named, place = str(frozen.model.features.python), frozen.place("features.python")
    function = load_function(frozen.files, named, place=place)
    try:
        frame = function(selected.to_pandas())
    except Exception as error:
        raise DataError(f"{place}: {named} failed on {len(selected)} rows: {error!r}") from error
    if not isinstance(frame, pd.DataFrame):
        raise DefinitionError(f"{place}: {named} returns {type(frame).__name__}, no DataFrame")
    columns = {str(name): _array(column) for name, column in frame.items()}
    return pa.table(columns)


def _array(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """A column for Arrow, which asks pandas for a zoned column in a way that pandas deprecates."""
    kind: Any = column.dtype
    if not isinstance(kind, pd.DatetimeTZDtype):
        return pa.array(column, from_pandas=True)
    utc = pa.array(column.dt.tz_convert(None).to_numpy(), from_pandas=True)
    return utc.cast(pa.timestamp(kind.unit, "UTC"))
