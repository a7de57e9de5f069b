"""Texts are found however they were written down, and only as words of their own."""

from __future__ import annotations

import csv
import html
import io
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stores.elsewhere.changing import UnchangeableError, changed, changed_text
from tradewind.stores.elsewhere.contents import places
from tradewind.stores.marks import ERASED
from tradewind.stores.needles import Needles

if TYPE_CHECKING:
    from collections.abc import Callable

# What people's names, addresses and keys are made of, and what SQL, JSON, HTML and shells mind.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("abc019 '\"\\%_éß漢🙂<>&/{}[]:,;.\n\t-"),
        st.characters(exclude_categories=["Cs", "Cc"]),
    ),
    min_size=4,
    max_size=20,
).map(lambda text: f"Z{text}9")


def as_csv(text: str) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([text, "other"])
    return written.getvalue()


WRITERS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: f"customer {text} came",
    "JSON": lambda text: json.dumps({"a": text}),
    "JSON as it reads": lambda text: json.dumps({"a": text}, ensure_ascii=False),
    "a key of JSON": lambda text: json.dumps({text: 1.50}),
    "JSON in JSON": lambda text: json.dumps({"body": json.dumps([text])}),
    "JSON in JSON in JSON": lambda text: json.dumps([json.dumps([json.dumps([text])])]),
    "Python": lambda text: repr([text]),
    "Python in ASCII": lambda text: ascii({"a": text}),
    "HTML": lambda text: f'<td title="{html.escape(text)}">',
    "HTML between tags": lambda text: f"<td>{html.escape(text, quote=False)}</td>",
    "an address": lambda text: f"GET /customers/{quote(text, safe='')}/orders",
    "a query": lambda text: f"GET /customers?{urlencode({'who': text})}",
    "a query with pluses": lambda text: f"?who={quote_plus(text)}&what=1",
    "CSV": as_csv,
}


@pytest.mark.parametrize("writer", WRITERS)
@given(text=TEXTS)
def test_a_text_is_found_and_taken_out_however_it_was_written(writer: str, text: str) -> None:
    needles = Needles([text])
    written = WRITERS[writer](text)

    assert needles.spans(written.encode())
    left = changed_text(written, needles)

    assert not needles.spans(left.encode())
    assert ERASED in left
    if writer.startswith(("JSON", "a key")):
        json.loads(left)


@given(text=TEXTS, encoding=st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le"]))
def test_a_text_of_wide_characters_is_found(text: str, encoding: str) -> None:
    assert Needles([text]).spans(f"({text})".encode(encoding))


@pytest.mark.parametrize(
    ("around", "stands"),
    [
        pytest.param("{}", True, id="the whole"),
        pytest.param("{}1", False, id="a longer number"),
        pytest.param("X{}", False, id="a longer word"),
        pytest.param("{}é", False, id="a longer word beyond ASCII"),
        pytest.param("{}.5", False, id="digits that go on beyond a point"),
        pytest.param("{}.", True, id="the end of a sentence"),
        pytest.param("{}.parquet", True, id="a file's name"),
        pytest.param("run_{}_1", True, id="between underscores"),
        pytest.param("\\n{}\\n", True, id="after an escaped end of line"),
        pytest.param("a%20{}%20b", True, id="after an escaped space"),
        pytest.param("\\u00e9{}", False, id="after an escaped letter"),
        pytest.param("{}\\u00e9", False, id="before an escaped letter"),
        pytest.param("\\u201c{}\\u201d", True, id="between escaped quotes"),
    ],
)
def test_a_text_stands_where_it_is_a_word_of_its_own(around: str, stands: bool) -> None:
    needles, text = Needles(["C-10001"]), around.format("C-10001")
    assert bool(needles.spans_in(text)) is stands
    assert bool(needles.spans(text.encode())) is stands
    assert needles.among(pa.array([text, None, "C-1000"])).tolist() == [stands, False, False]


def test_the_wildcards_of_a_search_are_letters_like_others() -> None:
    needles = Needles(["a%b_c.*d"])
    assert needles.spans(b"a%b_c.*d")
    assert not needles.spans(b"aXXbYc.*d aXbYcZZd a%bXc.*d")


def test_a_text_that_is_met_by_chance_is_refused_without_being_named() -> None:
    with pytest.raises(ValueError, match="6 characters") as refused:
        Needles(["C-1000", "Ann"])
    assert "Ann" not in str(refused.value)


def test_hundreds_of_texts_are_each_found_once() -> None:
    texts = [f"customer-{number:04d}" for number in range(900)]
    content = "\n".join(texts).encode()
    assert len(Needles(texts).spans(content)) == 900
    assert len(Needles(texts[::9]).spans(content)) == 100


def test_overlapping_texts_leave_nothing_of_either() -> None:
    needles = Needles(["Ann Marie Lee", "Marie Lee-Smith"])
    assert needles.taken_out("by Ann Marie Lee-Smith.") == f"by {ERASED}."


@pytest.mark.parametrize("before", range(40))
def test_a_text_is_told_once_wherever_blocks_end(before: int) -> None:
    needles, block = Needles(["C-10001"]), 1 << 20
    for word, count in (("C-10001", 1), ("C-100012", 0)):
        content = b"x" * (block - before) + f" {word} ".encode() + b"y" * block
        found = [*places(io.BytesIO(content), needles)]
        assert [content[start:end] for start, end in found] == [b"C-10001"] * count


def test_what_is_not_the_subjects_stays_as_it_was_to_the_byte() -> None:
    needles = Needles(["C-10001"])
    text = '{ "b":1.50,"a" : ["C-10001", "C-100012", "\\u00e9"] , "C-10001":[1E5 ]}'
    wanted = text.replace('"C-10001"', f'"{ERASED}"')
    assert changed(text.encode(), needles) == wanted.encode()
    assert changed(b"nothing of it\xff\x00", needles) == b"nothing of it\xff\x00"


def test_a_number_that_is_one_makes_no_broken_json() -> None:
    left = changed_text('{"customer": 123456789, "n": 1234567890}', Needles(["123456789"]))
    assert json.loads(left) == {"customer": ERASED, "n": 1234567890}


def test_a_list_that_is_one_makes_no_broken_json() -> None:
    left = changed_text('{"key": ["C-1", "2024"], "n": 1}', Needles(['["C-1", "2024"]']))
    assert json.loads(left) == {"key": ERASED, "n": 1}


def test_what_is_neither_text_nor_columns_is_not_changed() -> None:
    with pytest.raises(UnchangeableError, match="bytes cannot be changed"):
        changed(b"\x00\xffC-10001\x00", Needles(["C-10001"]))


def test_text_of_another_encoding_keeps_its_length() -> None:
    needles = Needles(["Müller"])
    content = "Grüße, Müller".encode("latin-1")
    assert changed(content, needles) == "Grüße, ******".encode("latin-1")
