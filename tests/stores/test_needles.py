"""What one pass finds is what looking for each spelling by itself comes to."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stores import head_index
from tradewind.stores.elsewhere import contents
from tradewind.stores.needles import Needles
from tradewind.stores.spellings import encoded, spellings

# Between edges that are no letters, so that no neighbour makes a longer word of it.
TEXTS = st.text("ab1 '\"\\%&éß漢🙂", min_size=4, max_size=12).map(lambda text: f"<{text}>")


def spelled(texts: list[str]) -> list[bytes]:
    """Every spelling of every text."""
    return [
        content
        for text in texts
        for content in (
            *(spelling.encode() for spelling in spellings(text)),
            *(content for _, content in encoded(text)),
        )
    ]


def covered(texts: list[str], content: bytes) -> set[int]:
    """The places of all bytes in which one stands, each looked for by itself."""
    return {
        place
        for spelling in spelled(texts)
        for start in range(len(content))
        if content.startswith(spelling, start)
        for place in range(start, start + len(spelling))
    }


def within(spans: list[tuple[int, int]]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), data=st.data())
def test_all_that_stands_is_found_wherever_chunks_and_blocks_end(
    texts: list[str], data: st.DataObject
) -> None:
    planted = st.sampled_from(spelled(texts))
    part = st.one_of(st.binary(max_size=9), planted, planted.map(lambda each: each[:-1]))
    parts = data.draw(st.lists(part, max_size=12))
    content, wanted = b"".join(parts), covered(texts, b"".join(parts))
    needles = Needles(texts)
    assert within(needles.spans(content)) == wanted

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(head_index, "_AT_ONCE", data.draw(st.integers(1, 40)))
        patched.setattr(head_index, "_MANY", data.draw(st.integers(1, 3)))
        patched.setattr(contents, "_BLOCK", data.draw(st.integers(1, 80)))
        assert within(needles.spans(content)) == wanted
        assert within([*contents.places(io.BytesIO(content), needles)]) == wanted
        found = needles.among(pa.array(parts, pa.binary()))
        assert found.tolist() == [bool(covered(texts, each)) for each in parts]


def test_bytes_too_few_to_be_met_by_their_head_are_refused() -> None:
    with pytest.raises(ValueError, match="must be 6 or more"):
        head_index.HeadIndex([b"C-1000", b"C-100"])


@pytest.mark.parametrize("length", range(8))
def test_bytes_of_any_length_are_searched(length: int) -> None:
    content = b"C-10001"[:length]
    assert [*Needles(["C-1000", "C-10001"]).spans(content)] == [(0, length)] * (length > 5)


def test_what_stands_once_is_found_among_much_that_stands_often() -> None:
    many = b"customer-1, " * 300 + b"customer-2, " * 300
    content = b"order-77, " + many + b"order-77, " + many

    assert len(Needles(["customer-1", "order-77"]).spans(content)) == 602
