"""Sources made of files: objects in a bucket, or files in a folder, by a pattern of their names.

- A pattern with a day: each day is the objects of that day.
- A pattern without one, and a `time_column`: the objects are read whole and cut into UTC days.
- Neither: a reference source, all objects together.

The rows of a day (of all days, where the pattern has none) are held in memory to be ordered.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.errors import EmptyIntervalError
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import drift
from tradewind.stores.sources.base import (
    Rows,
    SourceReader,
    day_of,
    day_ordinals,
    midnight,
    ordered,
)
from tradewind.stores.sources.formats import read_rows
from tradewind.stores.sources.keys import KeyPattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tradewind.definition.sources import FilesSource, S3Source
    from tradewind.stores.sources.intake import Intake

_log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class StoredObject:
    """One object or file.

    Attributes:
        key: Its name in its store.
        token: What the store says of its state: it changes with the content.
    """

    key: str
    token: str


class ObjectStore(Protocol):
    """Where objects are listed and opened."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for a person."""

    def list(self, prefix: str) -> Iterable[StoredObject]:
        """Every object whose key begins with `prefix`.

        Raises:
            SourceUnavailableError: The store does not answer.
        """

    def open(self, found: StoredObject) -> AbstractContextManager[IO[bytes]]:
        """The bytes of an object, seekable, as they were when it was listed.

        Raises:
            SourceUnavailableError: The store does not answer, or the object was changed since.
        """


class ObjectsReader(SourceReader):
    """The objects of a store that match the source's pattern; listed once."""

    spec: S3Source | FilesSource

    def __init__(self, name: str, intake: Intake, store: ObjectStore) -> None:
        super().__init__(name, intake)
        self._store = store
        self._pattern = KeyPattern(self.spec.pattern)
        # A number that is hashed is its digits, as they are written; and no message about what a
        # value is not can quote one.
        text = dict.fromkeys(self.spec.personal_columns("hash", "drop"), pa.string())
        self._declared = {**text, **self.declared}
        self._read_whole: tuple[Mapping[str, str] | None, dict[date, pa.Table]] | None = None
        self.reads_whole = not self._pattern.dated and not self.is_reference

    @property
    def place(self) -> str:
        """Pattern and store."""
        return f"{self.spec.pattern} in {self._store.place}"

    def columns(self) -> dict[str, pa.DataType]:
        """Arrow types by column, of the newest day's objects."""
        return {field.name: field.type for field in self._newest().schema}

    def sample(self, most: int) -> pa.Table:
        """The first rows by key of the newest day's objects."""
        return self._newest().slice(0, most)

    def holds(self, column: str, value: str) -> bool:
        """Every object of every day is read, one at a time, until it is found."""
        objects = [stored for of_day in self._objects.values() for stored in of_day]
        return any(self._holds(stored, column, value) for stored in objects)

    def _holds(self, stored: StoredObject, column: str, value: str) -> bool:
        where = f"source {self.name!r}, {self._store.place}: {stored.key}"
        with self._store.open(stored) as file:
            table = read_rows(file, where=where, declared={column: pa.string()}, held=None)
        drift.require([column], table.column_names, where=where)
        return bool(pc.any(pc.equal(table.column(column), value)).as_py())

    def _newest(self) -> pa.Table:
        if not self._objects:
            raise EmptyIntervalError(
                f"{self.where}: nothing matches the pattern, so nothing shows "
                f"its columns: deliver a first file, or correct the pattern"
            )
        newest = self._objects[max(self._objects, key=lambda day: day or date.min)]
        return self._table(newest, held=None)

    def earliest(self) -> date | None:
        """The first day that a key names, or the day of the least time in the rows."""
        if not self._objects:
            return None
        if self.reads_whole:
            return min(self._whole(None), default=None)
        return min(day for day in self._objects if day is not None)

    def tokens(self, since: date | None, until: datetime) -> dict[date, str]:
        """From names and tokens of a day's objects; of all, where the pattern has no day."""
        states = {
            day: json_digest([[o.key, o.token] for o in of_day])
            for day, of_day in self._objects.items()
        }
        if self._pattern.dated:
            return {day: states[day] for day in states if day and _within(day, since, until)}
        state = states.get(None, "")
        if self.is_reference:
            return {until.date(): state}
        first = since or self.earliest()
        return dict.fromkeys(_days(first, until), state) if first and state else {}

    def read_days(
        self, days: Sequence[date], *, held: Mapping[str, str] | None = None
    ) -> Iterator[tuple[date, Rows]]:
        """Each day's rows from its own objects, or all of them cut by day."""
        whole = self._whole(held) if self.reads_whole else {}
        for day in sorted(days):
            if self.reads_whole:
                table = whole.get(day)
            else:
                objects = self._objects.get(day if self._pattern.dated else None, [])
                table = self._table(objects, held=held) if objects else None
            if table is not None:
                yield day, Rows(table.schema, iter(table.to_batches()))
                held = {**(held or {}), **_told(table.schema)}

    @cached_property
    def _objects(self) -> dict[date | None, list[StoredObject]]:
        found: dict[date | None, list[StoredObject]] = {}
        for stored in sorted(self._store.list(self._pattern.prefix)):
            match = self._pattern.match(stored.key)
            if match is not None:
                found.setdefault(match[0], []).append(stored)
        return found

    def _table(self, objects: list[StoredObject], *, held: Mapping[str, str] | None) -> pa.Table:
        tables: list[pa.Table] = []
        kept: Mapping[str, str] | None = None
        for stored in objects:
            where = f"source {self.name!r}, {self._store.place}: {stored.key}"
            with self._store.open(stored) as file:
                table = read_rows(file, where=where, declared=self._declared, held=held)
            self.check({field.name: field.type for field in table.schema})
            table = self.intake.of_table(table)
            schema = drift.fitted(table.schema, kept, where=where)
            batches = (drift.recast(batch, schema, where=where) for batch in table.to_batches())
            tables.append(pa.Table.from_batches(batches, schema=schema))
            kept = {field.name: str(field.type) for field in schema}
        return ordered(pa.concat_tables(tables, promote_options="default"), self.spec.key)

    def _whole(self, held: Mapping[str, str] | None) -> dict[date, pa.Table]:
        # Kept for the next question: this reads everything.
        if self._read_whole is None or self._read_whole[0] != held:
            table = self._table(self._objects.get(None, []), held=held)
            self._read_whole = (held, self._cut(table))
        return self._read_whole[1]

    def _cut(self, table: pa.Table) -> dict[date, pa.Table]:
        column = table.column(str(self.spec.time_column))
        if column.null_count:
            _log.warning(
                "%s: %s rows have no %s, belong to no day and are left out",
                self.where,
                f"{column.null_count:,}",
                self.spec.time_column,
            )
        days = day_ordinals(column)
        order = np.argsort(days, kind="stable")[column.null_count :]
        ordinals, starts = np.unique(days[order], return_index=True)
        pieces = zip(ordinals.tolist(), np.split(order, starts[1:]), strict=True)
        return {day_of(ordinal): table.take(rows) for ordinal, rows in pieces}


def _told(schema: pa.Schema) -> dict[str, str]:
    """The types that rows tell: a column of nulls only tells none."""
    return {field.name: str(field.type) for field in schema if not pa.types.is_null(field.type)}


def _within(day: date, since: date | None, until: datetime) -> bool:
    return (since is None or day >= since) and midnight(day) < until


def _days(first: date, until: datetime) -> Iterator[date]:
    day = first
    while midnight(day) < until:
        yield day
        day += timedelta(days=1)
