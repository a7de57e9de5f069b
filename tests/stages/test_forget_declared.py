"""Whose the rows are: what a definition says of it, and what of sources and parts follows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.definition.folders import WHOLE, line_of, write_model
from tests.stages.forgetting import ANN, CITY, PLAIN, House
from tests.stages.nightly import DEFINITION, FIRST_DAY, night, settle
from tradewind.definition.loader import load_definition
from tradewind.engine.checking import check_definition, check_privacy
from tradewind.engine.needed import needed_columns
from tradewind.errors import DefinitionError, RequestError, SchemaChangedError
from tradewind.records import Part
from tradewind.settings import load_settings
from tradewind.stages._forget_whom import Declarations, require_clear_names, still_holding
from tradewind.stores.sources import open_source
from tradewind.stores.sources.base import id_stem
from tradewind.stores.subjects import Subjects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.home import Home
    from tradewind.settings import Settings

TABLE = "    table: public.trains\n"
KEY = "AIRFLOW_CONN_TRADEWIND_HASH_KEY"


@pytest.fixture
def house(own_home: Home) -> House:
    """The shop, of which nothing was trained."""
    own_home.environ[KEY] = f"generic://:{'0123456789abcdef' * 3}@"
    return House(settle(own_home))


def whole(subjects: str, more: str = "") -> str:
    return WHOLE.replace(TABLE, f"{TABLE}    subjects: {subjects}\n{more}")


def test_a_column_that_names_somebody_is_ingested(tmp_path: Path) -> None:
    frozen = load_definition(write_model(tmp_path, whole("{driver: Driver_Id}")))
    assert "driver_id" in needed_columns(frozen)["trains"].columns


def test_whom_rows_are_of_says_nothing_of_how_they_are_read(tmp_path: Path, home: Settings) -> None:
    """Parts that are there already stay the source's own."""
    ids = []
    for name, text in (("with", whole("{driver: number}")), ("without", WHOLE)):
        frozen = load_definition(write_model(tmp_path / name, text))
        spec = frozen.model.sources["trains"]
        ids.append(open_source("trains", spec, settings=home, needed={"number"}).source_id)
    assert ids[0] == ids[1]


def test_a_column_that_names_somebody_and_is_dropped_is_an_error_with_its_line(
    tmp_path: Path,
) -> None:
    text = whole("{driver: driver_id}", "    personal: {driver_id: drop}\n")
    with pytest.raises(DefinitionError) as caught:
        load_definition(write_model(tmp_path, text))
    (said,) = caught.value.problems
    assert f"late/model.yaml:{line_of(text, 'subjects:')}: " in said
    assert "sources.trains.subjects.driver: driver_id is personal, and dropped" in said


def test_a_key_of_the_same_name_says_whose_it_is_too(tmp_path: Path) -> None:
    text = whole("{driver: Code}")
    with pytest.raises(DefinitionError, match=r"code names a driver in trains.*say `subjects"):
        load_definition(write_model(tmp_path, text))
    told = text.replace("key: [code]", "key: [code]\n    subjects: {driver: code}")
    load_definition(write_model(tmp_path, told))


def test_a_kind_is_a_plain_word(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"sources.trains.subjects"):
        load_definition(write_model(tmp_path, whole("{Train Driver: driver_id}")))


def test_the_check_warns_of_personal_columns_of_nobody(house: House) -> None:
    house.open_all()
    folder, settings = house.folder / "config" / "models" / PLAIN, house.stores.settings
    assert check_definition(folder, settings=settings) == []
    assert not [line for line in check_privacy(folder, settings=settings) if "subjects" in line]
    text = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(
        text.replace("    subjects:\n      customer: customer\n", "")
    )
    (line,) = [one for one in check_privacy(folder, settings=settings) if "subjects" in one]
    assert line.startswith(f"{PLAIN}/model.yaml: sources: customers: columns are personal")


def test_the_check_finds_a_column_that_the_source_has_not(house: House) -> None:
    house.open_all()
    folder = house.folder / "config" / "models" / PLAIN
    text = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(text.replace("customer: customer\n", "customer: custmer\n"))
    (problem,) = check_definition(folder, settings=house.stores.settings)
    assert "the source has no column 'custmer'; did you mean" in problem


def test_every_definition_counts_that_ever_did(house: House) -> None:
    house.open_all()
    ledger = house.stores.ledger
    declared = Declarations.of(house.stores)
    assert declared.kinds == ["customer"]
    assert declared.models("customer") == []  # none was ever admitted
    frozen = load_definition(house.folder / "config" / "models" / PLAIN)
    ledger.freeze_definition(PLAIN, frozen.files, as_of=night(0), actor="ann")
    without = {**frozen.files}
    text = without["model.yaml"]
    without["model.yaml"] = text.replace("      customer: customer\n", "      buyer: customer\n")
    ledger.freeze_definition(PLAIN, without, as_of=night(1), actor="ann")
    ledger.freeze_definition("gone", {"model.yaml": "name: [", "features.sql": ""},
                             as_of=night(1), actor="ann")  # fmt: skip
    declared = Declarations.of(house.stores)
    assert declared.kinds == ["buyer", "customer"]
    assert declared.models("customer") == [PLAIN]
    assert declared.columns("buyer") == {"customer"}


# ---------------------------------------------------------------------------------- live sources


def test_where_another_source_calls_something_else_alike_nobody_is_erased(house: House) -> None:
    house.describe(PLAIN)
    declared, catalog = Declarations.of(house.stores), house.stores.catalog
    own = id_stem(next(iter(declared.naming("customer"))).spec)
    catalog.observe([part_of(own, "customer"), part_of("files-parcels-csv", "weight")])
    require_clear_names("customer", declared, house.stores)
    catalog.observe([part_of("files-parcels-csv", "Customer")])
    with pytest.raises(RequestError, match="files-parcels-csv has a column 'Customer' as well"):
        require_clear_names("customer", declared, house.stores)


def test_where_a_definition_is_unreadable_a_source_that_no_other_declares_stops_it(
    house: House,
) -> None:
    house.describe(PLAIN)
    ledger, catalog = house.stores.ledger, house.stores.catalog
    own = id_stem(next(iter(Declarations.of(house.stores).naming("customer"))).spec)
    catalog.observe([part_of(own, "customer"), part_of("files-letters-csv", "weight")])
    require_clear_names("customer", Declarations.of(house.stores), house.stores)
    broken = {"model.yaml": "name: [", "features.sql": ""}
    digest = ledger.freeze_definition("gone", broken, as_of=night(1), actor="ann")
    with pytest.raises(RequestError, match=r"files-letters-csv.*definition .* of gone.*`subjects`"):
        require_clear_names("customer", Declarations.of(house.stores), house.stores)
    more = {"pattern": "letters.csv", "key": ["renewal"]}
    house.describe("letters", sources={"customers": {**DEFINITION["sources"]["customers"], **more}})
    declared = Declarations.of(house.stores)
    require_clear_names("customer", declared, house.stores)
    # What else it may have said is told at the end.
    subject = Subjects.open(house.stores.settings).find(house.asked(ANN))
    _, unasked = still_holding(subject, declared, house.stores)
    assert f"definition {digest[:12]} of gone" in [one.place for one in unasked]


def part_of(stem: str, column: str) -> Part:
    return Part(
        as_of=night(1),
        recorded_at=night(1),
        source_id=f"{stem}-0123456789ab",
        day=FIRST_DAY,
        change_token=column,
        digest=column,
        uri=f"sources/{stem}-0123456789ab/{FIRST_DAY}/{column}.parquet",
        rows=1,
        min_event_time=None,
        max_event_time=None,
        columns={column: "string"},
    )


def test_a_table_is_asked_by_value_and_not_by_pattern(
    empty_database: str, home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(psycopg2.connect(empty_database)) as link, link, link.cursor() as cursor:
        cursor.execute("CREATE TABLE trains (number bigint, driver text)")
        cursor.execute("INSERT INTO trains VALUES (7, 'O''Hara%'), (8, NULL)")
    monkeypatch.setenv("AIRFLOW_CONN_RAIL", empty_database)
    spec = load_definition(write_model(tmp_path, whole("{driver: driver}"))).model.sources["trains"]
    spec = spec.model_copy(update={"connection": "rail"})
    with open_source("trains", spec, settings=load_settings()) as reader:
        assert [reader.holds("driver", value) for value in ("O'Hara%", "O'Hara", "%")] == [
            True, False, False,
        ]  # fmt: skip
        assert reader.holds("number", "7")
        with pytest.raises(SchemaChangedError, match="there is no column 'drvr'"):
            reader.holds("drvr", "x")


def test_files_are_asked_one_by_one_and_numbers_are_their_digits(house: House) -> None:
    rows = [{**house.rows(1)[0], "customer": "0077"}]
    house.open_all()
    house.deliver(house.day(1), rows)
    spec = load_definition(house.folder / "config" / "models" / PLAIN).model.sources["customers"]
    with open_source("customers", spec, settings=house.stores.settings) as reader:
        assert reader.holds("customer", "0077")
        assert not reader.holds("customer", "078")
        assert reader.holds("customer", ANN.key)


def test_a_source_that_does_not_answer_is_named_and_not_taken_for_clean(house: House) -> None:
    house.open_all()
    subjects = Subjects.open(house.stores.settings)
    subject = subjects.find(house.asked(ANN))
    damaged = house.folder / "data" / f"{house.day(0)}.csv"
    damaged.write_text(damaged.read_text().rstrip("\n"))
    held, unasked = still_holding(subject, Declarations.of(house.stores), house.stores)
    assert held == []
    # One source, however many models read it.
    assert [one.place for one in unasked] == [f"source customers of {CITY}"]
    assert "does not end with a line break" in unasked[0].what
    assert repr(subject) == f"Subject({subject.token})"


# ---------------------------------------------------------------------------------- a hashed key


def test_a_hashed_key_is_found_by_what_is_typed_in(house: House) -> None:
    house.open_all()
    text = (house.folder / "config" / "models" / PLAIN / "model.yaml").read_text()
    hashed = text.replace("    personal:\n", "    personal:\n      customer: hash\n")
    (house.folder / "config" / "models" / PLAIN / "model.yaml").write_text(hashed)
    house.run_until("validate")
    lake = house.stores.lake
    parts = [path for path in lake.list("sources") if path.endswith(".parquet")]
    hash_of = next(
        row["customer"]
        for path in parts
        for row in lake.read_table(path).to_pylist()
        if row["email"] == ANN.email
    )
    assert len(hash_of) == 32
    house.delete_at_source(ANN)
    erased = house.forget(house.asked(ANN))
    assert erased.rows >= len(ANN.days)
    for path in lake.list(""):
        content = lake.read_bytes(path)
        if path.endswith(".parquet"):
            content += str(lake.read_table(path).to_pylist()).encode()
        assert not [text for text in (hash_of, ANN.email, ANN.key) if text.encode() in content]
