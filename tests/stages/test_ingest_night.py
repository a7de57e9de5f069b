"""A night's sources: what fails is seen as it was last whole, and said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.stages.ingesting import CONNECTION, Shop, july, night, shop_of_its_own, unplug
from tests.stages.snapshots import admitted
from tradewind.errors import (
    EmptyIntervalError,
    LakeError,
    SchemaChangedError,
    SourceUnavailableError,
)
from tradewind.stages.ingest import ingest_night

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.records import Snapshot
    from tradewind.settings import Settings


@pytest.fixture
def shop(
    source_database: str, shared_ledger: None, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A table with one sale on each of the first three days of July."""
    monkeypatch.setenv(CONNECTION, source_database)
    with shop_of_its_own(source_database) as shop:
        yield shop


def see(shop: Shop, as_of: datetime, *, last_try: bool = True) -> Snapshot:
    """One night."""
    run = shop._frozen
    return ingest_night(admitted(run, as_of), run, stores=shop.stores, last_try=last_try)


def test_a_source_that_does_not_answer_is_seen_as_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(shop, night(2))
    unplug(monkeypatch)
    with pytest.raises(SourceUnavailableError):
        see(shop, night(3), last_try=False)
    snapshot = see(shop, night(3))
    assert list(shop.parts(snapshot)) == [july(1), july(2)]
    assert list(snapshot.stale) == ["sales"]
    assert "s3cret-word" not in str(snapshot)
    # Once it is back, it is seen as it is.
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", shop.dsn)
    assert list(shop.parts(see(shop, night(3)))) == [july(1), july(2), july(3)]


def test_a_source_that_was_never_seen_is_an_error(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    unplug(monkeypatch)
    with pytest.raises(SourceUnavailableError):
        see(shop, night(3))


def test_what_was_seen_before_is_asked_for_at_the_last_try_only_and_hides_no_error(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(shop, night(2))
    unplug(monkeypatch)
    asked = []

    def broken(*_: object, **__: object) -> None:
        asked.append(1)
        raise LakeError("the lake's listing is damaged")

    monkeypatch.setattr("tradewind.stages.ingest._last_whole", broken)
    with pytest.raises(SourceUnavailableError):
        see(shop, night(3), last_try=False)
    assert not asked
    with pytest.raises(SourceUnavailableError) as raised:
        see(shop, night(3))
    assert asked
    assert isinstance(raised.value.__cause__, LakeError)


def test_a_source_that_lost_a_column_is_seen_as_it_was_however_long_that_lasts(shop: Shop) -> None:
    see(shop, night(2))
    shop.sql("ALTER TABLE sales RENAME COLUMN amount TO price")
    with pytest.raises(SchemaChangedError, match="amount"):
        see(shop, night(3), last_try=False)
    for day in (3, 4):
        snapshot = see(shop, night(day))
        assert "'amount'" in snapshot.stale["sales"]
        assert set(shop.parts(snapshot)) == {july(1), july(2)}


def test_a_source_that_was_emptied_is_seen_as_it_was(shop: Shop) -> None:
    see(shop, night(4))
    # What is left is older than the days that are asked for again.
    shop.sql("DELETE FROM sales WHERE id > 1")
    with pytest.raises(EmptyIntervalError, match="emptied"):
        see(shop, night(5), last_try=False)
    snapshot = see(shop, night(5))
    assert "emptied" in snapshot.stale["sales"]
    assert snapshot.rows == {"sales": 3}
    shop.sql("DELETE FROM sales")
    assert see(shop, night(6)).rows == {"sales": 3}


def test_a_quiet_day_is_no_emptied_source(shop: Shop) -> None:
    see(shop, night(3))
    shop.sql("DELETE FROM sales WHERE id = 3")
    snapshot = see(shop, night(4))
    assert (snapshot.stale, snapshot.rows) == ({}, {"sales": 2})


def test_rows_that_are_known_before_they_come_are_seen_as_far_ahead_as_is_predicted(
    shop: Shop,
) -> None:
    for day in (4, 5, 6):
        shop.sell(day, night(day, 12))
    body = shop._frozen.model
    assert body.horizon == timedelta()
    assert july(4) not in shop.parts(see(shop, night(3)))
    # A night ends with its moment, with which a day may begin.
    assert july(4) in shop.parts(see(shop, night(4, 0)))
    shop.spec["known_at"] = "sold_at - INTERVAL 7 DAY"
    shop.horizon = "2 days"
    parts = shop.parts(see(shop, night(3)))
    assert list(parts) == [july(day) for day in range(1, 6)]
