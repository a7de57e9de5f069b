"""A model's folder becomes a frozen definition, whole and typed, or a list of what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, TEN_LINES, WHOLE, line_of, write_model
from tradewind.definition.loader import (
    load_definition,
    model_folder,
    model_folders,
    parse_definition,
)
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path


def _problems(folder: Path) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_definition(folder)
    return caught.value.problems


def test_ten_lines_are_a_whole_definition(tmp_path: Path) -> None:
    assert TEN_LINES.count("\n") <= 10

    model = load_definition(write_model(tmp_path, TEN_LINES, name="tips")).model

    assert model.entity_key == ["bill"]
    assert model.sources["bills"].key == ["bill"]
    assert model.sources["bills"].lookback == timedelta(days=3)
    assert model.horizon == timedelta(0)
    assert model.timezone == "UTC"
    assert model.purpose.decision == "How much to expect in the jar tonight"
    assert model.features.sql == "features.sql"
    assert model.label.expires_after == timedelta(days=7)
    assert model.deciding_metric == "rmse"
    assert sorted(model.candidates) == ["boosting", "linear"]
    assert (model.train.judge_days, model.train.select_days, model.train.seed) == (30, 21, 0)
    assert (model.fallback.rule, model.fallback.by) == ("prior", [])
    assert model.validate_.freshness.at_most == timedelta(days=2)
    assert model.gates.beats_champion.policy == "non_inferior"
    assert model.value is None
    assert (model.resources.memory, model.resources.threads) == ("2GB", 1)
    assert (model.schedule.train, model.schedule.retries) == (None, 2)


def test_a_folder_and_its_frozen_files_are_the_same_definition(tmp_path: Path) -> None:
    loaded = load_definition(write_model(tmp_path, WHOLE))

    parsed = parse_definition(loaded.files, where="ledger")

    assert parsed == loaded
    assert set(loaded.files) == {"model.yaml", "features.sql"}
    assert loaded.sql == SQL


def test_every_file_counts_in_the_digest(tmp_path: Path) -> None:
    first = load_definition(write_model(tmp_path, WHOLE)).digest
    again = load_definition(write_model(tmp_path, WHOLE)).digest
    other_sql = load_definition(write_model(tmp_path, WHOLE, sql=SQL + "-- more\n")).digest
    other_yaml = load_definition(write_model(tmp_path, WHOLE + "# more\n")).digest

    assert first == again
    assert len({first, other_sql, other_yaml}) == 3


def test_the_tests_of_the_sql_are_frozen_with_it_and_decide_nothing(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE)
    without = load_definition(folder)
    (folder / "tests.yaml").write_text("tests: [", encoding="utf-8")

    loaded = load_definition(folder)

    assert loaded.files["tests.yaml"] == "tests: ["
    assert loaded.digest != without.digest
    assert loaded.deciding_files == without.deciding_files == {"features.sql": SQL}
    assert parse_definition(loaded.files, where="ledger") == loaded


def test_the_place_is_written_as_seen_from_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "config", WHOLE.replace("owner:", "ownr:"))
    line = "model.yaml:2: ownr: unknown key; did you mean owner?"

    assert _problems(folder) == [f"{folder.resolve()}/{line}"]
    monkeypatch.chdir(tmp_path)
    assert _problems(folder) == [f"config/models/late/{line}"]


def test_the_name_is_the_folders(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE, name="later")

    assert _problems(folder) == [
        (
            f"{folder.resolve()}/model.yaml:1: name: expected 'later', the name of its folder, "
            f"found 'late'"
        )
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE, sql=None)
    line = line_of(WHOLE, "features:")
    missing_sql = f"{folder.resolve()}/model.yaml:{line}: features: there is no file features.sql"

    assert _problems(folder) == [f"{missing_sql} beside model.yaml"]
    (folder / "model.yaml").unlink()
    assert _problems(folder) == [f"{folder.resolve()}/model.yaml:1: this file is missing"]


def test_an_empty_select_is_a_mistake(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE, sql="\n  \n")

    assert _problems(folder) == [
        (
            f"{folder.resolve()}/model.yaml:{line_of(WHOLE, 'features:')}: features: "
            f"features.sql is empty: one SELECT is expected in it"
        )
    ]


def test_a_file_that_is_no_text_is_named_with_the_line(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE)
    (folder / "features.sql").write_bytes(b"SELECT 1\n-- caf\xe9\n")

    assert _problems(folder) == [f"{folder.resolve()}/features.sql:2: this is no UTF-8 text"]


def test_a_python_module_is_frozen_without_being_imported(tmp_path: Path) -> None:
    text = WHOLE.replace("features:\n", "features:\n  python: shapes.wider:widen\n")
    folder = write_model(tmp_path, text)
    source = "raise RuntimeError('imported')\ndef widen(frame):\n    return frame\n"
    (folder / "shapes").mkdir()
    (folder / "shapes" / "wider.py").write_text(source)

    frozen = load_definition(folder)

    assert frozen.files["python:shapes.wider"] == source
    assert parse_definition(frozen.files, where="ledger") == frozen
    assert frozen.digest != load_definition(write_model(tmp_path, WHOLE)).digest


def test_the_module_of_an_own_metric_is_frozen_too(tmp_path: Path) -> None:
    metric = "    mine: {kind: python, function: 'mine:figure', greater_is_better: true}\n"
    folder = write_model(tmp_path, WHOLE.replace("    cost: {kind", metric + "    cost: {kind"))
    (folder / "mine.py").write_text("def figure(label, score):\n    return 0.0\n")

    assert "python:mine" in load_definition(folder).files


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def wider(frame):\n    ...\n", "shapes has no function 'widen'; did you mean wider?"),
        ("x = (\n", "shapes is no Python: line 1: '(' was never closed"),
    ],
)
def test_a_python_module_must_hold_the_function(tmp_path: Path, source: str, said: str) -> None:
    text = WHOLE.replace("features:\n", "features:\n  python: shapes:widen\n")
    folder = write_model(tmp_path, text)
    (folder / "shapes.py").write_text(source)

    line = line_of(text, "python:")
    assert _problems(folder) == [f"{folder.resolve()}/model.yaml:{line}: features.python: {said}"]


def test_frozen_files_without_a_definition_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"^ledger/model\.yaml:1: this file is missing$"):
        parse_definition({"features.sql": SQL}, where="ledger")


def test_models_are_found_by_name_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_model(tmp_path, WHOLE, name=name)
    write_model(tmp_path, WHOLE, name="_drafts")
    (tmp_path / "models" / "empty").mkdir()
    (tmp_path / "models" / "notes.txt").write_text("not a model")

    assert list(model_folders(tmp_path)) == ["a", "b"]
    assert model_folders(tmp_path)["a"] == tmp_path / "models" / "a"
    assert model_folders(tmp_path / "nowhere") == {}


def test_a_model_that_is_none_is_answered_with_the_nearest(tmp_path: Path) -> None:
    folder = write_model(tmp_path, WHOLE)

    assert model_folder(tmp_path, "late") == folder
    said = f"{folder.with_name('lat')}:1: there is no model 'lat'; did you mean late?"
    with pytest.raises(DefinitionError, match=f"^{re.escape(said)}$"):
        model_folder(tmp_path, "lat")
    with pytest.raises(DefinitionError, match=r"there is no model 'late'$"):
        model_folder(tmp_path / "nowhere", "late")


def test_a_folder_without_a_definition_is_a_mistake_and_not_overlooked(tmp_path: Path) -> None:
    half = tmp_path / "models" / "half"
    half.mkdir(parents=True)
    (half / "features.sql").write_text(SQL)

    assert list(model_folders(tmp_path)) == ["half"]
    assert _problems(half) == [f"{half.resolve()}/model.yaml:1: this file is missing"]


def test_reading_definitions_loads_nothing_heavy() -> None:
    heavy = "pandas numpy sklearn mlflow great_expectations duckdb pyarrow scipy airflow"
    program = (
        f"import sys, tradewind.definition.loader; print({set(heavy.split())!r} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"
