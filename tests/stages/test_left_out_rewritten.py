"""A part that was left out stays left out when rows are taken out of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tradewind.definition.sources import FilesSource
from tradewind.records import Part
from tradewind.stages._left_out import Sieve
from tradewind.stores.digested import write_digested
from tradewind.stores.erasing import holding, observe, rewrite
from tradewind.stores.events import DATA_EXCLUDED
from tradewind.stores.exclusions import place_of
from tradewind.stores.marks import Marks
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

JULY, DAY = datetime(2013, 7, 1, 4, tzinfo=UTC), date(2013, 6, 30)
SOURCE = FilesSource(kind="files", pattern="customers.csv", key=["customer"])
MARKS = Marks(frozenset({"customer"}), frozenset({"7"}), {}, ())


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


def test_what_stands_for_a_part_that_was_left_out_is_left_out_too(stores: Stores) -> None:
    table = pa.table({"customer": [7, 8]})
    written = write_digested(stores.lake, f"sources/s/{DAY}", table.schema, table.to_batches())
    part = Part(
        source_id="s", day=DAY, as_of=JULY, recorded_at=JULY, change_token="t", rows=2,
        digest=written.digest, uri=written.uri, min_event_time=None, max_event_time=None,
        columns={"customer": "int64"},
    )  # fmt: skip
    stores.catalog.observe([part])
    stores.ledger.append(
        model="m",
        kind=DATA_EXCLUDED,
        as_of=JULY,
        actor="a person",
        reason="the file was cut in half",
        payload={
            "source": "customers", "place": place_of(SOURCE), "first_day": None, "last_day": None,
            "parts": [part.uri], "tainted": {},
        },
    )  # fmt: skip
    for held in holding(stores.lake, MARKS):
        rewrite(stores.lake, held.path, MARKS, why="a subject was erased", at=JULY)
    observe(stores.lake, stores.catalog)
    known = stores.catalog.parts("s", as_of=JULY)

    seen = Sieve.at(JULY, stores=stores).seen(SOURCE, known, read=0)

    assert [one.rows for one in known] == [1]
    assert (seen.parts, seen.left_out) == ([], known)
