"""What a model is expected to do is about its features, and could fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import WHOLE, line_of, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

SOUND = """\
  behaviour:
    invariance:
      - {because: a mile, feature: distance, by: 1, within: 0.01, where: {station: {one_of: [A]}}}
      - {because: any station, feature: station, to: [A, B], within: 0.5}
    direction:
      - {because: further, feature: distance, by: 100, must_not: fall, tolerance: 0.02}
    minimum:
      - {because: near, given: {distance: 1, station: A}, at_most: 0.5}
      - {because: far, where: {distance: {at_least: 500}}, at_least: 0.1}
"""
_CASES = {
    "a changed feature that there is not": (
        "feature: distance, by: 1,",
        "feature: distence, by: 1,",
        ["invariance[0].feature: 'distence' is no feature; did you mean distance?"],
    ),
    "a restriction on what is no feature": (
        "where: {distance:",
        "where: {platform:",
        ["minimum[1].where.platform: 'platform' is no feature; known here: distance, station"],
    ),
    "a given value of what is no feature": (
        "given: {distance: 1,",
        "given: {distances: 1,",
        ["minimum[0].given.distances: 'distances' is no feature; did you mean distance?"],
    ),
    "a word that is to be raised": (
        "feature: distance, by: 100",
        "feature: station, by: 100",
        ["direction[0].by: station is categorical: only to a number something is added"],
    ),
    "a word that is to lie between numbers": (
        "where: {distance: {at_least",
        "where: {station: {at_least",
        ["minimum[1].where.station.at_least: station is categorical: say `one_of` instead"],
    ),
    "a number where a word belongs": (
        "to: [A, B]",
        "to: [A, 7]",
        ["invariance[1].to[1]: station is categorical: text is expected, not 7"],
    ),
    "a word where a number belongs": (
        "given: {distance: 1,",
        "given: {distance: near,",
        ["minimum[0].given.distance: distance is numeric: a number is expected, not 'near'"],
    ),
    "an expectation that could never fail": (
        "at_most: 0.5}",
        "at_most: 1}",
        ["minimum[0].at_most: a probability is between 0 and 1: this can never fail"],
    ),
    "a least probability of nothing": (
        "at_least: 0.1}",
        "at_least: 0}",
        ["minimum[1].at_least: a probability is between 0 and 1: this can never fail"],
    ),
    "a tolerance beyond every probability": (
        "tolerance: 0.02",
        "tolerance: 1",
        ["direction[0].tolerance: a probability is between 0 and 1: this can never fail"],
    ),
    "a change that is none": (
        "by: 1, within",
        "by: 0, within",
        ["invariance[0]: adding nothing changes nothing"],
    ),
    "two changes at once": (
        "to: [A, B]",
        "to: [A, B], by: 2",
        [
            "invariance[1].by: station is categorical: only to a number something is added",
            "invariance[1]: say what the feature is changed `to`, or `by` how much",
        ],
    ),
    "a direction without a step": (
        "by: 100",
        "by: 0",
        ["direction[0]: adding nothing changes nothing"],
    ),
    "a minimum of nothing": (
        ", at_least: 0.1}",
        "}",
        ["minimum[1]: say what the score must be: at_least, at_most or both"],
    ),
    "a minimum of no rows": (
        "where: {distance: {at_least: 500}}, ",
        "",
        ["minimum[1]: say of which rows: `given`, `where` or both"],
    ),
    "limits that say two things": (
        "{one_of: [A]}",
        "{one_of: [A], at_most: 2}",
        [
            "invariance[0].where.station.at_most: station is categorical: say `one_of` instead",
            "invariance[0].where.station: say at_least, at_most or both, or one_of",
        ],
    ),
    "two expectations of one name": (
        "because: far",
        "because: near",
        ["two expectations are called 'near': say what tells them apart"],
    ),
}


def _text(old: str = "", new: str = "") -> str:
    before, after = WHOLE.split("value:\n")
    told = SOUND.replace(old, new, 1) if old else SOUND
    return f"{before}{told}value:\n{after}"


def test_sound_expectations_are_read_with_their_defaults(tmp_path: Path) -> None:
    asked = load_definition(write_model(tmp_path, _text())).model.gates.behaviour
    assert [one.because for one in asked.invariance] == ["a mile", "any station"]
    assert asked.invariance[1].to == ["A", "B"]
    assert asked.direction[0].share == 0.95
    assert asked.minimum[0].given == {"distance": 1, "station": "A"}
    assert asked.rows == 2_000


@pytest.mark.parametrize("case", _CASES)
def test_what_is_wrong_is_said_with_its_place(case: str, tmp_path: Path) -> None:
    old, new, said = _CASES[case]
    text = _text(old, new)
    with pytest.raises(DefinitionError) as error:
        load_definition(write_model(tmp_path, text))
    lines = str(error.value).splitlines()
    assert len(lines) == len(said)
    for part in said:
        assert any(part in line for line in lines)
    assert min(int(line.split(":")[1]) for line in lines) >= line_of(text, "  behaviour:")
