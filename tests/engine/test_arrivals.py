from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.definition.sources import FilesSource, Freshness, Volume
from tradewind.engine.arrivals import Arrivals, Check, arrivals, check_freshness, check_volume
from tradewind.engine.database import open_database
from tradewind.engine.delivered import prepare

AS_OF = datetime(2013, 7, 1, 4, tzinfo=UTC)
JUDGED = date(2013, 6, 30)


def came(*rows: int, newest: datetime | None = None, gap: timedelta = timedelta()) -> Arrivals:
    """Rows by day, the judged day last; a day with none is not counted."""
    days = {JUDGED - timedelta(days=n): count for n, count in enumerate(reversed(rows)) if count}
    return Arrivals(days=days, newest=newest, largest_gap=gap)


def volume(found: Arrivals, rule: Volume | None = None) -> Check:
    return check_volume("flights", found, rule=rule or Volume(), as_of=AS_OF)


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        pytest.param(49, "failed", id="below half the median"),
        pytest.param(50, "passed", id="half the median is enough"),
        pytest.param(200, "passed", id="twice the median is not too much"),
        pytest.param(201, "failed", id="above twice the median"),
        pytest.param(0, "failed", id="nothing at all"),
    ],
)
def test_a_day_is_held_against_the_median_of_the_days_before(rows, outcome):
    found = volume(came(*[100] * 7, rows))
    assert (found.outcome, found.figure, found.low, found.high) == (outcome, rows, 50, 200)
    assert found.days[-1] == ("2013-06-30", rows)


def test_six_days_of_history_judge_nothing():
    found = volume(came(*[100] * 6, 1))
    assert found.outcome == "not_applicable"
    assert found.sentence == "only 6 days of history; 7 are needed to judge 2013-06-30"


def test_the_day_of_the_as_of_moment_is_not_over_and_not_judged():
    whole = came(*[100] * 8)
    begun = Arrivals({**whole.days, AS_OF.date(): 1}, newest=None, largest_gap=timedelta())
    assert volume(begun) == volume(whole)


def test_days_without_rows_count_as_history():
    assert volume(came(100, 0, 100, 100, 0, 100, 100, 100)).low == 50
    assert volume(came(100, *[0] * 9, 100)).outcome == "not_applicable"


def test_a_sunday_without_rows_is_usual_where_no_sunday_has_any():
    week = [0, 100, 100, 100, 100, 100, 100]
    found = volume(came(100, *week * 4, 0))
    assert found.outcome == "not_applicable"
    assert "as on every Sunday lately" in found.sentence


def test_only_a_warning_of_a_source_named_so():
    rule = Volume(warn_only=["flights"])
    assert volume(came(*[100] * 7, 1), rule).severity == "warn"
    assert volume(came(*[100] * 7, 1)).severity == "stop"


@given(st.lists(st.integers(1, 10_000), min_size=7, max_size=28))
def test_a_day_like_the_median_always_passes(history):
    usual = sorted(history)[len(history) // 2]
    found = volume(came(*history, usual), Volume(at_least=0.5, at_most=2.0))
    # The upper of two middle days may lie beyond twice their mean: never by more than that.
    assert found.outcome == "passed" or found.figure > found.high


def freshness(hours: float, *, gap: timedelta = timedelta()) -> Check:
    found = came(1, newest=AS_OF - timedelta(hours=hours), gap=gap)
    return check_freshness("flights", found, rule=Freshness(at_most="2 days"), as_of=AS_OF)


@pytest.mark.parametrize(("hours", "outcome"), [(0, "passed"), (48, "passed"), (48.1, "failed")])
def test_the_newest_row_may_be_as_old_as_is_declared(hours, outcome):
    assert freshness(hours).outcome == outcome


def test_a_source_may_be_as_late_as_its_own_longest_gap():
    found = freshness(60, gap=timedelta(days=3))
    assert (found.outcome, found.high) == ("passed", 72)
    assert "its own longest gap" in found.sentence


def test_no_row_in_the_days_looked_at_is_late():
    found = check_freshness("flights", came(1), rule=Freshness(), as_of=AS_OF)
    assert found.outcome == "failed"


# ------------------------------------------------------------------------------------ known later


@pytest.fixture
def delivered_by():
    """What arrives of a source with six rows a day, told by when each becomes known."""

    def looked_at(known_at: str | None, *, without: str = "false") -> Arrivals:
        source = FilesSource.model_validate(
            {"kind": "files", "pattern": "x.csv", "key": ["ts"], "time_column": "ts"}
            | ({"known_at": known_at} if known_at else {})
        )
        with open_database(memory="200MB", threads=1) as connection:
            prepare(connection, as_of=AS_OF)
            connection.execute(
                f"CREATE TABLE delivered.readings AS FROM (SELECT unnest(generate_series("
                f"now() - INTERVAL 60 DAY, now(), INTERVAL 4 HOUR)) AS ts) "
                f"WHERE ({known_at or 'ts'}) <= now() AND NOT ({without})"
            )
            return arrivals(connection, "readings", source, as_of=AS_OF, days=28)

    return looked_at


@pytest.mark.parametrize(
    ("known_at", "judged"),
    [
        pytest.param(None, "2013-06-30", id="at once"),
        pytest.param("ts - INTERVAL 30 DAY", "2013-06-30", id="long before"),
        pytest.param("ts + INTERVAL 1 HOUR", "2013-06-30", id="an hour later"),
        pytest.param("ts + INTERVAL 13 HOUR", "2013-06-29", id="half a day later"),
        pytest.param("ts + INTERVAL 40 DAY", "2013-05-21", id="later than the days looked at"),
    ],
)
def test_a_declared_delay_moves_the_judged_day_and_is_no_lateness(delivered_by, known_at, judged):
    found = delivered_by(known_at)
    check = volume(found)
    assert (check.outcome, check.figure, check.days[-1][0]) == ("passed", 6, judged)
    late = check_freshness("flights", found, rule=Freshness(at_most="5 hours"), as_of=AS_OF)
    assert late.outcome == "passed"


def test_a_delay_of_some_rows_is_held_against_days_of_the_same_age(delivered_by):
    odd = "ts + to_days(CAST(hour(ts) % 8 = 4 AS INTEGER))"
    check = volume(delivered_by(odd), Volume(at_least=0.9))
    assert (check.outcome, check.figure, check.low) == ("passed", 4, pytest.approx(3.6))


def test_what_is_missing_behind_a_delay_is_missed(delivered_by):
    without = "ts BETWEEN now() - INTERVAL 60 HOUR AND now() - INTERVAL 13 HOUR"
    found = delivered_by("ts + INTERVAL 13 HOUR", without=without)
    assert volume(found).outcome == "failed"
    late = check_freshness("flights", found, rule=Freshness(at_most="1 day"), as_of=AS_OF)
    assert late.outcome == "failed"
    assert "13 hours of them until a row is known" in late.sentence
