"""Texts of events that hold something of a subject are taken out whole, once, and said to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.test_chain import run_sql
from tradewind.erasure import ErasureOrder
from tradewind.records import Identity
from tradewind.stores.elsewhere import erase, erase_words, search
from tradewind.stores.erasures import words_erased
from tradewind.stores.events import WORDS_ERASED
from tradewind.stores.needles import Needles
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.settings import Settings

KEY, OTHER = "Q-80001", "Q-800012"
NEEDLES = Needles([KEY])
MARCH = datetime(2013, 3, 1, 5, tzinfo=UTC)
REFERENCE = "5b0d41c7a90e4f6c8d2e1b3a7f905c64"
ORDER = ErasureOrder(
    reference=REFERENCE,
    reason="request 118",
    actor="ann",
    by=Identity(kind="shell", name="ann"),
    run_id="forget/1",
)


@pytest.fixture
def stores(home: Settings, ledger_dsn: str) -> Stores:
    return Stores.open(home)


def write(stores: Stores, reason: str, **payload: Any) -> None:
    told = {"model": "m", "kind": "note", "as_of": MARCH, "actor": "rita"}
    stores.ledger.append(**told, reason=reason, payload=payload)


def test_a_text_goes_whole_and_others_of_the_event_stay(stores: Stores) -> None:
    write(stores, f"{OTHER} called", note=f"it is {KEY}, or '{KEY}'", lines=["one", KEY])
    write(stores, f"{OTHER} called", note="nobody")

    assert erase_words(stores.settings, NEEDLES, ORDER) == 2

    first, second, told = stores.ledger.events()
    assert first.reason == f"{OTHER} called"
    assert first.payload == {"note": "(erased)", "lines": ["one", "(erased)"]}
    assert (second.reason, second.payload) == (f"{OTHER} called", {"note": "nobody"})
    assert (told.kind, told.actor, told.model) == (WORDS_ERASED, "ann", None)
    assert REFERENCE in told.reason
    assert {event: len(some) for event, some in told.payload["events"].items()} == {"1": 2}
    assert search(stores, [KEY]) == []
    whole = stores.ledger.chain.verify()
    assert (whole.findings, whole.erased, whole.erasures) == ([], 2, 1)


def test_a_second_time_changes_and_says_nothing_and_the_counts_of_all_are_kept(
    stores: Stores,
) -> None:
    write(stores, f"{KEY} called")
    assert erase_words(stores.settings, NEEDLES, ORDER) == 1
    before = stores.ledger.events()
    assert erase_words(stores.settings, NEEDLES, ORDER) == 0
    assert stores.ledger.events() == before

    write(stores, f"{KEY} called once more")
    assert erase_words(stores.settings, NEEDLES, ORDER) == 1
    assert words_erased(stores.ledger, REFERENCE) == 2
    assert words_erased(stores.ledger, "0" * 32) == 0
    whole = stores.ledger.chain.verify()
    assert (whole.findings, whole.erased, whole.erasures) == ([], 2, 1)


def test_more_events_than_are_read_at_once_lose_their_words(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewind.stores.elsewhere.event_words._AT_ONCE", 2)
    for number in range(5):
        write(stores, f"{KEY} called" if number % 2 == 0 else "nobody did")
    assert erase_words(stores.settings, NEEDLES, ORDER) == 3
    told = [event.reason for event in stores.ledger.events(kind="note")]
    assert told == ["(erased)", "nobody did"] * 2 + ["(erased)"]


@pytest.mark.parametrize("pair", [f'["{KEY}", "x"]', f'"{KEY}"', f'{{"{KEY}": 1}}'])
def test_what_was_put_into_the_place_of_a_text_goes_too(
    stores: Stores, ledger_dsn: str, pair: str
) -> None:
    write(stores, "nobody called")
    run_sql(
        ledger_dsn,
        f"UPDATE words SET texts = jsonb_build_object(one, '{pair}'::jsonb)"
        " FROM (SELECT jsonb_object_keys(texts) AS one FROM words) k",
    )
    assert erase_words(stores.settings, NEEDLES, ORDER) == 1
    assert search(stores, [KEY]) == []


def test_where_there_are_no_words_nothing_is_said(stores: Stores) -> None:
    assert erase_words(stores.settings, NEEDLES, ORDER) == 0
    assert stores.ledger.events() == []


def test_the_search_of_databases_finds_words_and_never_changes_one_in_its_place(
    stores: Stores,
) -> None:
    write(stores, f"{KEY} called")
    (found,) = search(stores, [KEY])
    assert found.place.endswith("public.words.texts")

    (kept,) = [one for one in erase(stores, [KEY]) if one.place == found.place]

    assert "a text of an event goes as a whole" in kept.kept
    assert stores.ledger.events()[0].reason == f"{KEY} called"
    erase_words(stores.settings, NEEDLES, ORDER)
    assert search(stores, [KEY]) == []
    assert stores.ledger.chain.verify().findings == []


def test_what_was_written_plainly_before_stays_and_is_named(
    stores: Stores, ledger_dsn: str
) -> None:
    run_sql(
        ledger_dsn,
        "INSERT INTO events (as_of, kind, actor, reason, payload)"
        f" VALUES (now(), 'a', 'ann', '{KEY} called', '{{}}')",
    )
    assert erase_words(stores.settings, NEEDLES, ORDER) == 0
    (kept,) = erase(stores, [KEY])
    assert (kept.place.endswith("public.events.reason"), kept.count) == (True, 1)
    assert "for adding to only" in kept.kept


def test_a_key_is_found_however_the_text_around_it_is_stored(stores: Stores) -> None:
    write(stores, f"one called, Q\n{KEY}")
    write(stores, f'{OTHER}\t"{KEY}"')
    assert erase_words(stores.settings, NEEDLES, ORDER) == 2
