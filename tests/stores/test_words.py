"""The words of events: in no event, beside it, and in place for whoever reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.stores.test_chain import run_sql
from tradewind.errors import LeaseLostError
from tradewind.stores.ledger import Ledger
from tradewind.stores.words import TOLD_IN, commitments, is_kept, put_aside, put_back

if TYPE_CHECKING:
    from collections.abc import Iterator

MARCH = datetime(2013, 3, 1, 5, tzinfo=UTC)
LIKE_ONE = f"words:{'0' * 64}"
# PostgreSQL takes neither the zero byte nor half a character.
SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(SIGNS) | st.sampled_from([LIKE_ONE, f'"{LIKE_ONE}"', f'a"{LIKE_ONE}'])
FIELDS = st.text(SIGNS) | st.sampled_from([*sorted(TOLD_IN), LIKE_ONE, "run_id"])
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9, allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(FIELDS, VALUES, max_size=4)


@pytest.fixture
def ledger(ledger_dsn: str) -> Ledger:
    return Ledger(ledger_dsn)


def write(ledger: Ledger, reason: str, payload: dict[str, Any]) -> Any:
    return ledger.append(
        model="m", kind="note", as_of=MARCH, actor="ann", reason=reason, payload=payload
    )


def texts_in(value: Any, field: str = "") -> Iterator[tuple[bool, str]]:
    """Every text of a value, names of fields apart; and whether it is words of people."""
    if isinstance(value, str):
        yield field in TOLD_IN or any(map(str.isspace, value)), value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from texts_in(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one, field)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(reason=TEXTS, payload=PAYLOADS)
@example(reason=LIKE_ONE, payload={"a": LIKE_ONE, LIKE_ONE: [LIKE_ONE, {"note": ""}]})
@example(reason="a", payload={"a": f'a"{LIKE_ONE}', "b": "words:", "c": f"{LIKE_ONE}0"})
@example(reason="", payload={"note": "Zq-1", "lines": ["a b", ["c"]], "a": {"run_id": "d e"}})
def test_an_event_reads_as_it_was_told_and_its_row_holds_no_word_of_it(
    ledger: Ledger, ledger_dsn: str, reason: str, payload: dict[str, Any]
) -> None:
    written = write(ledger, reason, payload)

    (read,) = ledger.events(after=written.id - 1)
    row, stored = run_sql(
        ledger_dsn, f"SELECT reason, payload FROM events WHERE id = {written.id}"
    )[0]
    beside = run_sql(ledger_dsn, f"SELECT texts FROM words WHERE event_id = {written.id}")[0][0]

    assert read == written
    assert (read.reason, read.payload) == (reason, payload)
    words = [reason, *(text for is_words, text in texts_in(payload) if is_words)]
    plain = {text for is_words, text in texts_in(payload) if not is_words}
    assert row != reason
    assert not ({*words} - plain) & {row, *(text for _, text in texts_in(stored))}
    assert {*commitments(row, json.dumps(stored, ensure_ascii=False))} == {*beside}
    assert all(is_kept(one, pair) for one, pair in beside.items())
    assert len(beside) == len(words) + [text for _, text in texts_in(payload)].count(LIKE_ONE) - (
        words[1:].count(LIKE_ONE)
    )


def test_what_is_decided_by_stays_in_the_event() -> None:
    plain = {
        "digest": "ab12", "uri": "s3://lake/a%20b", "at": "2013-03-01T05:00:00Z", "version": 3,
        "a name of a field": {"run_id": "train/1"},
    }  # fmt: skip
    assert put_aside("why", plain)[1] == plain


def test_the_same_text_has_another_commitment_each_time() -> None:
    first, again = (put_aside("why", {"note": "why"}) for _ in range(2))
    made = [first[0], first[1]["note"], again[0], again[1]["note"]]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("beside", [None, {}, [], "x", {"other": ["salt", "text"]}])
def test_a_text_that_is_no_longer_there_reads_erased(beside: Any) -> None:
    reason, payload, _ = put_aside("why", {"a": [{"note": "once"}], "b": "c"})
    told = {"a": [{"note": "(erased)"}], "b": "c"}
    assert put_back(reason, payload, beside) == ("(erased)", told)


@pytest.mark.parametrize(
    "pair",
    [
        *("text", ["salt"], [], None, ["salt", 7], ["a", "b", "c"]),
        *(["0" * 32, 7], [["0"] * 32, "text"], ["0" * 31, "text"]),
    ],
)
def test_what_was_altered_into_something_else_stops_no_reader(pair: Any) -> None:
    reason, payload, _ = put_aside("why", {})
    assert put_back(reason, payload, {reason: pair}) == ("(erased)", {})
    assert not is_kept(reason, pair)


def test_a_text_that_lends_its_beginning_to_the_salt_is_another() -> None:
    reason, _, texts = put_aside("not guilty", {})
    salt, text = texts[reason]
    assert is_kept(reason, [salt, text])
    assert not is_kept(reason, [f"{salt}not ", "guilty"])
    assert not is_kept(reason, [salt[:-1], salt[-1] + text])


def test_whoever_lost_a_lease_is_told_in_the_words_of_whoever_broke_it(ledger: Ledger) -> None:
    hour = timedelta(hours=1)
    ledger.acquire_lease("m", holder="r", ttl=hour, as_of=MARCH, actor="a", reason="nightly")
    ledger.break_lease("m", actor="ann", reason="it hung for hours")
    with pytest.raises(LeaseLostError, match=r"ann broke it at .*: it hung for hours"):
        ledger.renew_lease("m", holder="r", fencing_token=1, ttl=hour)


def test_projections_made_anew_hold_the_words(ledger: Ledger, ledger_dsn: str) -> None:
    ledger.acquire_lease(
        "m", holder="r", ttl=timedelta(hours=1), as_of=MARCH, actor="a", reason="nightly run"
    )
    told = "SELECT holder, fencing_token, acquired_at, expires_at, released_at FROM leases"
    before = run_sql(ledger_dsn, told)
    ledger.rebuild_projections()
    assert run_sql(ledger_dsn, told) == before
