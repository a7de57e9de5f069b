"""The words beside events: what was changed, taken away or put in there is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.test_chain import MARCH, found, ledger, run_sql, sentences, tamper, write
from tradewind.stores.events import WORDS_ERASED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.stores.ledger import Ledger

__all__ = ["ledger", "tamper"]

REFERENCE = "5b0d41c7a90e4f6c8d2e1b3a7f905c64"


def tell(ledger: Ledger, events: Any, kind: str = WORDS_ERASED) -> None:
    """Write an event that words were erased, whether they were or not."""
    ledger.append(
        model=None,
        kind=kind,
        as_of=MARCH,
        actor="eve",
        reason="erased",
        payload={"reference": REFERENCE, "events": events},
    )


def digests(dsn: str, event: int) -> list[str]:
    """Of the words beside an event, as an event says that they are erased."""
    (texts,) = run_sql(dsn, f"SELECT texts FROM words WHERE event_id = {event}")[0]
    return [commitment.removeprefix("words:") for commitment in texts]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("""replace(texts::text, 'because', 'for fun')::jsonb""", id="the text"),
        pytest.param("""jsonb_set(texts, ARRAY[one, '0'], '"00"')""", id="the salt"),
        pytest.param("""jsonb_set(texts, ARRAY[one], '"because"')""", id="no pair any more"),
        pytest.param("""jsonb_set(texts, ARRAY[one, '2'], '"because"')""", id="something more"),
        pytest.param("""jsonb_set(texts, ARRAY[one], 'null')""", id="nothing"),
    ],
)
def test_a_text_that_was_altered_is_found_and_named(
    ledger: Ledger, tamper: Callable[[str], None], change: str
) -> None:
    write(ledger, "a", "b", "c")
    tamper(
        f"UPDATE words SET texts = {change} FROM (SELECT jsonb_object_keys(texts) AS one"
        " FROM words WHERE event_id = 2) k WHERE event_id = 2;"
    )

    (finding,) = ledger.chain.verify().findings

    assert (finding.what, finding.event_id, finding.kind, finding.model) == ("altered", 2, "b", "m")
    assert finding.sentence.startswith("the words of event 2 (`b` of m, recorded at ")
    assert "are not what was written" in finding.sentence


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM words WHERE event_id = 2;",
        "UPDATE words SET texts = '{}' WHERE event_id = 2;",
        (
            "ALTER TABLE words DROP CONSTRAINT words_texts_check;"
            "UPDATE words SET texts = '[]' WHERE event_id = 2;"
        ),
    ],
    ids=["the row", "all texts", "no object"],
)
def test_words_that_are_gone_are_found_and_named(
    ledger: Ledger, tamper: Callable[[str], None], change: str
) -> None:
    write(ledger, "a", "b", "c", payload={"note": "and more"})
    tamper(change)

    (finding,) = ledger.chain.verify().findings

    assert (finding.what, finding.event_id, finding.kind) == ("missing", 2, "b")
    assert "are gone, or some of them, and no erasure says so" in finding.sentence


def test_words_that_no_event_has_are_found(ledger: Ledger, tamper: Callable[[str], None]) -> None:
    write(ledger, "a", "b")
    tamper(
        "UPDATE words SET texts = texts || (SELECT texts FROM words WHERE event_id = 1)"
        " WHERE event_id = 2;"
    )
    assert found(ledger) == [("added", 2)]
    assert "1 of the words of event 2" in sentences(ledger.chain.verify())


def test_words_that_changed_places_are_found(ledger: Ledger, tamper: Callable[[str], None]) -> None:
    write(ledger, "a", "b")
    tamper(
        "UPDATE words SET texts = (SELECT texts FROM words o WHERE o.event_id = 3 - w.event_id)"
        " FROM words w WHERE w.event_id = words.event_id;"
    )
    assert found(ledger) == [("added", 1), ("added", 2), ("missing", 1), ("missing", 2)]


def test_what_an_erasure_says_it_took_out_is_no_finding_and_is_counted(
    ledger: Ledger, ledger_dsn: str
) -> None:
    write(ledger, "a", "b", payload={"note": "and more"})
    taken = {"1": digests(ledger_dsn, 1), "2": digests(ledger_dsn, 2)[:1]}
    run_sql(ledger_dsn, "UPDATE words SET texts = '{}' WHERE event_id = 1")
    run_sql(
        ledger_dsn,
        f"UPDATE words SET texts = texts - 'words:{taken['2'][0]}' WHERE event_id = 2",
    )
    tell(ledger, taken)

    whole = ledger.chain.verify()

    assert (whole.findings, whole.erased, whole.erasures) == ([], 3, 1)
    run_sql(ledger_dsn, "UPDATE words SET texts = '{}' WHERE event_id = 2")
    assert found(ledger) == [("missing", 2)]


def test_an_erasure_that_came_before_explains_nothing(ledger: Ledger, ledger_dsn: str) -> None:
    write(ledger, "a")
    before = digests(ledger_dsn, 1)
    tell(ledger, {"2": before})
    write(ledger, "b")
    run_sql(ledger_dsn, "UPDATE words SET texts = '{}' WHERE event_id = 3")
    assert found(ledger) == [("missing", 3)]


def test_an_event_of_another_kind_explains_nothing(ledger: Ledger, ledger_dsn: str) -> None:
    write(ledger, "a")
    gone = digests(ledger_dsn, 1)
    run_sql(ledger_dsn, "UPDATE words SET texts = '{}' WHERE event_id = 1")
    tell(ledger, {"1": gone}, kind="note")
    assert found(ledger) == [("missing", 1)]


def test_an_erasure_whose_event_was_altered_explains_nothing(
    ledger: Ledger, ledger_dsn: str, tamper: Callable[[str], None]
) -> None:
    write(ledger, "a", "b")
    tell(ledger, {"1": digests(ledger_dsn, 1)})
    also = digests(ledger_dsn, 2)[0]
    tamper(
        "UPDATE words SET texts = '{}' WHERE event_id < 3;"
        f"UPDATE events SET payload = jsonb_set(payload, '{{events,2}}', '[\"{also}\"]')"
        " WHERE id = 3;"
    )
    assert sorted(found(ledger)) == [("altered", 3), ("missing", 1), ("missing", 2)]


@pytest.mark.parametrize("events", [None, [], {"1": None}, {"1": [{"a": 1}, 7]}, "x"])
def test_what_is_written_as_an_erasure_and_is_none_stops_no_walk(
    ledger: Ledger, events: Any
) -> None:
    write(ledger, "a")
    tell(ledger, events)
    assert ledger.chain.verify().findings == []


def test_the_processes_may_take_words_out_and_the_planner_remembers_none(
    ledger: Ledger, ledger_dsn: str, ledger_owner_dsn: str
) -> None:
    write(ledger, *"abcdefgh", reason="Zq-ann-4711 has complained")
    run_sql(ledger_owner_dsn, "ANALYZE words")
    remembered = run_sql(ledger_owner_dsn, "SELECT attname FROM pg_stats WHERE tablename = 'words'")
    assert remembered == [("event_id",)]
    run_sql(ledger_dsn, "DELETE FROM words")
    assert {event.reason for event in ledger.events()} == {"(erased)"}
