"""The prediction log in the lake: what every night served, and what was served on line.

A night is one file, named by its content: `predictions/<model>/<night>/<digest>.parquet`. A call on
line is a file of its own below `predictions/<model>/online/<UTC day>/`.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tradewind.stores.prediction_schema import prediction_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.nights import ScoredNight
    from tradewind.stores.lake import Lake


def night_name(night: datetime) -> str:
    """A night's moment in ISO's basic form, as folders of the lake are named by it."""
    return f"{night.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def night_folder(model: str, night: datetime) -> str:
    """Where in the lake a night's predictions lie."""
    return f"predictions/{model}/{night_name(night)}"


def online_folder(model: str) -> str:
    """Where in the lake the predictions of calls on line lie, below a folder a UTC day."""
    return f"predictions/{model}/online"


def read_log(
    lake: Lake, nights: Sequence[ScoredNight], columns: Sequence[str] | None = None
) -> pa.Table:
    """What nights served, and what was recorded beside it.

    Args:
        lake: Where.
        nights: Which, as the ledger has them.
        columns: Those of `prediction_schema` that are asked for; all where nothing is said.

    Returns:
        The rows of all nights in their order; none where no night is given.

    Raises:
        LakeError: A night's file is not there, or damaged.
    """
    tables = [lake.read_table(night.uri, columns) for night in nights]
    return pa.concat_tables(tables) if tables else _nothing(columns)


def read_online(lake: Lake, model: str, *, start: datetime, end: datetime) -> pa.Table:
    """What was served on line in a half-open stretch of time, by the moment of the call.

    Args:
        lake: Where.
        model: Whose calls.
        start: The first moment.
        end: The moment after the last.

    Returns:
        The columns of `prediction_schema`; no row where nobody called.

    Raises:
        LakeError: A file is damaged.
    """
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    paths = [path for day in days for path in lake.list(f"{online_folder(model)}/{day}")]
    if not paths:
        return _nothing(None)
    inside = (pc.field("as_of") >= pa.scalar(start)) & (pc.field("as_of") < pa.scalar(end))
    return lake.dataset(paths, schema=prediction_schema()).to_table(filter=inside)


def _nothing(columns: Sequence[str] | None) -> pa.Table:
    table = prediction_schema().empty_table()
    return table if columns is None else table.select(list(columns))
