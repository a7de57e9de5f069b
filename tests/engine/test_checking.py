"""A definition is held against the real columns of real sources, and every mistake has its line."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.fixtures.sandbox import CLONE
from tradewind.engine.checking import check_definition
from tradewind.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

MODEL = """\
name: delays
owner: the desk
purpose: whom to warn
problem: binary
entity_key: [time_hour, carrier, flight, origin]
event_time: sched_dep
horizon: 2 hours
sources:
  flights:
    kind: postgres
    connection: demo
    table: flights
    key: [time_hour, carrier, flight, origin]
    time_column: time_hour
    known_at: time_hour - INTERVAL 30 DAY
    late:
      arrival:
        columns: [arr_time, arr_delay]
        known_at: time_hour + to_minutes(arr_delay)
  weather:
    kind: postgres
    connection: demo
    table: weather
    key: [origin, time_hour]
    time_column: time_hour
  holidays:
    kind: files
    pattern: holidays.csv
    key: day
    types: {day: DATE}
repair:
  - source: weather
    column: temp
    when: temp < -100
    set: temp + 100
    because: the sensor at EWR
validate:
  expectations:
    - on: flights
      expect: expect_column_values_to_be_in_set
      args:
        column: origin
        value_set: {source: weather, column: origin}
    - sql: SELECT arr_delay, temp__raw FROM flights JOIN weather USING (origin, time_hour)
      expect: expect_column_values_to_not_be_null
      args: {column: arr_delay}
features:
  types:
    distance: numeric
    dest: categorical
    holiday: boolean
    temp: numeric
label:
  relation: flights_arrival
  expression: arr_delay > 15
train:
  candidates:
    boosting:
      estimator: sklearn.ensemble.HistGradientBoostingClassifier
      params: {max_iter: 50}
      search: {learning_rate: [0.05, 0.1]}
    linear: {estimator: sklearn.linear_model.LogisticRegression}
"""

SQL = """\
-- what is known two hours before
SELECT
    time_hour, carrier, flight, origin,
    time_hour + to_minutes(minute) AS sched_dep,
    sched_dep - getvariable('horizon') AS prediction_time,
    distance,
    dest,
    holidays.day IS NOT NULL AS holiday,
    temp
FROM flights
LEFT JOIN weather USING (origin, time_hour)
LEFT JOIN holidays ON holidays.day = time_hour::DATE
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sources that are files."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "holidays.csv").write_text("day,name\n2013-07-04,Independence Day\n")
    monkeypatch.setenv("TRADEWIND_FILES", str(folder))
    return folder


@pytest.fixture
def settings(files: Path, demo_dsn: str, home: Settings) -> Settings:
    """A home that knows the demo's database and the files."""
    return home


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound model's folder, `config/models/delays` from here."""
    path = tmp_path / "config" / "models" / "delays"
    path.mkdir(parents=True)
    (path / "model.yaml").write_text(MODEL)
    (path / "features.sql").write_text(SQL)
    monkeypatch.chdir(tmp_path)
    return path


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_sound_definition_has_no_problem(folder: Path, settings: Settings) -> None:
    assert check_definition(folder, settings=settings) == []


def test_the_demo_is_well_defined(demo_dsn: str, home: Settings) -> None:
    assert check_definition(CLONE / "config" / "models" / "flight_delay", settings=home) == []


def test_what_the_loader_says_is_said_first(folder: Path, settings: Settings) -> None:
    _edit(folder / "model.yaml", "owner:", "ownr:")

    assert check_definition(folder, settings=settings) == [
        "config/models/delays/model.yaml:2: ownr: unknown key; did you mean owner?"
    ]


_IN_YAML = {
    "a missing key column": (
        "key: [origin, time_hour]",
        "key: [orign, time_hour]",
        ["24: sources.weather.key[0]: the source has no column 'orign'; did you mean origin?"],
    ),
    "a missing key column that stands alone": (
        "key: day",
        "key: days",
        ["29: sources.holidays.key: the source has no column 'days'; did you mean day?"],
    ),
    "a missing time column": (
        "time_column: time_hour\n  holidays",
        "time_column: hour_time\n  holidays",
        [
            (
                "25: sources.weather.time_column: the source has no column 'hour_time'; "
                "did you mean hour?"
            )
        ],
    ),
    "a time column that holds no time": (
        "time_column: time_hour\n  holidays",
        "time_column: hour\n  holidays",
        [
            (
                "25: sources.weather.time_column: hour is int64, and a time is expected: "
                "state it under `types` as TIMESTAMPTZ"
            )
        ],
    ),
    "a missing late column": (
        "[arr_time, arr_delay]",
        "[arr_time, arr_dly]",
        [
            (
                "18: sources.flights.late.arrival.columns[1]: the source has no column 'arr_dly'; "
                "did you mean arr_delay?"
            )
        ],
    ),
    "a missing column with a declared type": (
        "types: {day: DATE}",
        "types: {days: DATE}",
        ["30: sources.holidays.types.days: the source has no column 'days'; did you mean day?"],
    ),
    "a missing column that tells of changes": (
        "    table: weather",
        "    table: weather\n    updated_column: updated_at",
        [
            (
                "24: sources.weather.updated_column: the source has no column 'updated_at'; "
                "known here: day, dewp, hour, humid, month, origin, precip, pressure, temp, "
                "time_hour, visib, wind_dir, wind_gust, wind_speed, year"
            )
        ],
    ),
    "a row's known_at over a missing column": (
        "known_at: time_hour - INTERVAL 30 DAY",
        "known_at: timehour - INTERVAL 30 DAY",
        ["15: sources.flights.known_at: there is no column 'timehour'; did you mean time_hour?"],
    ),
    "a row's known_at by chance": (
        "known_at: time_hour - INTERVAL 30 DAY",
        "known_at: time_hour - to_days(CAST(30 * random() AS INTEGER))",
        [
            (
                "15: sources.flights.known_at: random() gives another result each time: the same "
                "rows must give the same"
            )
        ],
    ),
    "a query of the wall clock": (
        "SELECT arr_delay, temp__raw FROM",
        "SELECT system.now(), arr_delay, temp__raw FROM",
        [
            (
                "44: validate.expectations[1].sql: system.now() reads the wall clock: write now() "
                "alone, the as-of moment"
            )
        ],
    ),
    "a late known_at that is no time": (
        "known_at: time_hour + to_minutes(arr_delay)",
        "known_at: arr_delay",
        ["19: sources.flights.late.arrival.known_at: this is BIGINT, and a time is expected"],
    ),
    "a known_at that is no SQL": (
        "known_at: time_hour + to_minutes(arr_delay)",
        "known_at: time_hour +",
        ['19: sources.flights.late.arrival.known_at: syntax error at or near ")"'],
    ),
    "a repair of a missing column": (
        "    column: temp",
        "    column: tmp",
        [
            "33: repair[0].column: the source has no column 'tmp'; did you mean temp?",
            "44: validate.expectations[1].sql: there is no column 'temp__raw'; did you mean temp?",
        ],
    ),
    "a repair on a missing column": (
        "    when: temp < -100",
        "    when: tmp < -100",
        ["34: repair[0].when: there is no column 'tmp'; did you mean temp?"],
    ),
    "a repair on what is no condition": (
        "    when: temp < -100",
        "    when: temp + 100",
        ["34: repair[0].when: this is DOUBLE, and a condition is expected"],
    ),
    "a repair to an unknown value": (
        "    set: temp + 100",
        "    set: temp + offset_",
        [
            (
                "35: repair[0].set: there is no column 'offset_'; known here: day, dewp, hour, "
                "humid, "
                "month, origin, precip, pressure, temp, time_hour, visib, wind_dir, wind_gust, "
                "wind_speed, year"
            )
        ],
    ),
    "a repair to another type": (
        "    set: temp + 100",
        "    set: CAST(temp AS VARCHAR)",
        [
            (
                "35: repair[0].set: Cannot mix values of type DOUBLE and VARCHAR in CASE "
                "expression "
                "- an explicit cast is required"
            )
        ],
    ),
    "a repair to a wider type": (
        "    column: temp\n    when: temp < -100\n    set: temp + 100",
        "    column: year\n    when: temp < -100\n    set: year / 2",
        [
            (
                "35: repair[0].set: `set: year / 2` would turn BIGINT into DOUBLE; "
                "write it as CAST(... AS BIGINT)"
            ),
            (
                "44: validate.expectations[1].sql: there is no column 'temp__raw'; "
                "did you mean year__raw?"
            ),
        ],
    ),
    "an unknown expectation": (
        "expect: expect_column_values_to_be_in_set",
        "expect: expect_column_values_to_be_in_sets",
        [
            (
                "40: validate.expectations[0].expect: expect_column_values_to_be_in_sets: "
                "Great Expectations knows no such expectation; "
                "did you mean expect_column_values_to_be_in_set?"
            )
        ],
    ),
    "an argument that an expectation does not take": (
        "      args: {column: arr_delay}",
        "      args: {column: arr_delay, mostlly: 0.9}",
        [
            (
                "45: validate.expectations[1].expect: expect_column_values_to_not_be_null: "
                "mostlly; extra fields not permitted (type=value_error.extra)"
            )
        ],
    ),
    "an expectation of a missing column": (
        "        column: origin\n",
        "        column: orign\n",
        [
            (
                "42: validate.expectations[0].args.column: the source flights has no column "
                "'orign'; "
                "did you mean origin?"
            )
        ],
    ),
    "an expectation of values of a missing column": (
        "{source: weather, column: origin}",
        "{source: weather, column: orign}",
        [
            (
                "43: validate.expectations[0].args.value_set.column: the source weather has no "
                "column "
                "'orign'; did you mean origin?"
            )
        ],
    ),
    "an expectation of a query over a missing relation": (
        "FROM flights JOIN",
        "FROM flight JOIN",
        ["44: validate.expectations[1].sql: there is no relation 'flight'; did you mean flights?"],
    ),
    "an expectation of a column that its query does not give": (
        "      args: {column: arr_delay}",
        "      args: {column: arr_dely}",
        [
            (
                "46: validate.expectations[1].args.column: the query has no column 'arr_dely'; "
                "did you mean arr_delay?"
            )
        ],
    ),
    "an estimator that does not exist": (
        "HistGradientBoostingClassifier",
        "HistGradientBoostClassifier",
        [
            (
                "59: train.candidates.boosting.estimator: sklearn.ensemble has no estimator "
                "'HistGradientBoostClassifier'; did you mean HistGradientBoostingClassifier?"
            )
        ],
    ),
    "a module that does not exist": (
        "sklearn.ensemble.",
        "sklearn.ensembles.",
        ["59: train.candidates.boosting.estimator: there is no module sklearn.ensembles"],
    ),
    "an estimator of another kind": (
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        [
            (
                "59: train.candidates.boosting.estimator: "
                "sklearn.ensemble.HistGradientBoostingRegressor is no classifier with "
                "probabilities, "
                "which `problem: binary` needs"
            )
        ],
    ),
    "an estimator that needs others": (
        (
            "sklearn.ensemble.HistGradientBoostingClassifier\n      params: {max_iter: 50}\n"
            "      search: {learning_rate: [0.05, 0.1]}"
        ),
        "sklearn.ensemble.VotingClassifier",
        [
            (
                "59: train.candidates.boosting.estimator: sklearn.ensemble.VotingClassifier cannot "
                "stand alone: VotingClassifier.__init__() missing 1 required positional argument: "
                "'estimators'"
            )
        ],
    ),
    "a parameter that an estimator does not have": (
        "params: {max_iter: 50}",
        "params: {max_itr: 50}",
        [
            (
                "60: train.candidates.boosting.params.max_itr: no parameter of "
                "HistGradientBoostingClassifier; did you mean max_iter?"
            )
        ],
    ),
    "a searched value that an estimator does not take": (
        "[0.05, 0.1]",
        "[0.05, fast]",
        [
            (
                "61: train.candidates.boosting.search.learning_rate[1]: The 'learning_rate' "
                "parameter "
                "of HistGradientBoostingClassifier must be a float in the range (0.0, inf). "
                "Got 'fast' instead."
            )
        ],
    ),
    "a parameter that follows from the features": (
        "params: {max_iter: 50}",
        "params: {categorical_features: [0]}",
        [
            (
                "60: train.candidates.boosting.params.categorical_features: "
                "this follows from features.types: leave it out"
            )
        ],
    ),
    "a label over a missing column": (
        "expression: arr_delay > 15",
        "expression: arr_dlay > 15",
        ["55: label.expression: there is no column 'arr_dlay'; did you mean arr_delay?"],
    ),
    "a label that is no condition": (
        "expression: arr_delay > 15",
        "expression: arr_delay",
        [
            (
                "55: label.expression: this is BIGINT, and the label of a binary problem is a "
                "condition, such as `minutes > 15`"
            )
        ],
    ),
    "a label's relation without the entity key": (
        "relation: flights_arrival\n  expression: arr_delay > 15",
        "relation: weather\n  expression: temp > 15",
        [
            (
                "54: label.relation: weather has no column 'carrier'; known here: day, dewp, hour, "
                "humid, known_at, month, origin, precip, pressure, temp, time_hour, visib, "
                "wind_dir, "
                "wind_gust, wind_speed, year; its rows carry the whole entity_key"
            ),
            (
                "54: label.relation: weather has no column 'flight'; known here: day, dewp, hour, "
                "humid, known_at, month, origin, precip, pressure, temp, time_hour, visib, "
                "wind_dir, "
                "wind_gust, wind_speed, year; its rows carry the whole entity_key"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), _IN_YAML.values(), ids=_IN_YAML.keys())
def test_a_mistake_in_the_yaml_is_said_with_its_line(
    folder: Path, settings: Settings, old: str, new: str, said: list[str]
) -> None:
    _edit(folder / "model.yaml", old, new)

    found = check_definition(folder, settings=settings)

    assert found == [f"config/models/delays/model.yaml:{line}" for line in said]


_IN_SQL = {
    "chance": (
        "    dest,",
        "    dest, random() AS x,",
        ["7: random() gives another result each time: the same rows must give the same"],
    ),
    "the wall clock": (
        "    dest,",
        "    dest, system.main.now() AS x,",
        ["7: system.main.now() reads the wall clock: write now() alone, the as-of moment"],
    ),
    "no SQL": ("LEFT JOIN weather", "LEFT JON weather", ['11: syntax error at or near "JON"']),
    "a missing column": (
        "    distance,",
        "    distnce AS distance,",
        ["6: there is no column 'distnce'; did you mean distance?"],
    ),
    "a missing column of a named relation": (
        "holidays.day IS NOT NULL",
        "holidays.dy IS NOT NULL",
        ["8: there is no column 'dy'; did you mean day?"],
    ),
    "a column that becomes known later": (
        "    dest,",
        "    dest, arr_delay AS x,",
        ["7: there is no column 'arr_delay' here: it becomes known later, in flights_arrival"],
    ),
    "what a repaired cell was before": (
        "    temp\n",
        "    temp__raw AS temp\n",
        ["9: there is no column 'temp__raw'; did you mean temp?"],
    ),
    "a missing relation": (
        "JOIN holidays",
        "JOIN holiday",
        ["12: there is no relation 'holiday'; did you mean holidays?"],
    ),
    "a function that does not exist": (
        "to_minutes(minute)",
        "to_minuts(minute)",
        ['4: Scalar Function with name to_minuts does not exist! Did you mean "to_minutes"?'],
    ),
    "a feature that is not selected": (
        "    dest,\n",
        "",
        [
            (
                "1: the SELECT gives no column 'dest'; known here: carrier, distance, flight, "
                "holiday, origin, prediction_time, sched_dep, temp, time_hour"
            )
        ],
    ),
    "a column that is not declared": (
        "    dest,",
        "    dest, minute,",
        [
            (
                "7: column 'minute' is neither key nor time nor declared in features.types: drop "
                "it, or declare it there"
            )
        ],
    ),
    "a feature of another type": (
        "    dest,",
        "    sched_dep AS dest,",
        ["7: dest is declared categorical, and the SELECT gives TIMESTAMP WITH TIME ZONE"],
    ),
    "two statements": (
        "-- what",
        "SELECT 1; -- what",
        ["1: expected one SELECT, found SELECT, SELECT"],
    ),
    "no SELECT": (
        "SELECT\n",
        "CREATE TABLE t AS SELECT\n",
        ["1: expected one SELECT, found CREATE"],
    ),
    "rows of a file": (
        "FROM flights\n",
        "FROM read_csv('/etc/passwd')\n",
        [
            (
                "10: rows of read_csv() are not for a model to read; known here: generate_series, "
                "range, unnest"
            )
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), _IN_SQL.values(), ids=_IN_SQL.keys())
def test_a_mistake_in_the_sql_is_said_with_its_line(
    folder: Path, settings: Settings, old: str, new: str, said: list[str]
) -> None:
    _edit(folder / "features.sql", old, new)

    found = check_definition(folder, settings=settings)

    assert found == [f"config/models/delays/features.sql:{line}" for line in said]


# ------------------------------------------------------------------- when a source cannot be asked


def test_a_source_that_is_down_is_named_with_its_connection(
    folder: Path, files: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DEMO", "postgres://reader:secret@127.0.0.1:1/demo")

    found = check_definition(folder, settings=load_settings())

    for line, (number, name) in zip(found, [(11, "flights"), (22, "weather")], strict=True):
        place = f"config/models/delays/model.yaml:{number}: sources.{name}.connection"
        assert line.startswith(f"{place}: source '{name}' (table {name} at 127.0.0.1, connection")
        assert "connection 'demo'" in line
        assert "Connection refused" in line
        assert "\n" not in line
    assert "secret" not in "".join(found)


def test_what_needs_no_source_is_checked_all_the_same(
    folder: Path, files: Path, home: Settings
) -> None:
    (files / "holidays.csv").unlink()
    _edit(folder / "model.yaml", "max_iter", "max_itr")
    _edit(folder / "model.yaml", "_to_be_in_set", "_to_be_in_sett")
    _edit(folder / "features.sql", "FROM flights", "FORM flights")

    found = check_definition(folder, settings=home)

    assert [line.removeprefix("config/models/delays/").split(": ")[:2] for line in found] == [
        ["model.yaml:11", "sources.flights.connection"],
        ["model.yaml:22", "sources.weather.connection"],
        ["model.yaml:28", "sources.holidays.pattern"],
        ["model.yaml:40", "validate.expectations[0].expect"],
        ["model.yaml:60", "train.candidates.boosting.params.max_itr"],
        ["features.sql:10", 'syntax error at or near "flights"'],
    ]
    assert "connection 'demo' is not defined: set AIRFLOW_CONN_DEMO" in found[0]


def test_what_needs_other_sources_is_checked_all_the_same(
    folder: Path, files: Path, settings: Settings
) -> None:
    (files / "holidays.csv").unlink()
    _edit(folder / "model.yaml", "temp < -100", "tmp < -100")
    _edit(folder / "model.yaml", "        column: origin\n", "        column: orign\n")

    found = check_definition(folder, settings=settings)

    assert [line.removeprefix("config/models/delays/").split(": ")[:2] for line in found] == [
        ["model.yaml:28", "sources.holidays.pattern"],
        ["model.yaml:34", "repair[0].when"],
        ["model.yaml:42", "validate.expectations[0].args.column"],
    ]


def test_a_table_that_is_not_there_is_named(folder: Path, settings: Settings) -> None:
    _edit(folder / "model.yaml", "table: weather", "table: wheather")

    (found,) = check_definition(folder, settings=settings)

    assert found.startswith("config/models/delays/model.yaml:22: sources.weather.connection: ")
    assert "wheather" in found


def test_nothing_of_a_source_is_read_or_left_open(
    folder: Path, settings: Settings, demo_dsn: str
) -> None:
    check_definition(folder, settings=settings)

    with closing(psycopg2.connect(demo_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)
