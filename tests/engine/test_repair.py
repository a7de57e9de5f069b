from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pydantic import TypeAdapter

from tradewind.definition.sources import Repair, Source
from tradewind.engine.database import open_database
from tradewind.engine.delivered import deliver, going_on, prepare, repaired_cells
from tradewind.errors import (
    DataError,
    DefinitionError,
    EmptyIntervalError,
    LeakError,
    SchemaChangedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

START = datetime(2013, 5, 9, tzinfo=UTC)
AS_OF = START + timedelta(days=1)
PRECEDING = "OVER (ORDER BY taken)"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database(memory="500MB", threads=1) as connection:
        prepare(connection, as_of=AS_OF)
        yield connection


def source(**more: Any) -> Source:
    body = {"kind": "files", "pattern": "weather.csv", "key": ["taken"], "time_column": "taken"}
    return TypeAdapter(Source).validate_python(body | more)


def repair(when: str, to: str, column: str = "temp") -> Repair:
    return Repair(source="weather", column=column, when=when, set=to, because="a test")


def readings(*temps: float | None) -> pa.Table:
    taken = [START + timedelta(hours=hour) for hour in range(len(temps))]
    return pa.table(
        {
            "taken": pa.array(taken, pa.timestamp("us", "UTC")),
            "temp": pa.array(temps, pa.float64()),
            "clock": pa.array([2400] * len(temps), pa.int32()),
        }
    )


def repaired(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, *repairs: Repair, **more: Any
) -> dict[str, list[Any]]:
    declared = source(**more)
    deliver(connection, "weather", declared, dataset=ds.dataset(rows), repairs=repairs)
    return going_on(connection, "weather", declared, repairs).read_all().to_pydict()


def test_a_repaired_cell_keeps_its_raw_value_beside_it(connection):
    rows = repaired(connection, readings(50.0, -999.0), repair("temp < -100", "NULL"))
    assert rows["temp"] == [50.0, None]
    assert rows["temp__raw"] == [50.0, -999.0]


def test_a_condition_that_is_null_repairs_nothing(connection):
    assert repaired(connection, readings(None, 50.0), repair("temp < 60", "0"))["temp"] == [None, 0]


def test_repairs_run_in_their_order_and_the_raw_value_is_the_first(connection):
    doubled = [repair("temp = 50", "100"), repair("temp = 100", "200")]
    rows = repaired(connection, readings(50.0, 100.0, 1.0), *doubled)
    assert rows["temp"] == [200.0, 200.0, 1.0]
    assert rows["temp__raw"] == [50.0, 100.0, 1.0]
    cells = repaired_cells(connection, "weather", source(), doubled)
    assert [each["cells"] for each in cells] == [1, 2]


def test_each_repaired_cell_is_listed_with_its_key_and_both_values(connection):
    rows, wrong = readings(50.0, -999.0), repair("temp < -100", "32")
    repaired(connection, rows, wrong)
    [told] = repaired_cells(connection, "weather", source(), [wrong])
    assert told["listed"] == [
        {"key": {"taken": "2013-05-09T01:00:00+00:00"}, "raw": -999.0, "now": 32.0}
    ]


def test_a_cell_that_keeps_its_value_is_not_counted(connection):
    same = repair("temp = 50", "50")
    repaired(connection, readings(50.0), same)
    [told] = repaired_cells(connection, "weather", source(), [same])
    assert (told["cells"], told["listed"]) == (0, [])


def test_a_repair_that_changes_the_columns_type_is_refused(connection):
    with pytest.raises(DefinitionError, match=r"repair of weather\.clock.*INTEGER into DOUBLE"):
        repaired(connection, readings(1.0), repair("true", "clock / 2", column="clock"))


def test_a_repair_over_a_column_that_is_not_there_is_refused(connection):
    with pytest.raises(DefinitionError, match=r"repair of weather\.temp.*tmp"):
        repaired(connection, readings(1.0), repair("tmp > 1", "0"))
    with pytest.raises(SchemaChangedError, match=r"no column 'tepm'; did you mean temp"):
        repaired(connection, readings(1.0), repair("true", "0", column="tepm"))


def test_a_value_that_cannot_be_computed_is_an_error_of_the_data(connection):
    with pytest.raises(DataError, match="weather"):
        repaired(connection, readings(1.0), repair("true", "CAST('x' || temp AS DOUBLE)"))


def test_a_repair_that_looks_back_is_proved_and_kept(connection):
    back = repair(f"lag(temp) {PRECEDING} - temp > 20", "temp * 9 / 5 + 32")
    rows = repaired(connection, readings(57.0, 57.0, 13.1, 57.2, 55.0), back)
    assert rows["temp"] == pytest.approx([57.0, 57.0, 55.58, 57.2, 55.0])


def test_a_repair_that_looks_at_the_next_row_is_a_leak(connection):
    ahead = repair(f"lead(temp) {PRECEDING} - temp > 20", "temp * 9 / 5 + 32")
    with pytest.raises(LeakError, match=r"repair of weather\.temp.*rows of the future"):
        repaired(connection, readings(57.0, 57.0, 13.1, 57.2, 55.0), ahead)


def test_a_repair_by_the_whole_columns_mean_is_a_leak(connection):
    filled = repair("temp IS NULL", "avg(temp) OVER ()")
    with pytest.raises(LeakError, match="Look back"):
        repaired(connection, readings(50.0, None, 60.0, 80.0), filled)


def test_rows_not_known_yet_are_not_delivered(connection):
    rows = readings(*range(30))
    known = repaired(connection, rows, known_at="taken + INTERVAL 10 MINUTE")
    assert known["temp"] == list(range(24))


def test_a_source_of_which_nothing_is_known_yet_is_an_error(connection):
    with pytest.raises(EmptyIntervalError, match="source weather: none of its rows was known"):
        repaired(connection, readings(1.0), known_at="taken + INTERVAL 9 DAY")


def test_late_columns_go_on_whole_but_are_not_seen_before_they_are_known(connection):
    late = {"reading": {"columns": ["temp"], "known_at": "taken + INTERVAL 23 HOUR"}}
    wrong = repair("temp >= 2", "-1")
    rows = repaired(connection, readings(1.0, 2.0, 3.0), wrong, late=late)
    assert rows["temp"] == [1.0, -1.0, -1.0]
    seen = connection.execute('SELECT temp, temp__raw FROM "weather" ORDER BY taken').fetchall()
    assert seen == [(1.0, 1.0), (-1.0, 2.0), (None, None)]
    [told] = repaired_cells(connection, "weather", source(late=late), [wrong])
    assert told["cells"] == 1


def test_rows_are_in_order_of_time_and_key_whatever_order_they_came_in(connection):
    rows = readings(1.0, 2.0, 3.0).take([2, 0, 1])
    assert repaired(connection, rows)["temp"] == [1.0, 2.0, 3.0]


def test_a_key_that_was_renamed_is_named_with_what_is_near(connection):
    rows = readings(1.0).rename_columns(["taken_at", "temp", "clock"])
    with pytest.raises(SchemaChangedError, match=r"source weather has no column 'taken'"):
        repaired(connection, rows)
