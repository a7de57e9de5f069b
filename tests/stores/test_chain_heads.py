"""Heads of the chain outside the database: what they find, and what becomes of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.stores.test_chain import ANEW, run_sql, sentences, tamper, write
from tradewind.errors import LakeUnavailableError, RequestError
from tradewind.records import Head
from tradewind.settings import load_settings
from tradewind.stores.chain_heads import (
    FOLDER,
    disagreement,
    keep,
    newest,
    parse,
    path_of,
    to_tell,
    verify,
)
from tradewind.stores.lake import Lake
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradewind.settings import Settings

__all__ = ["tamper"]

REWRITE = "UPDATE events SET reason = 'other' WHERE id = 1;" + ANEW


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


@pytest.fixture(params=["folder", "bucket"])
def lake(request: pytest.FixtureRequest, home: Settings, monkeypatch: pytest.MonkeyPatch) -> Lake:
    if request.param == "bucket":
        s3 = request.getfixturevalue("s3")
        monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LAKE", s3.connection)
        monkeypatch.setenv("TRADEWIND_LAKE", f"s3://{s3.name}/deep/lake")
    return Lake.open(load_settings())


@pytest.fixture
def folder(home: Settings) -> Lake:
    return Lake.open(home)


def file_of(home: Settings, head: Head) -> Path:
    return home.home / "lake" / path_of(head.position)


def kept(ledger: Ledger, lake: Lake) -> Head:
    head = keep(ledger, lake)
    assert head is not None
    return head


def test_the_newest_entry_is_kept_once_and_noted(ledger: Ledger, lake: Lake) -> None:
    assert keep(ledger, lake) is None
    assert newest(lake) is None
    write(ledger, "a", "b")
    now = ledger.chain.head()

    head = kept(ledger, lake)

    assert head == now == newest(lake)
    assert lake.list(FOLDER) == ["audit/heads/000000000002.json"]
    assert Head.model_validate(lake.read_json(path_of(2))) == head
    (note,) = ledger.events(kind="head_kept")
    assert note.payload == {**head.model_dump(mode="json"), "path": path_of(2)}
    assert keep(ledger, lake) == head
    assert len(ledger.events()) == 3
    assert disagreement(ledger, lake) is None
    whole = verify(ledger, lake)
    assert (whole.findings, whole.agreeing, whole.held) == ([], 1, head)


def test_what_is_written_later_is_kept_beside_it(ledger: Ledger, folder: Lake) -> None:
    write(ledger, "a")
    kept(ledger, folder)
    write(ledger, *["b"] * 10)

    head = kept(ledger, folder)

    assert (head.position, newest(folder)) == (12, head)
    whole = verify(ledger, folder)
    assert (whole.findings, whole.agreeing, whole.held) == ([], 2, head)


def test_a_chain_written_anew_from_end_to_end_is_found_and_no_newer_head_covers_it(
    ledger: Ledger, lake: Lake, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b")
    head = kept(ledger, lake)
    tamper(REWRITE)

    assert ledger.chain.verify().findings == []
    said = disagreement(ledger, lake)
    assert said is not None
    assert f"was kept in the lake as {head.hash[:12]}…, for event 2 of " in said
    found = verify(ledger, lake)
    assert [(one.what, one.event_id) for one in found.findings] == [("rewritten", 2)]
    assert "somewhere from entry 1 on" in sentences(found)
    write(ledger, "c")
    assert keep(ledger, lake) is None
    assert newest(lake) == head


def test_the_last_events_that_are_gone_are_found(
    ledger: Ledger, folder: Lake, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b", "c")
    kept(ledger, folder)
    tamper("DELETE FROM events WHERE id > 1; DELETE FROM chain WHERE position > 1;")

    assert "the chain has no such entry now" in str(disagreement(ledger, folder))
    found = verify(ledger, folder)
    assert [(one.what, one.event_id) for one in found.findings] == [("missing", 3)]


def test_a_chain_of_which_nothing_is_left_is_found(
    ledger: Ledger, folder: Lake, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a")
    kept(ledger, folder)
    tamper("DELETE FROM events; DELETE FROM chain;")
    assert [one.what for one in verify(ledger, folder).findings] == ["missing"]


def test_a_head_that_was_deleted_is_found_by_the_event_that_kept_it(
    ledger: Ledger, folder: Lake, home: Settings
) -> None:
    write(ledger, "a")
    head = kept(ledger, folder)
    file_of(home, head).unlink()

    (finding,) = verify(ledger, folder).findings

    assert (finding.what, finding.kind) == ("head", "head_kept")
    assert finding.sentence.endswith("audit/heads/000000000001.json is gone from the lake")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{}", id="no head"),
        pytest.param("not even JSON", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param(
            json.dumps({"position": 7, "event_id": 1, "at": "2013-01-01T00:00Z", "hash": "0" * 64}),
            id="of another entry",
        ),
        pytest.param(
            json.dumps({"position": 1, "event_id": 1, "at": "2013-01-01T00:00Z", "hash": "0"}),
            id="no hash",
        ),
    ],
)
def test_a_head_that_cannot_be_read_any_more_is_found(
    ledger: Ledger, folder: Lake, home: Settings, content: str
) -> None:
    write(ledger, "a")
    head = kept(ledger, folder)
    file_of(home, head).write_text(content)

    (finding,) = verify(ledger, folder).findings

    assert finding.what == "head"
    assert "audit/heads/000000000001.json" in finding.sentence
    assert disagreement(ledger, folder) is not None
    assert keep(ledger, folder) is None


def test_a_head_whose_hash_was_altered_is_found(
    ledger: Ledger, folder: Lake, home: Settings
) -> None:
    write(ledger, "a")
    head = kept(ledger, folder)
    file_of(home, head).write_text(head.model_copy(update={"hash": "0" * 64}).model_dump_json())

    (finding,) = verify(ledger, folder).findings

    assert finding.what == "rewritten"
    assert "or what was kept was altered" in finding.sentence


def test_a_lake_that_does_not_answer_keeps_no_run_from_its_end(
    ledger: Ledger, folder: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*_: object) -> None:
        raise LakeUnavailableError("the lake is down")

    write(ledger, "a")
    monkeypatch.setattr(folder, "list", down)

    assert keep(ledger, folder) is None

    assert "no head of the ledger's chain is kept: the lake is down" in caplog.text
    with pytest.raises(LakeUnavailableError):
        verify(ledger, folder)


def test_people_are_told_once_a_day_and_model(ledger: Ledger, ledger_owner_dsn: str) -> None:
    write(ledger, "a")
    head = ledger.chain.head()
    assert head is not None
    assert to_tell(model="m", ledger=ledger)
    ledger.chain.note_told(head, model="m")
    assert not to_tell(model="m", ledger=ledger)
    assert to_tell(model="n", ledger=ledger)
    # A day later: as the table's owner may, who may choose the time of a row that he writes.
    run_sql(
        ledger_owner_dsn,
        "INSERT INTO events (recorded_at, as_of, model, kind, actor, reason, payload)"
        " VALUES (now() - interval '1 day', now(), 'm', 'head_told', 'a', 'a', '{}')",
    )
    assert to_tell(model="m", ledger=ledger)


def test_what_people_kept_is_read_back() -> None:
    first, second, third = ("a" * 64, "b" * 64, "c" * 64)
    head = Head.model_validate(
        {"position": 1, "event_id": 1, "at": "2013-01-01T00:00Z", "hash": third}
    )
    text = "\n".join(
        [
            first,
            f"2013-01-01 INFO m: keep this: entry 2 of the ledger's chain: {second}",
            json.dumps({"model": "m", "head": head.model_dump(mode="json")}),
            json.dumps({"model": "m", "key": "contract:unit", "state": "open"}),
            head.model_dump_json(),
            "",
        ]
    )
    assert parse(text, where="a file") == ([head, head], [first, second])
    with pytest.raises(RequestError, match="a file: there is no head in it"):
        parse("abc\n{}\n", where="a file")


def test_heads_of_both_kinds_are_held_against_one_entry(
    ledger: Ledger, folder: Lake, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a")
    head = kept(ledger, folder)
    early = head.model_copy(update={"at": head.at - timedelta(days=1)})
    assert verify(ledger, folder, heads=[early], hashes=[head.hash]).agreeing == 3
    tamper(REWRITE)
    found = verify(ledger, folder, heads=[early], hashes=[head.hash])
    assert [one.what for one in found.findings] == ["rewritten"] * 3
