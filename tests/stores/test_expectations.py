from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest

from tradewind.definition.sources import Expectation
from tradewind.errors import DefinitionError, EvidenceError
from tradewind.stores import expectations as suite


def asked(expect: str, severity: str = "stop", **args: Any) -> Expectation:
    return Expectation.model_validate(
        {"on": "rows", "expect": expect, "args": args, "severity": severity}
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "wind": [3.0, 5.0, None, 1048.0],
            "origin": ["EWR", "JFK", "LGA", "EWR"],
            "at": pd.to_datetime(
                ["2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04"], utc=True
            ),
            "empty": [None] * 4,
        },
        index=[7, 7, 7, 7],
    )


def test_findings_come_in_the_order_asked_though_errors_come_first_in_the_suite(frame):
    found = suite.evaluate(
        frame,
        [
            asked("expect_column_values_to_be_between", column="wind", max_value=120),
            asked("expect_column_mean_to_be_between", column="nowhere", max_value=1),
            asked("expect_table_row_count_to_equal", value=4),
        ],
        place="rows",
    )
    assert [finding.met for finding in found] == [False, None, True]
    assert found[0].positions == [3]
    assert (found[0].unexpected, found[0].looked_at) == (1, 3)
    assert found[2].observed == 4


def test_an_exception_inside_a_result_is_neither_met_nor_not_met(frame):
    broken = asked("expect_column_values_to_be_between", column="origin", max_value=3)
    [finding] = suite.evaluate(frame, [broken], place="rows")
    assert finding.met is None
    assert finding.error


def test_equal_expectations_each_get_their_own_finding(frame):
    one = asked("expect_column_values_to_be_between", "warn", column="wind", max_value=120)
    other = asked("expect_column_values_to_be_between", "quarantine", column="wind", max_value=120)
    found = suite.evaluate(frame, [one, other], place="rows")
    assert [finding.positions for finding in found] == [[3], [3]]


def test_a_column_of_nothing_but_nulls_meets_nothing(frame):
    looking = asked("expect_column_values_to_be_between", column="empty", min_value=0)
    [finding] = suite.evaluate(frame.astype({"empty": float}), [looking], place="rows")
    assert finding.met is False
    assert finding.note == "every one of the 4 values is missing"


def test_a_condition_that_no_row_meets_is_met_and_says_so(frame):
    condition = {
        "type": "comparison",
        "column": {"name": "origin"},
        "operator": "==",
        "parameter": "SFO",
    }
    looking = asked(
        "expect_column_values_to_be_between", column="wind", max_value=1, row_condition=condition
    )
    assert suite.columns_of(looking) == ["wind", "origin"]
    [finding] = suite.evaluate(frame, [looking], place="rows")
    assert (finding.met, finding.note) == (True, "no row meets its row_condition")


@pytest.mark.parametrize("bound", ["2013-01-03T00:00:00", "2013-01-03", "2013-01-03T00:00:00Z"])
def test_bounds_of_a_column_in_utc_need_no_time_zone(frame, bound):
    looking = asked("expect_column_values_to_be_between", column="at", min_value=bound)
    [finding] = suite.evaluate(frame, [looking], place="rows")
    assert finding.positions == [0, 1]


def test_every_unexpected_row_is_pointed_at_beyond_the_two_hundred_that_are_listed():
    frame = pd.DataFrame({"value": range(1000)})
    looking = asked("expect_column_values_to_be_between", column="value", max_value=299)
    [finding] = suite.evaluate(frame, [looking], place="rows")
    assert finding.positions == list(range(300, 1000))


def test_rows_that_mostly_forgives_are_pointed_at_too(frame):
    looking = asked("expect_column_values_to_be_between", column="wind", max_value=120, mostly=0.5)
    [finding] = suite.evaluate(frame, [looking], place="rows")
    assert (finding.met, finding.positions) == (True, [3])


def test_an_empty_suite_is_an_error(frame):
    with pytest.raises(EvidenceError, match="an empty suite proves nothing"):
        suite.evaluate(frame, [], place="source rows")


def test_an_empty_frame_is_an_error_because_everything_would_pass(frame):
    looking = asked("expect_column_values_to_be_between", column="wind", max_value=120)
    with pytest.raises(EvidenceError, match=r"source rows: there are no rows.*widen|Widen"):
        suite.evaluate(frame.head(0), [looking], place="source rows")


def test_an_empty_frame_has_a_row_count(frame):
    looking = asked("expect_table_row_count_to_equal", value=0)
    [finding] = suite.evaluate(frame.head(0), [looking], place="query")
    assert finding.met


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        pytest.param(
            asked("expect_column_values_to_be_betwen", column="wind"),
            "did you mean expect_column_values_to_be_between",
            id="a name that is nearly one",
        ),
        pytest.param(
            asked("expect_column_values_to_be_between", colum="wind"),
            "colum; extra fields not permitted",
            id="an argument that it does not take",
        ),
        pytest.param(
            asked("expect_column_mean_to_be_between", "quarantine", column="wind", max_value=1),
            "points at no row, so nothing can be quarantined",
            id="nothing to quarantine",
        ),
        pytest.param(
            asked("expect_table_row_count_to_equal_other_table", other_table_name="x"),
            "runs in SQL databases only",
            id="no frame will do",
        ),
        pytest.param(
            asked("expect_table_row_count_to_equal", value=1, meta={}),
            "meta cannot be given under args",
            id="an argument of ours",
        ),
    ],
)
def test_what_is_wrong_with_an_expectation_is_known_before_any_data(frame, expectation, said):
    good = asked("expect_table_row_count_to_equal", value=4)
    found = suite.problems([good, expectation])
    assert list(found) == [1]
    assert said in found[1]
    with pytest.raises(DefinitionError, match=expectation.expect):
        suite.evaluate(frame, [expectation], place="rows")


def test_a_reference_to_another_source_is_no_problem():
    reference = {"source": "airlines", "column": "carrier"}
    assert not suite.problems(
        [asked("expect_column_values_to_be_in_set", column="carrier", value_set=reference)]
    )


def test_its_log_is_silent(frame, caplog):
    with caplog.at_level(logging.INFO):
        suite.evaluate(
            frame, [asked("expect_column_mean_to_be_between", column="wind")], place="rows"
        )
    assert not [record for record in caplog.records if record.name.startswith("great_expectations")]
