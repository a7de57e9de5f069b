"""Keys as people write them: whole, in part, in either form, and what none of them is."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.real_flights import definition
from tradewind.errors import RequestError
from tradewind.stages._explain_key import parse_key, short_key

MODEL = definition()  # its key is time_hour, carrier, flight, origin; its zone New York's
SINGLE = definition(entity_key=["customer"], sources={"s": {"kind": "files", "pattern": "x.csv",
                                                            "key": ["customer"]}})  # fmt: skip
ENTITIES = [
    '["2013-07-01T21:00:00.000000Z", "UA", 1545, "EWR"]',
    '["2013-07-01T21:00:00.000000Z", "UA", 15, "LGA"]',
    '["2013-07-02T03:30:00.000000Z", "B6", 1545, "JFK"]',
    '["2013-07-02T04:30:00.000000Z", "B6", 15, "JFK"]',
]


def found(text: str, entities: list[str] = ENTITIES, model=MODEL) -> list[int]:
    matching = parse_key(text, model).find(pa.chunked_array([pa.array(entities, pa.string())]))
    return [entities.index(one) for one in matching]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        pytest.param("2013-07-01T21:00Z,UA,1545,EWR", [0], id="the values in order"),
        pytest.param("2013-07-01T21:00Z/UA/1545/EWR", [0], id="with slashes"),
        pytest.param(
            "origin=EWR, flight=1545,carrier=UA, time_hour=2013-07-01T17:00-04:00",
            [0],
            id="by name in any order, the moment with another offset",
        ),
        pytest.param("2013-07-01T17:00,UA,1545,EWR", [0], id="without one: the model's zone"),
        pytest.param(ENTITIES[1], [1], id="as the log has it"),
        pytest.param("flight=1545", [0, 2], id="one column by name"),
        pytest.param("UA,15", [1], id="values left out, and 15 is not 1545"),
        pytest.param("1545/JFK", [2], id="values left out in front"),
        pytest.param("15,B6", [], id="not in the key's order"),
        pytest.param(",,15,", [1, 3], id="all places, some empty"),
        # Midnight of 2 July in New York is 04:00 UTC.
        pytest.param("2013-07-01", [0, 1, 2], id="a date is the model's whole day"),
        pytest.param("time_hour=2013-07-02", [3], id="a date by name"),
        pytest.param("JFK", [2, 3], id="a single value"),
        pytest.param("jfk", [], id="as it is spelt"),
    ],
)
def test_a_key_means_these_entities(text: str, places: list[int]) -> None:
    assert found(text) == places


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key is said: expected time_hour=…,carrier=…"),
        ("carier=UA,flight=15", "it has no column 'carier'; did you mean carrier?"),
        ("carrier=UA,15", "'15' has no column: name each value, or none"),
        ("a,b,c,d,e", "has 5 values, and the key of late is time_hour, carrier, flight, origin"),
    ],
)
def test_what_is_no_key_is_said_with_what_one_is(text: str, said: str) -> None:
    with pytest.raises(RequestError) as error:
        parse_key(text, MODEL)
    assert said in str(error.value)


def test_a_key_of_one_column_is_its_value_whatever_it_holds() -> None:
    values = ["c1", "a,b", "x=1", "a/b", "2013-07-01", "7", "é<b>", '"', "[1"]
    entities = [json.dumps([value]) for value in values] + [json.dumps([7])]
    for place, value in enumerate(values[:5]):
        assert found(value, entities, SINGLE) == [place]
        assert found(f"customer={value}", entities, SINGLE) == [place]
    assert found("7", entities, SINGLE) == [5, 9]
    assert found(values[6], entities, SINGLE) == [6]


@given(
    st.lists(
        st.tuples(
            st.datetimes().map(lambda at: f"{at.isoformat(timespec='microseconds')}Z"),
            st.text(max_size=4)
            | st.sampled_from(["UA", " B6", "a=b", "x,y", "", "[1]", "2013-07-01"]),
            st.integers(0, 99),
            st.sampled_from(["EWR", "JFK"]),
        ),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_the_short_form_of_an_entity_means_that_very_one(keys: list[tuple]) -> None:
    entities = [json.dumps(list(key)) for key in keys]
    for place, entity in enumerate(entities):
        assert found(short_key(entity), entities) == [place]


def test_an_entity_without_a_key_is_nobodys() -> None:
    column = pa.chunked_array([pa.array([None, ENTITIES[0]], pa.string())])
    assert parse_key("UA", MODEL).find(column) == [ENTITIES[0]]
