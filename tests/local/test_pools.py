"""The pools that models name are there when their tasks want them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.definition.folders import TEN_LINES
from tradewind.local import pools

if TYPE_CHECKING:
    from pathlib import Path


def slots() -> dict[str, int]:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        return {pool.pool: pool.slots for pool in session.query(Pool)}


def allow(name: str, number: int) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(Pool).filter_by(pool=name).one().slots = number


def test_a_pool_that_a_model_names_is_made_once_and_then_is_its_owners(
    airflow_db: str, tmp_path: Path
) -> None:
    for name, more in {"tips": "resources: {pool: nightly}\n", "broken": "nonsense: 1\n"}.items():
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "model.yaml").write_text(TEN_LINES.replace("name: tips", f"name: {name}") + more)
        (folder / "features.sql").write_text("SELECT 1\n")
    said: list[str] = []

    assert pools.provide(tmp_path, os.environ, echo=said.append) == ["nightly"]
    assert slots()["nightly"] == 1
    allow("nightly", 4)
    assert pools.provide(tmp_path, os.environ, echo=said.append) == []

    assert slots()["nightly"] == 4
    assert said == ["making Airflow's pool nightly with 1 slot"]
