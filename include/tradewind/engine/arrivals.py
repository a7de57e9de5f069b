"""Whether a source brings what it usually brings: its volume and freshness against its own past.

Days are UTC days. The last whole day before the as-of moment is held against the days before it;
the day of the as-of moment itself is not over yet and is never looked at. Where rows become known
some time after their event, all of this stands back by that time, and the days before are counted
as they were known at the age that the judged day has now.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from tradewind.engine.database import quoted
from tradewind.engine.delivered import delivered

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from tradewind.definition.sources import Freshness, Source, Volume

# Fewer days than these are no history to hold a day against.
HISTORY_DAYS = 7
_DAY = timedelta(days=1)
_WEEKLY = 2


@dataclass(frozen=True)
class Arrivals:
    """When a source's rows came, as far as it was known at the as-of moment.

    Attributes:
        days: Rows by UTC day, of days that have some and are over.
        newest: The last event not after the as-of moment; None where there is none.
        largest_gap: The longest time between two events in the days that are looked at.
        delay: The shortest time from an event until it was known, of what came to be known lately.
    """

    days: dict[date, int]
    newest: datetime | None
    largest_gap: timedelta
    delay: timedelta = timedelta()


@dataclass(frozen=True)
class Check:
    """What was found of a source's volume or freshness.

    Attributes:
        figure: Rows of the day; age of the newest row in hours.
        low: The least that is enough.
        high: The most that is not too much, or not too old.
        days: For the page: day and rows, oldest first, the judged day last.
    """

    source: str
    outcome: Literal["passed", "failed", "not_applicable"]
    severity: Literal["stop", "warn"]
    sentence: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None
    days: list[tuple[str, int]] | None = None

    def as_json(self) -> dict[str, Any]:
        """The check as the report stores it."""
        return asdict(self)


def arrivals(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, *, as_of: datetime, days: int
) -> Arrivals:
    """Count a delivered source's rows by day, and look at the gaps of its last days."""
    time, table = quoted(source.time_column or ""), delivered(name)
    known = f"({source.known_at or time}\n)"
    delay = _delay(connection, table, time=time, known=known, since=as_of - timedelta(days=days))
    settled = as_of - delay
    counted = connection.execute(
        f"SELECT CAST({time} AS DATE) AS day, count(*) FROM {table} "  # noqa: S608 -- quoted
        f"WHERE {time} < CAST($today AS TIMESTAMPTZ) "
        f"AND {known} <= CAST(CAST({time} AS DATE) AS TIMESTAMPTZ) + $age GROUP BY 1 ORDER BY 1",
        {"today": settled.date(), "age": as_of - _midnight(_judged(settled))},
    ).fetchall()
    newest, gap = connection.execute(
        f"SELECT max({time}), max(gap) FROM (SELECT {time}, {time} - lag({time}) OVER "  # noqa: S608 -- quoted
        f"(ORDER BY {time}) AS gap FROM (SELECT DISTINCT {time} FROM {table} "
        f"WHERE {time} <= $settled AND {time} >= $since))",
        {"settled": settled, "since": settled - timedelta(days=days)},
    ).fetchall()[0]
    return Arrivals(dict(counted), newest, largest_gap=gap or timedelta(), delay=delay)


def _delay(
    connection: duckdb.DuckDBPyConnection, table: str, *, time: str, known: str, since: datetime
) -> timedelta:
    # The shortest: rows that came later than others do, such as a history that was loaded at once,
    # would else make every day wait.
    [(microseconds,)] = connection.execute(
        f"SELECT min(epoch_us({known}::TIMESTAMPTZ) - epoch_us({time}::TIMESTAMPTZ)) "  # noqa: S608 -- quoted
        f"FROM {table} WHERE {known} > $since",
        {"since": since},
    ).fetchall()
    return max(timedelta(microseconds=microseconds or 0), timedelta())


def _judged(settled: datetime) -> date:
    return settled.date() - _DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock(), tzinfo=UTC)


def check_volume(source: str, found: Arrivals, *, rule: Volume, as_of: datetime) -> Check:
    """Hold the last whole day against the median of the days before it."""
    judged, severity = _judged(as_of - found.delay), _severity(rule, source)
    history = _history(found.days, before=judged, days=rule.days)
    if (why := _no_judgement(found.days, history, judged)) is not None:
        return Check(source, "not_applicable", severity, why)
    rows, usual = found.days.get(judged, 0), median(history.values())
    low, high = rule.at_least * usual, rule.at_most * usual
    return Check(
        source,
        "passed" if low <= rows <= high else "failed",
        severity,
        f"{rows:,} rows on {judged}; {low:,.0f} to {high:,.0f} are usual "
        f"(the median of {len(history)} days before is {usual:,.0f})",
        figure=rows,
        low=low,
        high=high,
        days=[(day.isoformat(), count) for day, count in {**history, judged: rows}.items()],
    )


def check_freshness(source: str, found: Arrivals, *, rule: Freshness, as_of: datetime) -> Check:
    """Hold the age of the newest row against the longest that is allowed, or usual."""
    limit, severity = max(rule.at_most, found.largest_gap), _severity(rule, source)
    why = "" if limit == rule.at_most else " (its own longest gap lately)"
    if found.delay:
        limit += found.delay
        why += f", {_words(found.delay)} of them until a row is known"
    if found.newest is None:
        sentence = f"no row in the days looked at; one not older than {_words(limit)} is expected"
        return Check(source, "failed", severity, sentence, high=_hours(limit))
    age = as_of - found.newest
    return Check(
        source,
        "passed" if age <= limit else "failed",
        severity,
        f"the newest row is of {found.newest:%Y-%m-%d %H:%M} UTC, {_words(age)} old; "
        f"at most {_words(limit)}{why}",
        figure=_hours(age),
        high=_hours(limit),
    )


def _severity(rule: Volume | Freshness, source: str) -> Literal["stop", "warn"]:
    return "warn" if source in rule.warn_only else rule.severity


def _history(counted: Mapping[date, int], *, before: date, days: int) -> dict[date, int]:
    """Rows of each day before, since the source's first; a day without rows counts as 0."""
    first = min(counted, default=before)
    past = (before - number * _DAY for number in range(days, 0, -1))
    return {day: counted.get(day, 0) for day in past if day >= first}


def _no_judgement(
    days: Mapping[date, int], history: Mapping[date, int], judged: date
) -> str | None:
    if len(history) < HISTORY_DAYS:
        return f"only {len(history)} days of history; {HISTORY_DAYS} are needed to judge {judged}"
    if not median(history.values()):
        return f"most of the {len(history)} days of history bring no row"
    same = [rows for day, rows in history.items() if day.weekday() == judged.weekday()]
    if judged not in days and len(same) >= _WEEKLY and not any(same):
        return f"no rows on {judged}, as on every {judged:%A} lately"
    return None


def _hours(span: timedelta) -> float:
    return round(span / timedelta(hours=1), 2)


def _words(span: timedelta) -> str:
    hours = _hours(span)
    value, unit = (hours / 24, "day") if hours >= 48 else (hours, "hour")  # noqa: PLR2004
    return f"{value:.3g} {unit}" + "s" * (f"{value:.3g}" != "1")
