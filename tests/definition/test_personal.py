"""What is declared of personal columns must fit what the definition uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import WHOLE, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError
from tradewind.stages._card_explained import drawn
from tradewind.stages._explain_rows import personal_columns

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "    table: public.trains\n"


def problems(folder: Path, personal: str, *, more: str = "") -> list[str]:
    """What is wrong with a sound definition that declares these columns as personal."""
    text = WHOLE.replace(TABLE, f"{TABLE}    personal: {personal}\n{more}")
    try:
        load_definition(write_model(folder, text))
    except DefinitionError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    "personal",
    [
        "{driver: drop, guard: hash}",
        "{driver: {ingest: keep, because: the roster is public}}",
        "{driver: {ingest: drop}, number: hash}",
    ],
)
def test_a_column_is_dropped_hashed_or_kept_for_a_reason(tmp_path: Path, personal: str) -> None:
    assert problems(tmp_path, personal) == []


def test_every_personal_column_is_hidden_and_drawn_by_nobody(tmp_path: Path) -> None:
    personal = "{number: hash, driver: drop, station: {ingest: keep, because: it is a place}}"
    text = WHOLE.replace(TABLE, f"{TABLE}    personal: {personal}\n")

    model = load_definition(write_model(tmp_path, text)).model

    assert personal_columns(model) == {"number", "driver", "station"}
    assert drawn(model, ["station", "distance"]) == ["distance"]


def test_what_is_kept_without_a_reason_is_refused(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, "{driver: keep}")

    assert "sources.trains.personal.driver: to keep what is personal needs a reason" in said


def test_an_unknown_way_is_refused(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, "{driver: mask}")

    assert "personal.driver: expected drop, hash or {ingest: keep, because: ...}, found" in said


@pytest.mark.parametrize(
    ("column", "place"),
    [("number", "sources.trains.key[0]"), ("minutes", "sources.trains.late.arrival.columns[0]")],
)
def test_a_dropped_column_is_used_by_nothing(tmp_path: Path, column: str, place: str) -> None:
    found = problems(tmp_path, f"{{{column}: drop}}")

    assert any(
        f"{place}: {column} is personal, and dropped: leave it out here, or hash it" in line
        for line in found
    )
    assert all(line.split(":")[1].isdigit() for line in found)


def test_a_dropped_column_is_not_in_the_label(tmp_path: Path) -> None:
    found = problems(tmp_path, "{minutes: drop}")

    assert any("label.expression: minutes is personal, and dropped" in line for line in found)


def test_a_moment_cannot_be_hashed(tmp_path: Path) -> None:
    found = problems(tmp_path, "{due: hash}")

    assert ["hashed: no moment can be told of it" in line for line in found] == [True]


def test_a_personal_column_is_no_change_token(tmp_path: Path) -> None:
    found = problems(tmp_path, "{changed: hash}", more="    updated_column: changed\n")

    assert ["a personal column cannot be one" in line for line in found] == [True]
