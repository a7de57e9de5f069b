"""What a subject's rows say of the subject, and what they do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tradewind.settings import load_settings
from tradewind.stores.digested import write_digested
from tradewind.stores.erasing import marks_of
from tradewind.stores.lake import Lake
from tradewind.stores.marks import is_needle

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.stores.marks import Marks

KEYS = {"shop": [["order"]], "visits": [["at", "desk"]]}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("TRADEWIND_LAKE", (tmp_path / "lake").as_uri())
    return Lake.open(load_settings())


def part(lake: Lake, *, source: str = "s", day: str = "2024-01-01", **columns: Any) -> None:
    table = pa.table(columns)
    write_digested(lake, f"sources/{source}/{day}", table.schema, table.to_batches())


def found(lake: Lake, *values: str, **more: Any) -> Marks:
    asked = {"columns": ["Customer"], "values": values or ("7",), "keys": KEYS, **more}
    return marks_of(lake, **asked)


def orders(marks: Marks) -> set[str]:
    return set(marks.entities.get('["order"]', ()))


def test_entities_of_the_subject_s_rows_are_the_subject_s(lake: Lake) -> None:
    part(lake, customer=[7, 8, None, 7], order=["a", "b", "c", "d"])

    marks = found(lake)

    assert orders(marks) == {'["a"]', '["d"]'}
    assert marks.columns == {"customer", "customer__raw"}
    assert marks.values == {"7"}
    assert marks.keys == {
        "shop": frozenset({'["order"]'}),
        "visits": frozenset({'["at", "desk"]'}),
    }


@pytest.mark.parametrize("source", ["s", "t"])
@pytest.mark.parametrize("day", ["2024-01-01", "2024-02-01"])
def test_an_entity_that_another_subject_has_too_is_not(lake: Lake, source: str, day: str) -> None:
    part(lake, customer=[7, 7], order=["a", "b"])
    part(lake, source=source, day=day, customer=[8], order=["b"])

    assert orders(found(lake)) == {'["a"]'}


def test_a_row_that_was_nobody_s_when_it_was_first_observed_is_the_same_one(lake: Lake) -> None:
    part(lake, customer=pa.array([None], pa.int64()), order=["a"])
    part(lake, customer=[7], order=["a"])

    assert orders(found(lake)) == {'["a"]'}


@pytest.mark.parametrize("day", ["2024-01-01", "2024-02-01"])
def test_a_row_that_is_nobody_s_beside_it_or_on_another_day_is_another(
    lake: Lake, day: str
) -> None:
    part(lake, customer=[7, None], order=["a", "a" if day == "2024-01-01" else "b"])
    part(lake, day=day, customer=pa.array([None], pa.int64()), order=["a"])

    assert orders(found(lake)) == set()


def test_an_entity_key_counts_only_where_all_of_it_stands(lake: Lake) -> None:
    moments = pa.array([datetime(2024, 1, 1, 3, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC"))
    part(lake, source="s", customer=[7, 8], at=moments)
    part(lake, source="t", customer=[7, 8], at=moments, desk=[1, 2])

    assert found(lake).entities == {
        '["at", "desk"]': frozenset({'["2024-01-01T03:00:00.000000Z", 1]'})
    }


def test_a_model_whose_rows_are_nobody_s_has_no_entities_of_the_subject(lake: Lake) -> None:
    part(lake, customer=[7], order=["a"])

    assert found(lake, keys={"weather": [[]]}).entities == {}


def test_who_is_the_entity_is_found_where_no_row_is_left(lake: Lake) -> None:
    marks = found(lake, "C-1000", "deadbeef", keys={"churn": [["customer"]]})

    assert marks.entities == {'["customer"]': frozenset({'["C-1000"]', '["deadbeef"]'})}


def test_whoever_names_the_subject_and_more_is_not_found_without_a_row(lake: Lake) -> None:
    assert found(lake, "C-1000", keys={"churn": [["customer", "order"]]}).entities == {}


def test_a_moment_that_others_have_too_is_not_the_subject_s(lake: Lake) -> None:
    first, second = (datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (3, 4))
    moments = pa.array([first, second, second], pa.timestamp("us", "UTC"))
    part(lake, customer=[7, 7, 8], at=moments)

    assert found(lake, keys={"visits": [["at"]]}).entities == {
        '["at"]': frozenset({'["2024-01-01T03:00:00.000000Z"]'})
    }


def test_rows_of_a_source_that_names_no_subject_are_no_other_subject_s(lake: Lake) -> None:
    part(lake, customer=[7, 8], order=["O-000001", "O-000002"])
    part(lake, source="t", day="2024-02-01", order=["O-000001"])

    marks = found(lake)

    assert orders(marks) == {'["O-000001"]'}
    assert "O-000001" in marks.needles


def test_personal_values_that_nobody_else_has_are_searched_for(lake: Lake) -> None:
    part(
        lake,
        customer=["C-1000", "C-2000", None],
        email=["ann@x.org", "bob@x.org", None],
        street=["Main Street", "Main Street", None],
        name=["Ann", "Bob", None],
        town=["Timbuktu", "Berlin", None],
    )

    marks = found(lake, "C-1000", personal=["EMAIL", "street", "name"])

    # The street is of others too, the name is short, and the town is not declared personal.
    assert marks.needles == ("C-1000", "ann@x.org")


def test_whoever_else_is_named_in_a_row_of_the_subject_is_not_searched_for(lake: Lake) -> None:
    part(lake, customer=["C-1000", "C-3000"], payer=["C-2000", "C-3000"])

    assert found(lake, "C-1000", columns=["customer", "payer"]).needles == ("C-1000",)


def test_personal_values_that_are_written_in_many_ways_are_not_searched_for(lake: Lake) -> None:
    born = pa.array([datetime(1990, 1, 2, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    kinds = pa.array(["a kind of one"]).dictionary_encode()
    part(lake, customer=["C-1000"], born=born, weight=[71.123456789], kind=kinds)

    marks = found(lake, "C-1000", personal=["born", "weight", "kind"])

    assert marks.needles == ("C-1000", "a kind of one")


@pytest.mark.parametrize(
    ("phones", "text"),
    [
        (pa.array([15551234567, 15557654321]), "15551234567"),
        (pa.array(["+1 555 1234", "+1 555 7654"], pa.large_string()), "+1 555 1234"),
    ],
)
def test_personal_values_are_searched_for_whatever_column_holds_them(
    lake: Lake, phones: pa.Array, text: str
) -> None:
    part(lake, customer=["C-1000", "C-2000"], phone=phones)

    assert set(found(lake, "C-1000", personal=["phone"]).needles) == {"C-1000", text}


def test_what_tells_one_entity_from_others_is_searched_for(lake: Lake) -> None:
    part(lake, customer=[7, 7, 8], order=["O-000001", "17", "O-000002"])

    assert found(lake).needles == ("O-000001", '["O-000001"]')


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("abc12", False), ("abc123", True), ("12345678", False), ("123456789", True)],
)
def test_few_characters_and_fewer_digits_tell_of_nobody(*, text: str, is_one: bool) -> None:
    assert is_needle(text) is is_one


def test_marks_are_plain_json(lake: Lake) -> None:
    part(lake, customer=["C-1000"], order=["O-000001"])
    marks = found(lake, "C-1000")

    assert type(marks).from_json(json.loads(json.dumps(marks.to_json()))) == marks
