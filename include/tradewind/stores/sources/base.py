"""What every kind of source can do: name itself, say what changed, hand out whole days."""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewind.errors import DataError
from tradewind.stores.digests import json_digest
from tradewind.stores.sources import drift
from tradewind.stores.sources.column_types import declared_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tradewind.definition.sources import Source
    from tradewind.stores.sources.intake import Intake

_EPOCH = date(1970, 1, 1)
_DAY_MICROSECONDS = 86_400_000_000
# What says when a row is known, whose it is, or how often we look, does not say what is read; which
# columns are, and how, is the intake's to say.
_NOT_IDENTITY = {"known_at", "late", "lookback", "personal", "subjects"}


@dataclass(frozen=True)
class Rows:
    """Rows as they come: batches of one schema, to be read once, before the next day's."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class SourceReader(ABC):
    """One source, open for reading; a context manager.

    Days are UTC days. Times without a zone are taken as UTC.

    Attributes:
        name: What the definition calls it; for messages only.
        spec: What the definition says of it.
        intake: Which of its columns are taken in, and how.
        declared: Arrow types of the columns whose type the definition states.
        reads_whole: Its days can only be had all at once, and change all at once.
    """

    reads_whole = False

    def __init__(self, name: str, intake: Intake) -> None:
        self.name = name
        self.spec = intake.spec
        self.intake = intake
        self.declared = declared_types(intake.spec.types)

    @cached_property
    def source_id(self) -> str:
        """Names it by where it is and how it is read, so that models share its parts.

        Raises:
            UnknownConnectionError: Columns are to be hashed, and there is no key.
        """
        return source_id(self.intake)

    @property
    def is_reference(self) -> bool:
        """Whether it has no days and is observed whole."""
        return self.spec.time_column is None

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for a person: no password in it."""

    @property
    def where(self) -> str:
        """Its name and place, as messages begin."""
        return f"source {self.name!r} ({self.place})"

    @abstractmethod
    def columns(self) -> dict[str, pa.DataType]:
        """Arrow types by column that is taken in, as its rows are stored.

        Raises:
            SourceUnavailableError: It does not answer.
            EmptyIntervalError: It has no file yet to look into.
        """

    @abstractmethod
    def earliest(self) -> date | None:
        """The first day with rows; None when there are no rows. Not for a reference source.

        Raises:
            SourceUnavailableError: It does not answer.
        """

    @abstractmethod
    def tokens(self, since: date | None, until: datetime) -> dict[date, str]:
        """Change tokens by day: while a day's token stays the same, so do its rows.

        Args:
            since: First day; the first with rows where nothing is said.
            until: Days that begin before this moment are looked at, whole.

        Returns:
            A token for every day with rows. For a reference source one, under `until`'s day.

        Raises:
            SourceUnavailableError: It does not answer.
        """

    @abstractmethod
    def read_days(
        self, days: Sequence[date], *, held: Mapping[str, str] | None = None
    ) -> Iterator[tuple[date, Rows]]:
        """The rows of some days, by day in order; days without rows are left out.

        Rows come ordered by key, then by the other columns, so that their order says nothing.

        Args:
            days: Which. For a reference source one, under which all rows are handed out.
            held: Types by column of the days before, for formats that do not say their types.

        Raises:
            SourceUnavailableError: It does not answer.
            SchemaChangedError: A value has no place in its column's type.
            UnreadableFileError: A file is cut short or damaged.
            UnknownConnectionError: Columns are to be hashed, and there is no key.
        """

    @abstractmethod
    def sample(self, most: int) -> pa.Table:
        """Some rows as they would be stored: the first there are, of the newest day of files.

        Args:
            most: Rows.

        Raises:
            SourceUnavailableError: It does not answer.
            EmptyIntervalError: It has no file yet to look into.
        """

    @abstractmethod
    def holds(self, column: str, value: str) -> bool:
        """Whether a row has this text in a column now, as the source itself has it: not hashed.

        Args:
            column: By its exact name.
            value: What its values are as text.

        Raises:
            SourceUnavailableError: It does not answer.
            SchemaChangedError: It has no such column.
            UnreadableFileError: A file is cut short or damaged.
        """

    def check(self, found: Mapping[str, pa.DataType]) -> None:
        """Hold that the columns which the definition names are there, and the time is a time.

        Raises:
            SchemaChangedError: One is not.
            DataError: The time column holds no times.
        """
        spec = self.spec
        named = [*spec.key, *spec.types, *spec.personal, *spec.subjects.values()]
        drift.require(named, found, where=self.where)
        if spec.time_column is None:
            return
        drift.require([spec.time_column], found, where=self.where)
        kind = found[spec.time_column]
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise DataError(
                f"{self.where}: time_column {spec.time_column!r} is {kind}, not a time: name "
                f"another, or declare it under `types` as TIMESTAMPTZ, TIMESTAMP or DATE"
            )

    def close(self) -> None:  # noqa: B027 -- most sources hold nothing open
        """Let go of connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def source_id(intake: Intake) -> str:
    """Name a source by where it is and how it is read: never by the model that reads it.

    Raises:
        UnknownConnectionError: Columns are to be hashed, and there is no key.
    """
    spec = intake.spec
    identity: dict[str, Any] = spec.model_dump(mode="json", exclude=_NOT_IDENTITY)
    identity |= intake.identity()
    return f"{id_stem(spec)}-{json_digest(identity)[:12]}"


def id_stem(spec: Source) -> str:
    """What the names of a source begin with, in whatever way it is read."""
    place = str(getattr(spec, "table", None) or getattr(spec, "pattern", None))
    slug = re.sub(r"[^a-z0-9]+", "-", place.lower()).strip("-")[:40].strip("-")
    return f"{spec.kind}-{slug}"


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime.combine(day, time(), UTC)


def day_ordinals(column: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    """UTC days of a column of times, as days since 1970; the least number where it is null."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone = "UTC" if kind.tz else None
        moments = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        days, unit = moments, _DAY_MICROSECONDS
    else:
        days, unit = column.cast(pa.date32()).cast(pa.int32()), 1
    least = np.iinfo(np.int64).min
    numbers = np.asarray(days.cast(pa.int64()).fill_null(least), dtype=np.int64)
    return np.where(numbers == least, least, numbers // unit)


def day_of(ordinal: int) -> date:
    """The day that is `ordinal` days after 1970-01-01."""
    return _EPOCH + timedelta(days=ordinal)


def by_day(rows: Rows, time_column: str) -> Iterator[tuple[date, Rows]]:
    """Cut rows that come ordered by day where the days meet."""
    pieces = (piece for batch in rows.batches for piece in _pieces(batch, time_column))
    for ordinal, group in itertools.groupby(pieces, key=itemgetter(0)):
        yield day_of(ordinal), Rows(rows.schema, (batch for _, batch in group))


def _pieces(batch: pa.RecordBatch, time_column: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    days = day_ordinals(batch.column(time_column))
    starts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist()] if len(days) else []
    for start, end in itertools.pairwise([*starts, len(days)]):
        yield int(days[start]), batch.slice(start, end - start)


def ordered(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Rows by key, then by every other column that has an order, nulls last."""
    names = [*key, *(name for name in table.column_names if name not in key)]
    sortable = [name for name in names if not _unordered(table.schema.field(name).type)]
    return table.sort_by([(name, "ascending") for name in sortable])


def _unordered(kind: Any) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_null(kind))


def event_times(batch: pa.RecordBatch, time_column: str | None) -> list[datetime]:
    """The first and last moment in a batch; none without a time column, or when all are null."""
    if time_column is None:
        return []
    ends = pc.min_max(batch.column(time_column)).as_py()
    return [_moment(moment) for moment in ends.values() if moment is not None]


def _moment(value: date | datetime) -> datetime:
    if not isinstance(value, datetime):
        return midnight(value)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
