"""Sources to ingest from: a table of a shop, and a shelf of files in a folder or a bucket."""

from __future__ import annotations

import itertools
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import psycopg2

from tests.stages.snapshots import admitted, frozen
from tradewind.records import Part, Snapshot
from tradewind.settings import Settings, load_settings
from tradewind.stages.ingest import ingest
from tradewind.stores.sources import SourceReader, open_source
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.fixtures.s3 import Bucket
    from tradewind.definition.schema import ModelDefinition

CONNECTION = "AIRFLOW_CONN_SHOP"
TABLE = "(id integer, sold_at timestamptz, amount numeric, note text)"
_numbers = itertools.count(1)


def night(day: int, hour: int = 4, *, month: int = 7) -> datetime:
    """An as-of moment of 2013."""
    return datetime(2013, month, day, hour, tzinfo=UTC)


def july(day: int) -> date:
    """A day of July 2013."""
    return date(2013, 7, day)


def read_day(reader: SourceReader, day: date) -> int:
    """Read one day to its end; gives how many rows it has."""
    days = reader.read_days([day])
    return sum(batch.num_rows for _, rows in days for batch in rows.batches)


@dataclass
class Ingesting:
    """One model with one source, which tests change between its nights.

    Attributes:
        spec: What the definition says of the source.
        train: What it says of training, such as the window.
        horizon: How long before its event a prediction is made.
    """

    spec: dict[str, Any]
    train: dict[str, Any] = field(default_factory=dict)
    name: str = "m"
    horizon: str = "0 minutes"

    @property
    def settings(self) -> Settings:
        """As the environment has them now."""
        return load_settings()

    @property
    def stores(self) -> Stores:
        """As a new process opens them."""
        return Stores.open(self.settings)

    @property
    def model(self) -> ModelDefinition:
        """The definition."""
        return self._frozen.model

    @property
    def _frozen(self) -> Any:
        return frozen(
            {
                "name": self.name, "owner": "ann", "purpose": "to test", "problem": "binary",
                "entity_key": "id", "event_time": "at", "horizon": self.horizon,
                "sources": {"sales": self.spec},
                "features": {"types": {"amount": "numeric"}}, "train": self.train,
                "label": {"relation": "sales", "expression": "amount > 1"},
            }
        )  # fmt: skip

    def ingest(self, as_of: datetime) -> Snapshot:
        """One night."""
        run = self._frozen
        return ingest(admitted(run, as_of), run, stores=self.stores)

    def parts(self, snapshot: Snapshot) -> dict[date, Part]:
        """What the manifest says."""
        manifest = self.stores.lake.read_json(snapshot.uri)
        parts = [Part.model_validate(part) for part in manifest["sales"]]
        return {part.day: part for part in parts}

    def rows(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        """All rows that the run sees."""
        parts = [part.uri for part in self.parts(snapshot).values()]
        return list(self.stores.lake.dataset(parts).to_table().to_pylist())

    def observed(self, as_of: datetime) -> list[Part]:
        """The parts that the catalog knows of the source at a moment."""
        known = self.stores.catalog.parts(self.reader().source_id, as_of=as_of)
        return [part for part in known if part.uri]

    def reader(self) -> SourceReader:
        """The source, open."""
        return open_source("sales", self.model.sources["sales"], settings=self.settings)

    def files(self) -> list[str]:
        """Every part in the lake."""
        return self.stores.lake.list("sources")


@dataclass
class Shop(Ingesting):
    """A table `sales` in PostgreSQL.

    Attributes:
        dsn: Its database.
        schema: Its schema there.
    """

    dsn: str = ""
    schema: str = "public"

    @property
    def database(self) -> str:
        """The name of its database."""
        return self.dsn.rpartition("/")[2].partition("?")[0]

    def sql(self, statement: str, *values: Any) -> None:
        """Change the source."""
        with closing(psycopg2.connect(self.dsn)) as link, link, link.cursor() as cursor:
            # Unlike Tradewind's, so that whatever depended on it would show.
            cursor.execute("SET TimeZone = 'America/New_York'")
            cursor.execute("SELECT set_config('search_path', %s, false)", (self.schema,))
            cursor.execute(statement, values or None)

    def sell(self, number: int, at: datetime, amount: float | None = 1.0) -> None:
        """One more row."""
        self.sql("INSERT INTO sales VALUES (%s, %s, %s, %s)", number, at, amount, f"n{number}")


@contextmanager
def shop_of_its_own(dsn: str) -> Iterator[Shop]:
    """A table in a schema of its own, with one sale on each of the first three days of July."""
    schema = f"shop_{next(_numbers)}"
    spec = {
        "kind": "postgres", "connection": "shop", "table": f"{schema}.sales", "key": ["id"],
        "time_column": "sold_at",
    }  # fmt: skip
    shop = Shop(spec, dsn=dsn, schema=schema)
    shop.sql(f"CREATE SCHEMA {schema}")
    shop.sql(f"CREATE TABLE sales {TABLE}")
    for day in (1, 2, 3):
        shop.sell(day, night(day, 12))
    yield shop
    shop.sql(f"DROP SCHEMA {schema} CASCADE")


def unplug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is down from here on."""
    monkeypatch.setenv(CONNECTION, "postgres://ann:s3cret-word@127.0.0.1:1/shop")


@dataclass
class Shelf(Ingesting):
    """Files in a folder or a bucket.

    Attributes:
        top: What all their keys begin with.
        folder: Where they are, if in a folder.
        bucket: Where they are, if in a bucket.
    """

    top: str = ""
    folder: Path | None = None
    bucket: Bucket | None = None

    def put(self, name: str, content: bytes | str) -> None:
        """Deliver a file, or deliver it again."""
        key, raw = f"{self.top}/{name}", content.encode() if isinstance(content, str) else content
        if self.bucket is not None:
            self.bucket.client().put_object(Bucket=self.bucket.name, Key=key, Body=raw)
        elif self.folder is not None:
            (self.folder / key).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / key).write_bytes(raw)

    def remove(self, name: str) -> None:
        """Take a file away."""
        key = f"{self.top}/{name}"
        if self.bucket is not None:
            self.bucket.client().delete_object(Bucket=self.bucket.name, Key=key)
        elif self.folder is not None:
            (self.folder / key).unlink()
