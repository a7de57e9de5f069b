"""A scene of its own for a test, and databases that all tests of ingestion share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.candidates import fresh_name
from tests.fixtures.home import LEDGER
from tests.fixtures.postgres import address_of_ledger, database_of_its_own, ledger_of_its_own
from tests.stages.judging import Scene
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.local.databases import Databases
    from tradewind.settings import Settings


@pytest.fixture
def scene(home: Settings, mlflow_server: str, ledger_dsn: str) -> Scene:
    """Runs of a model that nobody else's are of, with a lake and a ledger of their own."""
    assert mlflow_server
    assert ledger_dsn
    return Scene(Stores(home), fresh_name())


@pytest.fixture(scope="session")
def source_database(postgres: Databases) -> Iterator[str]:
    """The address of a database for source tables, as its owner; each test has its own in it."""
    with database_of_its_own(owner="demo") as name:
        yield postgres.dsn(name, role="demo")


@pytest.fixture(scope="session")
def _ledger_of_many(_ledger_template: str) -> Iterator[str]:
    with ledger_of_its_own() as name:
        yield address_of_ledger(name)


@pytest.fixture
def shared_ledger(_ledger_of_many: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a ledger that holds other tests' parts, of other sources, too."""
    monkeypatch.setenv(LEDGER, _ledger_of_many)
