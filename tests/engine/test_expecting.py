"""What was expected, in words: of a table by its name, of a query by where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.definition.sources import Expectation
from tradewind.engine.expecting import sentence_of

BETWEEN, WIND = "expect_column_values_to_be_between", {"column": "wind"}
QUERY = {"sql": "SELECT 1 AS gap"}


@pytest.mark.parametrize(
    ("of", "expect", "args", "sentence"),
    [
        (None, BETWEEN, {**WIND, "max_value": 120}, "weather.wind: values to be at most 120"),
        (None, BETWEEN, {**WIND, "min_value": 0}, "weather.wind: values to be at least 0"),
        (
            None,
            BETWEEN,
            {**WIND, "min_value": 0, "max_value": 120, "mostly": 0.9},
            "weather.wind: values to be between 0 and 120 (mostly 0.9)",
        ),
        (None, BETWEEN, WIND, "weather.wind: values to be between"),
        (
            QUERY,
            "expect_table_row_count_to_equal",
            {"value": 0},
            "the query of expectation 3 in model.yaml: table row count to equal 0",
        ),
        (
            QUERY,
            "expect_column_max_to_be_between",
            {"column": "gap", "max_value": 0.1},
            "gap of the query of expectation 3 in model.yaml: max to be at most 0.1",
        ),
        (
            None,
            "expect_column_values_to_be_in_set",
            {**WIND, "value_set": {"source": "winds", "column": "speed"}},
            "weather.wind: values to be in set (value_set as in winds.speed)",
        ),
    ],
)
def test_an_expectation_is_told_in_words(
    of: dict[str, str] | None, expect: str, args: dict[str, Any], sentence: str
) -> None:
    said = {**(of or {"on": "weather"}), "expect": expect, "args": args}
    expectation = Expectation.model_validate(said)

    assert sentence_of(expectation, number=3) == sentence
    assert expectation.args == args
