"""What the business signs must be about this model, or the line that is not is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.definition.folders import SQL, WHOLE, write_model
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = """
acceptance: {metric: roc_auc, at_least: 0.6, by: Ada, on: 2024-01-01, review: 2024-07-01}
harm_review:
  by: Grace
  on: 2024-01-01
  until: 2025-01-01
  helps: [passengers]
  harms: [crews]
  indicators:
    needless:
      {metric: false_positive_rate, where: {COLUMN: 1}, at_most: 0.3, then: switch_off,
       window: WINDOW}
"""


def written(tmp_path: Path, said: str, *, window: str = "28 days", column: str = "") -> Path:
    name = column or _feature(tmp_path)
    text = WHOLE + said.replace("COLUMN", name).replace("WINDOW", window)
    return write_model(tmp_path, text, sql=SQL)


def _feature(tmp_path: Path) -> str:
    whole = load_definition(write_model(tmp_path, WHOLE))
    return next(iter(whole.model.features.types))


def problems(folder: Path) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_definition(folder)
    return caught.value.problems


def test_what_is_signed_is_read(tmp_path):
    model = load_definition(written(tmp_path, SIGNED)).model
    assert model.acceptance.level == 0.6
    assert model.harm_review.indicators["needless"].then == "switch_off"


def test_nothing_needs_to_be_signed(tmp_path):
    model = load_definition(write_model(tmp_path, WHOLE)).model
    assert (model.acceptance, model.harm_review, model.risk_tier) == (None, None, "low")


def test_an_accepted_metric_that_there_is_not_is_named_with_the_nearest(tmp_path):
    (said,) = problems(written(tmp_path, SIGNED.replace("roc_auc", "roc_acu")))
    assert "acceptance.metric: 'roc_acu' is no metric of this model; did you mean roc_auc?" in said


def test_an_indicator_looks_at_a_column_that_there_is(tmp_path):
    name = _feature(tmp_path)
    (said,) = problems(written(tmp_path, SIGNED, column=f"{name}x"))
    assert f"'{name}x' is no feature or protected column; did you mean {name}?" in said


def test_an_indicator_looks_no_further_back_than_the_night(tmp_path):
    (said,) = problems(written(tmp_path, SIGNED, window="29 days"))
    assert "'29 days' is longer than the nights that are watched" in said
    assert "(`monitor.performance.window`: 28 days)" in said


def test_a_regression_has_no_decisions_to_watch(tmp_path):
    text = written(tmp_path, SIGNED).joinpath("model.yaml").read_text()
    regression = text.replace("problem: binary", "problem: regression")
    found = problems(write_model(tmp_path, regression, sql=SQL))
    assert any("has no false_positive_rate" in one for one in found)


def test_signatures_end_after_they_begin(tmp_path):
    found = problems(written(tmp_path, SIGNED.replace("2025-01-01", "2023-01-01")))
    assert any("`until: 2023-01-01` is not after `on: 2024-01-01`" in one for one in found)
