"""`tradewind check` says what is read beyond need, and where something personal seems to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.test_checking import MODEL, SQL
from tests.fixtures.sandbox import CLONE
from tradewind.engine.checking import check_definition, check_privacy

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.settings import Settings

TYPES = "    types: {day: DATE}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the holidays' file."""
    (tmp_path / "holidays.csv").write_text("day,name\n2013-07-04,Independence Day\n")
    monkeypatch.setenv("TRADEWIND_FILES", str(tmp_path))
    return tmp_path


@pytest.fixture
def folder(files: Path, demo_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound model's folder, `config/models/delays` from here."""
    path = files / "config" / "models" / "delays"
    path.mkdir(parents=True)
    (path / "model.yaml").write_text(MODEL)
    (path / "features.sql").write_text(SQL)
    monkeypatch.chdir(files)
    return path


@pytest.fixture
def settings(folder: Path, home: Settings) -> Settings:
    """A home that knows the demo's database and the file."""
    return home


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_of_the_demo_only_the_flights_are_read_whole_and_nothing_looks_personal(
    demo_dsn: str, home: Settings
) -> None:
    found = check_privacy(CLONE / "config" / "models" / "flight_delay", settings=home)

    assert found == [
        "flight_delay/features.sql:11: `*` reads every column: every column of flights is ingested"
    ]


def test_what_looks_personal_is_said_without_its_value(
    folder: Path, files: Path, settings: Settings
) -> None:
    rows = "day,note\n2013-07-04,ask ann@example.org\n2013-12-25,nobody\n"
    (files / "holidays.csv").write_text(rows)
    edit(folder / "features.sql", "temp\nFROM", "coalesce(temp, length(note)) AS temp\nFROM")
    assert check_definition(folder, settings=settings) == []

    (found,) = check_privacy(folder, settings=settings)

    assert found.startswith(
        "delays/model.yaml: sources: holidays: note: 1 of 2 sampled values look like "
        "holding an e-mail address; declare"
    )


def test_what_is_not_used_is_not_looked_at(folder: Path, files: Path, settings: Settings) -> None:
    (files / "holidays.csv").write_text("day,name\n2013-07-04,ann@example.org\n")

    assert check_privacy(folder, settings=settings) == []


def test_a_dropped_column_in_the_sql_has_its_line(folder: Path, settings: Settings) -> None:
    edit(folder / "model.yaml", TYPES, f"{TYPES}    personal: {{name: drop}}\n")
    edit(folder / "features.sql", "holidays.day IS NOT NULL", "holidays.name IS NOT NULL")

    said = "there is no column 'name' here: it is personal, and dropped at ingestion"
    assert check_definition(folder, settings=settings) == [
        f"config/models/delays/features.sql:8: {said}"
    ]


@pytest.mark.parametrize("column", ["name", "nam"])
def test_what_is_hashed_needs_a_key_and_a_column(
    folder: Path, settings: Settings, column: str
) -> None:
    edit(folder / "model.yaml", TYPES, f"{TYPES}    personal: {{{column}: hash}}\n")

    found = check_definition(folder, settings=settings)

    assert any("AIRFLOW_CONN_TRADEWIND_HASH_KEY" in line for line in found)
    assert any("no column 'nam'; did you mean name?" in line for line in found) == (column == "nam")
