"""The people of the census: brought where their package can be had, and otherwise not there."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.definition.loader import load_definition, model_folders
from tradewind.engine.checking import check_definition, check_privacy
from tradewind.engine.feature_tests import run_feature_tests
from tradewind.errors import PlatformError
from tradewind.local.employment import ANSWERS, asked_at, link, load, provide, rows_there
from tradewind.settings import load_settings

if TYPE_CHECKING:
    from tradewind.settings import Settings

CLONE = Path(__file__).parents[2]
DEMO = CLONE / "config" / "demos" / "employment"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Files like the package's, of six people."""
    folder = tmp_path / "data"
    folder.mkdir()
    answers = {name.upper(): ["1"] * 3 for name in ANSWERS if name != "agep"}
    known = {"id": [0, 1, 2], "AGEP": [30.0, 40.0, 5.0], **answers, "year": [2015] * 3,
             "employed": [1, 1, 0]}  # fmt: skip
    later = {**known, "id": [3, 4, 5], "year": [2016, 2017, 2018]}
    del later["employed"]
    truth = {"id": [5, 4, 3], "employed": [0, 1, 1]}
    for name, columns in (("reference", known), ("analysis", later), ("analysis_target", truth)):
        pq.write_table(pa.table(columns), folder / f"employment_MA_{name}.pq")
    return folder


@pytest.fixture
def wheel(tmp_path: Path, data: Path) -> Path:
    """A package of these files, and the line of requirements that names it by its hash."""
    path = tmp_path / "nannyml-0.13.1-py3-none-any.whl"
    about = "nannyml-0.13.1.dist-info"
    files = {f"nannyml/datasets/data/{file.name}": file.read_bytes() for file in data.iterdir()}
    files[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: nannyml\nVersion: 0.13.1\n"
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(
        f"{name},sha256={_urlsafe(content)},{len(content)}\n" for name, content in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{about}/RECORD", f"{record}{about}/RECORD,,\n")
    return path


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def required(tmp_path: Path, wheel: Path, *, digest: str | None = None) -> Path:
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    path = tmp_path / "requirements" / "employment.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"nannyml @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    return path


@pytest.fixture
def clone(tmp_path: Path, home: Settings) -> Settings:
    """Settings of a clone whose definitions a test may change."""
    shutil.copytree(DEMO, tmp_path / "config" / "demos" / "employment")
    (tmp_path / "config" / "models").mkdir()
    return replace(home, root=tmp_path, config_dir=tmp_path / "config")


def ask(dsn: str, question: str):
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


# ----------------------------------------------------------------------------------- the definition


def test_the_definition_agrees_with_itself_and_watches_sex_and_race():
    model = load_definition(DEMO).model
    assert model.features.protected == ["sex", "race"]
    assert not {"sex", "race"} & set(model.features.types)
    assert not model.gates.waivers


def test_whoever_answered_can_be_forgotten_and_their_sex_and_race_are_not_shown():
    source = load_definition(DEMO).model.sources["people"]
    assert source.subjects == {"person": "id"}
    assert source.personal_columns("keep") == {"sex", "rac1p"}
    # Hidden is what no model sees: of its features a story shows every one.
    assert not source.personal_columns() & set(load_definition(DEMO).model.features.types)


def test_its_owners_tests_of_the_features_hold():
    outcomes = run_feature_tests(DEMO)
    assert outcomes
    assert all(outcome.passed for outcome in outcomes)


def test_it_is_absent_until_its_data_are_brought(clone: Settings):
    assert model_folders(clone.config_dir) == {}
    link(clone.config_dir)
    folder = model_folders(clone.config_dir)["employment"]
    assert load_definition(folder).model.name == "employment"


def test_with_its_data_it_is_well_defined(data, empty_database, monkeypatch, tmp_path):
    load(empty_database, data)
    monkeypatch.setenv("AIRFLOW_CONN_DEMO", empty_database)
    known = load_settings({**os.environ, "TRADEWIND_HOME": str(tmp_path / "home")})
    assert check_definition(DEMO, settings=known) == []
    assert check_privacy(DEMO, settings=known) == []


# ----------------------------------------------------------------------------------------- the link


def test_linking_twice_is_as_good_as_once_and_a_dead_link_is_made_anew(clone: Settings):
    first = link(clone.config_dir)
    assert link(clone.config_dir) == first
    first.unlink()
    first.symlink_to("nowhere")
    assert link(clone.config_dir).resolve() == clone.config_dir / "demos" / "employment"


def test_another_model_of_its_name_is_left_alone(clone: Settings):
    own = clone.config_dir / "models" / "employment"
    own.mkdir()
    with pytest.raises(PlatformError, match="is there already, and is not the demo's"):
        link(clone.config_dir)
    assert own.is_dir()


# ----------------------------------------------------------------------------------------- the data


def test_every_person_is_loaded_with_what_became_of_them(data, empty_database):
    assert rows_there(empty_database) is None
    assert load(empty_database, data) == 6
    assert rows_there(empty_database) == 6
    told = ask(empty_database, "SELECT id, year, agep, employed FROM people ORDER BY id")
    assert told == [
        (0, 2015, 30, 1), (1, 2015, 40, 1), (2, 2015, 5, 0),
        (3, 2016, 30, 1), (4, 2017, 40, 1), (5, 2018, 5, 0),
    ]  # fmt: skip


def test_a_person_is_asked_at_noon_of_a_day_of_their_year_and_always_of_the_same(
    data, empty_database
):
    load(empty_database, data)
    first = ask(empty_database, "SELECT id, year, asked_at FROM people ORDER BY id")
    local = [moment.astimezone(NEW_YORK) for _, _, moment in first]
    assert [moment.year for moment in local] == [2015] * 3 + [2016, 2017, 2018]
    assert {(moment.hour, moment.minute) for moment in local} == {(12, 0)}
    load(empty_database, data)
    assert ask(empty_database, "SELECT id, year, asked_at FROM people ORDER BY id") == first


def test_the_drawn_days_fill_the_year_evenly():
    days = [asked_at(f"person {number}", 2016) for number in range(7_320)]
    local = [day.astimezone(NEW_YORK).timetuple().tm_yday for day in days]
    assert set(local) == set(range(1, 367))
    # 20 a day are expected, and 3.5 standard deviations above it are 36.
    assert max(local.count(day) for day in range(1, 367)) < 41
    assert asked_at("somebody", 2015) == asked_at("somebody", 2015)
    assert asked_at("somebody", 2015).tzinfo is UTC


def test_other_files_are_refused_and_nothing_is_left(data, empty_database):
    pq.write_table(pa.table({"id": [3, 4]}), data / "employment_MA_analysis_target.pq")
    with pytest.raises(PlatformError, match="not what they were: KeyError"):
        load(empty_database, data)
    assert ask(empty_database, "SELECT to_regclass('public.people')") == [(None,)]
    (data / "employment_MA_reference.pq").unlink()
    with pytest.raises(PlatformError, match="not what they were: FileNotFoundError"):
        load(empty_database, data)


# ---------------------------------------------------------------------------------- the whole of it


def test_what_is_provided_is_the_packages_and_the_second_time_it_is_not_fetched(
    clone, wheel, empty_database, tmp_path
):
    required(tmp_path, wheel)
    done = provide(clone, empty_database, echo=lambda _: None)
    assert (done.loaded, done.rows) == (True, 6)
    wheel.unlink()
    again = provide(clone, empty_database, echo=lambda _: None)
    assert (again.loaded, again.rows, again.folder) == (False, 6, done.folder)


def test_where_the_package_cannot_be_had_there_is_no_table_and_no_model(
    clone, wheel, empty_database, tmp_path
):
    requirements = required(tmp_path, wheel, digest=64 * "0")
    with pytest.raises(PlatformError, match=r"cannot be had with Python 3.*stays away"):
        provide(clone, empty_database, echo=lambda _: None)
    assert model_folders(clone.config_dir) == {}
    assert rows_there(empty_database) is None
    assert requirements.exists()


def test_the_committed_requirement_names_one_package_by_its_hash():
    lines = (CLONE / "requirements" / "employment.txt").read_text().splitlines()
    asked = [line for line in lines if not line.startswith("#")]
    assert asked[0] == "nannyml==0.13.1 \\"
    assert asked[1].strip().startswith("--hash=sha256:cf5f4a33")
    assert len(asked) == 2
