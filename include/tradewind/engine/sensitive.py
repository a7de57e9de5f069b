"""Looks among a source's values for what names a person and is not declared as personal.

Some rows, evenly over all of them: a column of addresses is found, a single one in a million rows
need not be. What is found is told by column, kind and count, and never by a value.
"""

# ruff: noqa: S608 -- identifiers are quoted

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.engine.database import quoted
from tradewind.engine.identifiers import column_types
from tradewind.engine.relations import RAW
from tradewind.stats.sensitive import kinds_in

if TYPE_CHECKING:
    import duckdb

    from tradewind.definition.sources import Source

SAMPLED = 2_000
"""Rows of a source that are looked at, at most twice as many."""
# They have no text in which anything could stand.
_PASSED_OVER = ("BOOLEAN", "DATE", "TIME", "INTERVAL", "FLOAT")
# A card's number has thirteen digits or more; a table of numbers is read as floating point.
_LONG = 1e12


@dataclass(frozen=True)
class Resemblance:
    """A column of which some values look like what names a person.

    Attributes:
        values: How many do.
        sampled: Of how many that were looked at and are not null.
    """

    source: str
    column: str
    kind: str
    values: int
    sampled: int

    @property
    def sentence(self) -> str:
        """What was found and what to do, without a value."""
        looked = f"{self.values:,} of {self.sampled:,} sampled values"
        return (
            f"{self.source}: {self.column}: {looked} look like holding {_article(self.kind)} "
            f"{self.kind}; declare the column under `sources.{self.source}.personal` (drop, hash, "
            f"or keep with a reason)"
        )

    def as_json(self) -> dict[str, Any]:
        """As the report holds it."""
        return dict(vars(self))


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeio" else "a"


def resemblances(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, *, table: str
) -> list[Resemblance]:
    """Look at a sample of every column that is not declared as personal.

    Args:
        connection: Where the rows are.
        name: The source's.
        source: Declares what is personal.
        table: The rows, as SQL; a table, whose rows have numbers.
    """
    found = []
    for column, kind in column_types(connection, f"SELECT * FROM {table}").items():
        if column in source.personal or column.endswith(RAW) or kind.startswith(_PASSED_OVER):
            continue
        values = _sample(connection, table, column, kind)
        found += [
            Resemblance(name, column, what, values=count, sampled=len(values))
            for what, count in kinds_in(values).items()
        ]
    return found


def _sample(connection: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> list[str]:
    own = quoted(column)
    if kind == "DOUBLE":
        whole = f"{own} BETWEEN {_LONG} AND 1e19 AND {own} = trunc({own})"
        text = f"CASE WHEN {whole} THEN {own}::HUGEINT END::VARCHAR"
    else:
        text = f"{own}::VARCHAR"
    step = f"greatest(1, (SELECT count(*) FROM {table}) // {SAMPLED})"
    query = f"SELECT {text} FROM {table} WHERE {own} IS NOT NULL AND rowid % {step} = 0"
    rows = connection.execute(query).fetchall()
    # A number that is too short to be one counts among those that were looked at.
    return [row[0] or "" for row in rows]
