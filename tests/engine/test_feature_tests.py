from __future__ import annotations

import pytest
import yaml

from tests.engine.conftest import DEMO
from tests.engine.small import BODY, SQL
from tradewind.definition.loader import parse_definition
from tradewind.engine.feature_tests import require_passed, run_feature_tests
from tradewind.errors import DefinitionError
from tradewind.records import FeatureTests

TESTS = """\
columns:
  parcels:
    {parcel: BIGINT, due: TIMESTAMPTZ, weight: DOUBLE, town: VARCHAR, fragile: BOOLEAN,
     minutes: BIGINT, delivered: TIMESTAMPTZ}
defaults:
  parcels: {town: Ulm}
tests:
  - name: a parcel
    as_of: 2024-05-01
    given:
      parcels:
        - {parcel: 1, due: 2024-04-30T12:00:00Z, weight: 2.5, fragile: true}
        - {parcel: 2, due: 2024-04-30T13:00:00Z, town: Bonn}
    expect:
      - {parcel: 1, weight: 2.5, town: Ulm, fragile: true, label: null}
      - {parcel: 2, weight: null, town: Bonn, event_time: 2024-04-30T13:00:00Z}
    rows: 2
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "parcels"
    folder.mkdir()
    (folder / "model.yaml").write_text(yaml.safe_dump(BODY), encoding="utf-8")
    (folder / "features.sql").write_text(SQL, encoding="utf-8")
    return folder


def run(folder, tests=TESTS):
    (folder / "tests.yaml").write_text(tests, encoding="utf-8")
    return run_feature_tests(folder)


def test_the_demos_own_tests_pass():
    outcomes = run_feature_tests(DEMO)
    assert len(outcomes) >= 8
    assert [difference for outcome in outcomes for difference in outcome.differences] == []


def test_a_folder_without_tests_is_told_from_one_whose_tests_pass(folder):
    assert run_feature_tests(folder) is None


def test_what_is_as_expected_passes(folder):
    (outcome,) = run(folder)
    assert (outcome.name, outcome.line, outcome.passed) == ("a parcel", 8, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "weight: 2.5, town",
            "weight: 2.6, town",
            ":15: parcel=1: weight: expected 2.6, found 2.5",
        ),
        ("weight: null", "weight: 0", ":16: parcel=2: weight: expected 0, found nothing"),
        ("true, label", "false, label", ":15: parcel=1: fragile: expected False, found True"),
        (
            "town: Bonn, event",
            "town: Ulm, event",
            ":16: parcel=2: town: expected 'Ulm', found 'Bonn'",
        ),
        (
            "event_time: 2024-04-30T13:00:00Z",
            "event_time: 2024-04-30T13:00:01Z",
            ":16: parcel=2: event_time: expected '2024-04-30T13:00:01Z', found 2024-04-30T13:00",
        ),
        ("rows: 2", "rows: 3", ":17: 3 rows expected, 2 found"),
        ("- {parcel: 2, weight", "- {parcel: 3, weight", ":16: parcel=3: 0 rows found, where one"),
        ("- {parcel: 2, weight", "- {weight", ":16: the one row: 2 rows found, where one"),
        ("weight: null", "wieght: 1", ":16: parcel=2: the feature set has no column 'wieght'; did"),
        ("13:00:00Z, town", "13:00:00Z, twon", ":8: `columns` says nothing of column 'twon'; did"),
        ("weight: 2.5, fragile", "weight: heavy, fragile", ":8: "),
    ],
)
def test_what_is_not_as_expected_is_told_with_its_line(folder, old, new, said):
    assert old in TESTS
    (outcome,) = run(folder, TESTS.replace(old, new))
    assert not outcome.passed
    assert f"tests.yaml{said}" in outcome.differences[0]


def test_no_row_may_be_what_is_expected(folder):
    tests = TESTS.partition("    expect:")[0].replace("as_of: 2024-05-01", "as_of: 2024-04-01")
    (outcome,) = run(folder, f"{tests}    rows: 0\n")
    assert outcome.passed


def test_one_tests_rows_are_not_there_for_the_next(folder):
    second = (
        TESTS.partition("tests:\n")[2]
        .replace("parcel: 1", "parcel: 5")
        .replace("parcel: 2", "parcel: 6")
    )
    outcomes = run(folder, TESTS + second)
    assert [outcome.differences for outcome in outcomes] == [[], []]


def test_a_broken_sql_fails_each_test_and_not_the_run(folder):
    (folder / "features.sql").write_text("SELECT 1 AS parcel FROM nowhere", encoding="utf-8")
    (outcome,) = run(folder)
    assert "nowhere" in outcome.differences[0]


def require(tests: str | None, sql: str = SQL) -> FeatureTests | None:
    told = {} if tests is None else {"tests.yaml": tests}
    files = {"model.yaml": yaml.safe_dump(BODY), "features.sql": sql, **told}
    return require_passed(parse_definition(files, where="parcels"))


def test_what_passed_is_counted_with_the_features_that_it_says_a_value_of():
    assert require(TESTS) == FeatureTests(passed=1, tested=["fragile", "town", "weight"])
    silent = TESTS.replace("weight: 2.5, town: Ulm, fragile: true, label", "label")
    # That a value is missing tells of no computation.
    assert require(silent) == FeatureTests(passed=1, tested=["town"])
    assert require(None) is None


def test_every_test_that_fails_is_told_with_its_name_file_and_line():
    two = TESTS + TESTS.partition("tests:\n")[2].replace("a parcel", "another").replace("2.5", "3")
    wrong = SQL.replace("weight, town", "weight * 2 AS weight, town")
    with pytest.raises(DefinitionError) as caught:
        require(two, wrong)
    first, *differences = caught.value.problems
    assert first.startswith("parcels/tests.yaml:8: 2 of 2 tests of the features fail: ")
    assert "`tradewind test parcels`" in first
    assert differences == [
        "parcels/tests.yaml:15: a parcel: parcel=1: weight: expected 2.5, found 5.0",
        "parcels/tests.yaml:25: another: parcel=1: weight: expected 3, found 6.0",
    ]


def test_one_that_fails_beside_one_that_passes_is_told_alone():
    two = TESTS + TESTS.partition("tests:\n")[2].replace("a parcel", "another").replace("2.5", "3")
    with pytest.raises(DefinitionError, match="1 of 2 tests of the features fail") as caught:
        require(two.replace("weight: 3, town", "weight: 4, town"))
    assert [line.partition(": ")[2][:7] for line in caught.value.problems[1:]] == ["another"]


def test_a_mistake_in_a_frozen_tests_file_has_its_line():
    with pytest.raises(DefinitionError, match=r"^parcels/tests\.yaml:14: unknown key 'expects'"):
        require(TESTS.replace("    expect:", "    expects:"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "    expect:",
            "    expects:",
            r"tests\.yaml:14: unknown key 'expects'; did you mean expect\?",
        ),
        ("defaults:", "default:", r"tests\.yaml:5: unknown key 'default'; did you mean defaults\?"),
        ("    as_of: 2024-05-01\n", "", r"tests\.yaml:8: a test has at least `name`, `as_of`"),
        (
            "      parcels:\n        -",
            "      parcel:\n        -",
            r":11: `columns` says nothing of source 'parcel'",
        ),
        (
            "columns:\n  parcels:",
            "columns:\n  parcel:",
            r":2: 'parcel' is no source; did you mean parcels\?",
        ),
        ("tests:", "tests: 3\nrest:", r":1: expected `columns`, `defaults` and a list `tests`"),
        ("rows: 2", "rows: [", r"parcels/tests\.yaml:18: this is no YAML"),
        ("rows: 2", "rows: two", r":17: expected how many rows there must be, found 'two'"),
        (
            TESTS.partition("    given:")[2],
            " null\n    rows: 0\n",
            r"parcels/tests\.yaml:10: expected lists of rows by source, found nothing",
        ),
        (
            "        - {parcel: 1, due: 2024-04-30T12:00:00Z, weight: 2.5, fragile: true}",
            "        - parcel 1",
            r"parcels/tests\.yaml:12: expected a row by column, found 'parcel 1'",
        ),
        (
            TESTS.partition("tests:")[0],
            "columns: {parcels: [parcel]}\n",
            r"parcels/tests\.yaml:1: expected a section by column, found a list",
        ),
        (
            TESTS.partition("tests:")[0],
            "columns: {parcels: {parcel: 5}}\n",
            r"parcels/tests\.yaml:1: expected a DuckDB type, found 5",
        ),
        (
            "VARCHAR",
            "VARCHR",
            r"parcels/tests\.yaml:3: DuckDB has no type 'VARCHR'; did you mean V",
        ),
        ("parcels: {town: Ulm}", "[parcels]", r":5: expected a section by source, found a list"),
        (
            TESTS.partition("    expect:\n")[2],
            "      {parcel: 1}\n",
            r"parcels/tests\.yaml:14: expected a list of rows, found a section",
        ),
        (
            "    expect:" + TESTS.partition("    expect:")[2],
            "",
            r":8: this test expects nothing: say `expect`, `rows` or both",
        ),
        (
            TESTS.partition("tests:")[2],
            " []\n",
            r"parcels/tests\.yaml:7: expected at least one test, found none",
        ),
    ],
)
def test_a_mistake_in_the_file_has_its_line(folder, old, new, said):
    assert old in TESTS
    with pytest.raises(DefinitionError, match=said):
        run(folder, TESTS.replace(old, new))
