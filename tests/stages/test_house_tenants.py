"""Whose parts there are, where a definition of long ago cannot be read any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import TEN_LINES
from tradewind.stages._house_needed import Needed
from tradewind.stages._house_parts import old_parts
from tradewind.stages._house_tenants import tenants
from tradewind.stores.leftovers import Lying
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
LATER = datetime(2023, 3, 1, tzinfo=UTC)
PART = "sources/files-bills-csv-0123456789ab/2013-01-01/part.parquet"
NOBODYS = "sources/files-letters-csv-0123456789ab/2013-01-01/part.parquet"
FILES = {path: Lying(path, 1, 10, MARCH) for path in (PART, NOBODYS)}
# Another model, of another source, which keeps what it reads for good.
OTHER = TEN_LINES.replace("bills.csv", "guests.csv") + "retention: {raw: keep}\n"


@pytest.fixture
def stores(home: Settings, ledger_dsn: str, tmp_path: Path) -> Stores:
    """A platform without a folder of any model."""
    return Stores.open(replace(home, config_dir=tmp_path / "config"))


def admit(stores: Stores, text: str, *, model: str) -> None:
    files = {"model.yaml": text, "features.sql": "SELECT bill, paid_at, guests FROM bills\n"}
    stores.ledger.freeze_definition(model, files, as_of=MARCH, actor="ann")


def going(stores: Stores) -> dict[str, str | None]:
    """Parts that are too old, and why they stay."""
    every, unknown = tenants(stores, asked=None, now=LATER)
    needed = {one.model: Needed(since=LATER) for one in every}
    found = old_parts(FILES, every, needed, (), unknown=unknown, stores=stores)
    return {old.path: old.why for old in found}


def test_a_definition_that_cannot_be_read_may_have_read_any_source(stores: Stores) -> None:
    windowed = TEN_LINES + "train: {window: {days: 90}}\n"
    admit(stores, windowed + "retention: {raw: 30 days}\n", model="tips")
    admit(stores, OTHER, model="others")
    assert going(stores)[PART] is None
    admit(stores, "name: [", model="others")
    admit(stores, OTHER, model="others")
    # The longest age of whoever may have read it counts, and what nobody says stays.
    assert PART not in going(stores)
    assert "nobody says how long" in str(going(stores)[NOBODYS])


def test_a_model_whose_last_definition_cannot_be_read_is_an_error(stores: Stores) -> None:
    admit(stores, TEN_LINES, model="tips")
    admit(stores, "name: [", model="tips")
    every, unknown = tenants(stores, asked=None, now=LATER)
    assert every == []
    assert "the definition admitted last, cannot be read" in unknown["tips"]
