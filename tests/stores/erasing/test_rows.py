"""Rows without a subject's: exactly those, in their order, of every type a file may have."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.stores.erasing.matching import EntityKey, Matcher, model_of, text_of
from tradewind.stores.erasing.rows import Sieve
from tradewind.stores.marks import ERASED, Marks
from tradewind.stores.prediction_schema import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = datetime(2024, 1, 1, tzinfo=UTC)
SEVEN = {"values": frozenset({"7"}), "needles": ()}


def through(batch: pa.RecordBatch, marks: Marks, *, model: str | None = None) -> pa.RecordBatch:
    return Sieve(Matcher(marks), model).through(batch)


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize(
    "customers",
    [
        pytest.param(pa.array([7, 17, None, 70], pa.int64()), id="whole numbers"),
        pytest.param(pa.array([7.0, 7.5, None, 70.0]), id="numbers of a column with gaps"),
        pytest.param(pa.array(["7", "07", None, "7 "]), id="text"),
        pytest.param(pa.array(["7", "x", None, "70"]).dictionary_encode(), id="categories"),
        pytest.param(pa.array(["7", "x", None, "70"], pa.large_string()), id="long text"),
        pytest.param(pa.array([Decimal("7.00"), Decimal(8), None, Decimal(9)]), id="decimals"),
    ],
)
def test_a_key_is_found_in_its_column_whatever_holds_it(
    marks: Callable[..., Marks], customers: pa.Array
) -> None:
    rows = batch(CUSTOMER=customers, number=pa.array([7, 1, 7, 3]))

    kept = through(rows, marks(**SEVEN))

    assert kept["number"].to_pylist() == [1, 7, 3]
    assert kept.schema == rows.schema


def test_rows_of_the_subject_s_entities_go_too(marks: Callable[..., Marks]) -> None:
    moments = [DAY, DAY, DAY + timedelta(hours=1), None]
    rows = batch(
        at=pa.array(moments, pa.timestamp("us", "UTC")), order=[1, 2, 1, 1], n=[0, 1, 2, 3]
    )
    known = {'["order", "at"]': frozenset({'[1, "2024-01-01T00:00:00.000000Z"]', "[2, null]"})}

    assert through(rows, marks(entities=known))["n"].to_pylist() == [1, 2, 3]
    assert through(rows.select(["order", "n"]), marks(entities=known)).num_rows == 4


def test_of_a_log_those_of_the_model_s_own_key(marks: Callable[..., Marks]) -> None:
    rows = batch(entity=["[17]", '["17"]', "[170]", None], n=[0, 1, 2, 3])
    known = marks(entities={'["order"]': frozenset({"[17]"})}, keys={"a": frozenset({'["order"]'})})

    assert through(rows, known, model="a")["n"].to_pylist() == [2, 3]
    assert through(rows, known, model="b").num_rows == 4
    assert through(rows, known, model=model_of("predictions/a/online/x.parquet")).num_rows == 2


def test_of_files_that_are_no_model_s_those_of_any_key(marks: Callable[..., Marks]) -> None:
    rows = batch(entity=pa.array(["[17]", "[18]"]).dictionary_encode(), n=[0, 1])
    known = {"entities": {'["order"]': frozenset({"[17]"})}}

    for keys in ({}, {"a": frozenset({'["order"]'})}):
        assert through(rows, marks(**known, keys=keys))["n"].to_pylist() == [1]
    assert through(rows, marks(**known), model="b")["n"].to_pylist() == [1]


def test_what_is_written_like_an_entity_under_another_name_is_none(
    marks: Callable[..., Marks],
) -> None:
    known = marks(entities={'["order"]': frozenset({"[17]"})}, values=frozenset({"7"}), needles=())
    rows = batch(note=["[17]", "7"], entity=[17, 7], n=[7, 17])

    assert through(rows, known).equals(rows)


def test_an_entity_is_one_of_them_whole(marks: Callable[..., Marks]) -> None:
    rows = batch(order=["a", "a", "b", "b"], line=[1, 2, 1, 2])
    known = marks(entities={'["order", "line"]': frozenset({'["a", 1]', '["b", 2]'})})

    assert through(rows, known).to_pydict() == {"order": ["a", "b"], "line": [2, 1]}


def test_columns_that_cannot_tell_of_the_subject_are_not_read(marks: Callable[..., Marks]) -> None:
    known = marks(
        entities={
            '["order"]': frozenset({"[17]"}),
            '["desk", "at"]': frozenset({'[1, "2024-01-01T00:00:00.000000Z"]'}),
        }
    )
    told = {
        "Customer": pa.int64(),
        "Order": pa.int64(),
        "desk": pa.int64(),
        "n": pa.float64(),
        "note": pa.string(),
        "raw": pa.large_binary(),
        "seen": pa.string_view(),
        "heard": pa.binary_view(),
        "kind": pa.dictionary(pa.int8(), pa.string()),
        "level": pa.dictionary(pa.int8(), pa.int64()),
        "tags": pa.list_(pa.string()),
    }
    read = ["Customer", "Order", "note", "raw", "seen", "heard", "kind", "tags"]

    assert Matcher(known).names(pa.schema(told)) == read
    assert "desk" in Matcher(known).names(pa.schema({**told, "at": pa.timestamp("us", "UTC")}))


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("predictions/a/online/x.parquet", "a"),
        ("decisions/a/x.json", "a"),
        ("predictions/x.parquet", None),
        ("validated/a/x.json", None),
        ("predictions", None),
    ],
)
def test_a_folder_says_whose_a_file_is(path: str, model: str | None) -> None:
    assert model_of(path) == model


@pytest.mark.parametrize(
    ("part", "forms"),
    [
        (17, {"[17]", '["17"]'}),
        ("-5", {'["-5"]', "[-5]"}),
        ("0", {'["0"]', "[0]"}),
        ("007", {'["007"]'}),
        ("--5", {'["--5"]'}),
        ("²", {'["²"]', '["\\u00b2"]'}),
        (None, {"[null]"}),
    ],
)
def test_an_entity_is_spelled_as_whoever_writes_lists_may(part: Any, forms: set[str]) -> None:
    told = json.dumps([part], ensure_ascii=False)
    assert {*EntityKey(["order"], [told]).spelled()} == forms


def test_a_moment_without_a_zone_is_one_of_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = {text_of(DAY), text_of(DAY.replace(tzinfo=None))}
    time.tzset()

    assert found == {"2024-01-01T00:00:00.000000Z"}


def test_what_is_not_single_has_no_text() -> None:
    assert [text_of(value) for value in (None, [7], {"a": 7}, (7,))] == [None] * 4


def test_nothing_is_the_entity_s_only_where_nothing_is_said(marks: Callable[..., Marks]) -> None:
    rows = batch(order=pa.array([1, None], pa.int64()), tags=[["1"], ["2"]])

    for entity, left in (("[null]", [1]), ("[1]", [None])):
        known = marks(entities={'["order"]': frozenset({entity})})
        assert through(rows, known)["order"].to_pylist() == left
    assert through(rows, marks(columns=frozenset({"tags"}), values=frozenset("1"))).equals(rows)


def test_a_key_is_found_among_texts_that_are_views(marks: Callable[..., Marks]) -> None:
    rows = batch(customer=pa.array(["C-1000", "C-2000", None], pa.string_view()))
    assert Matcher(marks()).rows(rows, model=None).tolist() == [True, False, False]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.large_binary()])
def test_a_word_is_erased_whatever_column_holds_it(
    marks: Callable[..., Marks], kind: pa.DataType
) -> None:
    kept = through(batch(a=pa.array(["of C-1000", "C-10001"], kind)), marks())
    assert kept["a"].equals(pa.array([ERASED, "C-10001"], kind))


def test_a_word_is_erased_in_names_and_values_of_maps(marks: Callable[..., Marks]) -> None:
    kind = pa.map_(pa.string(), pa.string())
    rows = batch(
        a=pa.array([[("C-1000", "x"), ("y", "of C-1000")], None, [("z", "C-10001")]], kind),
        b=pa.nulls(3, kind),
    )
    sieve = Sieve(Matcher(marks()), None)

    kept = sieve.through(rows)

    erased = [[(ERASED, "x"), ("y", ERASED)], None, [("z", "C-10001")]]
    assert kept.to_pydict() == {"a": erased, "b": [None] * 3}
    assert sieve.texts == 2


def test_categories_that_are_no_texts_stay(marks: Callable[..., Marks]) -> None:
    rows = batch(level=pa.array([3, 1, 3, None]).dictionary_encode())
    assert through(rows, marks()).equals(rows)


def test_a_word_of_the_subject_among_others_rows_is_erased(marks: Callable[..., Marks]) -> None:
    reasons = [[{"feature": "f", "value": "C-1000", "effect": 1.5, "words": "as C-1000"}], [], None]
    rows = batch(
        note=pa.array(["of C-1000", "C-10001", None]),
        kind=pa.array(["C-1000", "b", "b"]).dictionary_encode(),
        raw=pa.array([b"C-1000", b"\xff", None]),
        told=pa.array(reasons, REASONS),
        tags=pa.array([["C-1000", "x"], ["x"], None]),
    )

    kept = through(rows, marks())

    erased = {"feature": "f", "value": ERASED, "effect": 1.5, "words": ERASED}
    assert kept.to_pydict() == {
        "note": [ERASED, "C-10001", None],
        "kind": [ERASED, "b", "b"],
        "raw": [ERASED.encode(), b"\xff", None],
        "told": [[erased], [], None],
        "tags": [[ERASED, "x"], ["x"], None],
    }
    assert kept.schema == rows.schema


def test_categories_hold_no_value_that_no_row_has_any_more(marks: Callable[..., Marks]) -> None:
    kinds = pa.DictionaryArray.from_arrays(
        pa.array([2, 0, None], pa.int8()), ["low", "7", "C-1000"], ordered=True
    )
    rows = batch(customer=["C-1000", "x", "y"], kind=kinds)

    kept = through(rows, marks())

    assert kept["kind"].dictionary.to_pylist() == ["low"]
    assert kept["kind"].to_pylist() == ["low", None]
    assert kept.schema == rows.schema


_PEOPLE = st.sampled_from(["C-1000", "C-10001", "C-2000", None])


@given(st.lists(st.tuples(_PEOPLE, st.integers(0, 3)), max_size=30), st.integers(1, 10))
def test_exactly_the_subject_s_rows_go_and_all_others_stay_in_order(
    rows: list[tuple[str | None, int]], size: int
) -> None:
    known = Marks(
        columns=frozenset({"customer"}),
        values=frozenset({"C-1000"}),
        entities={'["order"]': frozenset({"[3]"})},
        needles=("C-1000",),
    )
    table = pa.table(
        {
            "customer": pa.array([who for who, _ in rows], pa.string()),
            "order": pa.array([order for _, order in rows], pa.int64()),
            "place": pa.array(range(len(rows)), pa.int64()),
        }
    )
    sieve = Sieve(Matcher(known), None)

    kept = pa.Table.from_batches(
        [sieve.through(each) for each in table.to_batches(max_chunksize=size)], table.schema
    )

    wanted = [n for n, (who, order) in enumerate(rows) if who != "C-1000" and order != 3]
    assert kept.equals(table.take(pa.array(wanted, pa.int64())))
    assert sieve.rows == len(rows) - len(wanted)
    assert not sieve.texts
