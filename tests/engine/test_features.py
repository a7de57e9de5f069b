from __future__ import annotations

import warnings
from datetime import timedelta

import pyarrow as pa
import pytest

from tests.engine.small import AS_OF, BODY, NOON, SQL, TOWNS, TYPES, definition, parcels
from tradewind.engine import features, relations
from tradewind.engine.database import open_database
from tradewind.errors import DataError, DefinitionError, EmptyIntervalError, LabelError

HEAD = "SELECT parcel, due, due - getvariable('horizon') AS prediction_time"


def build(frozen, *, rows=None, as_of=AS_OF, start=None):
    with open_database(memory="200MB", threads=1) as connection:
        given = {"parcels": parcels() if rows is None else rows, "towns": TOWNS}
        relations.load(connection, frozen, given)
        return features.build(connection, frozen, as_of=as_of, start=start)


def test_columns_and_types_are_the_declared_ones():
    moment = pa.timestamp("us", "UTC")
    assert build(definition()).schema == pa.schema(
        {
            "parcel": pa.int64(),
            "event_time": moment,
            "prediction_time": moment,
            "weight": pa.float64(),
            "town": pa.string(),
            "fragile": pa.bool_(),
            "label": pa.bool_(),
            "label_known_at": moment,
            "label_state": pa.string(),
        }
    )


def test_rows_come_in_order_of_prediction_time_and_key():
    rows = parcels({0: {"due": NOON + timedelta(hours=2), "parcel": 9}})
    assert build(definition(), rows=rows)["parcel"].to_pylist() == [1, 2, 9]


def test_whole_numbers_may_be_categories_and_numbers():
    sql = SQL.replace("weight, town", "weight::INTEGER AS weight, parcel // 2 AS town")
    found = build(definition(sql))
    assert found["town"].to_pylist() == ["0", "0", "1"]
    assert found["weight"].to_pylist() == [0.0, 2.0, 3.0]


def test_a_key_may_be_a_feature_too():
    types = {**TYPES, "parcel": "categorical"}
    found = build(definition(features={"types": types}))
    assert found["parcel"].to_pylist() == ["0", "1", "2"]


def test_the_text_may_end_in_a_semicolon_and_a_comment():
    assert len(build(definition(SQL + "; -- that is all"))) == 3


def test_only_rows_whose_prediction_time_has_come_are_there():
    at = NOON - timedelta(minutes=1)
    assert build(definition(), as_of=at)["parcel"].to_pylist() == [0]
    assert build(definition(), as_of=at + timedelta(minutes=1))["parcel"].to_pylist() == [0, 1]


def test_the_window_begins_with_the_event_of_its_first_moment():
    start = NOON + timedelta(hours=1)
    assert build(definition(), start=start)["parcel"].to_pylist() == [1, 2]


# ---------------------------------------------------------------------------------------- labels


def test_a_label_is_known_pending_or_expired():
    rows = parcels({0: {"minutes": None}, 1: {"delivered": None}})
    frozen = definition(label={**BODY["label"], "expires_after": "23 hours"})
    found = build(frozen, rows=rows).to_pylist()
    assert [row["label_state"] for row in found] == ["expired", "pending", "known"]
    assert [row["label"] for row in found] == [None, None, True]
    assert [row["label_known_at"] is None for row in found] == [True, True, False]


def test_a_label_counts_from_the_moment_it_is_known():
    known = NOON + timedelta(hours=2, minutes=40)
    before = build(definition(), as_of=known - timedelta(microseconds=1)).to_pylist()
    after = build(definition(), as_of=known).to_pylist()
    assert [row["label_state"] for row in before] == ["known", "known", "pending"]
    assert after[2]["label"] is True
    assert after[2]["label_known_at"] == known


def test_the_label_of_a_regression_is_a_number():
    label = {"relation": "parcels_delivery", "expression": "minutes"}
    found = build(definition(problem="regression", label=label))
    assert found["label"].to_pylist() == [0.0, 20.0, 40.0]


def test_a_label_that_is_no_finite_number_is_an_error():
    label = {"relation": "parcels_delivery", "expression": "log(minutes)"}
    with pytest.raises((LabelError, DataError)):
        build(definition(problem="regression", label=label))


def test_two_labels_of_one_entity_are_an_error():
    rows = pa.concat_tables([parcels(), parcels().slice(1, 1)])
    sql = SQL.replace("FROM parcels", "FROM (SELECT DISTINCT * FROM parcels)")
    with pytest.raises(LabelError, match="parcels_delivery has more than one label of parcel=1"):
        build(definition(sql), rows=rows)


def test_a_wrong_label_expression_is_the_definitions_mistake():
    with pytest.raises(DefinitionError, match=r"model\.yaml: label: .*minuets"):
        build(definition(label={**BODY["label"], "expression": "minuets > 30"}))


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        pytest.param(
            SQL.replace("weight,", "weight AS wieght,"),
            r"features\.sql:2: the SELECT gives no column 'weight'; did you mean wieght\?",
            id="a missing column",
        ),
        pytest.param(
            SQL.replace("fragile", "fragile, 1 AS extra"),
            r"features\.sql:2: column 'extra' is neither key nor time nor declared",
            id="an undeclared column",
        ),
        pytest.param(
            SQL.replace("weight,", "weight::VARCHAR AS weight,"),
            r"features\.sql:2: weight is declared numeric, and the SELECT gives VARCHAR",
            id="text where a number is declared",
        ),
        pytest.param(
            SQL.replace("town,", "weight / 2 AS town,"),
            "town is declared categorical, and the SELECT gives DOUBLE",
            id="a fraction where a category is declared",
        ),
        pytest.param(
            SQL.replace("due,", "due::VARCHAR AS due,"),
            "due is VARCHAR, and must be a TIMESTAMPTZ",
            id="text where a moment is expected",
        ),
        pytest.param(
            SQL.replace("FROM parcels", "FROM parcles"),
            r"^parcels/features\.sql:3: there is no relation 'parcles'; did you mean parcels\?",
            id="an unknown relation",
        ),
        pytest.param(
            "SELECT parcel FROM parcels; DROP TABLE parcels",
            "expected one SELECT, found SELECT, DROP",
            id="two statements",
        ),
        pytest.param("DROP TABLE parcels", "expected one SELECT, found DROP", id="no SELECT"),
        pytest.param("-- nothing", "expected one SELECT, found nothing", id="a comment alone"),
        pytest.param("SELECT (", r"features\.sql:1: .*", id="a syntax error"),
        pytest.param(
            SQL.replace("FROM parcels", "FROM (SUMMARIZE parcels)"),
            "SHOW, DESCRIBE and SUMMARIZE are not for a model to read",
            id="a summary of what is stored",
        ),
        pytest.param(
            SQL.replace("FROM parcels", "FROM parcels, duckdb_tables"),
            "there is no relation 'duckdb_tables'",
            id="a list of what is stored",
        ),
        pytest.param(
            "PIVOT parcels ON weight",
            r"parcels/features\.sql:1: expected one SELECT",
            id="a statement that is nearly a SELECT",
        ),
        pytest.param(
            SQL.replace("getvariable('horizon')", "INTERVAL 2 HOUR"),
            r"prediction_time must be due - getvariable\('horizon'\), which is 1:00:00; .*parcel=0",
            id="a prediction time that is not the horizon before the event",
        ),
    ],
)
def test_sql_that_does_not_give_what_is_declared_is_refused(sql, said):
    with pytest.raises(DefinitionError, match=said):
        build(definition(sql))


def test_subqueries_of_its_own_and_rows_of_arguments_may_be_read():
    sql = (
        f"WITH Own AS (SELECT 1 AS one) SELECT * EXCLUDE (one, n) FROM ({SQL}), own, range(1) t(n)"
    )
    assert len(build(definition(sql))) == 3


def test_a_label_may_not_read_the_uncut_tables_either():
    uncut = {**BODY["label"], "expression": "minutes > (SELECT avg(minutes) FROM __Loaded.parcels)"}
    with pytest.raises(DefinitionError, match=r"^parcels/model\.yaml: label\.expression: __Loaded"):
        build(definition(label=uncut))


def test_moments_that_a_function_returns_keep_their_zone_and_their_gaps():
    module = (
        "def add(frame):\n"
        "    due = frame.due.dt.tz_convert('Asia/Tokyo')\n"
        "    heavy = due.where(frame.weight > 1).notna()\n"
        "    return frame.assign(due=due, heavy=heavy)\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = build(definition(module=module, features=WITH_HEAVY))
    assert found["event_time"].to_pylist() == [NOON + timedelta(hours=n) for n in range(3)]
    assert found["heavy"].to_pylist() == [False, True, True]


def test_every_wrong_column_is_said_at_once():
    sql = SQL.replace("weight,", "").replace("town,", "town AS twon,")
    with pytest.raises(DefinitionError) as refused:
        build(definition(sql))
    assert len(refused.value.problems) == 3


def test_keys_that_are_not_unique_are_an_error_with_examples():
    sql = SQL.replace("FROM parcels", "FROM parcels, towns").replace("town,", "parcels.town,")
    with pytest.raises(DataError, match="several of parcel=0, rows=2; parcel=1, rows=2"):
        build(definition(sql))


@pytest.mark.parametrize("column", ["parcel", "due"])
def test_a_row_without_key_or_event_time_is_an_error(column):
    sql = SQL.replace(f"{column},", f"CASE WHEN weight > 0 THEN {column} END AS {column},", 1)
    with pytest.raises(DataError, match="rows without a key or an event time"):
        build(definition(sql))


@pytest.mark.parametrize("value", ["'inf'", "'nan'"])
def test_a_feature_that_is_not_finite_is_an_error(value):
    sql = SQL.replace("weight,", f"CASE WHEN parcel = 1 THEN {value}::DOUBLE ELSE 0 END AS weight,")
    with pytest.raises(
        DataError, match="weight is not a finite number on 1 rows, such as parcel=1"
    ):
        build(definition(sql))


def test_a_value_that_cannot_be_computed_is_the_datas_fault():
    sql = SQL.replace("weight,", "town::INTEGER AS weight,")
    with pytest.raises(DataError, match=r"features\.sql: .*Could not convert string 'Ulm'"):
        build(definition(sql))


def test_too_little_memory_is_said_to_be_that():
    sql = SQL.replace("weight,", "length(string_agg(repeat('x', 9999999), '' )) AS weight,")
    sql = f"{sql.replace('FROM parcels', 'FROM parcels, range(99)')} GROUP BY ALL"
    with pytest.raises(DefinitionError, match=r"model\.yaml: resources\.memory: 2GB is too little"):
        build(definition(sql))


def test_no_row_is_an_error():
    with pytest.raises(EmptyIntervalError, match="gives no row since 2024-06-01"):
        build(definition(), start=NOON.replace(month=6))


# ----------------------------------------------------------------------------------- after the SQL

ADD = """
import pandas as pd
def add(frame):
    frame["heavy"] = frame.weight > 1
    return frame
"""
WITH_HEAVY = {"types": {**TYPES, "heavy": "boolean"}}


def test_a_function_may_add_features():
    found = build(definition(module=ADD, features=WITH_HEAVY))
    assert found["heavy"].to_pylist() == [False, True, True]


def test_a_missing_value_stays_missing_through_python():
    rows = parcels({1: {"weight": None, "town": None, "fragile": None}})
    found = build(definition(module=ADD, features=WITH_HEAVY), rows=rows).to_pylist()[1]
    assert (found["weight"], found["town"], found["fragile"]) == (None, None, None)


@pytest.mark.parametrize(
    ("module", "error", "said"),
    [
        ("def add(frame): return frame", DefinitionError, "gives no column 'heavy'"),
        ("def add(frame): return 1", DefinitionError, "extra:add returns int, no DataFrame"),
        ("def add(frame): return frame.wieght", DataError, "failed on 3 rows: AttributeError"),
        ("import nothing_of_this_name\ndef add(frame): ...", DefinitionError, "No module named"),
    ],
)
def test_a_function_that_does_not_do_its_part_is_named(module, error, said):
    with pytest.raises(error, match=said):
        build(definition(module=module, features=WITH_HEAVY))


def test_the_function_that_runs_is_the_frozen_one(tmp_path, monkeypatch):
    (tmp_path / "extra.py").write_text("def add(frame): raise RuntimeError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(build(definition(module=ADD, features=WITH_HEAVY))) == 3
