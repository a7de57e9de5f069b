"""Pinned days that would leave nothing to select on are refused where they stand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.learning import frames
from tests.stages.judging import SQL
from tradewind.definition.loader import load_definition
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

START = date(2013, 3, 4)


def loaded(folder: Path, said: dict[str, Any], **train: Any):
    body = frames.body(gates={"benchmark": said})
    body["train"] |= train
    place = folder / "toy"
    place.mkdir()
    (place / "model.yaml").write_text(yaml.safe_dump(body))
    (place / "features.sql").write_text(SQL)
    return load_definition(place).model


def pinning(days: int) -> dict[str, Any]:
    return {"pinned": "0" * 32, "start": START, "end": START + timedelta(days=days)}


@pytest.mark.parametrize(("days", "train"), [(20, {}), (29, {"select_days": 30})])
def test_fewer_days_than_are_selected_on_may_be_pinned(tmp_path, days, train):
    model = loaded(tmp_path, pinning(days), **train)
    assert model.gates.benchmark.days == (START, START + timedelta(days=days))


@pytest.mark.parametrize(("days", "train"), [(21, {}), (30, {"select_days": 30}), (40, {})])
def test_as_many_days_as_are_selected_on_may_not(tmp_path, days, train):
    with pytest.raises(DefinitionError, match=r"gates\.benchmark\.end: .* nothing would be left"):
        loaded(tmp_path, pinning(days), **train)


def test_half_of_it_is_said_to_be_half(tmp_path):
    with pytest.raises(DefinitionError, match="come together, as `tradewind pin` prints them"):
        loaded(tmp_path, {"pinned": "0" * 32})
