from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pytest

from tests.engine.small import AS_OF, BODY, NOON, SQL, TOWNS, definition, parcels
from tests.engine.test_features import ADD, WITH_HEAVY
from tradewind.definition.loader import parse_definition
from tradewind.errors import DefinitionError, EmptyIntervalError, LeakError
from tradewind.records import (
    Admission,
    FeatureSet,
    FeatureTests,
    Reference,
    RunRequest,
    Validated,
)
from tradewind.stages.features import build_features
from tradewind.stores.digests import table_digest
from tradewind.stores.stores import Stores

if TYPE_CHECKING:
    from tradewind.definition.frozen import FrozenDefinition


@pytest.fixture
def stores(home):
    return Stores.open(home)


def admitted(frozen, *, as_of=AS_OF, window_days=None):
    request = RunRequest(
        model="parcels",
        run_id="run",
        as_of=as_of,
        actor="tester",
        reason="a test",
        window_days=window_days,
    )
    return Admission(request=request, definition_digest=frozen.digest, fencing_token=1)


def validated(stores, rows=None):
    tables = {"parcels": parcels() if rows is None else rows, "towns": TOWNS}
    digest = table_digest(tables["parcels"])
    for name, table in tables.items():
        stores.lake.write_parquet(f"validated/{digest}/{name}.parquet", table)
    uri = f"validated/{digest}/manifest.json"
    stores.lake.put_json(uri, {name: f"validated/{digest}/{name}.parquet" for name in tables})
    return Validated(
        digest=digest,
        uri=uri,
        snapshot=Reference(digest="s" * 32, uri="snapshots/s.json"),
        report_uri="none",
        rows={name: len(table) for name, table in tables.items()},
        repaired={},
        quarantined={},
        warnings=[],
    )


def run(stores, frozen=None, *, rows=None, **asked) -> FeatureSet:
    frozen = frozen or definition()
    given = validated(stores, rows)
    return build_features(admitted(frozen, **asked), frozen, given, stores=stores)


def test_the_feature_set_is_in_the_lake_with_its_counts_and_its_proof(stores):
    rows = parcels({0: {"minutes": None}, 1: {"delivered": None}})
    label = {**BODY["label"], "expires_after": "23 hours"}
    found = run(stores, definition(label=label), rows=rows)
    assert (found.rows, found.labelled, found.pending, found.expired) == (3, 1, 1, 1)
    assert (found.proof.moments, found.proof.rows) == (3, 3)
    table = stores.lake.read_table(found.uri)
    assert table_digest(table) == found.digest
    assert found.snapshot == validated(stores, rows).snapshot
    assert found.validated.digest == validated(stores, rows).digest
    assert stores.lake.exists(found.validated.uri)
    assert table["parcel"].to_pylist() == [0, 1, 2]


GIVEN = "weight: 2.5, town: Ulm"


def with_test(expected: str = "weight: 2.5", sql: str = SQL) -> FrozenDefinition:
    """The definition with one test, of a parcel of 2.5 kilograms in Ulm."""
    text = f"""\
columns:
  parcels:
    {{parcel: BIGINT, due: TIMESTAMPTZ, weight: DOUBLE, town: VARCHAR, fragile: BOOLEAN,
     minutes: BIGINT, delivered: TIMESTAMPTZ}}
tests:
  - name: as the sender says
    as_of: 2024-05-01
    given:
      parcels: [{{parcel: 1, due: 2024-04-30T12:00:00Z, {GIVEN}}}]
    expect: [{{parcel: 1, {expected}}}]
"""
    return parse_definition({**definition(sql).files, "tests.yaml": text}, where="parcels")


def test_the_owners_tests_are_run_and_stand_in_the_record(stores):
    assert run(stores).tests is None
    assert run(stores, with_test()).tests == FeatureTests(passed=1, tested=["weight"])


def test_a_test_that_fails_blocks_with_its_line_and_leaves_nothing_behind(stores):
    double = SQL.replace("weight,", "weight * 2 AS weight,")
    said = r"parcels/tests\.yaml:10: as the sender says: parcel=1: weight: expected 2\.5, found 5"
    with pytest.raises(DefinitionError, match=said):
        run(stores, with_test(sql=double))
    assert stores.lake.list("features") == []


def test_other_tests_are_run_though_the_features_are_there_already(stores):
    first = run(stores, with_test())
    with pytest.raises(DefinitionError, match="expected 9, found 2"):
        run(stores, with_test("weight: 9"))
    second = run(stores, with_test(GIVEN))
    assert second.tests == FeatureTests(passed=1, tested=["weight", "town"])
    assert (second.digest, second.uri) == (first.digest, first.uri)


def test_a_second_run_makes_nothing_new(stores, monkeypatch):
    first = run(stores)
    files = stores.lake.list("")
    monkeypatch.setattr("tradewind.stages.features.open_database", None)
    assert run(stores) == first
    assert stores.lake.list("") == files


@pytest.mark.parametrize(
    "changed",
    [
        definition(SQL.replace("weight,", "weight * 2 AS weight,")),
        definition(horizon="1 hour", label={**BODY["label"], "expression": "minutes > 10"}),
        definition(module=ADD, features=WITH_HEAVY),
    ],
)
def test_what_decides_the_features_changes_their_version(stores, changed):
    assert run(stores, changed).version != run(stores).version


def test_another_source_text_of_the_function_is_another_version(stores):
    first = run(stores, definition(module=ADD, features=WITH_HEAVY))
    other = run(stores, definition(module=f"{ADD}# changed", features=WITH_HEAVY))
    assert other.version != first.version
    assert other.digest == first.digest


def test_what_does_not_decide_the_features_leaves_their_version(stores):
    other = definition(owner="somebody else", train={"seed": 7})
    assert run(stores, other) == run(stores)


def test_other_rows_are_another_version(stores):
    assert run(stores, rows=parcels(2)).version != run(stores).version


@pytest.mark.parametrize(
    ("train", "asked", "expected"),
    [
        ({}, None, [0, 1, 2]),
        ({"window": {"days": 90}}, None, [0, 1, 2]),
        ({"window": {"start": date(2024, 5, 1)}}, None, [1, 2]),
        ({"window": {"start": date(2024, 4, 1)}}, 1, [1, 2]),
    ],
)
def test_the_window_is_the_one_asked_for_or_declared(stores, train, asked, expected):
    # The second parcel is due at the first moment of the calendar day before the as-of's.
    rows = parcels({n: {"due": NOON.replace(hour=0) + timedelta(hours=n - 1)} for n in range(3)})
    found = run(stores, definition(train=train), rows=rows, window_days=asked)
    assert stores.lake.read_table(found.uri)["parcel"].to_pylist() == expected


def test_the_declared_start_is_midnight_in_the_models_time_zone(stores):
    window = {"window": {"start": date(2024, 5, 1)}}
    rows = parcels({n: {"due": NOON.replace(hour=3 + n)} for n in range(3)})
    found = run(stores, definition(train=window, timezone="America/New_York"), rows=rows)
    assert stores.lake.read_table(found.uri)["parcel"].to_pylist() == [1, 2]


def test_a_leak_leaves_nothing_behind(stores):
    late = "(SELECT avg(minutes) FROM parcels_delivery)"
    leak = SQL.replace("weight, town, fragile", f"{late} AS weight, town, fragile")
    with pytest.raises(LeakError, match="feature weight of parcel=0"):
        run(stores, definition(leak))
    assert stores.lake.list("features") == []


def test_an_empty_window_leaves_nothing_behind(stores):
    with pytest.raises(EmptyIntervalError, match="gives no row"):
        run(stores, as_of=NOON - timedelta(days=2))
    assert stores.lake.list("features") == []


def test_the_number_of_threads_does_not_change_the_digest(stores):
    one = run(stores, definition(resources={"threads": 1}))
    two = run(stores, definition(resources={"threads": 2}), rows=parcels())
    assert one.digest == two.digest
    assert pc.sum(stores.lake.read_table(two.uri)["weight"]).as_py() == 4.5
