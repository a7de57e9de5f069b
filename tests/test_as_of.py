"""At which moment a run stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import TEN_LINES
from tradewind.as_of import as_of_for
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError, RequestError
from tradewind.settings import load_settings
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

NIGHT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)  # the evening of 1 March in New York
SQL = "SELECT bill, paid_at, paid_at AS prediction_time, guests FROM bills\n"


@pytest.fixture
def stores(tmp_path: Path, home: Settings) -> Stores:
    folder = tmp_path / "config" / "models" / "tips"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(TEN_LINES + "timezone: America/New_York\n")
    (folder / "features.sql").write_text(SQL)
    known = {**home.environment, "TRADEWIND_CONFIG": str(tmp_path / "config")}
    return Stores.open(load_settings(known))


def test_nobody_says_when_and_it_is_the_last_midnight_of_the_models_zone(stores: Stores) -> None:
    assert as_of_for("tips", None, NIGHT, pipeline="train", stores=stores) == datetime(
        2026, 3, 1, 5, tzinfo=UTC
    )


def test_a_date_is_that_days_midnight_in_the_models_zone(stores: Stores) -> None:
    asked = as_of_for("tips", "2026-02-10", NIGHT, pipeline="score", stores=stores)
    assert asked == datetime(2026, 2, 10, 5, tzinfo=UTC)


def test_a_moment_is_itself(stores: Stores) -> None:
    asked = as_of_for("tips", "2026-02-10T06:00:00+01:00", NIGHT, pipeline="score", stores=stores)
    assert asked == datetime(2026, 2, 10, 5, tzinfo=UTC)


def test_the_declared_today_stands_for_the_last_midnight(stores: Stores) -> None:
    definition = stores.settings.config_dir / "models" / "tips" / "model.yaml"
    definition.write_text(definition.read_text() + "schedule: {today: 2013-07-01}\n")
    assert as_of_for("tips", None, NIGHT, pipeline="train", stores=stores) == datetime(
        2013, 7, 1, 4, tzinfo=UTC
    )


def test_what_is_neither_a_date_nor_a_moment_is_refused(stores: Stores) -> None:
    with pytest.raises(DefinitionError, match="as-of 'yesterday': expected a date such as"):
        as_of_for("tips", "yesterday", NIGHT, pipeline="train", stores=stores)


def test_a_folder_broken_since_is_read_as_it_last_was(ledger_dsn: str, stores: Stores) -> None:
    folder = stores.settings.config_dir / "models" / "tips"
    files = load_definition(folder).files
    stores.ledger.freeze_definition("tips", files, as_of=NIGHT, actor="a test")
    (folder / "model.yaml").write_text("nonsense: true\n")
    assert as_of_for("tips", None, NIGHT, pipeline="train", stores=stores) == datetime(
        2026, 3, 1, 5, tzinfo=UTC
    )


def test_a_folder_that_never_was_whole_is_an_error(ledger_dsn: str, stores: Stores) -> None:
    with pytest.raises(DefinitionError, match=r"there is no model 'nobody'; known here: tips"):
        as_of_for("nobody", None, NIGHT, pipeline="score", stores=stores)


def test_hourly_ticks_are_nights_of_their_own_and_a_training_stands_at_midnight(
    stores: Stores,
) -> None:
    definition = stores.settings.config_dir / "models" / "tips" / "model.yaml"
    definition.write_text(definition.read_text() + "score: {every: 1 hour}\n")
    for hour in (5, 6, 7):
        tick = datetime(2013, 7, 1, hour, 5, tzinfo=UTC)
        for pipeline in ("score", "monitor"):
            found = as_of_for("tips", None, tick, pipeline=pipeline, stores=stores)
            assert found == tick.replace(minute=0)
        trained = as_of_for("tips", None, tick, pipeline="train", stores=stores)
        assert trained == datetime(2013, 7, 1, 4, tzinfo=UTC)


def test_what_is_no_night_is_not_scored(stores: Stores) -> None:
    asked = "2026-02-10T12:00:00Z"
    expected = "no night.*ask for 2026-02-10T05:00:00.*, or for 2026-02-11T05:00:00"
    with pytest.raises(RequestError, match=expected):
        as_of_for("tips", asked, NIGHT, pipeline="score", stores=stores)
    found = as_of_for("tips", asked, NIGHT, pipeline="train", stores=stores)
    assert found == datetime(2026, 2, 10, 12, tzinfo=UTC)
