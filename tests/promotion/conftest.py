"""The stores of these tests, each with a model of its own in them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.candidates import Shelf
from tests.fixtures.postgres import address_of_ledger, ledger_of_its_own
from tests.promotion.past import Past
from tradewind.stores.ledger import Ledger
from tradewind.stores.mlflow_access import model_id
from tradewind.stores.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.local.databases import Databases
    from tradewind.stores.registry import Candidate


@pytest.fixture(scope="session")
def ledger(postgres: Databases, _ledger_template: str) -> Iterator[Ledger]:
    """One ledger for all of these tests: a database each would take longer than the tests."""
    with ledger_of_its_own() as name:
        yield Ledger(address_of_ledger(name))


@pytest.fixture
def model() -> str:
    """A model's name that was never used before, also not by another process."""
    return f"model_{uuid4().hex}"


@pytest.fixture(scope="session")
def logged(mlflow_server: str) -> Candidate:
    """The logged model behind every version: nothing is asked of them but their numbers."""
    return Shelf(Registry(mlflow_server), "promotions").log("k1")


@pytest.fixture
def past(ledger: Ledger, model: str, mlflow_server: str, logged: Candidate) -> Past:
    """A model to which nothing has happened yet; its versions are 1, 2 and 3."""
    registry = Registry(mlflow_server)
    registry._client.create_registered_model(model)
    for _ in range(3):
        registry._client.create_model_version(
            model, logged.model_uri, logged.run_id, model_id=model_id(logged.model_uri)
        )
    return Past(ledger, registry, model)
