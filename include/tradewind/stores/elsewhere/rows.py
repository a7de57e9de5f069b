"""Reading the rows of a table and holding them against needles, a few thousand at a time."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2 import sql

from tradewind.stores.elsewhere.contents import look_into
from tradewind.stores.elsewhere.tables import columns

if TYPE_CHECKING:
    from psycopg2.extensions import connection as postgres_connection

    from tradewind.stores.elsewhere.tables import Column, Table
    from tradewind.stores.needles import Needles

AT_ONCE = 2_000
# How every value begins that Airflow, or whoever else uses Fernet, has encrypted.
_ENCRYPTED = "gAAAAA"


@dataclass
class Hits:
    """What of a table holds needles.

    Attributes:
        rows: By the place of a row, the columns.
        unread: By column, why it could not be looked into.
        read: How many rows were looked at.
        bytes: Of their values, as the server sends them.
    """

    rows: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    read: int = 0
    bytes: int = 0

    @property
    def by_column(self) -> Counter[str]:
        """How many rows of each column."""
        return Counter(name for names in self.rows.values() for name in names)


def scan(session: postgres_connection, table: Table, needles: Needles) -> Hits:
    """Look at every row of a table, in a transaction of its own."""
    hits = Hits()
    with session:
        with session.cursor() as cursor:
            read = [column for column in columns(cursor, table) if column.category != "B"]
        if not read:
            return hits
        statement = sql.SQL("SELECT ctid::text, {} FROM ONLY {}").format(
            sql.SQL(", ").join(column.selected for column in read), table.identifier
        )
        encrypted: Counter[str] = Counter()
        with session.cursor(name="tradewind_search") as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(AT_ONCE):
                hits.read += len(rows)
                places, *values = zip(*rows, strict=True)
                for column, told in zip(read, values, strict=True):
                    encrypted[column.name] += sum(_is_encrypted(value) for value in told)
                    for place in _met(column, told, needles, hits):
                        hits.rows.setdefault(places[place], []).append(column.name)
    hits.unread |= {name: f"{n} values are encrypted" for name, n in encrypted.items() if n}
    return hits


def _met(column: Column, values: tuple[Any, ...], needles: Needles, hits: Hits) -> list[int]:
    """Which of a column's values hold a needle."""
    contents = [_bytes(value) for value in values]
    hits.bytes += sum(len(content) for content in contents if content is not None)
    if column.is_whole:
        return [n for n, value in enumerate(values) if value is not None and needles.are(value)]
    found = needles.among(pa.array(contents, pa.large_binary()))
    for place, content in enumerate(contents if column.kind == "bytea" else ()):
        if content is not None and not found[place]:
            looked = look_into(io.BytesIO(content), needles)
            found[place] = bool(looked.count)
            if looked.unread:
                hits.unread[column.name] = looked.unread
    return [place for place, one in enumerate(found) if one]


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_ENCRYPTED)


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, list):
        # Nothing that an array holds goes on in the next.
        return b"\0".join(_bytes(each) or b"" for each in value)
    return str(value).encode()
