"""Limits on how groups are treated must hold for somebody, and for this problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, TEN_LINES, WHOLE, line_of, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = WHOLE.replace("label:\n", "  protected: [station]\nlabel:\n", 1)


def with_fairness(text: str, fairness: str) -> str:
    return text.replace("gates:\n", f"gates:\n  fairness: {fairness}\n", 1)


def refused(config: Path, text: str, *, sql: str | None = SQL, name: str = "late") -> str:
    with pytest.raises(DefinitionError) as refusal:
        load_definition(write_model(config, text, sql=sql, name=name))
    (said,) = str(refusal.value).splitlines()
    return said.split("model.yaml:", 1)[1]


def test_the_gate_is_on_with_limits_of_its_own(tmp_path: Path):
    fairness = load_definition(write_model(tmp_path, PEOPLE)).model.gates.fairness
    limits = (fairness.demographic_parity, fairness.equalised_odds, fairness.calibration)
    assert limits == (0.1, 0.1, 0.05)


def test_a_measure_may_be_shown_and_not_held(tmp_path: Path):
    text = with_fairness(PEOPLE, "{demographic_parity: null, calibration: 0.2}")
    fairness = load_definition(write_model(tmp_path, text)).model.gates.fairness
    assert (fairness.demographic_parity, fairness.equalised_odds) == (None, 0.1)


def test_limits_hold_for_groups_that_are_named(tmp_path: Path):
    text = with_fairness(WHOLE, "{calibration: 0.2}")
    said = "gates.fairness: there are no groups to hold it for: name them in `features.protected`"
    assert refused(tmp_path, text) == f"{line_of(text, '  fairness')}: {said}"


def test_to_hold_no_measure_at_all_is_a_waivers_business(tmp_path: Path):
    nothing = "{demographic_parity: null, equalised_odds: null, calibration: null}"
    text = with_fairness(PEOPLE, nothing)
    said = "no measure is left to hold: to go without the gate, `gates.waivers` says who may"
    assert refused(tmp_path, text) == f"{line_of(text, '  fairness')}: gates.fairness: {said}"


def regression(fairness: str) -> str:
    return TEN_LINES.replace("guests: numeric}", "guests: numeric}, protected: [guests]") + (
        f"gates:\n  fairness: {fairness}\n"
    )


def test_a_regression_has_no_odds_to_equalise(tmp_path: Path):
    text = regression("{equalised_odds: 0.2}")
    said = refused(tmp_path, text, sql="SELECT guests FROM bills", name="tips")
    assert said.endswith(
        "gates.fairness.equalised_odds: a regression decides nothing: leave it out"
    )


def test_nor_may_a_regression_hold_nothing(tmp_path: Path):
    text = regression("{demographic_parity: null, calibration: null}")
    said = refused(tmp_path, text, sql="SELECT guests FROM bills", name="tips")
    assert "no measure is left to hold" in said
