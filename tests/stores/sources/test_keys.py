"""Patterns of keys."""

from __future__ import annotations

from datetime import date

import pytest

from tradewind.errors import UnreadableFileError
from tradewind.stores.sources.keys import KeyPattern

JULY = date(2013, 7, 1)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("flights/{date}.csv", "flights/2013-07-01.csv"),
        ("f/{year}/{month}/{day}/*.parquet", "f/2013/07/01/part-0.parquet"),
        ("f/{year}/{year}-{month}-{day}.csv", "f/2013/2013-07-01.csv"),
        ("{date}/a+b.csv.gz", "2013-07-01/a+b.csv.gz"),
    ],
)
def test_a_key_tells_its_day(pattern: str, key: str) -> None:
    assert KeyPattern(pattern).match(key) == (JULY,)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("flights/{date}.csv", "flights/2013-07-01.csv.tmp"),
        ("flights/{date}.csv", "flights/2013-7-1.csv"),
        ("f/*.csv", "f/deep/a.csv"),
        ("f.csv", "fxcsv"),
        ("f/{year}/{year}-{month}-{day}.csv", "f/2012/2013-07-01.csv"),
    ],
)
def test_other_keys_do_not_match(pattern: str, key: str) -> None:
    assert KeyPattern(pattern).match(key) is None


def test_a_pattern_without_a_day_matches_without_one() -> None:
    pattern = KeyPattern("planes/*.csv")

    assert pattern.match("planes/a.csv") == (None,)
    assert not pattern.dated


def test_the_prefix_ends_where_the_first_placeholder_begins() -> None:
    prefixes = [KeyPattern(p).prefix for p in ("a/b-{date}.csv", "a/*/{date}.csv", "a/b.csv")]

    assert prefixes == ["a/b-", "a/", "a/b.csv"]


def test_a_day_that_the_calendar_does_not_have_is_an_error() -> None:
    with pytest.raises(UnreadableFileError, match=r"f/2013-02-30.csv: 2013-02-30 is no day"):
        KeyPattern("f/{date}.csv").match("f/2013-02-30.csv")
