"""What columns are is said in the owner's words, of columns that there are, and decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import WHOLE, line_of, write_model
from tests.fixtures.sandbox import CLONE
from tradewind.definition.loader import load_definition, parse_definition
from tradewind.definition.meaning import value_says
from tradewind.errors import DefinitionError
from tradewind.stages._versions import feature_identity

if TYPE_CHECKING:
    from pathlib import Path

MEANING = """\
  meaning:
    distance: how far it goes, in miles
    station: {is: where it leaves, values: {A: the harbour, "2": the hill}}
    due: when it should leave
    number: its number
    sex: the driver's
"""
LABEL = "  meaning: it comes more than five minutes late\n"
DEMOS = [*(CLONE / "config" / "models").iterdir(), CLONE / "config" / "demos" / "employment"]


def text(meaning: str = MEANING, label: str = LABEL) -> str:
    told = WHOLE.replace("label:\n", f"  protected: [sex]\n{meaning}label:\n")
    return told.replace("  expression: minutes > 5\n", f"  expression: minutes > 5\n{label}")


def written(folder: Path, told: str) -> Path:
    sql = "SELECT number, day, due, prediction_time, distance, station, sex FROM trains\n"
    return write_model(folder, told, sql=sql)


def problems(folder: Path, told: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_definition(written(folder, told))
    return caught.value.problems


def test_a_column_is_told_in_a_few_words_or_with_its_codes(tmp_path: Path) -> None:
    model = load_definition(written(tmp_path, text())).model

    meaning = model.features.meaning
    assert meaning["distance"].is_ == "how far it goes, in miles"
    assert meaning["distance"].values == {}
    assert meaning["station"].is_ == "where it leaves"
    assert meaning["station"].values == {"A": "the harbour", "2": "the hill"}
    assert model.label.meaning == "it comes more than five minutes late"


@pytest.mark.parametrize(
    ("value", "says"), [("2", "the hill"), ("2.0", "the hill"), ("A", "the harbour"), ("B", None)]
)
def test_a_code_is_compared_as_a_card_prints_it(value: str, says: str | None) -> None:
    assert value_says({"A": "the harbour", "2": "the hill"}, value) == says


def test_nothing_need_be_said(tmp_path: Path) -> None:
    model = load_definition(written(tmp_path, text("", ""))).model

    assert model.features.meaning == {}
    assert model.label.meaning is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "    distance: how",
            "    distence: how",
            (
                "features.meaning.distence: 'distence' is no feature, and no protected, key or "
                "time column; did you mean distance?"
            ),
        ),
        (
            "where it leaves, values",
            "where it leaves, value",
            "features.meaning.station.value: unknown key; did you mean values?",
        ),
        (
            "{is: where it leaves, values",
            "{values",
            "features.meaning.station.is: this key is missing; expected some text",
        ),
        ('"2": the hill', "2: the hill", "station.values.2: this cannot be a key here: a key is"),
        ("how far it goes, in miles", "12", "features.meaning.distance: expected some text or a"),
    ],
)
def test_what_is_wrong_with_it_has_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = text().replace(old, new)

    (found,) = problems(tmp_path, told)

    assert said in found
    assert f"model.yaml:{line_of(told, new)}: " in found


def test_other_words_make_no_other_features_and_no_other_training(tmp_path: Path) -> None:
    plain = load_definition(written(tmp_path, text("", "")))
    told = load_definition(written(tmp_path, text()))

    assert told.digest != plain.digest
    assert feature_identity(told) == feature_identity(plain)
    assert told.model.model_dump(mode="json") == plain.model.model_dump(mode="json")
    # A run reads it again from the files that it froze, words and all.
    again = parse_definition(told.files, where="frozen")
    assert again.model.features.meaning == told.model.features.meaning


@pytest.mark.parametrize("folder", DEMOS, ids=lambda folder: folder.name)
def test_every_column_of_a_demo_is_explained(folder: Path) -> None:
    model = load_definition(folder).model

    columns = {*model.entity_key, model.event_time, *model.features.types}
    assert model.features.meaning.keys() == columns | {*model.features.protected}
    assert model.label.meaning
