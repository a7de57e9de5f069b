"""What the business signs must be about this model: its metrics, its columns, its nights."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.definition.agreement.file import one_of
from tradewind.definition.base import parse_duration
from tradewind.definition.governance import OF_DECISIONS
from tradewind.definition.learning import METRICS
from tradewind.definition.nightly import Watch
from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath

_INDICATORS = ("harm_review", "indicators")


def _accepted_metric_exists(file: File) -> Found:
    standard = METRICS.get(file.text("problem") or "", ())
    if standard:
        names = [*standard, *file.section("metrics", "own")]
        yield from one_of(file, ("acceptance", "metric"), names, "metric of this model")


def _indicators_look_at_columns(file: File) -> Found:
    protected = [name for _, name in file.names("features", "protected")]
    columns = [*file.section("features", "types"), *protected]
    for indicator in file.section(*_INDICATORS):
        for name in file.section(*_INDICATORS, indicator, "where"):
            if columns and name not in columns:
                path = (*_INDICATORS, indicator, "where", name)
                yield path, f"{name!r} is no feature or protected column{nearest(name, columns)}"


def _indicators_fit_the_problem(file: File) -> Found:
    if file.text("problem") != "regression":
        return
    for indicator in file.section(*_INDICATORS):
        metric = file.text(*_INDICATORS, indicator, "metric")
        if metric in OF_DECISIONS:
            said = f"a regression model decides nothing, and has no {metric}"
            yield (*_INDICATORS, indicator, "metric"), said


def _indicators_look_no_further_than_the_night(file: File) -> Found:
    watched = _length(file, "monitor", "performance", "window") or Watch().window
    for indicator in file.section(*_INDICATORS):
        path = (*_INDICATORS, indicator, "window")
        own = _length(file, *path)
        if own is not None and own > watched:
            said = (
                f"{file.text(*path)!r} is longer than the nights that are watched "
                f"(`monitor.performance.window`: {watched.days} days)"
            )
            yield path, said


def _length(file: File, *path: str | int) -> timedelta | None:
    """A duration, where a sound one is said."""
    place: KeyPath = path
    text = file.text(*place)
    try:
        found = parse_duration(text) if text is not None else None
    except ValueError:
        return None
    return found if isinstance(found, timedelta) else None


CHECKS: Checks = (
    _accepted_metric_exists,
    _indicators_look_at_columns,
    _indicators_fit_the_problem,
    _indicators_look_no_further_than_the_night,
)
