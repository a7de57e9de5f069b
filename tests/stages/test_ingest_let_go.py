"""A run that needs a day whose rows were let go of reads it anew, or stops and says so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.stages.ingesting import Shelf, july, night
from tests.stages.snapshots import admitted
from tradewind.errors import LakeError
from tradewind.stages.ingest import ingest_night

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

HEADER = "id,sold_at,amount\n"
WHEN = datetime.fromisoformat("2013-09-01T00:00:00Z")
WHY = "retention: m keeps raw parts of its source for 30 days"


@pytest.fixture
def shelf(
    tmp_path: Path, shared_ledger: None, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> Shelf:
    """Three days that were seen, of which the lake let go of the first."""
    monkeypatch.setenv("TRADEWIND_FILES", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    top = tmp_path.name
    spec = {"pattern": f"{top}/{{date}}.csv", "key": ["id"], "time_column": "sold_at"}
    shelf = Shelf({**spec, "kind": "files"}, folder=tmp_path / "files", top=top)
    for day in (1, 2, 3):
        deliver(shelf, day)
    shelf.ingest(night(4))
    [first] = [part.uri for part in shelf.observed(night(4)) if part.day == july(1)]
    shelf.stores.lake.replace(first, None, why=WHY, at=WHEN)
    return shelf


def deliver(shelf: Shelf, day: int, amount: float = 1.5) -> None:
    shelf.put(f"2013-07-{day:02}.csv", f"{HEADER}{day},2013-07-{day:02}T12:00:00Z,{amount}\n")


def let_go(what: str) -> str:
    return (
        rf"2013-07-01: the 1 rows that were there .* were let go of by {WHY}, on 2013-09-01; {what}"
        ".*read anew, or shorten the window"
    )


def test_what_the_source_still_has_is_read_anew(shelf: Shelf) -> None:
    snapshot = shelf.ingest(night(4))
    assert (snapshot.read, snapshot.rows) == (1, {"sales": 3})


def test_a_day_that_the_source_has_no_more_is_not_skipped(shelf: Shelf) -> None:
    shelf.remove("2013-07-01.csv")
    with pytest.raises(LakeError, match=let_go("the source has none of that day any more")):
        shelf.ingest(night(4))


def test_nor_is_one_between_others(shelf: Shelf) -> None:
    shelf.remove("2013-07-01.csv")
    shelf.train = {"window": {"start": july(1), "history": "3 days"}}
    deliver(shelf, 4)
    with pytest.raises(LakeError, match=let_go("the source has none of that day any more")):
        shelf.ingest(night(5))


def test_a_shorter_window_needs_it_no_more(shelf: Shelf) -> None:
    shelf.remove("2013-07-01.csv")
    shelf.train = {"window": {"start": july(3), "history": "1 day"}}
    assert shelf.ingest(night(4)).rows == {"sales": 2}


def test_a_night_of_before_does_not_see_what_was_delivered_since(shelf: Shelf) -> None:
    deliver(shelf, 4)
    shelf.ingest(night(5))
    [first] = [part.uri for part in shelf.observed(night(5)) if part.day == july(1)]
    shelf.stores.lake.replace(first, None, why=WHY, at=WHEN)
    deliver(shelf, 1, amount=99.0)
    with pytest.raises(LakeError, match=let_go("the source has others by now")):
        shelf.ingest(night(4))


def test_a_night_without_the_source_says_so_too(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRADEWIND_FILES", str(tmp_path / "away"))
    run = shelf._frozen
    with pytest.raises(LakeError, match=let_go("the source cannot be had tonight")):
        ingest_night(admitted(run, night(4)), run, stores=shelf.stores)
