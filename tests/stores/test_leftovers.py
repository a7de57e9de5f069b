"""What is left of killed processes, and models that nobody loads any more, go by age and size."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tradewind.stores import leftovers
from tradewind.stores.leftovers import lake_files, old_cached, old_drafts, remove

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def lay(path: Path, *, age: timedelta, size: int = 10) -> Path:
    """A file that was written and read so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))
    return path


def cached(home: Settings, name: str, *, age: timedelta, size: int = 10) -> Path:
    return lay(home.home / "models" / name / "digest" / "model.skops", age=age, size=size)


def names(home: Settings, *needed: str) -> list[str]:
    return [found.path.rpartition("/")[2] for found in old_cached(home, needed, now=NOW)]


def test_the_lake_is_weighed_file_by_file(home: Settings) -> None:
    lay(home.home / "lake" / "features" / "a.parquet", age=DAY, size=7)
    [found] = lake_files(home).values()
    assert (found.path, found.bytes, found.at) == ("features/a.parquet", 7, NOW - DAY)


@pytest.mark.parametrize(
    ("age", "left"), [(DAY, False), (DAY + timedelta(seconds=1), True)], ids=["a day", "older"]
)
def test_an_unfinished_file_is_left_over_after_a_day(
    home: Settings, age: timedelta, *, left: bool
) -> None:
    in_lake = lay(home.home / "lake" / ".drafts" / "1-a", age=age)
    in_cache = lay(home.home / "models" / ".draft-b" / "model.skops", age=age)
    lay(home.home / "lake" / "features" / "a.parquet", age=100 * DAY)
    found = old_drafts(lake_files(home).values(), home, now=NOW)
    assert len(found) == (2 if left else 0)
    for one in found:
        remove(one, home)
        remove(one, home)
    assert in_lake.exists() == in_cache.exists() == (not left)


def test_a_cached_model_goes_that_nobody_loaded_for_a_month_unless_it_is_needed(
    home: Settings,
) -> None:
    cached(home, "m-used", age=29 * DAY)
    cached(home, "m-old", age=31 * DAY)
    cached(home, "m-champion", age=300 * DAY)
    assert names(home, "models:/m-champion") == ["m-old"]


def test_of_too_much_the_models_go_that_were_loaded_longest_ago(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "CACHE_BYTES", 25)
    for number in (1, 2, 3, 4):
        cached(home, f"m-{number}", age=number * DAY)
    assert names(home) == ["m-4", "m-3"]
    assert names(home, "models:/m-4") == ["m-3", "m-2"]
