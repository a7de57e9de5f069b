"""What a definition uses of its sources is told from its text, and never too little of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.sandbox import CLONE
from tradewind.definition.frozen import FrozenDefinition
from tradewind.definition.loader import load_definition
from tradewind.definition.schema import ModelDefinition
from tradewind.engine.needed import Needed, needed_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

SALES: dict[str, Any] = {
    "kind": "files", "pattern": "sales.csv", "key": ["id"], "time_column": "sold_at",
    "known_at": "booked_at + to_minutes(delay)",
    "late": {"returned": {"columns": ["Refund"], "known_at": "refunded_at"}},
}  # fmt: skip
PEOPLE = {"kind": "files", "pattern": "people.csv", "key": ["person"]}
ALWAYS = {"id", "sold_at", "booked_at", "delay", "refund", "refunded_at"}
"""Of the sales: key, times, late columns."""
PLAIN = "SELECT id FROM sales"


def needed(sql: str = PLAIN, **more: Any) -> Mapping[str, Needed]:
    """What a definition with this SELECT needs."""
    body = {
        "name": "m", "owner": "ann", "purpose": "to test", "problem": "binary",
        "entity_key": "id", "event_time": "sold_at",
        "sources": {"sales": SALES, "people": PEOPLE},
        "features": {"types": {"amount": "numeric"}},
        "label": {"relation": "sales_returned", "expression": "refund > 1"},
    }  # fmt: skip
    model = ModelDefinition.model_validate({**body, **more})
    return needed_columns(FrozenDefinition(model, {"features.sql": sql}, "d"))


def of_sales(sql: str = PLAIN, **more: Any) -> set[str]:
    """What is needed of the sales beyond what always is."""
    columns = needed(sql, **more)["sales"].columns
    assert columns is not None
    assert columns >= ALWAYS
    return set(columns) - ALWAYS


def test_keys_times_and_late_columns_are_always_needed() -> None:
    found = needed()

    assert found["sales"].columns == ALWAYS
    assert found["people"].columns == {"person"}
    assert found["sales"].because == ""


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT Amount FROM Sales", {"amount"}),
        ("SELECT s.amount FROM sales s WHERE s.shop = 1 ORDER BY s.x", {"amount", "shop", "x"}),
        ("SELECT sum(a) FILTER (b) OVER (PARTITION BY c) FROM sales", {"a", "b", "c"}),
        ("WITH a AS (SELECT amount AS b FROM sales) SELECT b, other FROM a", {"amount"}),
        ("SELECT (SELECT max(x) FROM people WHERE people.y = buyer) FROM sales", {"buyer", "x"}),
        ("SELECT id FROM sales JOIN people USING (region)", {"region"}),
        ("SELECT id, count(*) FROM sales GROUP BY ALL", set()),
        ("SELECT * FROM sales_returned", set()),
        ("SELECT id FROM sales UNION ALL SELECT ref FROM sales", {"ref"}),
        ("SELECT people.name FROM sales, people WHERE buyer = person", {"buyer", "person"}),
        ("SELECT id, lift.amount FROM sales, LATERAL (SELECT sales.amount) AS lift", {"amount"}),
    ],
)  # fmt: skip
def test_what_the_features_name_is_needed(sql: str, columns: set[str]) -> None:
    assert of_sales(sql) == columns


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id,\n * FROM sales", "m/features.sql:2: `*` reads every column"),
        ("SELECT s.* FROM sales AS s, people", "`*` reads every column"),
        ("SELECT COLUMNS('a.*') FROM sales", "`*` reads every column"),
        ("SELECT id FROM (FROM sales)", "`*` reads every column"),
        ("SELECT #2 FROM sales", "#2 is a column by its place"),
        ("SELECT id FROM sales NATURAL JOIN people", "a NATURAL JOIN reads every column"),
        ("SELECT to_json(s) FROM sales s", "`s` is a row, whole"),
        ("SELECT id, (SELECT max(sales)) FROM sales", "`sales` is a row, whole"),
        ("SELECT a FROM sales AS s (a, b)", "columns are named anew, by place"),
        ("SELECT id FROM sales PIVOT (sum(a) FOR b IN (1, 2))", "a PIVOT reads every column"),
        ("SELECT FROM", "this is no SELECT"),
    ],
)
def test_where_it_cannot_be_told_every_column_is_needed_and_it_is_said(sql: str, why: str) -> None:
    found = needed(sql)["sales"]

    assert found.columns is None
    assert why in found.because


def test_a_star_of_one_table_says_nothing_of_another() -> None:
    found = needed("SELECT people.*, amount FROM sales JOIN people ON person = buyer")

    assert found["people"].columns is None
    assert found["sales"].columns == ALWAYS | {"amount", "person", "buyer"}


def test_the_label_needs_its_columns_and_the_entity_key() -> None:
    found = of_sales(
        label={"relation": "sales", "expression": "amount > limit_"}, entity_key=["id", "till"]
    )

    assert found == {"amount", "limit_", "till"}


def test_a_repair_needs_its_column_and_what_it_reads() -> None:
    repair = {
        "source": "sales", "column": "amount", "when": "unit = 'cent'", "set": "amount / rate",
        "because": "of cents",
    }  # fmt: skip

    assert of_sales(repair=[repair]) == {"amount", "unit", "rate"}


@pytest.mark.parametrize(
    ("expectation", "columns"),
    [
        (
            {"on": "sales", "expect": "expect_column_values_to_not_be_null",
             "args": {"column": "a"}},
            {"a"},
        ),
        (
            {"on": "sales", "expect": "expect_compound_columns_to_be_unique",
             "args": {"column_list": ["a", "b"]}},
            {"a", "b"},
        ),
        (
            {"sql": "SELECT a, b__raw FROM sales", "expect": "expect_table_row_count_to_equal",
             "args": {"value": 0}},
            {"a", "b", "b__raw"},
        ),
        (
            {"on": "sales", "expect": "expect_table_row_count_to_equal", "args": {"value": 0}},
            set(),
        ),
        (
            {"on": "sales", "expect": "expect_table_columns_to_match_set",
             "args": {"column_set": ["a", "id"], "exact_match": False}},
            {"a"},
        ),
        (
            {"on": "people", "expect": "expect_column_values_to_be_in_set",
             "args": {"column": "person", "value_set": {"source": "sales", "column": "buyer"}}},
            {"buyer"},
        ),
    ],
)  # fmt: skip
def test_what_an_expectation_looks_at_is_needed(
    expectation: dict[str, Any], columns: set[str]
) -> None:
    assert of_sales(validate={"expectations": [expectation]}) == columns


@pytest.mark.parametrize(
    ("expect", "args"),
    [
        ("expect_table_columns_to_match_set", {"column_set": ["id"]}),
        ("expect_table_column_count_to_equal", {"value": 3}),
        ("expect_column_values_to_be_null", {"column": "a", "row_condition": "b > 1"}),
    ],
)
def test_an_expectation_of_all_columns_needs_all(expect: str, args: dict[str, Any]) -> None:
    asked = {"on": "sales", "expect": expect, "args": args}

    found = needed(validate={"expectations": [asked]})["sales"]

    assert found == Needed(
        None, f"m/model.yaml: validate.expectations: 0: {expect} looks at every column"
    )


def test_of_the_demo_s_reference_tables_only_the_keys_are_needed() -> None:
    for name in ("flight_delay", "arrival_delay"):
        found = needed_columns(load_definition(CLONE / "config" / "models" / name))

        assert found["airlines"].columns == {"carrier"}
        assert found["airports"].columns == {"faa"}
        assert found["planes"].columns == {"tailnum"}
        assert "`*`" in found["flights"].because
