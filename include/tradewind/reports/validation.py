"""The page of a validation: what stops, what was set aside, what was repaired, and every figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.reports.drawing import daily_bars
from tradewind.reports.page import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

# What a reader is told of an expectation, and its colour, by what follows from it.
_MARKS = {
    "stop": ("stops the run", "bad"),
    "quarantine": ("rows set aside", "warn"),
    "warn": ("warning", "warn"),
    "none": ("met", "good"),
}
_URGENCY = ["stop", "quarantine", "warn"]
_ARRIVAL_MARKS = {
    "passed": ("as usual", "good"),
    "failed": ("not as usual", "bad"),
    "not_applicable": ("not judged", ""),
}


def render(report: Mapping[str, Any]) -> str:
    """One HTML page, whole in itself.

    Args:
        report: `report.json`, as the stage stored it.
    """
    expectations = [_marked(each) for each in report["expectations"]]
    sources = report["sources"]
    return render_page(
        "validation.html.j2",
        title=f"{report['model']}: validation",
        report=report,
        rows=sum(each["rows"] for each in sources.values()),
        repaired=sum(each["cells"] for each in report["repairs"]),
        set_aside=sum(each["set_aside"] for each in sources.values()),
        not_met=sorted(
            (each for each in expectations if each["consequence"] != "none"),
            key=lambda each: _URGENCY.index(each["consequence"]),
        ),
        met=[each for each in expectations if each["consequence"] == "none"],
        volume=[{**_arrival(each), "drawing": _drawing(each)} for each in report["volume"]],
        freshness=[_arrival(each) for each in report["freshness"]],
    )


def _marked(expectation: Mapping[str, Any]) -> dict[str, Any]:
    word, tone = _MARKS[expectation["consequence"]]
    if expectation["outcome"] == "error":
        word = "could not be computed"
    # A query has no name: what it is for tells more than its number.
    because, of_query = expectation["because"], expectation["sql"] is not None
    title = because if of_query and because else expectation["sentence"]
    return {**expectation, "word": word, "tone": tone, "title": title}


def _arrival(check: Mapping[str, Any]) -> dict[str, Any]:
    word, tone = _ARRIVAL_MARKS[check["outcome"]]
    if check["outcome"] == "failed" and check["severity"] == "warn":
        tone = "warn"
    return {**check, "word": word, "tone": tone}


def _drawing(check: Mapping[str, Any]) -> Markup | None:
    if not check["days"]:
        return None
    return daily_bars(
        [(day, count) for day, count in check["days"]],
        low=check["low"],
        high=check["high"],
        is_good=check["outcome"] == "passed",
        label=f"Rows of {check['source']} by day: {check['sentence']}",
    )
