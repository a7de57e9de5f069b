"""Where a model's rows come from, when each becomes known, and what is repaired or expected."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tradewind.definition.base import Column, Columns, Duration, Identifier, Section, Sql
from tradewind.definition.personal import PersonalColumn

Severity = Literal["stop", "quarantine", "warn"]


_CALENDAR = {"year", "month", "day"}
_ENDINGS = (".parquet", ".csv", ".csv.gz")
_SYNONYMS = {"INT": "INTEGER", "TEXT": "VARCHAR", "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


def _readable_pattern(pattern: str) -> str:
    fields = set(re.findall(r"\{([^{}]*)\}", pattern))
    unknown = sorted(fields - _CALENDAR - {"date"})
    if unknown:
        msg = f"{{{unknown[0]}}} stands for nothing: {{date}}, {{year}}, {{month}}, {{day}} do"
        raise ValueError(msg)
    if fields and fields not in ({"date"}, _CALENDAR):
        msg = "the day is said by {date} alone, or by all of {year}, {month} and {day}"
        raise ValueError(msg)
    if not pattern.endswith(_ENDINGS):
        msg = f"{pattern!r} must end in one of {', '.join(_ENDINGS)}"
        raise ValueError(msg)
    if pattern.startswith("/") or ".." in pattern.split("/"):
        msg = f"{pattern!r} must be relative, without `..`"
        raise ValueError(msg)
    return pattern


def _type_name(name: object) -> object:
    return _SYNONYMS.get(name.upper(), name.upper()) if isinstance(name, str) else name


DatedPath = Annotated[str, Field(min_length=1), AfterValidator(_readable_pattern)]
ColumnType = Annotated[
    Literal[
        "BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ"
    ],
    BeforeValidator(_type_name),
]


class LateColumns(Section):
    """Columns of a source that become known after the row itself, as a relation of their own."""

    columns: Columns
    """They leave the source's own relation and live in `<source>_<this name>`."""
    known_at: Sql
    """When they became known, over the source's columns; NULL means not yet. A column that it
    reads, and that is filled in later itself, belongs among `columns`: elsewhere it is seen with
    the row, and tells beforehand when the event will be."""


class _Source(Section):
    """What every kind of source declares."""

    key: Columns
    """The columns that together name a row."""
    time_column: Column | None = None
    """Whose UTC day a row belongs to. Without it the source is a reference table, read whole."""
    known_at: Sql | None = None
    """When a row became known; its `time_column` where nothing is said."""
    late: dict[Identifier, LateColumns] = {}
    """Columns that become known later than the row."""
    lookback: Duration = Field(default="3 days", validate_default=True)
    """How far back each ingest looks again for rows that arrived late."""
    types: dict[Column, ColumnType] = {}
    """DuckDB types of columns whose type the source cannot say (a CSV's)."""
    personal: dict[Column, PersonalColumn] = {}
    """Columns that tell of a person, each with what becomes of it when it is read: `drop`, `hash`,
    or `{ingest: keep, because: ...}`."""
    subjects: dict[Identifier, Column] = {}
    """Whose the rows are: by kind of person, such as `customer`, the column that names them.
    Whoever is to be forgotten is found by it."""

    def personal_columns(self, *ingest: Literal["drop", "hash", "keep"]) -> frozenset[str]:
        """Its personal columns that are taken in in one of these ways; all of them for none."""
        return frozenset(
            name for name, how in self.personal.items() if not ingest or how.ingest in ingest
        )

    @model_validator(mode="after")
    def _dated_rows_have_times(self) -> Self:
        if self.time_column is None and "{" in getattr(self, "pattern", ""):
            msg = "a pattern with a day needs a `time_column`; a reference source has neither"
            raise ValueError(msg)
        if self.time_column is None and "lookback" in self.model_fields_set:
            msg = (
                "`lookback` is for a source with a `time_column`: without it all is read each time"
            )
            raise ValueError(msg)
        return self


class PostgresSource(_Source):
    """A table or view in PostgreSQL."""

    kind: Literal["postgres"]
    connection: str = Field(min_length=1)
    """The connection's name in Airflow, or in `AIRFLOW_CONN_<NAME>`."""
    table: str = Field(pattern=r"^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?$")
    """`table` or `schema.table`."""
    updated_column: Column | None = None
    """A column that grows with each change of a row: then it and the count tell of changes,
    where otherwise a hash of the day's rows is computed in the database."""


class S3Source(_Source):
    """Objects in an S3-compatible store."""

    kind: Literal["s3"]
    connection: str = Field(min_length=1)
    bucket: str = Field(min_length=1)
    pattern: DatedPath
    """The objects' keys, with `{date}` (2013-07-01) or `{year}`, `{month}`, `{day}` where the day
    stands, and `*` for any text without a slash. Parquet, CSV, or CSV in gzip, by the ending."""


class FilesSource(_Source):
    """Files below the folder that `TRADEWIND_FILES` names (the repository, where it is unset)."""

    kind: Literal["files"]
    pattern: DatedPath
    """The files' paths, with `{date}` (2013-07-01) or `{year}`, `{month}`, `{day}` where the day
    stands, and `*` for any text without a slash. Parquet, CSV, or CSV in gzip, by the ending."""


Source = Annotated[PostgresSource | S3Source | FilesSource, Field(discriminator="kind")]


class Repair(Section):
    """A known fault of a source, put right before validation; the raw value is kept."""

    source: str
    column: Column
    when: Sql
    """Which rows, over the source's columns."""
    set: Sql
    """The column's value there."""
    because: str = Field(min_length=1)


class Expectation(Section):
    """One expectation of Great Expectations, by its own name."""

    on: str | None = None
    """The source it looks at."""
    sql: Sql | None = None
    """Or a SELECT over the sources' relations; `getvariable('as_of')` is the moment."""
    expect: str = Field(pattern=r"^expect_[a-z_0-9]+$")
    args: dict[str, Any] = {}
    """Its arguments. `{source: airlines, column: carrier}` stands for that column's values."""
    severity: Severity = "stop"
    because: str | None = None
    """Shown beside the result: why this matters, or what to do."""

    @model_validator(mode="after")
    def _one_target(self) -> Expectation:
        if (self.on is None) == (self.sql is None):
            msg = "say either `on: <source>` or `sql: SELECT ...`, and not both"
            raise ValueError(msg)
        if self.sql is not None and self.severity == "quarantine":
            msg = "rows of a query cannot be quarantined: expect it `on` a source, or use stop/warn"
            raise ValueError(msg)
        return self


class _Arriving(Section):
    """What is expected of all sources with a `time_column`, of some only with a warning."""

    severity: Literal["stop", "warn"] = "stop"
    warn_only: list[Identifier] = []
    """Sources of which it is only a warning, where the severity is `stop`."""

    @model_validator(mode="after")
    def _some_is_less_than_all(self) -> Self:
        if self.severity == "warn" and "warn_only" in self.model_fields_set:
            msg = "with `severity: warn` it is a warning of every source: leave `warn_only` out"
            raise ValueError(msg)
        return self


class Volume(_Arriving):
    """How many rows a day may bring, against the source's own last days."""

    days: int = Field(default=28, ge=7)
    """How many days of history are looked at."""
    at_least: float = Field(default=0.5, gt=0, lt=1)
    """Share of the history's median below which the newest whole day is too small."""
    at_most: float = Field(default=2.0, gt=1)
    """Multiple of the history's median above which it is too large."""


class Freshness(_Arriving):
    """How old the newest row may be."""

    at_most: Duration = Field(default="2 days", validate_default=True)
    """The age, at the as-of moment, beyond which a source is late. Where the source's own
    largest gap in its last days is longer, that gap is the limit."""


class Validate(Section):
    """What must hold of the data before anything is learned from them."""

    volume: Volume = Volume()
    freshness: Freshness = Freshness()
    expectations: list[Expectation] = []
