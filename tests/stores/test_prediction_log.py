"""Predictions in the lake: nights by their records, calls on line by their moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tests.stores.test_nights import scored
from tradewind.stores.digested import read_chunks, write_digested
from tradewind.stores.prediction_log import night_folder, online_folder, read_log, read_online
from tradewind.stores.prediction_schema import PREDICTION_COLUMNS, prediction_table
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

NIGHT = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def lake(home: Settings) -> Any:
    return Stores.open(home).lake


def test_nights_are_read_in_their_order_and_by_column(lake: Any) -> None:
    nights = []
    for number in range(2):
        night = NIGHT + timedelta(days=number)
        table = prediction_table({"entity": [f"e{number}"], "as_of": night}, rows=1)
        written = write_digested(lake, night_folder("m", night), table.schema, table.to_batches())
        nights.append(scored(night, uri=written.uri))
    assert nights[0].uri.startswith("predictions/m/20240301T000000Z/")
    assert read_log(lake, nights)["entity"].to_pylist() == ["e0", "e1"]
    assert read_log(lake, nights, columns=["score"]).column_names == ["score"]
    assert read_log(lake, []).column_names == list(PREDICTION_COLUMNS)


def test_calls_on_line_are_read_by_their_moment(lake: Any) -> None:
    for number, hour in enumerate((1, 5, 23)):
        moment = NIGHT + timedelta(hours=hour)
        table = prediction_table({"entity": [f"e{number}"], "as_of": moment}, rows=1)
        lake.write_parquet(f"{online_folder('m')}/{moment.date()}/{number}.parquet", table)
    found = read_online(
        lake, "m", start=NIGHT + timedelta(hours=1), end=NIGHT + timedelta(hours=23)
    )
    assert sorted(found["entity"].to_pylist()) == ["e0", "e1"]
    assert read_online(lake, "nobody", start=NIGHT, end=NIGHT).num_rows == 0


def test_a_file_is_read_in_chunks_of_one_size(lake: Any) -> None:
    table = pa.table({"n": range(25)})
    batches = [*table.slice(0, 9).to_batches(), *table.slice(9).to_batches()]
    written = write_digested(lake, "rows", table.schema, batches)
    assert written.rows == 25
    chunks = list(read_chunks(lake, written.uri, rows=10))
    assert [chunk.num_rows for chunk in chunks] == [10, 10, 5]
    assert pa.concat_tables(chunks) == table
    again = write_digested(lake, "rows", table.schema, table.to_batches())
    assert again == written
