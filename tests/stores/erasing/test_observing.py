"""Parts that were written anew, as the catalog knows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tradewind.records import Part
from tradewind.stores.catalog import Catalog
from tradewind.stores.digested import write_digested
from tradewind.stores.erasing import holding, observe, rewrite
from tradewind.stores.lake import Lake
from tradewind.stores.marks import Marks

if TYPE_CHECKING:
    from tradewind.settings import Settings

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
NIGHT = timedelta(days=1)
DAY = date(2013, 6, 30)
MARKS = Marks(frozenset({"customer"}), frozenset({"7"}), {}, ())


@pytest.fixture
def lake(home: Settings) -> Lake:
    return Lake.open(home)


@pytest.fixture
def catalog(home: Settings, ledger_dsn: str) -> Catalog:
    return Catalog.open(home)


def part(lake: Lake, customers: list[int], *, as_of: datetime = JULY, day: date = DAY) -> Part:
    table = pa.table({"customer": customers})
    written = write_digested(lake, f"sources/s/{day}", table.schema, table.to_batches())
    return Part(
        source_id="s",
        day=day,
        as_of=as_of,
        recorded_at=as_of,
        change_token=f"token of {customers}",
        digest=written.digest,
        uri=written.uri,
        rows=written.rows,
        min_event_time=JULY - NIGHT,
        max_event_time=JULY,
        columns={"customer": "int64"},
    )


def forget(lake: Lake, catalog: Catalog) -> int:
    for held in holding(lake, MARKS):
        rewrite(lake, held.path, MARKS, why="a subject was erased", at=JULY)
    return observe(lake, catalog)


def test_each_moment_sees_what_is_left_of_what_it_saw(lake: Lake, catalog: Catalog) -> None:
    first, second = part(lake, [7, 8]), part(lake, [7, 8, 9], as_of=JULY + NIGHT)
    others = part(lake, [8], day=DAY - NIGHT)
    catalog.observe([first, second, others])

    assert forget(lake, catalog) == 2

    untouched, early = catalog.parts("s", as_of=JULY)
    late = catalog.parts("s", as_of=JULY + NIGHT)[1]
    assert untouched.uri == others.uri
    for seen, was, rows in ((early, first, [8]), (late, second, [8, 9])):
        wanted = part(lake, rows, as_of=was.as_of)
        same = {"recorded_at": seen.recorded_at, "change_token": was.change_token}
        assert seen == wanted.model_copy(update=same)


def test_a_second_time_there_is_nothing_to_record(lake: Lake, catalog: Catalog) -> None:
    catalog.observe([part(lake, [7, 8])])
    forget(lake, catalog)
    known = catalog.observed()

    assert forget(lake, catalog) == 0
    assert catalog.observed() == known


def test_of_no_row_no_time_is_told(lake: Lake, catalog: Catalog) -> None:
    catalog.observe([part(lake, [7])])
    forget(lake, catalog)

    (left,) = catalog.parts("s", as_of=JULY)
    assert (left.rows, left.min_event_time, left.max_event_time) == (0, None, None)


def test_parts_that_are_gone_for_good_and_days_without_a_file_stay_as_they_were(
    lake: Lake, catalog: Catalog
) -> None:
    old, none = part(lake, [1]), part(lake, [2], day=DAY - NIGHT)
    catalog.observe([old, none.model_copy(update={"uri": "", "rows": 0})])
    lake.replace(old.uri, None, why="older than 90 days", at=JULY)

    assert observe(lake, catalog) == 0
