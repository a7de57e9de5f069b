"""A good model of real flights, to be examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.real_flights import definition, flights, midnight
from tradewind.learning.fit import fit_model

if TYPE_CHECKING:
    import pandas as pd

    from tradewind.learning.fit import Fitted


@pytest.fixture(scope="session")
def spring() -> pd.DataFrame:
    """April, May and June; do not change them."""
    return flights()[flights()["prediction_time"] >= midnight(2013, 4)]


@pytest.fixture(scope="session")
def fitted(spring: pd.DataFrame) -> Fitted:
    """A good model, to be judged on June."""
    return fit_model(definition(), spring, as_of=midnight(2013, 7))
