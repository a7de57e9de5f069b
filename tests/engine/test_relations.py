from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.small import AS_OF, BODY, NOON, TOWNS, definition, parcels
from tradewind.engine import relations
from tradewind.engine.database import open_database
from tradewind.errors import DefinitionError


@pytest.fixture
def connection():
    with open_database(memory="200MB", threads=1) as opened:
        yield opened


def column(connection, query):
    return [row[0] for row in connection.execute(query).fetchall()]


def sources(**parcel_settings):
    declared = {**BODY["sources"], "parcels": {**BODY["sources"]["parcels"], **parcel_settings}}
    return definition(sources=declared)


def test_a_row_is_there_from_the_moment_it_is_known(connection):
    relations.load(connection, definition(), {"parcels": parcels()})
    known = NOON - timedelta(days=1)
    relations.cut(connection, known - timedelta(microseconds=1))
    assert column(connection, "SELECT parcel FROM parcels") == []
    relations.cut(connection, known)
    assert column(connection, "SELECT parcel FROM parcels") == [0]
    relations.cut(connection, AS_OF)
    assert column(connection, "SELECT parcel FROM parcels ORDER BY 1") == [0, 1, 2]


def test_late_columns_live_in_a_relation_of_their_own(connection):
    relations.load(connection, definition(), {"parcels": parcels()})
    relations.cut(connection, AS_OF)
    own = connection.sql("SELECT * FROM parcels").columns
    late = connection.sql("SELECT * FROM parcels_delivery").columns
    assert own == ["parcel", "due", "weight", "town", "fragile", "known_at"]
    assert late == ["parcel", "due", "minutes", "delivered", "known_at"]


def test_a_late_column_is_cut_at_its_own_moment(connection):
    relations.load(connection, definition(), {"parcels": parcels()})
    relations.cut(connection, NOON + timedelta(hours=1))
    assert column(connection, "SELECT minutes FROM parcels_delivery") == [0]
    relations.cut(connection, NOON + timedelta(hours=1, minutes=20))
    assert column(connection, "SELECT minutes FROM parcels_delivery ORDER BY 1") == [0, 20]


def test_what_is_never_known_is_never_there(connection):
    relations.load(connection, definition(), {"parcels": parcels({1: {"delivered": None}})})
    relations.cut(connection, AS_OF)
    assert column(connection, "SELECT parcel FROM parcels_delivery ORDER BY 1") == [0, 2]


def test_a_reference_table_is_always_known(connection):
    relations.load(connection, definition(), {"towns": TOWNS})
    assert column(connection, "SELECT people FROM towns WHERE town = 'Ulm'") == [126_000]


def test_the_time_column_says_when_a_row_is_known_where_nothing_else_does(connection):
    relations.load(connection, sources(known_at=None), {"parcels": parcels()})
    relations.cut(connection, NOON + timedelta(hours=1))
    assert column(connection, "SELECT parcel FROM parcels ORDER BY 1") == [0, 1]


def test_a_column_of_the_source_may_say_when_it_was_known(connection):
    rows = parcels({n: {"known_at": NOON + timedelta(hours=5 * n)} for n in range(3)})
    relations.load(connection, sources(known_at="known_at"), {"parcels": rows})
    relations.cut(connection, NOON + timedelta(hours=5))
    assert column(connection, "SELECT known_at FROM parcels ORDER BY 1") == [
        NOON,
        NOON + timedelta(hours=5),
    ]


def test_what_a_repaired_cell_was_before_is_not_for_features(connection):
    rows = parcels({0: {"weight__raw": -1.0}})
    relations.load(connection, definition(), {"parcels": rows})
    assert "weight__raw" not in connection.sql("SELECT * FROM parcels").columns


def test_a_missing_column_is_named_with_its_place_and_the_nearest_one(connection):
    rows = parcels().rename_columns({"minutes": "minute_count"})
    with pytest.raises(
        DefinitionError,
        match=r"^parcels/model\.yaml: sources\.parcels\.late\.delivery\.columns: "
        r"the source has no column 'minutes'; did you mean minute_count\?",
    ):
        relations.load(connection, definition(), {"parcels": rows})


@pytest.mark.parametrize("expression", ["dew - INTERVAL 1 DAY", "weight", "due -"])
def test_a_known_at_that_cannot_be_computed_is_named(connection, expression):
    with pytest.raises(DefinitionError, match=r"^parcels/model\.yaml: sources\.parcels\.known_at"):
        relations.load(connection, sources(known_at=expression), {"parcels": parcels()})


def test_other_rows_can_take_the_place_of_a_sources(connection):
    relations.load(connection, definition(), {"parcels": parcels(0)})
    relations.cut(connection, AS_OF)
    for count in (2, 1):
        relations.replace(connection, definition(), "parcels", parcels(count))
        assert column(connection, "SELECT count(*) FROM parcels") == [count]
