"""What `gates.slices` and `gates.calibration` may say, and what is said of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import WHOLE, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path


def said(gates: str, folder: Path) -> list[str]:
    text = WHOLE.replace("gates:\n", f"gates:\n{gates}", 1)
    try:
        load_definition(write_model(folder, text, name="late"))
    except DefinitionError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    "gates",
    [
        "  slices: {by: [station, distance], important: 0, margin: 0, least_rows: 100}\n",
        "  slices: {floor: {of_naive: 1.1}, least_days: 7}\n",
        "  calibration: {level: 0.1, parts: 0.5, slope: 0}\n",
    ],
)
def test_what_is_sound_is_taken(gates, tmp_path):
    assert said(gates, tmp_path) == []


@pytest.mark.parametrize(
    ("gates", "problem"),
    [
        (
            "  slices: {by: [staton]}\n",
            "'staton' is no feature and no protected column; did you mean station?",
        ),
        ("  slices: {by: [station, station]}\n", "'station' is named twice"),
        ("  slices: {floor: {at_least: 0.5, at_most: 0.6}}\n", "say one of at_least, at_most"),
        ("  slices: {least_rows: 3}\n", "gates.slices.least_rows"),
        ("  calibration: {slope: 1.0}\n", "gates.calibration.slope"),
        ("  calibration: {level: 0}\n", "gates.calibration.level"),
    ],
)
def test_what_is_not_is_told_with_its_place(gates, problem, tmp_path):
    found = said(gates, tmp_path)
    assert len(found) == 1
    assert problem in found[0]
