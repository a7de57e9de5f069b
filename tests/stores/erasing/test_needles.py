"""Many texts looked for at once, as words of their own."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stores.marks import ERASED
from tradewind.stores.needles import Needles


@pytest.mark.parametrize(
    ("text", "times"),
    [
        pytest.param("C-1000", 1, id="alone"),
        pytest.param("of C-1000, and C-1000.", 2, id="in a sentence"),
        pytest.param("C-10001", 0, id="another key that begins alike"),
        pytest.param("XC-1000", 0, id="another key that ends alike"),
        pytest.param("x_C-1000_b", 1, id="an underscore does not go on"),
        pytest.param('{\\"to\\":\\nC-1000}', 1, id="after what is written as an escape"),
        pytest.param("éC-1000", 0, id="a letter beyond ASCII goes on"),
        pytest.param("“C-1000”", 1, id="a quotation mark beyond ASCII does not"),
        pytest.param("c-1000", 0, id="capitals count"),
        pytest.param("", 0, id="nothing"),
        pytest.param("C-100", 0, id="cut short"),
    ],
)
def test_a_text_is_found_as_a_word_of_its_own(text: str, times: int) -> None:
    assert len(Needles(["C-1000"]).spans(text.encode())) == times
    assert Needles(["C-1000"]).among(pa.array([text])).tolist() == [times > 0]


def test_one_of_them_is_that_text_and_nothing_beside_it() -> None:
    needles = Needles(["C-1000", "O-00001"])
    assert needles.are("C-1000")
    assert not needles.are("C-1000 ")
    assert not needles.are("C-2000")


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        pytest.param("AC/1000-xb.5", False, id="a letter goes on before it"),
        pytest.param("C/1000-xb.5", True, id="digits beyond a point are no letter's"),
        pytest.param("?a=%41C/1000-xb", False, id="a letter in an address goes on"),
        pytest.param("?a=%3DC/1000-xb%42", False, id="a letter in an address goes on after it"),
        pytest.param("?a=%3DC/1000-xb%26b=1", True, id="a sign in an address does not"),
    ],
)
def test_what_goes_on_beside_it_is_a_letter_or_a_longer_number(text: str, *, stands: bool) -> None:
    assert bool(Needles(["C/1000-xb"]).spans(text.encode())) is stands


def test_two_that_touch_are_two() -> None:
    assert Needles(["(C-100)"]).taken_out("(C-100)(C-100)") == ERASED * 2


def test_a_name_that_is_another_s_in_other_bytes_is_not_in_their_text() -> None:
    # What latin-1 makes of the first name is what UTF-8 makes of the second.
    needles = Needles(["MÃ¼ller"])
    assert needles.spans("Müller".encode())
    assert needles.taken_out("by Müller, MÃ¼ller") == f"by Müller, {ERASED}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize(("beside", "stands"), [("X", False), ("\\u00e9", False), (" ", True)])
def test_what_is_beside_it_is_read_in_its_encoding(
    encoding: str, beside: str, *, stands: bool
) -> None:
    for word in (f"{beside}C-1000", f"C-1000{beside}"):
        text = f"{word:^80}"
        assert bool(Needles(["C-1000"]).spans(text.encode(encoding))) is stands


@pytest.mark.parametrize("text", ["0.123456789", "123456789.5", "1123456789"])
def test_digits_in_a_longer_number_are_not_the_key(text: str) -> None:
    assert not Needles(["123456789"]).spans(text.encode())


def test_digits_before_the_full_stop_of_a_sentence_are() -> None:
    assert len(Needles(["123456789"]).spans(b"it was 123456789.")) == 1


def test_no_text_reaches_from_one_value_into_the_next() -> None:
    texts = pa.array(["C-1", "000", None, "C-1000", "x"])

    assert Needles(["C-1000"]).among(texts).tolist() == [False, False, False, True, False]
    assert Needles(["C-1000"]).among(texts.slice(3, 1)).tolist() == [True]
    assert Needles(["C-1000"]).among(texts.slice(4, 1)).tolist() == [False]
    assert Needles(["C-1000"]).among(pa.array(["C-1000", "C-1000"]).slice(1)).tolist() == [True]
    assert Needles([]).among(texts).tolist() == [False] * 5


def test_in_a_column_of_no_rows_there_is_none_whoever_wrote_it() -> None:
    nothing = pa.py_buffer(b"")
    column = pa.Array.from_buffers(pa.large_binary(), 0, [None, nothing, nothing])

    assert Needles(["C-1000"]).among(column).tolist() == []


def test_texts_that_begin_alike_are_told_apart_however_many_there_are() -> None:
    entities = [f'["2024-01-01T00:00:00.000000Z", "order", {number}]' for number in range(3_000)]
    needles = Needles(entities[::3])

    found = needles.among(pa.array(entities, pa.large_string()))

    assert found.tolist() == [number % 3 == 0 for number in range(3_000)]


_LETTERS = st.text("ab1.é_ ", max_size=12)


@given(st.lists(st.text("ab1é_-", min_size=6, max_size=9), min_size=1, max_size=5), st.data())
def test_values_and_bytes_are_searched_alike(needles: list[str], data: st.DataObject) -> None:
    parts = st.one_of(_LETTERS, st.sampled_from(needles))
    texts = data.draw(st.lists(st.lists(parts, max_size=4).map("".join), max_size=6))
    search = Needles(needles)

    found = search.among(pa.array(texts, pa.string())).tolist()

    assert found == [bool(search.spans(text.encode())) for text in texts]
    assert all(search.spans(f" {needle} ".encode()) for needle in needles)


def test_a_text_is_found_as_others_write_it_down() -> None:
    needles = Needles(['Jörg "X"'])

    for spelled in ("J%C3%B6rg%20%22X%22", 'J\\u00f6rg \\"X\\"', "Jörg &quot;X&quot;"):
        assert needles.among(pa.array([f"by {spelled}."])).tolist() == [True]
