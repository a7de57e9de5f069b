"""JSON without a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tradewind.stores.erasing.matching import Matcher
from tradewind.stores.erasing.values import Clearing
from tradewind.stores.marks import ERASED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.stores.marks import Marks

ORDERS = '["order", "at"]'
ENTITIES = {ORDERS: frozenset({'[17, "2024-01-02T03:00:00.000000Z"]'})}


@pytest.fixture
def clear(marks: Callable[..., Marks]) -> Callable[..., Any]:
    def cleared(value: Any, *, model: str | None = None, **more: Any) -> Any:
        found = Clearing(Matcher(marks(**more)), value, model=model)
        # By its counts it is known whether there is anything to be written anew.
        assert (found.value != value) == bool(found.rows or found.texts)
        return found.value

    return cleared


def test_rows_of_the_subject_are_let_go_of_and_others_stay(clear: Callable[..., Any]) -> None:
    report = {
        "rows": 3,
        "examples": [
            {"Customer": "C-1000", "age": 37},
            {"Customer": "C-10001", "age": 7},
            {"reasons": ["too old"], "key": {"customer": "C-1000"}},
        ],
    }

    assert clear(report) == {"rows": 3, "examples": [{"Customer": "C-10001", "age": 7}]}


def test_a_short_key_is_found_in_rows_by_its_column(clear: Callable[..., Any]) -> None:
    report = [{"customer": 7, "n": 1}, {"customer": 7.0}, {"customer": "7"}, {"n": 7}]

    assert clear(report, values=frozenset({"7"}), needles=()) == [{"n": 7}]


def test_a_count_under_a_column_s_name_is_no_key(clear: Callable[..., Any]) -> None:
    record = {"rows": {"customer": 7, "orders": 7}}

    assert clear(record, values=frozenset({"7"}), needles=()) == record


def test_what_is_said_of_the_column_s_values_is_erased_and_figures_stay(
    clear: Callable[..., Any],
) -> None:
    value = {
        "columns": [{"column": "customer", "smallest": 7, "largest": 9, "distinct": 7}],
        "answer": {"args": {"column": "customer"}, "observed": [7, 8], "unexpected": 7},
        "by": {"customer": {"7": 3, "8": 4}},
    }

    assert clear(value, values=frozenset({"7"}), needles=()) == {
        "columns": [{"column": "customer", "smallest": ERASED, "largest": 9, "distinct": 7}],
        "answer": {"args": {"column": "customer"}, "observed": [ERASED, 8], "unexpected": 7},
        "by": {"customer": {ERASED: 3, "8": 4}},
    }


def test_examples_of_what_was_expected_of_the_column_are_rows(clear: Callable[..., Any]) -> None:
    answer = {"args": {"column": "customer"}, "examples": [{"customer": "C-1000"}, {"customer": 1}]}

    assert clear([answer]) == [{**answer, "examples": [{"customer": 1}]}]


def test_texts_and_keys_with_a_word_of_the_subject_are_erased_whole(
    clear: Callable[..., Any],
) -> None:
    value = {"of C-1000": 1, "C-1000": [2, "C-1000 came late", None, "C-10001"]}

    assert clear(value) == {ERASED: 1, f"{ERASED} 2": [2, ERASED, None, "C-10001"]}


@pytest.mark.parametrize(
    "value",
    [
        {"of C-1000": 1, "of C-2000": 2, "of C-3000": 3},
        {"customer": {"C-1000": 1, "C-2000": 2, "C-3000": 3}},
        {"one": {"customer": "C-1000", "at C-1000": 1, "of C-1000": 2}},
    ],
)
def test_no_key_that_is_erased_takes_another_s_place(
    clear: Callable[..., Any], value: dict[str, Any]
) -> None:
    def count(told: Any) -> int:
        return sum(map(count, told.values())) if isinstance(told, dict) else 1

    left = value
    for one in ("C-2000", "C-1000"):
        left = clear(left, values=frozenset({one}), needles=(one,))

    assert count(left) == count(value)
    assert "C-1000" not in str(left)
    assert "C-2000" not in str(left)


@pytest.mark.parametrize(
    "row",
    [
        {"order": 17, "at": "2024-01-02T03:00:00+00:00"},
        {"order": "17", "at": "2024-01-02T04:00:00+01:00", "more": 1},
        {"entity": '[17, "2024-01-02T03:00:00.000000Z"]'},
        {"entity": '["17", "2024-01-02T03:00:00.000000Z"]'},
    ],
)
def test_entities_of_the_subject_are_found_however_they_are_spelled(
    clear: Callable[..., Any], row: dict[str, Any]
) -> None:
    other = {"order": 18, "at": "2024-01-02T03:00:00+00:00"}

    assert clear([row, other], entities=ENTITIES) == [other]


def test_another_model_s_entities_are_its_own(clear: Callable[..., Any]) -> None:
    known = {
        "entities": {'["order"]': frozenset({"[17]"})},
        "keys": {"a": frozenset({'["order"]'})},
    }

    assert clear([{"entity": "[17]"}], model="a", **known) == []
    assert clear([{"entity": "[17]"}], model="b", **known) == [{"entity": "[17]"}]


def test_entities_among_values_are_erased_by_their_name_alone(clear: Callable[..., Any]) -> None:
    known = {"entities": {'["order"]': frozenset({"[17]"})}, "needles": ()}
    value = {
        "by": {"entity": {"[17]": 3, "[18]": 1}},
        "of": {"entity": ["[17]", "[18]"], "other": ["[17]", 17]},
        "rows": [{"other": "[17]"}, {"entity": [17]}, {"n": 1}],
    }

    assert clear(value, **known) == {
        **value,
        "by": {"entity": {ERASED: 3, "[18]": 1}},
        "of": {"entity": [ERASED, "[18]"], "other": ["[17]", 17]},
    }


def test_of_other_columns_and_of_none_nothing_is_erased(clear: Callable[..., Any]) -> None:
    value = [
        {"column": "age", "smallest": 7, "value": "7"},
        {"column": 7, "value": 7},
        {"args": {"column": None}, "observed": [7, {"a": 7}]},
        {"args": ["customer"], "observed": 7},
    ]

    assert clear(value, values=frozenset({"7"}), needles=()) == value


def test_of_the_column_s_values_objects_are_cleared_as_others_are(
    clear: Callable[..., Any],
) -> None:
    value = {"column": "customer", "values": [{"seen": "of C-1000", "n": 7}, "C-1000", "C-2"]}

    assert clear(value) == {**value, "values": [{"seen": ERASED, "n": 7}, ERASED, "C-2"]}


def test_a_list_under_the_column_s_name_loses_the_subject_alone(clear: Callable[..., Any]) -> None:
    value = {"customer": ["7", "8", 7, ["7"]], "n": "7"}

    assert clear(value, values=frozenset({"7"}), needles=()) == {
        "customer": [ERASED, "8", 7, [ERASED]],
        "n": "7",
    }


def test_an_object_that_stands_alone_keeps_its_names(clear: Callable[..., Any]) -> None:
    told = {"one": {"customer": "C-1000", "age": 37, "more": {"a": [1, None]}}}

    erased = {"customer": ERASED, "age": ERASED, "more": {"a": [ERASED, None]}}
    assert clear(told) == {"one": erased}


def test_clearing_twice_changes_nothing(clear: Callable[..., Any]) -> None:
    once = clear({"of C-1000": [{"customer": "C-1000"}], "x": {"customer": "C-1000"}})

    assert clear(once) == once
