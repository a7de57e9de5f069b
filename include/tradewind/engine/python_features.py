"""`features.python`: a pure function that adds columns to what the SQL selected.

It runs from the source that the run froze, not from what the file says by now.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from tradewind.definition.modules import module_key
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
    named = str(frozen.model.features.python)
    module_name, name = named.split(":")
    module = ModuleType(module_name)
    try:
        source = frozen.files[module_key(module_name)]
        exec(compile(source, f"{module_name}.py", "exec"), module.__dict__)  # noqa: S102 -- the owner's own, frozen
        function = getattr(module, name)
    except Exception as error:
        raise DefinitionError(f"model.yaml: features.python: {named}: {error!r}") from error
    try:
        frame = function(selected.to_pandas())
    except Exception as error:
        raise DataError(
            f"features.python: {named} failed on {len(selected)} rows: {error!r}"
        ) from error
    if not isinstance(frame, pd.DataFrame):
        kind = type(frame).__name__
        raise DefinitionError(f"model.yaml: features.python: {named} returns {kind}, no DataFrame")
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
