"""What became of a source's rows after the snapshot, day by day, read from what validation wrote.

One scan of two or three columns of one file a source, whatever the number of its parts.
"""

# ruff: noqa: S608 -- identifiers are quoted; `known_at` was checked when the definition was run

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from tradewind.engine.database import quoted
from tradewind.engine.relations import RAW
from tradewind.errors import LakeError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.definition.sources import Source
    from tradewind.stores.lake import Lake


@dataclass(frozen=True)
class Arrived:
    """The rows of one source that went on, and those that were set aside, by UTC day.

    A reference table has no days: all its rows are under None.

    Attributes:
        first_known: When the first of a day's rows became known; no entry where that is always.
    """

    went_on: Mapping[date | None, int]
    first_known: Mapping[date | None, datetime]
    set_aside: Mapping[date | None, int] = field(default_factory=dict)


def arrived(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    name: str,
    source: Source,
    *,
    folder: str,
    quarantined: bool,
    as_of: datetime,
) -> Arrived | str:
    """Count the rows of a source that went on; a sentence where that cannot be told any more.

    Args:
        connection: Any database of the engine's.
        lake: Where validation wrote.
        name: The source's.
        source: Says when rows are known.
        folder: `validated/<digest>`.
        quarantined: Whether rows of the source were set aside.
        as_of: The moment that the run stood at.

    Raises:
        UnavailableError: The lake does not answer.
    """
    connection.execute("SET VARIABLE as_of = $1::TIMESTAMPTZ", [as_of])
    try:
        rows = _by_day(connection, lake, f"{folder}/{name}.parquet", source)
        aside = (
            _by_day(connection, lake, f"{folder}/quarantine/{name}.parquet", source)
            if quarantined
            else []
        )
    except UnavailableError:
        raise
    except (LakeError, duckdb.Error) as error:
        why = str(error).partition("\n")[0]
        return f"the validated rows {folder}/{name}.parquet cannot be read any more: {why}"
    return Arrived(
        went_on={day: count for day, count, _ in rows},
        first_known={day: known.astimezone(UTC) for day, _, known in rows if known is not None},
        set_aside={day: count for day, count, _ in aside},
    )


def _by_day(
    connection: duckdb.DuckDBPyConnection, lake: Lake, path: str, source: Source
) -> list[tuple[date | None, int, datetime | None]]:
    rows = lake.dataset([path])
    time = source.time_column
    # A row is of the part that it came in, also where its time was repaired.
    if time and f"{time}{RAW}" in rows.schema.names:
        time += RAW
    # By its place: a source may have a column that is called day.
    day = f"({quoted(time)}::TIMESTAMPTZ)::DATE" if time else "NULL::DATE"
    connection.register("arrived", rows)
    try:
        found: list[Any] = connection.execute(
            f"SELECT {day} AS day, count(*), min({_known(source)}) FROM arrived GROUP BY 1"
        ).fetchall()
    finally:
        connection.unregister("arrived")
    return found


def _known(source: Source) -> str:
    """When the first cell of a row became known, as SQL; null where it always was."""
    row = source.known_at or (source.time_column and quoted(source.time_column))
    if not row:
        return "NULL::TIMESTAMPTZ"
    moments = [row, *(late.known_at for late in source.late.values())]
    # A comment at its end must not take the rest of the statement with it.
    told = ", ".join("(" + each + "\n)::TIMESTAMPTZ" for each in moments)
    return f"least({told})"
