"""Each group is measured on its own rows, and a small one not at all."""

from __future__ import annotations

import numpy as np

from tradewind.stats.bootstrap import block_draws
from tradewind.stats.groups import FAIRNESS, measure_groups
from tradewind.stats.metrics import BINARY
from tradewind.stats.rows import binary_rows

DAYS = 28
GROUPS = np.array(["many", "many", "many", "few"] * DAYS)
LABEL = np.array([1, 0, 0, 1] * DAYS)
SCORE = np.array([0.9, 0.6, 0.1, 0.2] * DAYS)
ROWS = binary_rows(LABEL, SCORE, unit=np.repeat(np.arange(DAYS), 4), threshold=0.5)
DRAWS = block_draws(DAYS, block=7, draws=200, seed=0)


def measured(least_rows: int, metrics=FAIRNESS["binary"]):
    return measure_groups(
        ROWS, GROUPS, metrics=metrics, draws=DRAWS, confidence=0.95, least_rows=least_rows
    )


def test_a_group_has_the_figures_of_its_own_rows():
    found = measured(1)
    assert (found["many"].rows, found["few"].rows) == (3 * DAYS, DAYS)
    assert found["many"].figures["selection_rate"].value == 2 / 3
    assert found["few"].figures["selection_rate"].value == 0
    own = binary_rows([1, 0, 0], [0.9, 0.6, 0.1])
    brier = measured(1, {"brier": BINARY["brier"]})["many"].figures["brier"]
    assert np.isclose(brier.value, BINARY["brier"].of(own))


def test_a_group_of_the_least_rows_has_figures_and_one_of_a_row_less_has_none():
    assert measured(DAYS)["few"].figures
    small = measured(DAYS + 1)["few"]
    assert small.figures == {}
    assert (
        small.missing["selection_rate"]
        == f"only {DAYS} rows, and {DAYS + 1} are needed for a figure"
    )
    assert measured(DAYS + 1)["many"].figures


def test_a_figure_that_a_group_does_not_allow_is_missing_with_its_reason():
    few = measured(1)["few"]
    assert "false_positive_rate" in few.missing
    assert "selection_rate" not in few.missing
