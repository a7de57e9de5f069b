"""One broken folder takes nothing else down, and goes on as it last was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.definition.loader import load_definition
from tradewind.stores.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags


def _break(folder: Path) -> int:
    """Misspell a key, and say on which line it stands."""
    path = folder / "model.yaml"
    lines = path.read_text().splitlines()
    line = next(number for number, text in enumerate(lines) if text.startswith("horizon:"))
    lines[line] = lines[line].replace("horizon", "horizn")
    path.write_text("\n".join(lines) + "\n")
    return line + 1


def test_a_typo_is_an_import_error_with_file_and_line_and_spares_the_others(
    ledger_dsn: str, home: Settings, add_model: Callable[[str], Path], parse: Callable[[], DagBag]
) -> None:
    line = _break(add_model("second_model"))
    bag = parse()
    assert {dag_id.partition(".")[0] for dag_id in bag.dags} == {"flight_delay", "tradewind"}
    (error,) = bag.import_errors.values()
    assert f"second_model/model.yaml:{line}: horizn" in error
    assert "did you mean horizon" in error


def test_a_model_broken_since_its_last_run_keeps_its_dag(
    ledger_dsn: str, home: Settings, models_dir: Path, parse: Callable[[], DagBag]
) -> None:
    from datetime import UTC, datetime

    folder = models_dir / "flight_delay"
    Ledger.open(home).freeze_definition(
        "flight_delay",
        load_definition(folder).files,
        as_of=datetime(2013, 7, 1, tzinfo=UTC),
        actor="test",
    )
    _break(folder)
    bag = parse()
    assert "flight_delay.train" in bag.dags
    assert "Flight operations desk" in bag.dags["flight_delay.train"].doc_md
    assert len(bag.import_errors) == 1


def test_with_the_ledger_down_a_broken_model_is_only_absent(
    home: Settings,
    models_dir: Path,
    add_model: Callable[[str], Path],
    parse: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRADEWIND_LEDGER", "postgresql://nobody@127.0.0.1:1/none")
    _break(models_dir / "flight_delay")
    add_model("second_model")
    found = {dag_id.partition(".")[0] for dag_id in parse().dags}
    assert found == {"second_model", "tradewind"}
