from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import UndefinedError

from tradewind.reports.page import figure, moment, render_page, share
from tradewind.reports.validation import render


def report(**changed: Any) -> dict[str, Any]:
    whole = {
        "model": "gusts",
        "as_of": "2013-03-15T04:00:00+00:00",
        "digest": "d1",
        "verdict": "passed",
        "stopping": [],
        "warnings": [],
        "sources": {
            "weather": {
                "in_snapshot": 12,
                "not_known_yet": 1,
                "set_aside": 1,
                "rows": 10,
                "columns": [
                    {
                        "column": "wind",
                        "type": "DOUBLE",
                        "nulls": 0,
                        "null_share": 0.0,
                        "distinct": 5,
                        "smallest": "1.0",
                        "largest": "9.0",
                    }
                ],
            }
        },
        "repairs": [],
        "expectations": [],
        "volume": [],
        "freshness": [],
        "quarantine": {},
    }
    return whole | changed


def expectation(**changed: Any) -> dict[str, Any]:
    whole = {
        "number": 1,
        "on": "weather",
        "sql": None,
        "expect": "expect_column_values_to_be_between",
        "args": {"column": "wind", "max_value": 120},
        "severity": "warn",
        "because": "No such wind.",
        "sentence": "weather.wind: values to be between (max_value 120)",
        "outcome": "met",
        "consequence": "none",
        "figure": "0 of 11 unexpected",
        "observed": None,
        "looked_at": 11,
        "unexpected": 0,
        "unexpected_share": 0.0,
        "error": None,
        "examples": [],
    }
    return whole | changed


def test_a_page_asks_nothing_of_any_other_host():
    page = render(report(expectations=[expectation()]))
    assert not re.search(r"""(src|href|url\()\s*=?\s*["']?(https?:)?//""", page)
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_what_stops_the_run_is_said_first():
    stopped = expectation(consequence="stop", outcome="not_met", examples=[{"wind": 1048.36}])
    page = render(
        report(
            verdict="stopped",
            stopping=["weather.wind: 1 of 11 unexpected"],
            expectations=[expectation(number=2), stopped],
        )
    )
    assert "Stopped: nothing is learned from these rows." in page
    assert page.index("1 of 11 unexpected") < page.index("Not met") < page.index("<h2>Met")
    assert "1048.36" in page


def test_an_expectation_that_could_not_be_computed_says_so():
    broken = expectation(consequence="stop", outcome="error", error="no such column")
    assert "could not be computed" in render(report(expectations=[broken]))


def test_rows_of_a_source_cannot_write_into_the_page():
    evil = expectation(consequence="warn", examples=[{"name": "<script>alert(1)</script>"}])
    page = render(report(expectations=[evil], warnings=["<b>bold</b>"]))
    assert "<script>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_repairs_are_shown_before_and_after():
    cells = [{"key": {"origin": "JFK"}, "raw": 13.1, "now": 55.58}]
    repair = {
        "source": "weather",
        "column": "temp",
        "when": "temp < 20",
        "set": "temp * 9 / 5 + 32",
        "because": "Entered in Celsius.",
        "cells": 1,
        "listed": cells,
    }
    page = render(report(repairs=[repair]))
    for shown in ("weather.temp: 1 cell<", "13.1", "55.58", "temp__raw", "Entered in Celsius."):
        assert shown in page


def test_rows_a_day_are_drawn_with_their_limits_and_each_day_says_its_figure():
    volume = {
        "source": "weather",
        "outcome": "failed",
        "severity": "stop",
        "sentence": "3 rows on 2013-03-14; 36 to 144 are usual",
        "figure": 3,
        "low": 36.0,
        "high": 144.0,
        "days": [["2013-03-12", 72], ["2013-03-13", 72], ["2013-03-14", 3]],
    }
    page = render(report(volume=[volume]))
    assert "<title>2013-03-14: 3 rows</title>" in page
    assert 'aria-label="Rows of weather by day: 3 rows on 2013-03-14' in page
    assert "not as usual" in page


def test_a_name_that_a_template_misses_is_an_error_and_never_a_blank():
    with pytest.raises(UndefinedError):
        render_page("validation.html.j2", title="x")


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "none"), (1234567, "1,234,567"), (0.76512, "0.7651"), (2.0, "2"), (1234.56, "1,234.6")],
)
def test_figures_read_as_a_person_writes_them(value, said):
    assert figure(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "none"), (0, "0%"), (1, "100%"), (0.0226, "2.26%"), (0.5, "50.0%"), (0.995, "99.50%")],
)
def test_a_few_are_told_from_none_and_nearly_all_from_all(value, said):
    assert share(value) == said


def test_moments_are_in_utc():
    assert moment("2013-07-01T04:00:00+00:00") == "2013-07-01 04:00 UTC"
