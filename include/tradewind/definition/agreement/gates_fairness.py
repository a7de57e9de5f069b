"""Limits on how groups are treated must hold for somebody, and for this problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found

_MEASURES = {
    "binary": ("demographic_parity", "equalised_odds", "calibration"),
    "regression": ("demographic_parity", "calibration"),
}


def _limits_hold_for_groups(file: File) -> Found:
    if file.section("gates", "fairness") and not file.names("features", "protected"):
        said = "there are no groups to hold it for: name them in `features.protected`"
        yield ("gates", "fairness"), said


def _measures_are_of_the_problem(file: File) -> Found:
    if file.text("problem") == "regression" and file.at("gates", "fairness", "equalised_odds"):
        said = "a regression decides nothing: leave it out"
        yield ("gates", "fairness", "equalised_odds"), said


def _something_is_asked(file: File) -> Found:
    declared = file.section("gates", "fairness")
    measures = _MEASURES.get(file.text("problem") or "", ())
    if measures and all(name in declared and declared[name] is None for name in measures):
        said = "no measure is left to hold: to go without the gate, `gates.waivers` says who may"
        yield ("gates", "fairness"), said


CHECKS: Checks = (
    _limits_hold_for_groups,
    _measures_are_of_the_problem,
    _something_is_asked,
)
