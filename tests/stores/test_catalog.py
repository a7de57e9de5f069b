"""The catalog of parts, in the ledger's database."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tradewind.errors import LedgerError
from tradewind.records import Part
from tradewind.stores.catalog import Catalog

if TYPE_CHECKING:
    from tradewind.settings import Settings

JULY = datetime(2013, 7, 1, 4, tzinfo=UTC)
NIGHT = timedelta(days=1)
DAY = date(2013, 6, 30)


@pytest.fixture
def catalog(home: Settings, ledger_dsn: str) -> Catalog:
    return Catalog.open(home)


def part(digest: str = "d", **more: Any) -> Part:
    given = {
        "source_id": "s", "day": DAY, "as_of": JULY, "recorded_at": JULY, "change_token": "t",
        "digest": digest, "uri": f"sources/s/{digest}.parquet", "rows": 3,
        "min_event_time": JULY - NIGHT, "max_event_time": None,
        "columns": {"z": "int64", "a": "timestamp[us, tz=UTC]"},
    }  # fmt: skip
    return Part.model_validate({**given, **more})


def digests(found: list[Part]) -> list[str]:
    return [one.digest for one in found]


def test_an_observation_is_read_back_as_it_was_recorded(catalog: Catalog) -> None:
    recorded = catalog.observe([part()])

    assert catalog.parts("s", as_of=JULY) == recorded
    assert list(recorded[0].columns) == ["z", "a"]


def test_the_database_says_when_it_was_recorded(catalog: Catalog) -> None:
    one, two = catalog.observe([part(), part("e", day=DAY + NIGHT)])

    assert one.recorded_at == two.recorded_at != JULY


def test_the_newest_observation_not_after_the_moment_counts(catalog: Catalog) -> None:
    catalog.observe([part("second", as_of=JULY + NIGHT)])
    catalog.observe([part("first")])

    assert digests(catalog.parts("s", as_of=JULY - NIGHT)) == []
    assert digests(catalog.parts("s", as_of=JULY)) == ["first"]
    assert digests(catalog.parts("s", as_of=JULY + NIGHT)) == ["second"]


def test_of_two_for_the_same_moment_the_later_one_counts(catalog: Catalog) -> None:
    catalog.observe([part("first")])
    catalog.observe([part("second")])

    assert digests(catalog.parts("s", as_of=JULY)) == ["second"]


def test_days_are_half_open_and_sources_apart(catalog: Catalog) -> None:
    days = [DAY + n * NIGHT for n in range(4)]
    catalog.observe([part(str(n), day=day) for n, day in enumerate(days)])
    catalog.observe([part("other", source_id="o")])

    assert digests(catalog.parts("s", as_of=JULY, since=days[1], until=days[3])) == ["1", "2"]


def test_later_observations_come_oldest_first(catalog: Catalog) -> None:
    catalog.observe([part("b", as_of=JULY + 2 * NIGHT), part("a", as_of=JULY + NIGHT), part()])

    assert digests(catalog.later("s", as_of=JULY)) == ["a", "b"]
    assert catalog.newest_as_of("s") == JULY + 2 * NIGHT
    assert catalog.newest_as_of("nobody") is None


@pytest.mark.parametrize(
    "statement", ["UPDATE parts SET rows = 0", "DELETE FROM parts", "TRUNCATE parts"]
)
@pytest.mark.parametrize("role", ["ledger_dsn", "ledger_owner_dsn"])
def test_nobody_changes_or_removes_an_observation(
    catalog: Catalog, request: pytest.FixtureRequest, statement: str, role: str
) -> None:
    catalog.observe([part()])

    with closing(psycopg2.connect(request.getfixturevalue(role))) as connection:
        cursor = connection.cursor()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
    assert len(catalog.parts("s", as_of=JULY)) == 1


def test_observations_are_recorded_together_or_not_at_all(catalog: Catalog) -> None:
    with pytest.raises(LedgerError, match="parts_rows_check"):
        catalog.observe([part(), part("bad", day=DAY + NIGHT, rows=-1)])

    assert catalog.parts("s", as_of=JULY) == []


def test_one_at_a_time_observes_a_source(catalog: Catalog) -> None:
    order: list[str] = []

    def second() -> None:
        with catalog.exclusive("s"):
            order.append("second")

    waiting = threading.Thread(target=second)
    with catalog.exclusive("s"):
        waiting.start()
        with catalog.exclusive("another source"):
            order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]
